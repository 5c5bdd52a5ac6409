"""Health: whether the process lives, and whether it is ready, for those who start and watch it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

Ready = Callable[[], Awaitable[Mapping[str, bool]]]
"""Says of each part whether it is ready."""

_UNAVAILABLE = 503


class PortError(Exception):
    """The port cannot be had; says why."""


@asynccontextmanager
async def served(host: str, port: int, ready: Ready) -> AsyncIterator[None]:
    """Answer `GET /health/live` and `GET /health/ready` for as long as the block runs; nothing, where the port is 0.

    :raises PortError: somebody else has the port
    """
    if not port:
        yield
        return
    runner = web.AppRunner(_routes(ready), access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as exc:
            raise PortError(f"the health port {host}:{port} cannot be had: {exc.strerror or exc}") from exc
        yield
    finally:
        await runner.cleanup()


def _routes(ready: Ready) -> web.Application:
    async def live(_request: web.Request) -> web.Response:
        return web.json_response({})

    async def is_ready(_request: web.Request) -> web.Response:
        parts = await ready()
        return web.json_response(dict(parts), status=200 if parts and all(parts.values()) else _UNAVAILABLE)

    found = web.Application()
    found.add_routes([web.get("/health/live", live), web.get("/health/ready", is_ready)])
    return found
