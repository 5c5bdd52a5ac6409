"""What is logged when the broker cannot be reached or refuses a connection."""

import asyncio
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict
from yarl import URL

from crudmq.messaging.connection import describe, reconnecting
from crudmq.messaging.consumer import Consumer
from crudmq.messaging.topology import Topology
from tests.support.waiting import GENEROUS

ATTEMPTS = 3


def refusals(broker_url: str) -> Iterator[tuple[str, str]]:
    url = URL(broker_url)
    yield str(url.with_path("/no-such-vhost")), "vhost no-such-vhost not found"
    yield str(url.with_password("wrong")), "ACCESS_REFUSED - Login was refused"
    yield str(url.with_scheme("amqps").with_port(url.port)), "SSL"
    yield str(url.with_port(1)), "Connect call failed"


@pytest.mark.parametrize("case", range(4), ids=["vhost", "password", "TLS", "port"])
async def test_a_refused_connection_is_one_line_with_the_reason_for_each_attempt(broker_url: str, case: int) -> None:
    url, reason = list(refusals(broker_url))[case]
    entries = await attempts(url)
    assert {entry["event"] for entry in entries} == {"broker unavailable, reconnecting"}
    for entry in entries:
        assert reason in entry["reason"]
        assert "\n" not in entry["reason"]
        assert "exc_info" not in entry
        assert " object at 0x" not in entry["reason"]


async def attempts(url: str) -> list[EventDict]:
    """Return what is logged in a few attempts to connect."""
    with capture_logs() as entries:
        connecting = asyncio.create_task(reconnecting(url, "test", never))
        async with asyncio.timeout(GENEROUS):
            while len(entries) < ATTEMPTS:  # noqa: ASYNC110 - a list sends no signal
                await asyncio.sleep(0.01)
        connecting.cancel()
        await asyncio.wait([connecting])
    return entries


async def never(_connection: object) -> None:
    raise AssertionError("connected")


async def test_a_cancellation_that_the_client_swallows_is_repeated(broker_url: str) -> None:
    entered = asyncio.Event()

    async def swallow(_connection: object) -> None:
        entered.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()

    using = asyncio.create_task(reconnecting(broker_url, "test", swallow))
    await asyncio.wait_for(entered.wait(), GENEROUS)
    using.cancel()
    await asyncio.wait_for(asyncio.wait([using]), GENEROUS)
    assert using.cancelled()


@pytest.mark.parametrize("case", range(4), ids=["vhost", "password", "TLS", "port"])
async def test_a_consumer_without_a_connection_ends_as_soon_as_it_is_closed(broker_url: str, case: int) -> None:
    url, _ = list(refusals(broker_url))[case]
    consumer = Consumer(url, Topology("test"), prefetch=1, delays=())
    running = asyncio.create_task(consumer.run())
    consumer.stop()
    consumer.close()
    await asyncio.wait_for(running, GENEROUS)


async def test_a_broker_that_does_not_answer_is_a_reason() -> None:
    assert describe(TimeoutError()) == "TimeoutError: the broker did not answer in time"
    assert describe(RuntimeError()) == "RuntimeError"
