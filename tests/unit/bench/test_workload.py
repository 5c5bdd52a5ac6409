"""The commands that everybody is given."""

import itertools

from bench.workload import CREATES
from service.contract import codec
from service.contract.delivery import Delivery
from service.contract.limits import Limits
from service.examples.models import Person
from service.execution.intake import Intake
from service.resources.registry import load
from service.settings import EXAMPLE

LIMITS = Limits(max_bytes=2**20, max_page=1000)


def test_every_run_gets_the_same_commands() -> None:
    assert list(CREATES.commands(50)) == list(CREATES.commands(50))


def test_a_longer_run_begins_like_a_shorter_one() -> None:
    assert list(itertools.islice(CREATES.commands(50), 10)) == list(CREATES.commands(10))


def test_no_two_commands_have_the_same_id() -> None:
    assert len({command.id for command in CREATES.commands(1000)}) == 1000


def test_the_service_has_nothing_to_object_to() -> None:
    intake = Intake(load(EXAMPLE), LIMITS)
    for command in CREATES.commands(100):
        assert intake.take(Delivery(command.body, command.id)).error is None


def test_a_command_is_a_create_of_one_person() -> None:
    (command,) = CREATES.commands(1)
    body = codec.decode(command.body, max_bytes=1000)
    assert command.routing_key == f"{Person.__tablename__}.create"
    assert (body["resource"], body["action"]) == ("people", "create")
    assert set(body["data"]) == {"name", "age"}
