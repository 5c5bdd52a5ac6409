"""The fault suite in short: a few of its faults, on the servers that all tests use. `make faults` runs them all."""

import pytest

from tests.faults import scenario
from tests.faults.failpoints import Step
from tests.faults.fault import Fault
from tests.faults.faults import process

SHORT = [
    process.killed(Step.IN_TRANSACTION),
    process.killed(Step.COMMITTED),
    process.killed(Step.PUBLISHING),
    process.TERMINATED,
    process.PAUSED,
]


@pytest.mark.parametrize("fault", SHORT, ids=lambda fault: fault.name)
def test_a_fault_loses_nothing_doubles_nothing_and_keeps_the_order(fault: Fault) -> None:
    outcome = scenario.run(fault)
    assert outcome.verdict.findings == []
    assert outcome.verdict.confirmed >= fault.commands >= 500
    assert outcome.seconds is not None
    assert outcome.seconds < scenario.MOST_SECONDS
