"""Subscribers whose queue is full and rejects events: each subscriber gets the events of a row in order."""

import json
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from sqlalchemy import URL, make_url

from dev.shell import HOST
from tests.acceptance.commands import NOBODY, get, unique, update
from tests.acceptance.peer import Peer
from tests.acceptance.process import Deadline, Service
from tests.faults.fixtures.proxy import Proxy
from tests.support import sql

ROWS = 6
VERSIONS = 15
SECONDS = 60
EXPIRE_LEASES = "UPDATE crudmq_outbox SET leased_until = 0"
_AMQP_PORT = 5672


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Run the tests where a process shares nothing with the database, and where it does."""
    kind: str = request.param
    return kind


@pytest.fixture
def proxy(service: Service) -> Iterator[Proxy]:
    """Let the service reach the broker over links that can be cut."""
    direct = make_url(service.environ["CRUDMQ_BROKER_URL"])
    with Proxy(direct.port or _AMQP_PORT) as links:
        connect(service, direct.set(host=HOST, port=links.port))
        yield links
        connect(service, direct)


def connect(service: Service, url: URL) -> None:
    """Run the service on the broker at another address."""
    service.terminate()
    service.environ["CRUDMQ_BROKER_URL"] = url.render_as_string(hide_password=False)
    service.start()


def subscriber(peer: Peer, max_length: int | None = None) -> str:
    arguments = {} if max_length is None else {"x-max-length": max_length, "x-overflow": "reject-publish"}
    queue = str(peer.channel.queue_declare(unique(), exclusive=True, arguments=arguments).method.queue)
    peer.channel.queue_bind(queue, f"{peer.prefix}.events", "people.*")
    return queue


def interrupt(service: Service, proxy: Proxy, how: str) -> None:
    """Let the broker deliver all unacknowledged commands again."""
    if how == "cut":
        proxy.cut()
        return
    if how == "kill":
        service.kill()
    else:
        service.terminate()
    if how == "long stop":
        sql.execute(service.database_url, EXPIRE_LEASES)
    service.start()


def comes_to_rest(service: Service, peer: Peer) -> None:
    """Check that all deliveries are acknowledged once no queue is full; restarts redeliver what was held until then."""
    deadline = Deadline(SECONDS)
    service.terminate()
    while depth := peer.depth("commands"):
        assert deadline.left, f"{depth} commands are not acknowledged"
        service.start()
        peer.ask(get("people", NOBODY))
        service.terminate()
    service.start()


@pytest.mark.parametrize("ending", ["none", "kill", "terminate"])
def test_a_full_subscriber_gets_each_row_in_order_and_the_others_get_few_duplicates(
    service: Service, peer: Peer, ending: str
) -> None:
    people = [peer.created("people", name=unique(), age=0)["id"] for _ in range(ROWS)]
    healthy, full = subscriber(peer), subscriber(peer, 3)
    for age in range(1, VERSIONS + 1):
        for key in people:
            peer.publish(update("people", key, {"age": age}))
    # They are sent, whether the events are held or not.
    assert {answer.status for answer in peer.replies(ROWS * VERSIONS, SECONDS)} == {"ok"}
    if ending == "kill":
        service.kill()
        service.start()
    elif ending == "terminate":
        service.terminate()
        service.start()
    at_full = drain(peer, full, ROWS * VERSIONS)
    peer.channel.queue_delete(full)
    comes_to_rest(service, peer)
    at_healthy = drain(peer, healthy, ROWS * VERSIONS)
    for received in (at_full, at_healthy):
        for key in people:
            assert [version for row, version in received if row == key] == list(range(2, VERSIONS + 2))
    assert sum(at_healthy.values()) < 5 * len(at_healthy)


@pytest.mark.parametrize("first", ["stop", "kill", "long stop", "cut"])
def test_events_that_wait_through_two_interruptions_arrive_before_the_later_ones_of_their_row(
    service: Service, peer: Peer, proxy: Proxy, first: str
) -> None:
    key = peer.created("people", name=unique(), age=0)["id"]
    healthy, full = subscriber(peer), subscriber(peer, 3)
    ages = iter(range(1, 2 * VERSIONS))
    peer.burst(update("people", key, {"age": next(ages)}) for _ in range(VERSIONS))
    for how in (first, "stop"):
        interrupt(service, proxy, how)
        # When it is answered, the earlier commands have been delivered again and completed as far as possible.
        peer.burst([update("people", key, {"age": next(ages)})])
    versions = list(range(2, next(ages) + 1))
    at_full = drain(peer, full, len(versions))
    peer.channel.queue_delete(full)
    comes_to_rest(service, peer)
    for received in (at_full, drain(peer, healthy, len(versions))):
        # A creation may be repeated, since its row of the outbox was not deleted yet.
        assert [version for row, version in received if row == key and version > 1] == versions


def drain(peer: Peer, queue: str, count: int) -> Counter[tuple[int, int]]:
    """Take events from a queue until that many different ones came, and all that are there; in order of first arrival.

    :return: how often each one came, by its row and version
    """
    arrivals: Counter[tuple[int, int]] = Counter()
    deadline = time.monotonic() + SECONDS
    while True:
        method, _, body = peer.channel.basic_get(queue, auto_ack=True)
        if method is not None:
            data = json.loads(body or b"")["data"]
            arrivals[data["key"]["id"], data["version"]] += 1
        elif len(arrivals) >= count:
            return arrivals
        assert time.monotonic() < deadline, f"{len(arrivals)} events came"
        peer.channel.connection.process_data_events(0)
