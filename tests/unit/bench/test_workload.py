"""The commands that everybody is given, and what has to come of them."""

import itertools

import pytest

from bench.workload import Workload
from bench.workloads import ALL, ANSWERED, CREATES, MANY_CONFLICTS, MIX, TRANSACTIONS, UPDATES
from service.contract.delivery import Delivery
from service.contract.limits import Limits
from service.execution.intake import Intake
from service.resources.registry import load
from service.settings import EXAMPLE

LIMITS = Limits(max_bytes=2**20, max_page=1000)
each = pytest.mark.parametrize("workload", [*ALL, ANSWERED], ids=lambda workload: workload.name)


@each
def test_every_run_gets_the_same_commands(workload: Workload) -> None:
    assert list(workload.commands(50)) == list(workload.commands(50))


@each
def test_a_longer_run_begins_like_a_shorter_one(workload: Workload) -> None:
    assert list(itertools.islice(workload.commands(50), 10)) == list(workload.commands(10))


@each
def test_no_two_commands_have_the_same_id(workload: Workload) -> None:
    assert len({command.id for command in workload.commands(1000)}) == 1000


@each
def test_the_service_has_nothing_to_object_to(workload: Workload) -> None:
    intake = Intake(load(EXAMPLE), LIMITS)
    for command in workload.commands(100):
        delivery = Delivery(command.body, command.id, reply_to="answers" if command.replies else None)
        assert intake.take(delivery).error is None


def test_a_create_leaves_a_row_and_an_event() -> None:
    found = CREATES.expected(10)
    assert (found.rows, found.told, found.stored, found.updates) == ({"people": 10, "groups": 0}, 10, 10, 0)


def test_an_update_leaves_as_many_rows_as_there_were() -> None:
    found = UPDATES.expected(10)
    assert (found.rows["people"], found.told, found.updates) == (UPDATES.people(10), 10, 10)


def test_a_read_is_answered_and_not_stored() -> None:
    reads = sum(command.replies for command in MIX.commands(1000))
    found = MIX.expected(1000)
    assert (found.told, found.stored) == (1000, 1000 - reads)


def test_a_conflict_is_told_and_leaves_no_row() -> None:
    found = MANY_CONFLICTS.expected(1000)
    assert (found.told, found.stored) == (1000, 1000)
    assert 850 < found.rows["groups"] < 950


def test_a_transaction_is_one_command_and_five_events() -> None:
    found = TRANSACTIONS.expected(10)
    assert (found.told, found.stored, found.updates) == (50, 10, 20)
    assert found.rows["people"] == TRANSACTIONS.people(10) + 30
