"""Cuts a link where a certain thing goes by."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.rig.proxy import Proxy, Way

_ACK = b"\x00\x3c\x00\x50"
"""Class and method of `basic.ack`."""
_COMMITTED = b"COMMIT\x00"
"""What PostgreSQL says when it has done so."""


@contextmanager
def at_ack(link: Proxy) -> Iterator[threading.Event]:
    """Cut the link in the middle of the next acknowledgement; the event says that it went by."""
    with _at(link, Way.TO_SERVER, _ACK, through=2) as cut:
        yield cut


@contextmanager
def at_commit(link: Proxy) -> Iterator[threading.Event]:
    """Cut the link before the client hears that its transaction is committed."""
    with _at(link, Way.TO_CLIENT, _COMMITTED, through=0) as cut:
        yield cut


@contextmanager
def _at(link: Proxy, wanted: Way, sign: bytes, *, through: int) -> Iterator[threading.Event]:
    cut = threading.Event()

    def watch(way: Way, chunk: bytes) -> int | None:
        if cut.is_set() or way is not wanted or (at := chunk.find(sign)) < 0:
            return None
        cut.set()
        return at + through

    link.watch(watch)
    try:
        yield cut
    finally:
        link.watch(None)
