"""Faults of the broker, and of the link to it."""

from collections.abc import Callable, Sequence

from pika.exceptions import ChannelClosedByBroker

from tests.faults.fault import Fault, Run
from tests.faults.faults.cutting import at_ack
from tests.faults.fixtures.proxy import Effect
from tests.faults.fixtures.servers import Servers
from tests.faults.replica import LIMIT, wait
from tests.support import broker

_SHORT = 5.0
_PAST_THE_HEARTBEAT = 25.0
"""Seconds, after which the client has noticed missing heartbeats."""
_LATENCY = 0.2
_NO_QUEUE = "nobody"

Inject = Callable[[Servers, Run], None]


def _killed(servers: Servers, run: Run) -> None:
    run.wait_answered(150)
    servers.broker.kill()
    run.prove("RabbitMQ was killed and refuses connections", holds=not servers.broker.is_up)
    servers.broker.start()


def _alarmed(servers: Servers, run: Run) -> None:
    run.wait_answered(150)
    servers.broker.alarm(on=True)
    run.prove_soon("RabbitMQ has raised an alarm and blocks a connection", servers.broker.is_alarmed)
    wait(_SHORT)
    servers.broker.alarm(on=False)


def _channel_closed(servers: Servers, run: Run) -> None:
    run.wait_answered(150)
    queue = f"{run.prefix}.commands"
    before = servers.broker.consumer_channels(queue)
    servers.broker.close_channels(queue)
    run.prove_soon(
        "the channel that consumed is closed",
        lambda: bool(before) and before.isdisjoint(servers.broker.consumer_channels(queue)),
    )


def _connections_closed(servers: Servers, run: Run) -> None:
    run.wait_answered(150)
    before = servers.broker.connections()
    servers.broker.close_connections()
    run.prove_soon(
        "all connections of before are closed", lambda: bool(before) and before.isdisjoint(servers.broker.connections())
    )


def _queue_deleted(servers: Servers, run: Run) -> None:
    """Delete the queue while it is empty, since its messages would be deleted with it; then continue the load."""
    run.wait_answered(150)
    run.load.set_goal(0)
    assert run.wait_until(lambda: run.unanswered() == 0), "the queue was not emptied"
    queue = f"{run.prefix}.commands"
    before = servers.broker.queue_pids(queue)
    servers.broker.delete_queue(queue)
    run.prove_soon(
        "the queue of before is deleted", lambda: bool(before) and before.isdisjoint(servers.broker.queue_pids(queue))
    )
    run.end_fault()
    run.load.set_goal(None)


def _ack_cut(servers: Servers, run: Run) -> None:
    for number in range(1, 4):
        run.wait_answered(60)
        with at_ack(servers.to_broker) as cut:
            run.prove(f"the link was cut in acknowledgement {number}", holds=cut.wait(LIMIT))


def _links_cut(servers: Servers, run: Run) -> None:
    for reset in (False, True, False):
        run.wait_answered(60)
        links = servers.to_broker.cut(reset=reset)
        run.prove(f"{links} links to RabbitMQ were {'reset' if reset else 'closed'}", holds=links > 0)


def _held(servers: Servers, run: Run) -> None:
    run.wait_answered(150)
    before = servers.to_broker.effects[Effect.HELD]
    servers.to_broker.hold()
    run.prove_soon("the proxy holds bytes", lambda: servers.to_broker.effects[Effect.HELD] > before)
    wait(_PAST_THE_HEARTBEAT)
    servers.to_broker.release()


def _delayed(servers: Servers, run: Run) -> None:
    run.wait_answered(150)
    before = servers.to_broker.effects[Effect.DELAYED]
    servers.to_broker.delay(_LATENCY)
    wait(_SHORT)
    run.prove_soon("the proxy has delayed bytes", lambda: servers.to_broker.effects[Effect.DELAYED] > before)
    servers.to_broker.delay(0)


def _absent_at_start(servers: Servers, run: Run) -> None:
    run.wait_answered(150)
    run.replica.terminate()
    servers.to_broker.refuse()
    before = servers.to_broker.effects[Effect.REFUSED]
    run.replica.launch()
    run.prove_soon(
        "connections of the starting service were refused",
        lambda: servers.to_broker.effects[Effect.REFUSED] > before,
    )
    wait(_SHORT)
    run.prove("the service still runs", holds=run.replica.is_running)
    servers.to_broker.accept()


def _reply_queue_gone(_servers: Servers, run: Run) -> None:
    run.wait_answered(150)
    run.load.reply_to = _NO_QUEUE
    assert run.load.wait_confirmed(run.load.confirmed + 100, LIMIT), "the commands were not confirmed"
    run.load.reply_to = run.observer.reply_to
    affected = sum(sent.reply_to == _NO_QUEUE for sent in list(run.load.sent.values()))
    run.prove(
        f"{affected} commands had a reply queue that does not exist", holds=affected > 0 and not _exists(_NO_QUEUE)
    )


def _exists(queue: str) -> bool:
    connection = broker.connect()
    try:
        connection.channel().queue_declare(queue, passive=True)
    except ChannelClosedByBroker:
        return False
    finally:
        connection.close()
    return True


def _slow_subscriber(_servers: Servers, run: Run) -> None:
    """Receive one event, and never acknowledge it."""
    connection = broker.connect()
    run.stack.callback(connection.close)
    channel = connection.channel()
    channel.basic_qos(prefetch_count=1)
    queue = str(channel.queue_declare("", exclusive=True).method.queue)
    channel.queue_bind(queue, f"{run.prefix}.events", "#")
    channel.basic_consume(queue, lambda *_: None)
    run.wait_answered(150)
    run.prove_soon(
        "events wait for the subscriber",
        lambda: (channel.queue_declare(queue, passive=True).method.message_count or 0) > 0,
    )


_FAULTS: dict[str, Inject] = {
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


def faults(servers: Servers) -> Sequence[Fault]:
    """Return the faults of a broker."""

    def bind(inject: Inject) -> Callable[[Run], None]:
        return lambda run: inject(servers, run)

    return [Fault(name, bind(inject)) for name, inject in _FAULTS.items()]
