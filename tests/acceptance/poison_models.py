"""The example's models, and notes with a text that kills the process that writes it."""

import os
import signal
from typing import Any

from sqlalchemy import String, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

import crudmq.examples.models  # noqa: F401 - exposed as well
from crudmq import expose

DEADLY = "poison"


class Deadly(TypeDecorator[str]):
    """Text. Binding the deadly value to a statement kills the process."""

    impl = String(100)
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Any) -> str | None:  # noqa: ANN401 - SQLAlchemy's hook
        if value == DEADLY:
            os.kill(os.getpid(), signal.SIGKILL)
        return value


class Base(DeclarativeBase):
    """The tables."""


class Note(Base):
    """A text."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(Deadly)


expose(Note)
