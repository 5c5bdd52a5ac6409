"""`kill -9` in the middle of the work: nothing is lost, nothing happens twice, no event is of what did not happen."""

import json
from collections.abc import Iterable
from typing import Any

from tests.acceptance.commands import create, get, unique, update
from tests.acceptance.peer import Event, Peer
from tests.acceptance.process import Service
from tests.support import sql

CREATES = 5_000
UPDATES = 2_000
MOMENTS = [1, 350, 800, 1_500, 400]
"""After how many more events the process is killed: there is still work in hand then, and more of it waits."""
OVER = "UPDATE crudmq_outbox SET leased_until = 0"


def test_five_kills_in_the_middle_of_5000_creates_lose_nothing_and_repeat_nothing(service: Service) -> None:
    with Peer(service.prefix) as peer:
        names = {peer.publish(create("people", name=(name := unique()))): name for _ in range(CREATES)}
        events: list[Event] = []
        for moment in MOMENTS:
            events += peer.heard(moment, seconds=60)
            service.kill()
            assert peer.depth("commands") > 0
            assert len(rows(service)) < CREATES
            service.start()
        service.kill()
        # What was published and is not known to be is published again when its lease is over: here, at once.
        sql.execute(service.database_url, OVER)
        service.start()
        replies: dict[str, bytes] = {}
        while len(replies) < CREATES:
            reply = peer.replies(1, seconds=60)[0]
            assert replies.setdefault(reply.content["id"], reply.body) == reply.body
        peer.until(lambda: is_at_rest(service, peer), "rest", seconds=60)
        events += peer.events()
        check_rows(service, names)
        check_replies(service, names, replies)
        check_events(service, names, events)
        assert peer.dead_letters() == []


def test_updates_of_one_row_keep_their_order_through_kills(service: Service) -> None:
    with Peer(service.prefix) as peer:
        tom = peer.created("people", name="Tom", age=0)
        for age in range(1, UPDATES + 1):
            peer.publish(update("people", tom["id"], {"age": age}, if_version=age), reply_to=None)
        events = []
        for moment in (1, 400, 250):
            events += peer.heard(moment)
            service.kill()
            service.start()
        while events[-1].content["sequence"] != str(UPDATES + 1):
            events += peer.heard(1)
        ages = [event.data["after"]["age"] for event in {event.content["id"]: event for event in events}.values()]
        assert ages == list(range(1, UPDATES + 1))
        assert peer.ask(get("people", tom["id"])).data == {**tom, "age": UPDATES, "version": UPDATES + 1}


def rows(service: Service) -> dict[int, str]:
    found = sql.select(service.database_url, "SELECT id, name FROM people")
    return dict(found)


def is_at_rest(service: Service, peer: Peer) -> bool:
    waiting = sql.select(service.database_url, "SELECT id FROM crudmq_outbox")
    return waiting == [] and peer.depth("commands") == 0


def check_rows(service: Service, names: dict[str, str]) -> None:
    """Check that every command took effect once."""
    assert sorted(rows(service).values()) == sorted(names.values())


def check_replies(service: Service, names: dict[str, str], replies: dict[str, bytes]) -> None:
    """Check that every command was answered with its row."""
    kept = rows(service)
    for identifier, body in replies.items():
        row: dict[str, Any] = json.loads(body)["data"]
        assert kept[row["id"]] == row["name"] == names[identifier]


def check_events(service: Service, names: dict[str, str], events: Iterable[Event]) -> None:
    """Check that every row has one event, however often it came, and every event a row."""
    ids: dict[int, set[str]] = {}
    kept = rows(service)
    for event in events:
        after = event.data["after"]
        assert event.type == "people.created"
        assert kept[after["id"]] == after["name"] == names[event.content["commandid"]]
        ids.setdefault(after["id"], set()).add(event.content["id"])
    assert ids.keys() == kept.keys()
    assert {len(found) for found in ids.values()} == {1}
