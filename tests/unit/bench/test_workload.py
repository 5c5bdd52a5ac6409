"""The workloads, and the state that they lead to."""

import itertools

import pytest

from bench.workload import Workload
from bench.workloads import ALL, ANSWERED, CREATES, MANY_CONFLICTS, MIX, TRANSACTIONS, UPDATES
from crudmq.contract.command import Limits
from crudmq.contract.delivery import Delivery
from crudmq.processing.decoder import Decoder
from crudmq.resources.registry import load
from crudmq.settings import EXAMPLE

LIMITS = Limits(max_bytes=2**20, max_page=1000)
each = pytest.mark.parametrize("workload", [*ALL, ANSWERED], ids=lambda workload: workload.name)


@each
def test_commands_are_the_same_in_every_run(workload: Workload) -> None:
    assert list(workload.commands(50)) == list(workload.commands(50))


@each
def test_a_longer_run_starts_like_a_shorter_one(workload: Workload) -> None:
    assert list(itertools.islice(workload.commands(50), 10)) == list(workload.commands(10))


@each
def test_every_command_has_an_id_of_its_own(workload: Workload) -> None:
    assert len({command.id for command in workload.commands(1000)}) == 1000


@each
def test_the_service_accepts_every_command(workload: Workload) -> None:
    decoder = Decoder(load(EXAMPLE), LIMITS)
    for command in workload.commands(100):
        delivery = Delivery(command.body, command.id, reply_to="replies" if command.replies else None)
        assert decoder.decode(delivery).error is None


def test_a_create_results_in_a_row_and_an_event() -> None:
    expected = CREATES.expected(10)
    assert (expected.rows, expected.messages, expected.inbox_rows, expected.updates) == (
        {"people": 10, "groups": 0},
        10,
        10,
        0,
    )


def test_an_update_changes_no_number_of_rows() -> None:
    expected = UPDATES.expected(10)
    assert (expected.rows["people"], expected.messages, expected.updates) == (UPDATES.people(10), 10, 10)


def test_a_read_has_a_reply_and_no_inbox_row() -> None:
    reads = sum(command.replies for command in MIX.commands(1000))
    expected = MIX.expected(1000)
    assert (expected.messages, expected.inbox_rows) == (1000, 1000 - reads)


def test_a_conflict_results_in_an_event_and_no_row() -> None:
    expected = MANY_CONFLICTS.expected(1000)
    assert (expected.messages, expected.inbox_rows) == (1000, 1000)
    assert 850 < expected.rows["groups"] < 950


def test_a_transaction_is_one_command_with_five_events() -> None:
    expected = TRANSACTIONS.expected(10)
    assert (expected.messages, expected.inbox_rows, expected.updates) == (50, 10, 20)
    assert expected.rows["people"] == TRANSACTIONS.people(10) + 30
