"""Waiting for whichever comes first."""

import asyncio
from collections.abc import Awaitable
from typing import Any


async def first(*awaited: Awaitable[Any]) -> None:
    """Wait until one of several things happens, or fails; the others are no longer waited for."""
    tasks = [asyncio.ensure_future(one) for one in awaited]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        # What they came to is of no interest, but asyncio wants somebody to have looked.
        await asyncio.gather(*tasks, return_exceptions=True)
