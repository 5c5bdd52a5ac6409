"""Why the model refuses a command: the code, and where the details must point."""

from dataclasses import dataclass, field, replace
from typing import Any

Json = Any
"""Any JSON value."""

ANYWHERE = "*"
"""Stands for a path that the contract leaves open."""


@dataclass
class RefusedError(Exception):
    """A command that must not be carried out."""

    code: str
    paths: tuple[str, ...] = ()
    """What the details must point at; of several parts of a command, the faults of one are enough."""
    current: int | None = None
    violated: frozenset[str] = frozenset()
    """The constraints that are violated: a database names one of them."""
    instead: frozenset[str] = field(default=frozenset())
    """Codes that are as right as this one, where several things are wrong at once."""

    def below(self, prefix: str) -> "RefusedError":
        """Say the same of a part of a larger command."""
        paths = tuple(f"{prefix}.{path}" if path and path != ANYWHERE else prefix for path in self.paths or ("",))
        return replace(self, paths=paths)


def invalid(*paths: str) -> RefusedError:
    """Say where a command is not valid."""
    return RefusedError("invalid", paths)


def check(paths: list[str]) -> None:
    """Refuse a command that has faults."""
    if paths:
        raise invalid(*paths)
