"""Running and waiting: the event loop, races between awaitables, and exponential backoff."""

import asyncio
import gc
import random
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_GC_THRESHOLDS = 20_000, 50, 50
_MAX_DOUBLINGS = 32
_CANCEL_INTERVAL = 1.0


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to completion, on uvloop if it is installed."""
    # Objects created at startup are permanent, and those of a message are freed by reference counting: collect rarely.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    try:
        import uvloop  # noqa: PLC0415 - not available on every platform, and not needed by the client
    except ImportError:
        return asyncio.run(_complete(work))
    return uvloop.run(_complete(work))


async def _complete(work: Coroutine[Any, Any, T]) -> T:
    """Await a coroutine, and end the tasks that it leaves: asyncio cancels them once, and waits without limit."""
    try:
        return await work
    finally:
        await cancel(*asyncio.all_tasks() - {asyncio.current_task()})


class Backoff:
    """Pauses that double with each try, from about `shortest` to `longest` seconds, with full jitter.

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter
    """

    def __init__(self, shortest: float, longest: float) -> None:
        """Set the shortest and the longest pause, in seconds."""
        self._shortest = shortest
        self._longest = longest
        self.tries = 0
        """The number of pauses since the last reset."""

    def next_pause(self) -> float:
        """Count a try and return how many seconds to wait before the next one."""
        bound = min(self._shortest * 2 ** min(self.tries, _MAX_DOUBLINGS), self._longest)
        self.tries += 1
        return random.uniform(0, bound)  # noqa: S311 - not for secrets

    async def wait(self) -> None:
        """Wait before the next try."""
        await asyncio.sleep(self.next_pause())

    def reset(self) -> None:
        """Start again from the shortest pause."""
        self.tries = 0


def exception_of(future: asyncio.Future[Any]) -> BaseException | None:
    """Return the exception of a future that failed; None if it is pending or cancelled as well."""
    return future.exception() if future.done() and not future.cancelled() else None


async def race(*awaited: Coroutine[Any, Any, Any] | asyncio.Future[Any]) -> None:
    """Wait until the first of several awaitables is done, whether it succeeds or fails, and raise none of their errors.

    Coroutines that lose are cancelled; futures and tasks belong to the caller and continue.
    """
    started = [asyncio.create_task(coroutine) for coroutine in awaited if asyncio.iscoroutine(coroutine)]
    futures = [future for future in awaited if isinstance(future, asyncio.Future)]
    try:
        await asyncio.wait([*started, *futures], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in started:
            task.cancel()
        await asyncio.gather(*started, return_exceptions=True)


async def cancel(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks until they have ended: a library may swallow a cancellation that coincides with a response.

    Their errors are dropped, as when this coincides with their failure: a caller that needs them reads the results.
    """
    for task in tasks:
        # Otherwise, asyncio logs that its exception was never retrieved.
        task.add_done_callback(exception_of)
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=_CANCEL_INTERVAL)
