"""Faults of a cluster of three RabbitMQ nodes, behind a load balancer."""

from collections.abc import Sequence

from tests.faults.evidence import Expected
from tests.faults.fault import Fault, Run
from tests.faults.fixtures.servers import Servers
from tests.faults.replica import wait

_HALTED = 5.0


def _nodes_lost(servers: Servers, run: Run) -> None:
    """Kill the node that leads the queue of commands, then the next one: the majority is lost. Start both again."""
    cluster, queue = servers.cluster, f"{run.prefix}.commands"
    run.wait_answered(150)
    first = cluster.leader(queue)
    first.kill()
    run.prove("the node of the leader is killed", holds=not first.is_up)
    run.wait_answered(100)
    second = cluster.leader(queue)
    run.prove("another node leads, and commands are answered", holds=second is not first)
    second.kill()
    wait(_HALTED)
    answered = len(run.answer_times())
    wait(_HALTED)
    run.prove("without a majority nothing is answered", holds=len(run.answer_times()) == answered)
    cluster.start([first, second])
    run.end_fault()
    run.prove_soon("all nodes run again", lambda: len(first.running_nodes()) == len(cluster.nodes))


def faults(servers: Servers) -> Sequence[Fault]:
    """Return the faults of a cluster."""
    return [
        Fault(
            "cluster: the leader's node, then the majority lost",
            lambda run: _nodes_lost(servers, run),
            is_clustered=True,
            # The observer's queues are replicated: where its node is lost, they deliver again in another order.
            expected=Expected(has_order=False),
        )
    ]
