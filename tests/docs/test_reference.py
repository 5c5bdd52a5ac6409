"""The tables of the pages agree with the code."""

import inspect
import json

import pytest

from crudmq import expose
from crudmq.contract.command import ACTIONS, READS, WRITES, field_names
from crudmq.contract.delivery import Delivery
from crudmq.contract.errors import ERRORS
from crudmq.contract.event import change
from crudmq.execution.job import RETRY_DELAYS
from crudmq.messaging.topology import Topology
from crudmq.settings import Settings, variable
from tests.docs.markdown import ROOT, code, read, table

YES = {"yes": True, "no": False}


def test_every_setting_is_documented_with_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    documented = {}
    for name, default, meaning in table(read("README.md"), "variable", "default", "meaning"):
        assert meaning
        documented[code(name)[0]] = code(default)[0]
    assert list(documented) == [variable(name) for name in Settings.model_fields]
    for name, default in documented.items():
        monkeypatch.setenv(name, default)
    settings = Settings()
    assert settings.model_dump() == {name: field.default for name, field in Settings.model_fields.items()}


def test_every_error_is_documented_as_it_is() -> None:
    rows = table(read("docs/contract.md"), "code", "cause", "retryable", "recorded", "dead letter")
    documented = {code(name)[0]: [YES[cell] for cell in cells] for name, _, *cells in rows}
    assert documented == {error.code: [error.retryable, error.is_recorded, error.dead_lettered] for error in ERRORS}


def test_every_action_is_documented_with_its_fields() -> None:
    rows = table(
        read("docs/contract.md"), "action", "fields besides `resource` and `action`", "`data` of the result", "events"
    )
    documented = {
        action.partition("]")[0].strip("["): (frozenset(code(fields)) - {"resource"}, events != "none")
        for action, fields, _, events in rows
    }
    assert documented == {
        action: (field_names(action) - {"resource", "action"}, action in WRITES) for action in (*READS, *WRITES)
    }


def test_every_option_of_expose_is_documented() -> None:
    rows = table(read("README.md"), "option", "meaning", "default")
    parameters = inspect.signature(expose).parameters.items()
    options = [name for name, parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
    assert [code(name)[0] for name, *_ in rows] == options
    actions = next(default for name, _, default in rows if name == "`actions`")
    assert code(actions) == list(ACTIONS)


def test_every_queue_and_exchange_is_documented() -> None:
    rows = table(read("docs/contract.md"), "purpose", "name", "type")
    names = Topology("crudmq")
    documented = [name.replace("….", "crudmq.commands.retry.") for row in rows for name in code(row[1])]
    assert set(documented) == {
        names.commands,
        names.events,
        names.dead_letters,
        *(names.retry(delay) for delay in RETRY_DELAYS),
    }


def test_every_queue_and_exchange_of_partitions_is_documented() -> None:
    rows = table(read("docs/contract.md"), "with partitions", "name", "type")
    documented = {name for row in rows for name in code(row[1])}
    names = Topology("crudmq", 2)
    assert documented == {names.by_key, names.partition(0), names.partition(0).replace(".0", ".<n-1>")}


def test_every_guarantee_is_verified_by_an_existing_test_or_fault() -> None:
    rows = table(read("README.md"), "guarantee", "scope", "verified by")
    sources = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    for name in (name for row in rows for name in code(row[2]) if not name.startswith("make ")):
        known = f"def {name}(" if name.startswith("test_") else f'"{name}"'
        assert known in sources, name


def test_every_attribute_of_an_event_is_documented() -> None:
    rows = table(read("docs/contract.md"), "attribute", "meaning")
    documented = {name for row in rows for name in code(row[0])}
    cause = Delivery(b"", "id", user_id="guest", headers={"traceparent": "00", "tracestate": "a=b"})
    event = json.loads(change(cause, "/crudmq", type="a.created", subject="a/1", version=1, data={}).body)
    assert documented == event.keys() - {"specversion", "datacontenttype", "data"}
