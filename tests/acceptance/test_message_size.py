"""Messages that exceed the broker's `max_message_size`, on a RabbitMQ of the test's own."""

from collections.abc import Iterator

import pytest

from tests.acceptance.commands import create, find, unique, update
from tests.acceptance.peer import Peer
from tests.acceptance.process import Service
from tests.faults.fixtures import requirements
from tests.faults.fixtures.rabbitmq import RabbitMQ

MAX_BYTES = 2200
SECONDS = 60
"""Until when the neighbours must be answered: without isolation they never are."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service on a broker that accepts small messages only."""
    if packages := requirements.missing():
        pytest.skip(f"needs a RabbitMQ of its own: install {' '.join(packages)}")
    directory = tmp_path_factory.mktemp("rabbitmq")
    node = RabbitMQ(directory)
    configuration = directory / "rabbitmq.conf"
    configuration.write_text(f"{configuration.read_text()}max_message_size = {MAX_BYTES}\n")
    node.start()
    database = f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('database') / 'test.db'}"
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("CRUDMQ_BROKER_URL", node.url)
        try:
            with Service(database, f"test-{unique()[:12]}") as running:
                yield running
        finally:
            node.close()


def answered(peer: Peer, ids: set[str]) -> None:
    """Wait for the results of these commands; some may come twice."""
    while ids:
        ids = ids - {peer.replies(1, SECONDS)[0].content["id"]}


def test_a_result_that_is_too_large_is_dropped_and_its_neighbours_are_answered(service: Service, peer: Peer) -> None:
    people = [peer.publish(create("people", name=unique())) for _ in range(50)]
    peer.publish(find("people", limit=50))
    later = [peer.publish(create("people", name=unique())) for _ in range(50)]
    answered(peer, {*people, *later})
    service.wait_for("result dropped")
    service.wait_for_line(f"is larger than configured max size {MAX_BYTES}")


def test_the_command_of_an_event_that_is_too_large_is_dead_lettered_and_its_neighbours_are_answered(
    service: Service, peer: Peer
) -> None:
    person = peer.ask(create("people", name=unique())).data["id"]
    profile = peer.ask(create("profiles", person_id=person, bio="a" * 1000)).data["id"]
    too_large = peer.publish(update("profiles", profile, {"bio": "b" * 1000}))
    others = {peer.publish(create("people", name=unique())) for _ in range(50)}
    answered(peer, {too_large, *others})
    service.wait_for("dead letter cannot be published, rejecting the command")
    (letter,) = peer.dead_letters()
    assert letter.properties.message_id == too_large
    assert letter.headers["x-death"][0]["reason"] == "rejected"
    assert peer.ask(update("profiles", profile, {"bio": "c"})).status == "ok"
