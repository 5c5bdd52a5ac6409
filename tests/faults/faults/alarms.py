"""Alarms of the broker, which hold every publisher, while processes are killed."""

from collections.abc import Callable, Sequence

from tests.faults import database
from tests.faults.drain import queue_size
from tests.faults.evidence import Expected
from tests.faults.fault import Fault, Run
from tests.faults.fixtures.servers import Servers
from tests.faults.replica import LIMIT, wait

_BACKLOG = 2_000
_HELD = 3.0
_LIVES = 3
_RETENTION = 2
_PAST_THE_RETENTION = 15.0
"""Seconds, in which the service looks a dozen times for what it may prune."""

Alarm = Callable[[Servers], Callable[..., None]]
"""Chooses what raises and clears an alarm."""


def _memory(servers: Servers) -> Callable[..., None]:
    return servers.broker.alarm


def _disk(servers: Servers) -> Callable[..., None]:
    return servers.broker.disk_alarm


def _killed(servers: Servers, run: Run, choose: Alarm) -> None:
    """Kill the service while it has commands and may not publish, several times."""
    _hold(servers, run, choose)
    for life in range(1, _LIVES + 1):
        answered = len(run.answer_times())
        wait(_HELD)
        run.prove(f"in life {life} nothing was answered", holds=len(run.answer_times()) == answered)
        run.replica.kill()
        run.replica.start()
    choose(servers)(on=False)


def _both_killed(servers: Servers, run: Run, choose: Alarm) -> None:
    """Kill the service and the broker while the alarm is raised; the broker starts without it."""
    _hold(servers, run, choose)
    wait(_HELD)
    run.replica.kill()
    servers.broker.kill()
    run.prove("the service and RabbitMQ are killed", holds=not (run.replica.is_running or servers.broker.is_up))
    run.replica.launch()
    servers.broker.start()
    run.replica.wait_for("consuming", LIMIT)


def _outlived(servers: Servers, run: Run, choose: Alarm) -> None:
    """Hold what is committed and not published for longer than the inbox keeps results; then kill the service."""
    _hold(servers, run, choose)
    wait(_PAST_THE_RETENTION)
    answered = {database.digest(identifier) for identifier in run.answer_times()}
    waiting = database.outbox_size(run.database_url)
    run.prove("committed commands wait to be published", holds=waiting > 0)
    run.notes.append(f"{len(database.inbox(run.database_url).keys() - answered)} unanswered commands are in the inbox")
    run.replica.kill()
    choose(servers)(on=False)
    run.replica.start()


def _hold(servers: Servers, run: Run, choose: Alarm) -> None:
    """Raise the alarm while commands wait."""
    assert run.wait_until(lambda: queue_size(f"{run.prefix}.commands")[0] > 0), "no commands wait"
    choose(servers)(on=True)
    run.prove_soon("RabbitMQ has raised an alarm and blocks a connection", servers.broker.is_alarmed)


def faults(servers: Servers) -> Sequence[Fault]:
    """Return the faults of alarms."""

    def bind(inject: Callable[[Servers, Run, Alarm], None], choose: Alarm) -> Callable[[Run], None]:
        return lambda run: inject(servers, run, choose)

    return [
        Fault("memory alarm, kill -9 of the service", bind(_killed, _memory), window=_BACKLOG),
        Fault(
            "memory alarm past the retention, kill -9",
            bind(_outlived, _memory),
            window=_BACKLOG,
            settings={"CRUDMQ_RETENTION": f"{_RETENTION}s"},
            expected=Expected(is_inbox_pruned=True),
        ),
        Fault("disk alarm, kill -9 of the service", bind(_killed, _disk), window=_BACKLOG),
        Fault("disk alarm, kill -9 of service and broker", bind(_both_killed, _disk), window=_BACKLOG),
    ]
