"""The random commands cover the contract: a sample contains every action, operator, field and error."""

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import HypothesisWarning

from tests.property.messages import Sent
from tests.property.reference.model import Model
from tests.property.reference.schema import RESOURCES
from tests.property.reference.shape import REQUIRED
from tests.property.reference.value_types import EQUALITY, ORDER, TEXT
from tests.property.strategies.sequences import SEQUENCES

Json = Any
_CODES = {"malformed", "invalid", "unknown_resource", "unknown_action", "not_found", "multiple_found", "conflict"}
_CODES |= {"version_mismatch", "id_reused", "limit_exceeded", "timeout"}
_OPERATORS = EQUALITY | ORDER | TEXT | {"is_null", "and", "or", "not", "any", "none", "every"}


@pytest.fixture(scope="module")
def sample() -> list[list[Sent]]:
    sequences: list[list[Sent]] = []

    @settings(
        max_examples=700,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(messages=SEQUENCES)
    def draw(messages: list[Sent]) -> None:
        sequences.append(messages)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)  # of long commands
        draw()
    return sequences


@pytest.fixture(scope="module")
def commands(sample: list[list[Sent]]) -> list[dict[str, Json]]:
    """Return all commands, including those in transactions."""
    bodies = [message.body for messages in sample for message in messages if isinstance(message.body, dict)]
    inner = [command for body in bodies for command in body.get("commands") or () if isinstance(command, dict)]
    return [*bodies, *inner]


def _names(value: Json) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)


def test_every_action_is_drawn_on_every_resource(commands: list[dict[str, Json]]) -> None:
    drawn = {
        (command.get("action"), command.get("resource"))
        for command in commands
        if not isinstance(command.get("resource"), int)
    }
    alone = {"call", "transaction"}
    wanted = {(action, name) for action in REQUIRED.keys() - alone for name in RESOURCES}
    missing = sorted((wanted | {(action, None) for action in alone}) - drawn, key=str)
    assert not missing


def test_every_operator_is_drawn(commands: list[dict[str, Json]]) -> None:
    assert not _OPERATORS - {name for command in commands for name in _names(command.get("where"))}


@pytest.mark.parametrize("actions", [("create",), ("update", "upsert")])
def test_every_field_is_written(commands: list[dict[str, Json]], actions: tuple[str, ...]) -> None:
    drawn = {
        (command["resource"], name)
        for command in commands
        if command.get("action") in actions and isinstance(command.get("resource"), str)
        for name in _names(command.get("data"))
    }
    wanted = {
        (resource.name, name)
        for resource in RESOURCES.values()
        for name, field in resource.fields.items()
        if not field.read_only and not ("update" in actions and name in resource.key)
    }
    missing = sorted(wanted - drawn)
    assert not missing


def test_every_error_that_a_publisher_can_cause_occurs(sample: list[list[Sent]]) -> None:
    codes = set()
    for messages in sample:
        model = Model()
        outcomes = [model.apply(message, {}) for message in messages]
        codes |= {outcome.error.code for outcome in outcomes if outcome.error is not None}
    assert codes == _CODES
