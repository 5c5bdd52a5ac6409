"""Faults of several replicas that share the commands by their keys: the order is guaranteed for them as well."""

from collections.abc import Callable

from tests.faults.drain import queue_size
from tests.faults.evidence import Expected
from tests.faults.fault import Fault, Run
from tests.faults.faults.process import PAST_THE_HEARTBEAT, paused, rolled
from tests.faults.workload import OF_SEVERAL_KEYS

_PARTITIONS = 4


def _killed(run: Run) -> None:
    for replica in [*run.replicas, *run.replicas]:
        run.wait_answered(60)
        replica.kill()
        run.end_fault()
        replica.start()
    run.prove("each replica was killed twice")


def _joined(run: Run) -> None:
    """Let another replica join and leave."""
    run.wait_answered(100)
    replica = run.add_replica()
    run.prove_soon("a third replica consumes", lambda: queue_size(f"{run.prefix}.commands")[1] == len(run.replicas))
    run.wait_answered(100)
    replica.terminate()
    run.prove_soon("it has left", lambda: queue_size(f"{run.prefix}.commands")[1] == len(run.replicas) - 1)


def _fault(name: str, inject: Callable[[Run], None]) -> Fault:
    return Fault(
        f"partitions: {name}",
        inject,
        replicas=2,
        partitions=_PARTITIONS,
        without=OF_SEVERAL_KEYS,
        expected=Expected(consumers=2),
    )


FAULTS = [
    _fault("kill -9 of each in turn", _killed),
    _fault("rolling restart", rolled),
    _fault("a third comes and goes", _joined),
    _fault("SIGSTOP past the heartbeat", paused(PAST_THE_HEARTBEAT)),
]
