"""Gives this process a wrong clock. Monotonic clocks, which measure durations, stay as they are."""

import sys
import time
from datetime import datetime, timedelta, tzinfo
from typing import Self


def shift(seconds: float) -> None:
    """Shift the clock of every module of the service that is imported by now."""
    real_time, real_time_ns = time.time, time.time_ns

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) + timedelta(seconds=seconds)

    time.time = lambda: real_time() + seconds
    time.time_ns = lambda: real_time_ns() + int(seconds * 1e9)
    for name, module in list(sys.modules.items()):
        if name.startswith("crudmq.") and vars(module).get("datetime") is datetime:
            vars(module)["datetime"] = Shifted
