"""Limits of a single command; exceeding one is `limit_exceeded`, before any SQL runs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits that the settings define."""

    max_bytes: int = 2**20
    max_page: int = 1000
    max_include_depth: int = 3
    max_where_depth: int = 8
    max_conditions: int = 100
    max_in: int = 1000
    max_commands: int = 100
    max_rows: int = 1000

    @property
    def default_page(self) -> int:
        """The number of rows of a `list` or an `include` without `limit`."""
        return min(100, self.max_page)
