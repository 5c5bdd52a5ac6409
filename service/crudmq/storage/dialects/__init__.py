"""The supported databases, listed in `DIALECTS`, and all differences between them."""

from collections.abc import Mapping
from importlib import import_module
from inspect import signature
from typing import cast

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncSession

from crudmq.storage.dialects.base import Dialect
from crudmq.storage.dialects.mysql import MySQL
from crudmq.storage.dialects.postgresql import PostgreSQL
from crudmq.storage.dialects.sqlite import SQLite

DIALECTS: tuple[Dialect, ...] = (SQLite(), PostgreSQL(), MySQL())
DRIVERS = tuple(driver for dialect in DIALECTS for driver in dialect.drivers)

_BY_BACKEND: Mapping[str, Dialect] = {backend: dialect for dialect in DIALECTS for backend in dialect.backends}
_KEY = "crudmq_dialect"
_OF_SQLALCHEMY = ("prepared_statement_cache_size",)
_HINTS = {"sslmode": ": write ssl=require or ssl=verify-full instead, as asyncpg has it"}
PERCENT_ENCODE = "percent-encode special characters in the user name and the password, such as @ as %40 and # as %23"


def checked_url(url: str) -> str:
    """Return the database URL if it is supported.

    :raises ValueError: it is not supported; the message gives the reason
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ValueError("must be a URL such as postgresql+asyncpg://user:password@host/database") from None
    except ValueError:
        # The original error may contain a part of the password.
        raise ValueError(f"has an invalid port; {PERCENT_ENCODE}") from None
    if "@" in (parsed.host or ""):
        raise ValueError(f"has an invalid host; {PERCENT_ENCODE}")
    if parsed.drivername not in DRIVERS:
        raise ValueError(f"has the unsupported scheme {parsed.drivername}; supported: {', '.join(DRIVERS)}")
    dialect_for(parsed).check_url(parsed)
    if parsed.query:
        _check_parameters(parsed)
    return url


def _check_parameters(url: URL) -> None:
    """Check that the driver knows each parameter of a URL: it would reject them at each connection.

    :raises ValueError: it does not
    """
    known = signature(import_module(url.get_driver_name()).connect).parameters
    if any(each.kind is each.VAR_KEYWORD for each in known.values()):
        return
    try:
        _, arguments = url.get_dialect()().create_connect_args(url)
    except ArgumentError as exc:
        raise ValueError(f"has invalid parameters: {exc}") from exc
    unknown = [name for name in url.query if name in arguments and name not in known and name not in _OF_SQLALCHEMY]
    if unknown:
        raise ValueError(f"has the unknown parameter {unknown[0]}{_HINTS.get(unknown[0], '')}")


def dialect_for(url: str | URL) -> Dialect:
    """Return the dialect of a database URL.

    :raises ValueError: the database is not supported
    """
    backend = make_url(url).get_backend_name()
    dialect = _BY_BACKEND.get(backend)
    if dialect is None:
        raise ValueError(f"{backend} is not a supported database: {', '.join(_BY_BACKEND)}")
    return dialect


def dialect_of_error(error: BaseException | None) -> Dialect | None:
    """Return the dialect whose driver raised an error; None for other errors."""
    module = type(error).__module__
    return next((dialect for dialect in DIALECTS if module.startswith(dialect.error_modules)), None)


def dialect_of(session: AsyncSession) -> Dialect:
    """Return the dialect of a session that a `Database` made."""
    return cast("Dialect", session.info[_KEY])


def session_info(dialect: Dialect) -> dict[str, Dialect]:
    """Return the `info` by which `dialect_of` identifies the dialect of a session."""
    return {_KEY: dialect}
