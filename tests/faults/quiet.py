"""The end of a run: waits until nothing is left to do, ends the service, and gathers what is known from outside."""

from collections.abc import Callable, Mapping

from pika.exceptions import ChannelClosedByBroker

from tests.acceptance.process import Deadline
from tests.faults import database
from tests.faults.evidence import Evidence, Rest
from tests.faults.fault import Run
from tests.faults.replica import Replica
from tests.support import broker

_HEAR_SECONDS = 30
_QUEUES = ("commands", *(f"commands.retry.{milliseconds}" for milliseconds in (1_000, 10_000, 60_000)))


def gather(run: Run) -> Evidence:
    """Wait until nothing is left to do, end the service, and gather what is known."""
    deadline = Deadline(run.fault.quiet_seconds)
    faults = [what for what, wait in _SIGNS.items() if not wait(run, deadline.left)]
    consumers = _depth(f"{run.prefix}.commands")[1]
    transactions = database.open_transactions(run.database_url)
    faults += [fault for replica in run.replicas if (fault := _terminate(replica))]
    run.load.stop()
    if not run.observer.hear_all(_HEAR_SECONDS):
        faults.append("the observer did not hear all")
    partitions = [f"commands.{number}" for number in range(run.fault.partitions)]
    left = {queue: _depth(f"{run.prefix}.{queue}")[0] for queue in [*_QUEUES, *partitions]}
    sent = run.load.sent.values()
    return Evidence(
        commands=[one.command for one in sent],
        confirmed=frozenset(one.command.id for one in sent if one.confirmed_at is not None),
        results=list(run.observer.results),
        events=list(run.observer.events),
        dead=list(run.observer.dead),
        inbox=database.inbox(run.database_url),
        rows=database.rows(run.database_url),
        links=frozenset(database.links(run.database_url)),
        unheard=frozenset(one.command.id for one in sent if one.reply_to != run.observer.reply_to),
        rest=Rest(left, database.outbox_size(run.database_url), transactions, consumers, tuple(faults)),
    )


def _all_answered(run: Run, seconds: float) -> bool:
    return run.wait_until(lambda: run.unanswered() == 0, seconds)


_SIGNS: Mapping[str, Callable[[Run, float], bool]] = {
    "not all commands were confirmed": lambda run, seconds: run.load.wait_for_all(seconds),
    "not all commands were answered": _all_answered,
    "the outbox was not emptied": lambda run, seconds: run.wait_until(
        lambda: database.outbox_size(run.database_url) == 0, seconds
    ),
}


def _depth(queue: str) -> tuple[int, int]:
    """Count what is ready in a queue, and its consumers; a queue that is not there has neither."""
    connection = broker.connect()
    try:
        found = connection.channel().queue_declare(queue, passive=True).method
    except ChannelClosedByBroker:
        return 0, 0
    else:
        return found.message_count or 0, found.consumer_count or 0
    finally:
        connection.close()


def _terminate(replica: Replica) -> str | None:
    """End a replica as a supervisor does; say what was wrong with that."""
    if not replica.is_running:
        return None
    replica.signal_termination()
    code = replica.end()
    return None if code == 0 else f"crudmq ended with {code} when it was asked to stop"
