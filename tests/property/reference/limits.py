"""The limits of the tests, small enough to be reached."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The limits of a command."""

    page: int = 6
    include_depth: int = 3
    where_depth: int = 5
    conditions: int = 12
    values: int = 6
    commands: int = 5
    rows: int = 4

    @property
    def default_page(self) -> int:
        return min(100, self.page)


LIMITS = Limits()
