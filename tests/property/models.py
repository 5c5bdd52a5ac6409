"""Models of the property tests: every type, every kind of constraint and relationship, and few distinct keys."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum as Names
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    Enum,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

GENERATED_FROM = 1000
"""The first generated key; keys in commands are smaller."""
DAY_ONE = datetime(2026, 1, 1, tzinfo=UTC)
_SEQUENCE_OPTIONS = {"mysql_auto_increment": str(GENERATED_FROM), "sqlite_autoincrement": True}

_MY = ("mysql", "mariadb")
_TIME = Time().with_variant(mysql.TIME(fsp=6), *_MY)
_ZONED = DateTime(timezone=True).with_variant(mysql.DATETIME(timezone=True, fsp=6), *_MY)
_LOCAL = DateTime().with_variant(mysql.DATETIME(fsp=6), *_MY)
_BYTES = LargeBinary()


def prepare(connection: Connection) -> None:
    """Create the tables."""
    Base.metadata.create_all(connection)
    if connection.dialect.name == "sqlite":
        sequences = [{"name": name, "seq": GENERATED_FROM} for name in ("things", "parts")]
        connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)"), sequences)


class Base(DeclarativeBase):
    """The tables of the property tests."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )


class Mood(Names):
    """Declared in alphabetical order."""

    GLAD = "g"
    MEEK = "m"
    SAD = "s"


thing_tags = Table(
    "thing_tags",
    Base.metadata,
    Column("thing_id", ForeignKey("things.id", ondelete="CASCADE"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id"), primary_key=True),
)


class Thing(Base):
    """A row of every type."""

    __tablename__ = "things"
    __table_args__ = (
        UniqueConstraint("left", "right"),
        CheckConstraint("amount >= 0", name="amount"),
        _SEQUENCE_OPTIONS,
    )

    id: Mapped[int] = mapped_column(Identity(start=GENERATED_FROM), primary_key=True)
    name: Mapped[str] = mapped_column(String(20))
    small: Mapped[int | None] = mapped_column(SmallInteger)
    whole: Mapped[int | None] = mapped_column(Integer)
    big: Mapped[int | None] = mapped_column(BigInteger)
    price: Mapped[Decimal | None] = mapped_column(Numeric(10, 2))
    ratio: Mapped[float | None] = mapped_column(Float(53))
    flag: Mapped[bool | None]
    code: Mapped[str | None] = mapped_column(String(10), unique=True)
    note: Mapped[str | None] = mapped_column("remark", Text)
    blob: Mapped[bytes | None] = mapped_column(_BYTES)
    day: Mapped[date | None]
    hour: Mapped[time | None] = mapped_column(_TIME)
    moment: Mapped[datetime | None] = mapped_column(_ZONED)
    local: Mapped[datetime | None] = mapped_column(_LOCAL)
    span: Mapped[timedelta | None] = mapped_column(Interval)
    token: Mapped[UUID | None] = mapped_column(Uuid)
    mood: Mapped[Mood | None] = mapped_column(Enum(Mood, name="mood"))
    extra: Mapped[Any | None] = mapped_column(JSON)
    left: Mapped[int | None]
    right: Mapped[str | None] = mapped_column(String(5))
    amount: Mapped[int | None]
    state: Mapped[str] = mapped_column(String(10), default="new")
    rank: Mapped[int | None] = mapped_column(server_default="7")
    grade: Mapped[Mood] = mapped_column(Enum(Mood, name="mood"), default=Mood.MEEK)
    ready: Mapped[bool] = mapped_column(default=False)
    seen: Mapped[datetime] = mapped_column(_ZONED, default=DAY_ONE)
    fee: Mapped[Decimal] = mapped_column(Numeric(10, 2), default=Decimal(1))
    secret: Mapped[str | None] = mapped_column(String(10))
    serial: Mapped[int] = mapped_column(server_default="0")
    origin: Mapped[str | None] = mapped_column(String(10))
    version: Mapped[int] = mapped_column()

    parts: Mapped[list["Part"]] = relationship(back_populates="thing")
    card: Mapped["Card | None"] = relationship(back_populates="thing")
    tags: Mapped[list["Tag"]] = relationship(secondary=thing_tags, back_populates="things")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own way


class Part(Base):
    """Many to one, with a name that is unique within its thing."""

    __tablename__ = "parts"
    __table_args__ = (UniqueConstraint("thing_id", "label"), _SEQUENCE_OPTIONS)

    id: Mapped[int] = mapped_column(Identity(start=GENERATED_FROM), primary_key=True)
    thing_id: Mapped[int] = mapped_column(ForeignKey("things.id"))
    label: Mapped[str] = mapped_column(String(10))
    size: Mapped[int | None]

    thing: Mapped[Thing] = relationship(back_populates="parts")


class Pair(Base):
    """A composite key, no version."""

    __tablename__ = "pairs"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    letter: Mapped[str] = mapped_column(String(5), primary_key=True)
    value: Mapped[int | None]
    label: Mapped[str | None] = mapped_column(String(10))

    cards: Mapped[list["Card"]] = relationship(back_populates="pair")


class Card(Base):
    """One to one with a thing, many to one with a pair."""

    __tablename__ = "cards"
    __table_args__ = (ForeignKeyConstraint(["pair_number", "pair_letter"], ["pairs.number", "pairs.letter"]),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    thing_id: Mapped[int] = mapped_column(ForeignKey("things.id"), unique=True)
    pair_number: Mapped[int | None]
    pair_letter: Mapped[str | None] = mapped_column(String(5))
    text: Mapped[str | None] = mapped_column(Text)

    thing: Mapped[Thing] = relationship(back_populates="card")
    pair: Mapped[Pair | None] = relationship(back_populates="cards")


class Tag(Base):
    """Many to many with things."""

    __tablename__ = "tags"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(10), unique=True)

    things: Mapped[list[Thing]] = relationship(secondary=thing_tags, back_populates="tags")


class Node(Base):
    """A tree: each may be below another one."""

    __tablename__ = "nodes"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("nodes.id"))
    name: Mapped[str] = mapped_column(String(10))
    revision: Mapped[int] = mapped_column()

    parent: Mapped["Node | None"] = relationship(remote_side="Node.id", back_populates="children")
    children: Mapped[list["Node"]] = relationship(back_populates="parent")

    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012 - SQLAlchemy's own way


words_table = Table(
    "words",
    Base.metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("word", String(10), nullable=False, unique=True),
    Column("size", Integer),
)


class Exposer(Protocol):
    """A registry, or the package `crudmq.resources`."""

    @property
    def expose(self) -> Callable[..., Any]: ...

    @property
    def register_statement(self) -> Callable[..., Any]: ...


def expose_in(registry: Exposer) -> None:
    """Expose all models and statements."""
    registry.expose(Thing, hidden=["secret"], read_only=["serial"], write_once=["origin"])
    for model in (Part, Pair, Card, Tag, Node):
        registry.expose(model)
    registry.expose(words_table)
    registry.register_statement("large_parts", "SELECT id, label FROM parts WHERE size >= :low ORDER BY id", low=int)
    grow = "UPDATE pairs SET value = value + :by WHERE value >= :low"
    registry.register_statement("grow", grow, returns="rowcount", writes=True, event="pairs.grown", low=int, by=int)
