"""Health endpoints: liveness and readiness, for orchestrators and load balancers."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Readiness:
    """Which components are ready."""

    components: Mapping[str, bool]
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why a component is not ready, as far as it is known."""

    @property
    def is_ready(self) -> bool:
        """Whether all components are ready."""
        return bool(self.components) and all(self.components.values())

    def as_json(self) -> dict[str, Any]:
        """Return the body of a response."""
        return {**self.components, **({"reasons": dict(self.reasons)} if self.reasons else {})}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """Return the readiness that `as_json` wrote."""
        return cls({name: value for name, value in body.items() if name != "reasons"}, body.get("reasons", {}))


Ready = Callable[[], Awaitable[Readiness]]
"""Returns the readiness of each component."""

_UNAVAILABLE = 503


class PortError(Exception):
    """The health port cannot be bound; the message gives the reason."""


@asynccontextmanager
async def served(host: str, port: int, ready: Ready) -> AsyncIterator[None]:
    """Serve `GET /health/live` and `GET /health/ready` while the block runs; port 0 disables both.

    :raises PortError: the port cannot be bound
    """
    if not port:
        yield
        return
    runner = web.AppRunner(_application(ready), access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as exc:
            raise PortError(f"cannot bind health port {host}:{port}: {_reason(exc)}") from exc
        yield
    finally:
        await runner.cleanup()


def _application(ready: Ready) -> web.Application:
    async def is_live(_request: web.Request) -> web.Response:
        return web.json_response({})

    async def is_ready(_request: web.Request) -> web.Response:
        readiness = await ready()
        return web.json_response(readiness.as_json(), status=200 if readiness.is_ready else _UNAVAILABLE)

    application = web.Application()
    application.add_routes([web.get("/health/live", is_live), web.get("/health/ready", is_ready)])
    return application


def _reason(error: OSError) -> str:
    """Return the system's text for an error: asyncio's repeats the address. Name resolution has negative numbers."""
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    return error.strerror or str(error)
