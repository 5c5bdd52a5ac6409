"""How much a single command may ask for; more is `limit_exceeded`, before any SQL runs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of the settings."""

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
        """How many rows a `list`, or an `include`, gives when it does not say."""
        return min(100, self.max_page)
