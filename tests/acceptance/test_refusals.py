"""What the broker refuses: reply addresses, sizes, full queues. The others are answered within seconds."""

import time

import pytest

from tests.acceptance.commands import create, find, unique
from tests.acceptance.peer import Peer, Received
from tests.acceptance.process import Service

GOOD = 40
SECONDS = 60
"""Until when the neighbours must be answered: without isolation they never are."""
HEADERS_OF_A_WHOLE_FRAME = 130_900

BAD_ADDRESSES = [
    "amq.rabbitmq.reply-to.!!!.x",
    "amq.rabbitmq.reply-to.g2dkAA==.x",
    "amq.rabbitmq.reply-to.\u00e9.\u00e9",
    "amq.rabbitmq.reply-to.",
    "amq.rabbitmq.reply-to.abc",
    "amq.rabbitmq.reply-tofoo",
    "amq.rabbitmq.trace",
    "no such queue",
    "x" * 255,
    "\u00e9" * 100,
]


@pytest.fixture(scope="module")
def database_kind() -> str:
    """Run the tests on one kind of database: they are about the broker."""
    return "sqlite"


def publish_load(peer: Peer) -> set[str]:
    """Publish commands with good and bad addresses in turn, and give the ids of the good ones."""
    good = set()
    for address in BAD_ADDRESSES:
        good |= {peer.publish(create("people", name=unique())) for _ in range(GOOD)}
        peer.publish(create("people", name=unique()), reply_to=address)
    return good


def answered(peer: Peer, ids: set[str]) -> None:
    """Wait for the results of all these commands."""
    deadline = time.monotonic() + SECONDS
    while ids:
        ids = ids - {peer.replies(1, max(0.0, deadline - time.monotonic()))[0].content["id"]}


def count_people(peer: Peer) -> int:
    return int(peer.ask(find("people", count=True, limit=1)).content["page"]["count"])


def is_at_rest(service: Service, peer: Peer) -> None:
    """Check that the process acknowledges all deliveries, and ends in time."""
    service.terminate()
    assert peer.depth("commands") == 0
    service.start()


def test_bad_reply_addresses_amid_load_delay_their_neighbours_by_seconds_only(service: Service, peer: Peer) -> None:
    before = count_people(peer)
    answered(peer, publish_load(peer))
    service.wait_for("result dropped")
    assert count_people(peer) == before + (GOOD + 1) * len(BAD_ADDRESSES)
    is_at_rest(service, peer)
    assert peer.dead_letters() == []


def test_bad_reply_addresses_do_not_stop_a_process_that_starts_after_a_kill(service: Service, peer: Peer) -> None:
    before = count_people(peer)
    good = publish_load(peer)
    peer.until(lambda: peer.waiting >= GOOD, "some results")
    service.kill()
    good |= publish_load(peer)
    service.start()
    answered(peer, good)
    assert count_people(peer) == before + 2 * (GOOD + 1) * len(BAD_ADDRESSES)
    is_at_rest(service, peer)


def test_a_dead_letter_whose_headers_fill_a_frame_is_kept_without_them(peer: Peer) -> None:
    huge = {"x-note": "x" * HEADERS_OF_A_WHOLE_FRAME}
    id_ = peer.publish(b"not a command", reply_to=None, headers=huge)
    letters: list[Received] = []
    # It is published after the dead letters of later commands.
    while not letters:
        letters = peer.dead_letters()
    (letter,) = letters
    assert letter.body == b"not a command"
    assert letter.properties.message_id == id_
    assert letter.routing_key == "people.create"
    assert letter.headers["x-error-code"] == "malformed"
    assert letter.headers["x-original-exchange"] == f"{peer.prefix}.commands"
    assert "x-note" not in letter.headers


def test_a_dead_letter_is_not_sent_to_the_queues_that_its_command_names(peer: Peer) -> None:
    elsewhere = str(peer.channel.queue_declare(unique(), exclusive=True).method.queue)
    peer.publish(b"not a command", reply_to=None, headers={"BCC": [elsewhere], "CC": [elsewhere]})
    (letter,) = peer.dead_letters()
    assert "CC" not in letter.headers
    assert peer.channel.queue_declare(elsewhere, passive=True).method.message_count == 0
