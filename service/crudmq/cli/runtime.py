"""Setup shared by all commands: settings, log and event loop."""

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any, TypeVar

from crudmq import logs, settings

T = TypeVar("T")

_GC_THRESHOLDS = 20_000, 50, 50


def read_settings() -> settings.Settings:
    """Return the settings, and configure the log accordingly.

    :raises SettingsError: lists every invalid setting
    """
    configured = settings.read()
    logs.configure(configured.log_level, as_json=configured.log_format is settings.LogFormat.JSON)
    return configured


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to completion, on uvloop if it is installed."""
    # Objects created at startup are permanent, and those of a message are freed by reference counting: collect rarely.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    try:
        import uvloop  # noqa: PLC0415 - not available on every platform
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)
