"""Thousands of dead letters: the service keeps its speed, and they can be listed, replayed and discarded."""

import json
import time

from pika import BasicProperties

from tests.acceptance.process import crudmq, environment
from tests.faults.drain import queue_size
from tests.faults.evidence import Expected
from tests.faults.fault import Fault, Run
from tests.support import broker

_LETTERS = 10_000
_REPLAYED = 1_000
_MEASURED = 300
"""Commands by whose answers the speed is measured."""
_MAX_SLOWDOWN = 3.0
"""More than what a busy machine does by itself."""
_MALFORMED = b"this is not JSON"


def _letters(run: Run) -> None:
    before = _speed(run)
    _publish(run.prefix)
    run.prove_soon(f"{_LETTERS:,} dead letters were received", lambda: len(run.observer.dead) >= _LETTERS)
    queue = f"{run.prefix}.dead-letters"
    run.prove_soon(f"{_LETTERS:,} dead letters wait", lambda: queue_size(queue)[0] == _LETTERS)
    after = _speed(run)
    run.notes.append(f"{before:.0f} commands/s before {_LETTERS:,} dead letters, {after:.0f} beside them")
    assert after > before / _MAX_SLOWDOWN, run.notes[-1]
    listed = _dead_letters(run, "list", "--json").splitlines()
    run.prove(
        f"all {_LETTERS:,} are listed", holds=len({json.loads(line)["message_id"] for line in listed}) == _LETTERS
    )
    _dead_letters(run, "replay", "--all", "--limit", str(_REPLAYED), "--yes")
    run.prove_soon(
        f"{_REPLAYED:,} were replayed, and are dead letters again",
        lambda: len(run.observer.dead) == _LETTERS + _REPLAYED and queue_size(queue)[0] == _LETTERS,
    )
    _dead_letters(run, "discard", "--all", "--yes")
    run.prove("all are discarded", holds=queue_size(queue)[0] == 0)


def _publish(prefix: str) -> None:
    connection = broker.connect()
    channel = connection.channel()
    for number in range(_LETTERS):
        properties = BasicProperties(message_id=f"letter-{number}", delivery_mode=2)
        channel.basic_publish(f"{prefix}.commands", "people.create", _MALFORMED, properties)
    connection.close()


def _speed(run: Run) -> float:
    """Return how many commands are answered in a second."""
    start = time.monotonic()
    run.wait_answered(_MEASURED)
    return _MEASURED / (time.monotonic() - start)


def _dead_letters(run: Run, *arguments: str) -> str:
    """Run `crudmq dead-letters`, return its output, and note how long it took."""
    start = time.monotonic()
    done = crudmq("dead-letters", *arguments, environ=environment(run.database_url, run.prefix, run.settings))
    assert done.returncode == 0, done.stderr
    run.notes.append(f"`dead-letters {arguments[0]}` took {time.monotonic() - start:.1f} s")
    return done.stdout


FAULTS = [Fault("10,000 dead letters", _letters, expected=Expected(poison=frozenset({_MALFORMED})))]
