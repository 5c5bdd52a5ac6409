"""The end of a run: waits until all work is done, stops the service, and gathers the evidence."""

from collections.abc import Callable, Mapping
from subprocess import TimeoutExpired

from pika.exceptions import ChannelClosedByBroker

from tests.acceptance.process import Deadline
from tests.faults import database
from tests.faults.evidence import Evidence, FinalState
from tests.faults.fault import Run
from tests.faults.replica import LIMIT, Replica
from tests.support import broker

_QUEUES = ("commands", *(f"commands.retry.{milliseconds}" for milliseconds in (1_000, 10_000, 60_000)))


def gather(run: Run) -> Evidence:
    """Wait until all work is done, stop the service, and return the evidence."""
    deadline = Deadline(run.fault.drain_seconds)
    failures = [failure for failure, wait in _CONDITIONS.items() if not wait(run, deadline.left)]
    consumers = queue_size(f"{run.prefix}.commands")[1]
    transactions = database.open_transactions(run.database_url)
    failures += [failure for replica in run.replicas if (failure := _terminate(replica))]
    run.load.stop()
    if not run.observer.wait_for_all(LIMIT):
        failures.append("the observer did not receive all messages")
    partitions = [f"commands.{number}" for number in range(run.fault.partitions)]
    depths = {queue: queue_size(f"{run.prefix}.{queue}")[0] for queue in [*_QUEUES, *partitions]}
    sent = run.load.sent.values()
    return Evidence(
        commands=[each.command for each in sent],
        confirmed=frozenset(each.command.id for each in sent if each.confirmed_at is not None),
        results=list(run.observer.results),
        events=list(run.observer.events),
        dead=list(run.observer.dead),
        inbox=database.inbox(run.database_url),
        rows=database.rows(run.database_url),
        links=frozenset(database.links(run.database_url)),
        unobserved=frozenset(each.command.id for each in sent if each.reply_to != run.observer.reply_to),
        final=FinalState(depths, database.outbox_size(run.database_url), transactions, consumers, tuple(failures)),
    )


def queue_size(queue: str) -> tuple[int, int]:
    """Return the messages that are ready in a queue, and its consumers; none of either if it does not exist."""
    connection = broker.connect()
    try:
        queue_state = connection.channel().queue_declare(queue, passive=True).method
    except ChannelClosedByBroker:
        return 0, 0
    else:
        return queue_state.message_count or 0, queue_state.consumer_count or 0
    finally:
        connection.close()


def _all_answered(run: Run, seconds: float) -> bool:
    return run.wait_until(lambda: run.unanswered() == 0, seconds)


_CONDITIONS: Mapping[str, Callable[[Run, float], bool]] = {
    "not all commands were confirmed": lambda run, seconds: run.load.wait_until_finished(seconds),
    "not all commands were answered": _all_answered,
    "the outbox was not emptied": lambda run, seconds: run.wait_until(
        lambda: database.outbox_size(run.database_url) == 0, seconds
    ),
}


def _terminate(replica: Replica) -> str | None:
    """Stop a replica as a supervisor does, and return what was wrong with that."""
    if not replica.is_running:
        return None
    replica.signal_termination()
    try:
        code = replica.end()
    except TimeoutExpired:
        replica.kill()
        return "crudmq did not end after SIGTERM"
    return None if code == 0 else f"crudmq ended with {code} after SIGTERM"
