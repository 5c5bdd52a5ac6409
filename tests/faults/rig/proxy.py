"""A TCP proxy on this machine that can be a bad link."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from enum import Enum
from types import TracebackType
from typing import Any, Self, TypeVar

from deploy.host import HOST

_CHUNK = 1 << 16
_SECONDS = 10
_LINGER_NOT = struct.pack("ii", 1, 0)

T = TypeVar("T")


class Way(Enum):
    """The direction of bytes."""

    TO_SERVER = "to the server"
    TO_CLIENT = "to the client"


Watch = Callable[[Way, bytes], int | None]
"""Looks at each chunk; a number is how much of it still goes through before the link is cut."""


class Proxy:
    """Leads to a port of this machine. It runs on a thread of its own; all methods may be called from any."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._links: set[_Link] = set()
        self._open = asyncio.Event()
        self._open.set()
        self._is_refusing = False
        self._delay = 0.0
        self._watch: Watch | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._accept, HOST, 0))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.cut()
        self._call(asyncio.sleep(0))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SECONDS)
        self._loop.close()

    def cut(self, *, reset: bool = False) -> None:
        """End every link, as a router that is switched off does; new ones may be made."""

        async def cut() -> None:
            for link in list(self._links):
                link.end(reset=reset)

        self._call(cut())

    def refuse(self) -> None:
        """End every link, and every new one at once."""
        self._is_refusing = True
        self.cut()

    def accept(self) -> None:
        """Let links be made again."""
        self._is_refusing = False

    def hold(self) -> None:
        """Let nothing through, and nobody notice."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def release(self) -> None:
        """Let through what was held, and all that follows."""
        self._loop.call_soon_threadsafe(self._open.set)

    def delay(self, seconds: float) -> None:
        """Let each chunk take so long."""
        self._delay = seconds

    def mend(self) -> None:
        """Be a good link again."""
        self.watch(None)
        self.delay(0)
        self.accept()
        self.release()

    def watch(self, watch: Watch | None) -> None:
        """Show all that goes through to a function, which may cut the link it goes by."""
        self._watch = watch

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_refusing:
            writer.close()
            return
        try:
            there = await asyncio.open_connection(HOST, self._target)
        except OSError:
            writer.close()
            return
        link = _Link([writer, there[1]])
        self._links.add(link)
        try:
            await link.lead(
                self._pump(link, Way.TO_SERVER, reader, there[1]), self._pump(link, Way.TO_CLIENT, there[0], writer)
            )
        finally:
            self._links.discard(link)

    async def _pump(self, link: "_Link", way: Way, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while chunk := await source.read(_CHUNK):
            await asyncio.sleep(self._delay)
            await self._open.wait()
            passing = None if self._watch is None else self._watch(way, chunk)
            target.write(chunk[:passing])
            await target.drain()
            if passing is not None:
                break
        link.end()

    def _call(self, what: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(_SECONDS)


class _Link:
    """A client's connection and ours to the server."""

    def __init__(self, writers: list[asyncio.StreamWriter]) -> None:
        self._writers = writers

    async def lead(self, *pumps: Coroutine[Any, Any, None]) -> None:
        """Let bytes go both ways until one of them ends."""
        self._pumps = [asyncio.ensure_future(pump) for pump in pumps]
        try:
            await asyncio.wait(self._pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.end()
            # How it ended, from there or by us, is nobody's concern.
            await asyncio.gather(*self._pumps, return_exceptions=True)

    def end(self, *, reset: bool = False) -> None:
        for pump in self._pumps:
            if pump is not asyncio.current_task():
                pump.cancel()
        for writer in self._writers:
            found: socket.socket | None = writer.get_extra_info("socket")
            if reset and found is not None:
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
                writer.transport.abort()
            else:
                writer.close()
