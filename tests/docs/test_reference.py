"""The tables say what the code says, and the links lead somewhere."""

import inspect
import json
from pathlib import Path

import pytest

from service.contract.command import ACTIONS, READS, WRITES, field_names
from service.contract.delivery import Delivery
from service.contract.errors import ERRORS
from service.contract.event import change
from service.execution.outcome import RETRY_DELAYS
from service.messaging.topology import Topology
from service.resources import expose
from service.settings import Settings, variable
from tests.docs.pages import PAGES, ROOT, anchors, code, links, read, table

YES = {"yes": True, "no": False}


def test_every_setting_is_documented_with_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    documented = {}
    for name, default, meaning in table(read("README.md"), "variable", "default", "meaning"):
        assert meaning
        documented[code(name)[0]] = code(default)[0]
    assert list(documented) == [variable(name) for name in Settings.model_fields]
    for name, default in documented.items():
        monkeypatch.setenv(name, default)
    found = Settings()
    assert found.model_dump() == {name: field.default for name, field in Settings.model_fields.items()}


def test_every_error_is_documented_as_it_is() -> None:
    rows = table(read("docs/contract.md"), "code", "when", "retryable", "stored", "dead letter")
    documented = {code(name)[0]: [YES[word] for word in words] for name, _, *words in rows}
    assert documented == {error.code: [error.retryable, error.stored, error.kept] for error in ERRORS}


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
    options = [name for name, found in inspect.signature(expose).parameters.items() if found.kind is found.KEYWORD_ONLY]
    assert [code(name)[0] for name, *_ in rows] == options
    actions = next(default for name, _, default in rows if name == "`actions`")
    assert code(actions) == list(ACTIONS)


def test_every_queue_and_exchange_is_documented() -> None:
    rows = table(read("docs/contract.md"), "what", "name", "kind")
    names = Topology("crudmq")
    documented = [name.replace("….", "crudmq.commands.retry.") for row in rows for name in code(row[1])]
    assert set(documented) == {
        names.commands,
        names.events,
        names.dead_letters,
        *(names.retry(delay) for delay in RETRY_DELAYS),
    }


def test_every_queue_and_exchange_of_partitions_is_documented() -> None:
    rows = table(read("docs/contract.md"), "with partitions", "name", "kind")
    documented = {name for row in rows for name in code(row[1])}
    names = Topology("crudmq", 2)
    assert documented == {names.by_key, names.partition(0), names.partition(0).replace(".0", ".<n-1>")}


def test_what_is_promised_is_shown_by_tests_and_faults_that_there_are() -> None:
    rows = table(read("README.md"), "promise", "how far it goes", "shown by")
    sources = "\n".join(one.read_text() for one in (ROOT / "tests").rglob("*.py"))
    for name in (name for row in rows for name in code(row[2]) if not name.startswith("make ")):
        known = f"def {name}(" if name.startswith("test_") else f'"{name}"'
        assert known in sources, name


def test_every_attribute_of_an_event_is_documented() -> None:
    rows = table(read("docs/contract.md"), "attribute", "meaning")
    documented = {name for row in rows for name in code(row[0])}
    cause = Delivery(b"", "id", user_id="guest", headers={"traceparent": "00", "tracestate": "a=b"})
    told = json.loads(change(cause, "/crudmq", type="a.created", subject="a/1", version=1, data={}).body)
    assert documented == told.keys() - {"specversion", "datacontenttype", "data"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings_that_there_are(page: Path) -> None:
    for link in links(page):
        if link.startswith("https://"):
            continue
        target, _, anchor = link.partition("#")
        found = (page.parent / target).resolve() if target else page
        assert found.exists(), link
        assert not anchor or anchor in anchors(found), link
