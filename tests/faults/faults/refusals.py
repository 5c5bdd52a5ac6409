"""Results, events and dead letters to addresses that the broker refuses, in every way that it can."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from pika import BasicProperties

from tests.faults.drain import queue_size
from tests.faults.evidence import Evidence, Received
from tests.faults.fault import Fault, Run
from tests.faults.fixtures.servers import Servers
from tests.faults.replica import LIMIT, wait
from tests.faults.workload import HOT
from tests.support import broker

_SHORT = 5.0
_REFUSED = 20
_MAX_BYTES = 2_000
_MALFORMED = b"this is not JSON"
_LETTERS = 50
_MAX_COPIES = 20
"""Of an event, for subscribers whose queues are not full."""
_PERSON = HOT[0] - 1
"""A key that the load does not use, nor the database soon."""
_OWN = "own-"
"""Begins the ids of commands that a fault sends itself, beside the load."""

Inject = Callable[[Servers, Run], None]


def _results(_servers: Servers, run: Run) -> None:
    """Let results go to addresses that do not exist, are malformed, or belong to a full queue."""
    addresses = ["nobody", "amq.rabbitmq.reply-to.!!!.x", "amq.rabbitmq.reply-to.", "x" * 255, "ä" * 127]
    with _full_queue(run) as full:
        for address in [*addresses, full]:
            run.wait_answered(40)
            run.load.reply_to = address
            proof = f"commands had the reply address {address[:30]}"
            run.prove(proof, holds=_wait_confirmed(run, address))
            run.load.reply_to = run.observer.reply_to
        run.wait_answered(40)


def _wait_confirmed(run: Run, reply_to: str) -> bool:
    """Wait until some commands with a reply address are confirmed, and return whether they are."""

    def are_confirmed() -> bool:
        sent = [each for each in list(run.load.sent.values()) if each.reply_to == reply_to and each.confirmed_at]
        return len(sent) >= _REFUSED

    return run.wait_until(are_confirmed)


@contextmanager
def _full_queue(run: Run, *, is_bound: bool = False) -> Iterator[str]:
    """Declare a queue that is full and refuses messages, and keep it so for the block."""
    name = f"{run.prefix}.full"
    connection = broker.connect()
    channel = connection.channel()
    channel.queue_declare(name, durable=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    channel.basic_publish("", name, b"")
    if is_bound:
        channel.queue_bind(name, f"{run.prefix}.events", "#")
    try:
        yield name
    finally:
        channel.queue_delete(name)
        connection.close()


def _full_subscriber(_servers: Servers, run: Run) -> None:
    """Bind a queue to the events that is full and refuses them; then delete it."""
    run.wait_answered(150)
    with _full_queue(run, is_bound=True) as queue:
        wait(_SHORT)
        run.prove("a full queue is bound to the events", holds=queue_size(queue)[0] >= 1)
    run.end_fault()
    run.wait_answered(150)
    copies: dict[str | None, int] = {}
    for event in list(run.observer.events):
        copies[event.message_id] = copies.get(event.message_id, 0) + 1
    run.notes.append(f"another subscriber received an event {max(copies.values())} times at most")
    assert max(copies.values()) <= _MAX_COPIES, run.notes[-1]


def _too_large(servers: Servers, run: Run) -> None:
    """Let a result and an event exceed what the broker accepts."""
    run.wait_answered(100)
    run.amend = _without_own
    _send(run, "person", {"resource": "people", "action": "create", "data": {"id": _PERSON, "name": "Ann"}})
    _send(run, "profile", _profile("create", data={"id": _PERSON, "person_id": _PERSON, "bio": "a" * 1000}))
    assert run.wait_until(lambda: _is_answered(run, "profile"), LIMIT), "the profile was not created"
    servers.broker.limit_messages(_MAX_BYTES)
    run.stack.callback(servers.broker.limit_messages, None)
    run.wait_answered(40)
    # A small command with a large result, and one whose result is smaller than its event.
    people = {"resource": "people", "action": "list", "where": {"id": {"gte": HOT[0]}}, "limit": len(HOT)}
    _send(run, "result", people)
    _send(run, "event", _profile("update", key=_PERSON, data={"bio": "b" * 1000}))
    run.prove_soon("the result with a large event is sent", lambda: _is_answered(run, "event"))
    # As a dead letter, the event is as large.
    run.prove_soon("the event or its command is a dead letter", lambda: any(map(_is_own, list(run.observer.dead))))
    run.wait_answered(100)
    run.prove("the large result was not sent", holds=not _is_answered(run, "result"))
    servers.broker.limit_messages(None)


def _profile(action: str, **fields: object) -> dict[str, object]:
    return {"resource": "profiles", "action": action, **fields}


def _send(run: Run, name: str, body: dict[str, object]) -> None:
    connection = broker.connect()
    properties = BasicProperties(message_id=f"{_OWN}{name}", reply_to=run.observer.reply_to, delivery_mode=2)
    connection.channel().basic_publish(f"{run.prefix}.commands", "own", json.dumps(body).encode(), properties)
    connection.close()


def _is_answered(run: Run, name: str) -> bool:
    return any(result.command == f"{_OWN}{name}" for result in list(run.observer.results))


def _is_own(message: Received) -> bool:
    return _OWN.encode() in message.body or (message.command or "").startswith(_OWN)


def _without_own(evidence: Evidence) -> Evidence:
    """Leave out the commands that the fault sent itself and has judged."""
    return replace(
        evidence,
        results=[each for each in evidence.results if not _is_own(each)],
        events=[each for each in evidence.events if not _is_own(each)],
        dead=[each for each in evidence.dead if not _is_own(each)],
        rows={
            **evidence.rows,
            "people": {key: row for key, row in evidence.rows["people"].items() if key != (_PERSON,)},
        },
    )


def _letters(servers: Servers, run: Run) -> None:
    """Let dead letters arrive while their queue is gone, then full, and while their exchange is gone."""
    queue = f"{run.prefix}.dead-letters"
    run.wait_answered(60)
    with servers.broker.channel() as channel:
        # Otherwise the observer's queue takes what the other refuses.
        channel.queue_unbind(f"{run.prefix}.observed.dead", queue, "#")
    servers.broker.delete_queue(queue)
    _publish_malformed(run, 1)
    servers.broker.set_policy(queue, {"max-length": 1, "overflow": "reject-publish"})
    _publish_malformed(run, 2)
    run.prove("the queue of dead letters is full", holds=queue_size(queue)[0] <= _LETTERS)
    servers.broker.clear_policy()
    with servers.broker.channel() as channel:
        channel.exchange_delete(queue)
    _publish_malformed(run, 3)
    run.prove_soon("every dead letter is in its queue", lambda: queue_size(queue)[0] >= 3 * _LETTERS)
    run.wait_answered(60)


def _publish_malformed(run: Run, number: int) -> None:
    """Publish messages without an id, and such that share one; let the load go on."""
    connection = broker.connect()
    channel = connection.channel()
    for count in range(_LETTERS):
        properties = BasicProperties(message_id=None if count % 2 else f"{_OWN}{number}", delivery_mode=2)
        channel.basic_publish(f"{run.prefix}.commands", "own", _MALFORMED, properties)
    connection.close()
    run.wait_answered(60)


def faults(servers: Servers) -> Sequence[Fault]:
    """Return the faults of refused addresses."""

    def bind(inject: Inject) -> Callable[[Run], None]:
        return lambda run: inject(servers, run)

    return [
        Fault("results to refused addresses", bind(_results)),
        Fault("a full subscriber refuses events", bind(_full_subscriber)),
        Fault("a result and an event too large for the broker", bind(_too_large)),
        Fault("dead letters refused", bind(_letters)),
    ]
