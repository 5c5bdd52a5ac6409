"""Cuts a link when certain bytes pass."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.faults.fixtures.proxy import SWALLOW, Direction, Interceptor, Proxy

_ACK = b"\x00\x3c\x00\x50"
"""Class and method of `basic.ack`."""
_COMMITTED = b"COMMIT\x00"
"""PostgreSQL's reply to COMMIT."""
_MARIADB_COMMIT = b"\x03COMMIT"
"""COMMIT as it is sent to MariaDB: a query."""


def at_ack(link: Proxy) -> AbstractContextManager[threading.Event]:
    """Cut the link in the middle of the next acknowledgement; the event is set then."""
    return at(link, Direction.TO_SERVER, _ACK, passing=2)


def at_commit(link: Proxy) -> AbstractContextManager[threading.Event]:
    """Cut the link before the client receives PostgreSQL's reply to its COMMIT; the event is set then."""
    return at(link, Direction.TO_CLIENT, _COMMITTED, passing=0)


@contextmanager
def at_mariadb_commit(link: Proxy) -> Iterator[threading.Event]:
    """Cut the link before the client receives MariaDB's reply to its COMMIT; the event is set then.

    The reply has no text: it is what follows the COMMIT on its connection.
    """
    committing: set[object] = set()
    cut = threading.Event()

    def intercept(connection: object, direction: Direction, chunk: bytes) -> int | None:
        if direction is Direction.TO_SERVER and _MARIADB_COMMIT in chunk:
            committing.add(connection)
        elif direction is Direction.TO_CLIENT and connection in committing and not cut.is_set():
            cut.set()
            return 0
        return None

    with _intercepting(link, intercept):
        yield cut


@contextmanager
def at(link: Proxy, wanted: Direction, pattern: bytes, *, passing: int) -> Iterator[threading.Event]:
    """Cut the link so many bytes after the beginning of the next pattern in a direction; the event is set then."""
    cut = threading.Event()

    def intercept(_: object, direction: Direction, chunk: bytes) -> int | None:
        if cut.is_set() or direction is not wanted or (position := chunk.find(pattern)) < 0:
            return None
        cut.set()
        return position + passing

    with _intercepting(link, intercept):
        yield cut


@contextmanager
def losing_acks(link: Proxy) -> Iterator[None]:
    """Let no acknowledgement through, nor what follows it on its connection, unnoticed by either end; then cut it."""
    losing: set[object] = set()

    def intercept(connection: object, direction: Direction, chunk: bytes) -> int | None:
        if direction is Direction.TO_CLIENT:
            return None
        if _ACK in chunk:
            losing.add(connection)
        return SWALLOW if connection in losing else None

    with _intercepting(link, intercept):
        yield
        link.cut()


@contextmanager
def _intercepting(link: Proxy, interceptor: Interceptor) -> Iterator[None]:
    link.intercept(interceptor)
    try:
        yield
    finally:
        link.intercept(None)
