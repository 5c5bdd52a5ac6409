"""Several services share the work of one queue and one database."""

from collections.abc import Iterator

import pytest

from tests.acceptance.commands import create, find, unique, update
from tests.acceptance.peer import Peer
from tests.acceptance.process import Service
from tests.support import sql


@pytest.fixture(scope="module", autouse=True)
def other(service: Service) -> Iterator[Service]:
    """Run another one beside the first."""
    with Service(service.database_url, service.prefix) as second:
        yield second


def test_copies_that_both_get_at_once_take_effect_once(peer: Peer, service: Service) -> None:
    name = unique()
    ids = [unique() for _ in range(150)]
    for number in range(1_200):
        which = number % len(ids)
        peer.publish(create("people", name=name, age=which), message_id=ids[which])
    replies = peer.replies(1_200)
    assert {reply.status for reply in replies} == {"ok"}
    assert len({reply.body for reply in replies}) == len(ids)
    ages = sql.select(service.database_url, f"SELECT age FROM people WHERE name = '{name}' ORDER BY age")  # noqa: S608
    assert ages == [(number,) for number in range(len(ids))]
    age_by_event: dict[str, int] = {}
    while len(age_by_event) < len(ids):
        event = peer.heard(1)[0]
        # What one published, the other may publish again for a copy: always under the same id.
        age_by_event[event.content["id"]] = event.data["after"]["age"]
    assert sorted(age_by_event.values()) == list(range(len(ids)))


def test_updates_of_one_row_from_both_count_every_version(peer: Peer) -> None:
    tom = peer.created("people", name="Tom", age=0)
    replies = peer.burst([update("people", tom["id"], {"age": age}) for age in range(1, 401)])
    assert {reply.status for reply in replies} == {"ok"}
    assert sorted(reply.data["version"] for reply in replies) == list(range(2, 402))
    versions = [int(event.content["sequence"]) for event in peer.heard(400)]
    assert sorted(versions) == list(range(2, 402))


def test_of_updates_that_want_the_same_version_one_wins(peer: Peer) -> None:
    tom = peer.created("people", name="Tom", age=0)
    replies = peer.burst([update("people", tom["id"], {"age": age}, if_version=1) for age in range(1, 401)])
    assert sum(reply.status == "ok" for reply in replies) == 1
    assert {reply.code for reply in replies if reply.status != "ok"} == {"version_mismatch"}


def test_a_value_that_both_create_at_once_is_there_once(peer: Peer) -> None:
    names = [unique() for _ in range(40)]
    replies = peer.burst([create("groups", name=names[number % 40]) for number in range(400)])
    assert sum(reply.status == "ok" for reply in replies) == 40
    assert {reply.code for reply in replies if reply.status != "ok"} == {"conflict"}
    assert peer.ask(find("groups", where={"name": names[0]})).data
