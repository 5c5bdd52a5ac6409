"""The limits that the tests set: small ones, so that they are met."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How much a command may ask for."""

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
