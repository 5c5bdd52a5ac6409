"""What an operator of RabbitMQ may do under load: permissions, policies and virtual hosts change."""

from collections.abc import Callable, Sequence

from tests.faults.drain import queue_size
from tests.faults.fault import Fault, Run
from tests.faults.fixtures.servers import Servers
from tests.faults.replica import LIMIT, wait

_USER = "service"
"""The service's own user; the load and the observer keep theirs."""
_VHOST = "/"
_SHORT = 5.0

Inject = Callable[[Servers, Run], None]


def _as_its_own_user(servers: Servers, run: Run) -> None:
    servers.broker.add_user(_USER)
    run.stack.callback(servers.broker.ctl, "delete_user", _USER)
    run.settings["CRUDMQ_BROKER_URL"] = servers.broker.url_through(servers.to_broker.port, _USER)


def _forbidden(servers: Servers, run: Run) -> None:
    run.wait_answered(150)
    servers.broker.forbid(_USER)
    run.prove_soon("the service may not use the vhost", lambda: _USER not in servers.broker.users())
    wait(_SHORT)
    run.prove("the service still runs, and is not connected", holds=_waits(servers, run))
    servers.broker.permit(_USER)


def _vhost_deleted(servers: Servers, run: Run) -> None:
    """Delete the vhost while nothing waits in it, since that would be deleted with it; the load goes on trying."""
    run.wait_answered(150)
    run.load.set_goal(0)
    assert run.wait_until(lambda: run.unanswered() == 0), "the queue was not emptied"
    assert run.observer.wait_for_all(LIMIT), "the observer did not receive all messages"
    servers.broker.ctl("delete_vhost", _VHOST)
    run.load.set_goal(None)
    wait(_SHORT)
    run.prove("the vhost is deleted, the service runs and is not connected", holds=_waits(servers, run))
    servers.broker.ctl("add_vhost", _VHOST)
    servers.broker.permit("guest")
    # What the service publishes from now on is observed.
    assert run.wait_until(lambda: queue_size(f"{run.prefix}.observed.events")[1] > 0), "nobody observes"
    servers.broker.permit(_USER)


def _waits(servers: Servers, run: Run) -> bool:
    return run.replica.is_running and _USER not in servers.broker.users()


def _policies_changed(servers: Servers, run: Run) -> None:
    """Limit the queue of commands to less than is sent, several times."""
    queue = f"{run.prefix}.commands"
    for length in (10, 30, 50):
        run.wait_answered(60)
        servers.broker.set_policy(queue, {"max-length": length, "delivery-limit": 50, "message-ttl": 600_000})
        run.prove_soon("a policy applies to the queue of commands", lambda: servers.broker.has_policy(queue))
    run.wait_answered(60)
    servers.broker.clear_policy()


def _queues_expired(servers: Servers, run: Run) -> None:
    """Let the queues expire that nobody consumes: the service declares them again."""
    run.wait_answered(100)
    for queue in (f"{run.prefix}.commands.retry.1000", f"{run.prefix}.dead-letters"):
        _expire(servers, run, queue)
    run.wait_answered(60)


def _expire(servers: Servers, run: Run, queue: str) -> None:
    before = servers.broker.queue_pids(queue)
    servers.broker.set_policy(queue, {"expires": 500})
    run.prove_soon(f"{queue} has expired", lambda: bool(before) and before.isdisjoint(servers.broker.queue_pids(queue)))
    servers.broker.clear_policy()
    run.prove_soon(f"{queue} is declared again", lambda: bool(servers.broker.queue_pids(queue)))


def faults(servers: Servers) -> Sequence[Fault]:
    """Return the faults of administration."""

    def bind(inject: Inject) -> Callable[[Run], None]:
        return lambda run: inject(servers, run)

    return [
        Fault("permissions revoked", bind(_forbidden), prepare=bind(_as_its_own_user)),
        Fault("vhost deleted", bind(_vhost_deleted), prepare=bind(_as_its_own_user)),
        Fault("policies changed", bind(_policies_changed)),
        Fault("queues without consumers expire", bind(_queues_expired)),
    ]
