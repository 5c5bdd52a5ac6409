"""Two services with different prefixes, and one database."""

from collections.abc import Iterator

import pytest

from tests.acceptance.commands import create, find, unique
from tests.acceptance.peer import Event, Peer
from tests.acceptance.process import Service
from tests.support import broker, sql

NUMBER = 200
EXPIRE = "UPDATE crudmq_outbox SET leased_until = 0"
ATTEMPTS = 20


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Leave out SQLite, which serves one process only."""
    kind: str = request.param
    return kind


@pytest.fixture(scope="module")
def other(service: Service) -> Iterator[Service]:
    """Run a service of another prefix on the same database."""
    with broker.fresh_prefix() as prefix, Service(service.database_url, prefix) as second:
        yield second


@pytest.fixture
def other_peer(other: Service) -> Iterator[Peer]:
    """Connect to the other service."""
    with Peer(other.prefix) as connected:
        yield connected


def test_each_runs_the_commands_that_it_receives(peer: Peer, other_peer: Peer) -> None:
    name, ids = unique(), [unique() for _ in range(NUMBER)]
    for each in (peer, other_peer):
        for message_id in ids:
            each.publish(create("people", name=name), message_id=message_id)
    for each in (peer, other_peer):
        replies = each.replies(NUMBER)
        assert [(reply.status, reply.is_replayed) for reply in replies] == [("ok", False)] * NUMBER
        assert {event.content["commandid"] for event in each.heard(NUMBER)} == set(ids)
    assert peer.ask({"resource": "people", "action": "count", "where": {"name": name}}).data == 2 * NUMBER


def test_after_a_kill_each_relays_its_own_events(service: Service, other: Service) -> None:
    with Peer(service.prefix) as peer, Peer(other.prefix) as other_peer:
        sent: set[str] = set()
        events: list[Event] = []
        for _ in range(ATTEMPTS):
            sent |= {peer.publish(create("people", name=unique()), reply_to=None) for _ in range(NUMBER)}
            events += peer.heard(1)
            service.kill()
            if unpublished(service):
                break
            service.start()
        sql.execute(service.database_url, EXPIRE)
        other.terminate()
        other.start()
        other_peer.ask(find("people", limit=1))
        assert other_peer.events() == []
        assert unpublished(service)
        service.start()
        while {event.content["commandid"] for event in events} != sent:
            events += peer.heard(1)
        assert other_peer.events() == []


def unpublished(service: Service) -> int:
    query = f"SELECT count(*) FROM crudmq_outbox WHERE prefix = '{service.prefix}'"  # noqa: S608 - the test's own
    count: int = sql.select(service.database_url, query)[0][0]
    return count
