"""The errors of the model: the code, and the paths that the details must have."""

from dataclasses import dataclass, field, replace
from typing import Any

Json = Any
"""Any JSON value."""

ANYWHERE = "*"
"""Any path: the contract does not define it."""


@dataclass
class RefusedError(Exception):
    """A command that must fail."""

    code: str
    paths: tuple[str, ...] = ()
    """The paths that the details must have; of several parts of a command, the faults of one are enough."""
    current: int | None = None
    violated: frozenset[str] = frozenset()
    """The violated constraints: a database reports one of them."""
    instead: frozenset[str] = field(default=frozenset())
    """Other valid codes, if the command has several faults."""

    def below(self, prefix: str) -> "RefusedError":
        """Return the error of the enclosing command."""
        paths = tuple(f"{prefix}.{path}" if path and path != ANYWHERE else prefix for path in self.paths or ("",))
        return replace(self, paths=paths)


def invalid(*paths: str) -> RefusedError:
    """Return the error of a command that is not valid at these paths."""
    return RefusedError("invalid", paths)


def check(paths: list[str]) -> None:
    """Raise `invalid` if there are faults."""
    if paths:
        raise invalid(*paths)
