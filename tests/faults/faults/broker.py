"""Faults of the broker, and of the way to it."""

from collections.abc import Callable, Sequence

from tests.faults.fault import Fault, Run
from tests.faults.faults.watching import at_ack
from tests.faults.replica import wait
from tests.faults.rig.rig import Rig
from tests.support import broker

_A_WHILE = 5.0
_HELD = 25.0
"""Seconds: longer than the client's heartbeats take to be missed."""
_LATENCY = 0.2

Injection = Callable[[Rig, Run], None]


def _killed(rig: Rig, run: Run) -> None:
    run.answered(150)
    rig.broker.kill()
    rig.broker.start()


def _alarmed(rig: Rig, run: Run) -> None:
    run.answered(150)
    rig.broker.alarm(on=True)
    wait(_A_WHILE)
    rig.broker.alarm(on=False)


def _channel_closed(rig: Rig, run: Run) -> None:
    run.answered(150)
    rig.broker.close_channels(f"{run.prefix}.commands")


def _connections_closed(rig: Rig, run: Run) -> None:
    run.answered(150)
    rig.broker.close_connections()


def _queue_deleted(rig: Rig, run: Run) -> None:
    """Delete it when it is empty, since what is in it would go with it; from then on there is load again."""
    run.answered(150)
    run.load.enough(0)
    assert run.wait_until(lambda: run.unanswered() == 0, 30)
    rig.broker.delete_queue(f"{run.prefix}.commands")
    run.over()
    run.load.go_on()


def _ack_cut(rig: Rig, run: Run) -> None:
    for _ in range(3):
        run.answered(60)
        with at_ack(rig.to_broker) as cut:
            assert cut.wait(30), "no acknowledgement went by"


def _links_cut(rig: Rig, run: Run) -> None:
    for reset in (False, True, False):
        run.answered(60)
        rig.to_broker.cut(reset=reset)


def _held(rig: Rig, run: Run) -> None:
    run.answered(150)
    rig.to_broker.hold()
    wait(_HELD)
    rig.to_broker.release()


def _delayed(rig: Rig, run: Run) -> None:
    run.answered(150)
    rig.to_broker.delay(_LATENCY)
    wait(_A_WHILE)
    rig.to_broker.delay(0)


def _absent_at_start(rig: Rig, run: Run) -> None:
    run.answered(150)
    run.replica.terminate()
    rig.to_broker.refuse()
    run.replica.launch()
    run.replica.wait_for("the broker is away")
    wait(_A_WHILE)
    rig.to_broker.accept()


def _reply_queue_gone(_rig: Rig, run: Run) -> None:
    run.answered(150)
    run.load.reply_to = "nobody"
    more = run.load.confirmed + 50
    assert run.load.wait_for(more, 30)
    run.load.reply_to = run.observer.reply_to


def _slow_subscriber(_rig: Rig, run: Run) -> None:
    """Hear one event, and never say so."""
    connection = broker.connect()
    run.stack.callback(connection.close)
    channel = connection.channel()
    channel.basic_qos(prefetch_count=1)
    queue = str(channel.queue_declare("", exclusive=True).method.queue)
    channel.queue_bind(queue, f"{run.prefix}.events", "#")
    channel.basic_consume(queue, lambda *_: None)
    run.answered(150)


_INJECTIONS: dict[str, Injection] = {
    "ack frame cut": _ack_cut,
    "links to the broker cut and reset": _links_cut,
    "half-open link to the broker": _held,
    "200 ms latency": _delayed,
    "broker kill -9 and restart": _killed,
    "memory alarm": _alarmed,
    "channel closed": _channel_closed,
    "all connections closed": _connections_closed,
    "queue deleted": _queue_deleted,
    "broker absent at start": _absent_at_start,
    "reply queue gone": _reply_queue_gone,
    "slow subscriber": _slow_subscriber,
}


def faults(rig: Rig) -> Sequence[Fault]:
    """Give the faults that are done to a broker."""

    def inject(injection: Injection) -> Callable[[Run], None]:
        return lambda run: injection(rig, run)

    return [Fault(name, inject(injection)) for name, injection in _INJECTIONS.items()]
