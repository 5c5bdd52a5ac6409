"""References to earlier results."""

from typing import Any

import pytest

from service.contract.errors import Invalid, LimitExceeded
from service.execution.actions.references import references, resolved

NAMED: dict[str, Any] = {"tom": {"id": 7, "emails": [{"address": "a"}, {"address": "b"}]}}


def test_each_is_replaced_by_the_value_that_it_names() -> None:
    message = {"key": {"$ref": "tom.id"}, "data": [{"address": {"$ref": "tom.emails.1.address"}}, {"$ref": "tom"}]}
    assert resolved(message, NAMED, 1000) == {"key": 7, "data": [{"address": "b"}, NAMED["tom"]]}
    assert [path for path, _ in references(message)] == ["key", "data.0.address", "data.1"]


@pytest.mark.parametrize("reference", ["tom.name", "tom.emails.2", "tom.emails.x", "tom.id.x", "tom."])
def test_one_that_leads_nowhere_is_invalid(reference: str) -> None:
    with pytest.raises(Invalid) as told:
        resolved({"key": {"$ref": reference}}, NAMED, 1000)
    assert [detail.path for detail in told.value.details] == ["key"]


def test_they_cannot_bring_more_than_a_message_may_have() -> None:
    named = {"long": "x" * 98}
    assert resolved({"data": [{"$ref": "long"}] * 3}, named, 300)["data"] == ["x" * 98] * 3
    with pytest.raises(LimitExceeded):
        resolved({"data": [{"$ref": "long"}] * 4}, named, 300)


def test_they_cannot_nest_deeper_than_a_message_may() -> None:
    deep: Any = 1
    for _ in range(31):
        deep = [deep]
    resolved({"data": {"$ref": "deep"}}, {"deep": deep}, 1000)
    with pytest.raises(LimitExceeded):
        resolved({"data": [{"$ref": "deep"}]}, {"deep": deep}, 1000)
