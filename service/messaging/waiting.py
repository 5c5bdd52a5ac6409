"""Waiting for whichever comes first."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def first(*awaited: Coroutine[Any, Any, Any] | asyncio.Future[Any]) -> None:
    """Wait until one of several things happens, or fails, and raise nothing of what they do.

    Coroutines that did not come first are cancelled; futures and tasks are somebody else's and go on.
    """
    ours = [asyncio.create_task(one) for one in awaited if asyncio.iscoroutine(one)]
    theirs = [one for one in awaited if isinstance(one, asyncio.Future)]
    try:
        await asyncio.wait([*ours, *theirs], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in ours:
            task.cancel()
        await asyncio.gather(*ours, return_exceptions=True)
