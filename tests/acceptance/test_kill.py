"""`kill -9` in the middle of the work: nothing is lost, nothing happens twice, no event is of what did not happen."""

import itertools
import json
from collections.abc import Callable, Iterable
from typing import Any

from tests.acceptance.commands import create, get, unique, update
from tests.acceptance.peer import Event, Peer
from tests.acceptance.process import Service
from tests.support import sql

BATCH = 1_000
MOMENTS = [1, 350, 800, 600, 400]
"""After how many more events the process is killed."""
ATTEMPTS = 20
OVER = "UPDATE crudmq_outbox SET leased_until = 0"


def test_five_kills_in_the_middle_of_5000_creates_lose_nothing_and_repeat_nothing(service: Service) -> None:
    with Peer(service.prefix) as peer:
        names: dict[str, str] = {}

        def publish() -> None:
            names.update({peer.publish(create("people", name=(name := unique()))): name for _ in range(BATCH)})

        events: list[Event] = []
        for moment in MOMENTS:
            events += kill_at_work(service, peer, publish, moment)
        service.kill()
        # What was published and is not known to be is published again when its lease is over: here, at once.
        sql.execute(service.database_url, OVER)
        service.start()
        replies: dict[str, bytes] = {}
        while len(replies) < len(names):
            reply = peer.replies(1)[0]
            assert replies.setdefault(reply.content["id"], reply.body) == reply.body
        peer.until(lambda: is_at_rest(service, peer), "rest")
        events += peer.events()
        check_rows(service, names)
        check_replies(service, names, replies)
        check_events(service, names, events)
        assert peer.dead_letters() == []


def test_updates_of_one_row_keep_their_order_through_kills(service: Service) -> None:
    with Peer(service.prefix) as peer:
        tom = peer.created("people", name="Tom", age=0)
        ages = itertools.count(1)

        def publish() -> None:
            for age in itertools.islice(ages, BATCH):
                peer.publish(update("people", tom["id"], {"age": age}, if_version=age), reply_to=None)

        events: list[Event] = []
        for moment in (1, 400, 250):
            events += kill_at_work(service, peer, publish, moment)
        newest = next(ages) - 1
        while events[-1].content["sequence"] != str(newest + 1):
            events += peer.heard(1)
        heard = [event.data["after"]["age"] for event in {event.content["id"]: event for event in events}.values()]
        assert heard == list(range(1, newest + 1))
        assert peer.ask(get("people", tom["id"])).data == {**tom, "age": newest, "version": newest + 1}


def kill_at_work(service: Service, peer: Peer, publish: Callable[[], None], moment: int) -> list[Event]:
    """Publish commands, kill the process after so many events, and start it; give the events.

    A process that was done before the kill came is given more commands and killed again.
    """
    events: list[Event] = []
    for _ in range(ATTEMPTS):
        publish()
        events += peer.heard(moment)
        service.kill()
        is_work_left = peer.depth("commands") > 0
        service.start()
        if is_work_left:
            return events
    raise AssertionError(f"each of {ATTEMPTS} kills came when all commands were done")


def rows(service: Service) -> dict[int, str]:
    selected = sql.select(service.database_url, "SELECT id, name FROM people")
    return dict(selected)


def is_at_rest(service: Service, peer: Peer) -> bool:
    waiting = sql.select(service.database_url, "SELECT id FROM crudmq_outbox")
    return waiting == [] and peer.depth("commands") == 0


def check_rows(service: Service, names: dict[str, str]) -> None:
    """Check that every command took effect once."""
    assert sorted(rows(service).values()) == sorted(names.values())


def check_replies(service: Service, names: dict[str, str], replies: dict[str, bytes]) -> None:
    """Check that every command was answered with its row."""
    names_by_key = rows(service)
    for identifier, body in replies.items():
        row: dict[str, Any] = json.loads(body)["data"]
        assert names_by_key[row["id"]] == row["name"] == names[identifier]


def check_events(service: Service, names: dict[str, str], events: Iterable[Event]) -> None:
    """Check that every row has one event, however often it came, and every event a row."""
    ids: dict[int, set[str]] = {}
    names_by_key = rows(service)
    for event in events:
        after = event.data["after"]
        assert event.type == "people.created"
        assert names_by_key[after["id"]] == after["name"] == names[event.content["commandid"]]
        ids.setdefault(after["id"], set()).add(event.content["id"])
    assert ids.keys() == names_by_key.keys()
    assert {len(event_ids) for event_ids in ids.values()} == {1}
