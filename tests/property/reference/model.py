"""The model: the results and events that the contract requires, one message at a time."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.property.messages import Sent
from tests.property.reference import calls, change, create, reads
from tests.property.reference.faults import ANYWHERE, Json, RefusedError
from tests.property.reference.reads import Reads
from tests.property.reference.schema import RESOURCES, Resource
from tests.property.reference.shape import READS, REQUIRED, WRITES, check_shape
from tests.property.reference.state import State
from tests.property.reference.transaction import transaction
from tests.property.reference.work import Event, Work

Keys = dict[str, Iterator[int]]
_UNRECORDED = frozenset({"malformed", "timeout"})


@dataclass
class Expected:
    """The result and the events that a message must have."""

    result: dict[str, Any]
    events: list[Event] = field(default_factory=list)
    error: RefusedError | None = None
    replayed: bool = False


@dataclass
class Model:
    """A service in memory."""

    state: State = field(default_factory=State)
    inbox: dict[str, tuple[Json, Expected]] = field(default_factory=dict)
    pages: Reads = field(default_factory=Reads)

    def apply(self, sent: Sent, generated: Mapping[str, Iterable[int]]) -> Expected:
        """Apply a message and return its result and events.

        :param generated: the keys that the service generated for new rows, by resource
        """
        head: dict[str, Any] = {"id": sent.id}
        command: dict[str, Any] = {}
        try:
            command = sent.command()
            head |= {name: command[name] for name in ("resource", "action") if isinstance(command.get(name), str)}
            _check_message(sent, command)
            if sent.id in self.inbox:
                return self._repeat(head, sent, command)
            expected = self._run(head, sent, command, {name: iter(keys) for name, keys in generated.items()})
        except RefusedError as error:
            expected = _refused(head, command, error)
        if command.get("dry_run") is True:
            expected.events = []
            expected.result["dry_run"] = True
        elif not _reads(command) and (expected.error is None or expected.error.code not in _UNRECORDED):
            assert sent.id is not None
            self.inbox[sent.id] = (sent.identity, expected)
        return expected

    def _repeat(self, head: dict[str, Any], sent: Sent, command: dict[str, Any]) -> Expected:
        assert sent.id is not None
        identity, expected = self.inbox[sent.id]
        if identity == sent.identity:
            return Expected(expected.result, [], expected.error, replayed=True)
        again = _refused(head, command, RefusedError("id_reused"))
        if command.get("dry_run") is True:
            again.events = []
            again.result["dry_run"] = True
        return again

    def _run(self, head: dict[str, Any], sent: Sent, command: dict[str, Any], keys: Keys) -> Expected:
        if sent.is_late:
            raise RefusedError("timeout")
        work = Work(self.state.copy(), keys)
        result = run(work, command, self.pages, head["id"])
        if not command.get("dry_run"):
            self.state = work.state
        return Expected({**head, "status": "ok", **result}, work.events)


def _check_message(sent: Sent, command: dict[str, Any]) -> None:
    action = command.get("action")
    if not isinstance(action, str) or (action in READS and not sent.is_answered):
        raise RefusedError("malformed")


def run(work: Work, command: dict[str, Any], pages: Reads, id_: str) -> dict[str, Any]:
    """Run a command, and return the fields of its result."""
    action = command["action"]
    name = command.get("resource")
    if isinstance(name, str) and name not in RESOURCES:
        raise RefusedError("unknown_resource", (ANYWHERE,))
    if action not in REQUIRED:
        raise RefusedError("unknown_action", (ANYWHERE,))
    check_shape(command)
    if action == "transaction":
        return transaction(work, command["commands"], lambda inner, command_: run(inner, command_, Reads(), id_))
    if action == "call":
        return calls.call(work, command)
    resource = RESOURCES[command["resource"]]
    if action == "list":
        return pages.page(work.state, resource, command, id_)
    if action in READS:
        return {"get": reads.get, "count": reads.count}[action](work.state, resource, command)
    return _returned(resource, command, _WRITES[action](work, resource, command))


def _reads(command: dict[str, Any]) -> bool:
    return command.get("action") in READS or (command.get("action") == "call" and calls.reads(command))


_WRITES = {"create": create.create, "upsert": create.upsert, "update": change.update, "delete": change.delete}


def _returned(resource: Resource, command: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    wanted, data = command.get("return", "row"), result["data"]
    if wanted == "none":
        return {**result, "data": None}
    if wanted == "key":
        keys = [{name: row[name] for name in resource.key} for row in (data if isinstance(data, list) else [data])]
        return {**result, "data": keys if isinstance(data, list) else keys[0]}
    return result


def _refused(head: dict[str, Any], command: dict[str, Any], error: RefusedError) -> Expected:
    expected = Expected({**head, "status": "error"}, [], error)
    action, name = head.get("action"), head.get("resource")
    if error.code != "malformed" and action in WRITES and not _reads(command):
        subject = action if action in ("transaction", "call") else name
        if subject is not None:
            data = {"action": action, "error": error.code}
            expected.events = [{"type": f"{subject}.failed", "data": data}]
    return expected
