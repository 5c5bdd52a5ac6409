"""All faults, in the order in which they are run."""

from collections.abc import Sequence

from tests.faults.fault import Fault
from tests.faults.faults import (
    administration,
    alarms,
    broker,
    cluster,
    frames,
    journal,
    letters,
    partitions,
    poison,
    process,
    promotion,
    refusals,
    storage,
    versions,
    volume,
)
from tests.faults.fixtures.servers import Servers


def faults(servers: Servers) -> Sequence[Fault]:
    """Return every fault."""
    return [
        *process.FAULTS,
        *broker.faults(servers),
        *frames.faults(servers),
        *refusals.faults(servers),
        *alarms.faults(servers),
        *administration.faults(servers),
        *storage.faults(servers),
        *promotion.faults(servers),
        *poison.FAULTS,
        *letters.FAULTS,
        *partitions.FAULTS,
        *journal.FAULTS,
        *versions.FAULTS,
        *volume.FAULTS,
        *cluster.faults(servers),
    ]
