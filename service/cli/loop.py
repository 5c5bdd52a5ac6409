"""The event loop: uvloop where there is one."""

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_GENERATIONS = 20_000, 50, 50


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end."""
    # What is there now stays; what comes with a message goes with it, mostly without the collector.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GENERATIONS)
    try:
        import uvloop  # noqa: PLC0415 - it is not there on every platform
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)
