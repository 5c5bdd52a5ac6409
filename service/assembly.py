"""What is made from the settings, whatever it is made for."""

from service.contract.limits import Limits
from service.settings import EXAMPLE, Settings
from service.storage import revisions
from service.storage.engine import Database

QUERIES_AT_ONCE = 4
_BESIDES = 3
"""Connections for a group, for what refused it, and for housekeeping."""


def histories(settings: Settings) -> list[str]:
    """Say which histories of revisions the settings need."""
    return [revisions.SERVICE, *([revisions.EXAMPLE] if settings.models == EXAMPLE else [])]


def open_database(settings: Settings) -> Database:
    """Prepare for the database of the settings."""
    return Database.open(
        settings.database_url,
        statement_timeout=settings.statement_timeout,
        connections=QUERIES_AT_ONCE + _BESIDES,
        echo=settings.sql_echo,
    )


def limits_of(settings: Settings) -> Limits:
    """Give the limits of the settings."""
    return Limits(
        max_bytes=settings.max_message_bytes,
        max_page=settings.max_page,
        max_include_depth=settings.max_include_depth,
        max_where_depth=settings.max_where_depth,
        max_conditions=settings.max_conditions,
        max_in=settings.max_in,
        max_commands=settings.max_commands,
        max_rows=settings.max_rows,
    )
