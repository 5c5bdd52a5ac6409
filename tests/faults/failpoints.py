"""Injects faults into this process: handlers of the service's failpoints, and its public parameters."""

import os
import signal
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import timedelta

from crudmq import admin, failpoints
from crudmq.contract.delivery import Delivery
from crudmq.failpoints import Failpoint
from crudmq.messaging.wire.publishing import Publication
from crudmq.processing import maintenance
from crudmq.storage import journal
from tests.faults.injection import Injection, reached

Handler = Callable[[object], Awaitable[None]]

_handlers: dict[Failpoint, list[Handler]] = defaultdict(list)


def install(injection: Injection) -> None:
    """Inject faults into the service in this process, from now on."""
    _set_parameters(injection)
    if injection.poison is not None:
        _kill_on_poison(injection.poison.encode())
    if injection.pause_at is not None:
        _pause(injection.pause_at, injection)
    elif injection.kill_at is not None:
        _kill(injection.kill_at, injection.call)


def add_handler(point: Failpoint, handler: Handler) -> None:
    """Call a handler at a failpoint, after those that were added before."""
    handlers = _handlers[point]
    handlers.append(handler)

    async def call_all(subject: object) -> None:
        for each in list(handlers):
            await each(subject)

    failpoints.set_handler(point, call_all)


def _set_parameters(injection: Injection) -> None:
    journal.LEASE = timedelta(seconds=injection.lease)
    maintenance.INTERVAL = timedelta(seconds=injection.maintenance_interval)
    maintenance.STABLE_ROUNDS = injection.stable_rounds
    if injection.pool_size is not None:
        admin.CONNECTIONS = injection.pool_size
        admin.POOL_TIMEOUT = timedelta(seconds=1)


def _kill(point: Failpoint, call: int) -> None:
    calls = 0

    async def handle(subject: object) -> None:
        nonlocal calls
        calls += 1
        if calls < call:
            return
        if isinstance(subject, Publication):
            if len(subject.messages) < 2:
                return
            # The broker never receives the second half.
            await subject.send(len(subject.messages) // 2)
        _signal_self(signal.SIGKILL, point)

    add_handler(point, handle)


def _pause(point: Failpoint, injection: Injection) -> None:
    calls = 0

    async def handle(_: object) -> None:
        nonlocal calls
        calls += 1
        if calls == injection.call:
            if injection.kill_at is not None:
                _kill(injection.kill_at, call=1)
            _signal_self(signal.SIGSTOP, point)

    add_handler(point, handle)


def _kill_on_poison(body: bytes) -> None:
    async def handle(subject: object) -> None:
        assert isinstance(subject, Delivery)
        if subject.body == body:
            _signal_self(signal.SIGKILL, Failpoint.DECODING)

    add_handler(Failpoint.DECODING, handle)


def _signal_self(number: signal.Signals, point: Failpoint) -> None:
    """Kill or stop this process at once, after a line on stderr as proof."""
    os.write(2, f"{reached(point)}\n".encode())
    os.kill(os.getpid(), number)
