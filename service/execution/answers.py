"""From what an attempt came to, to the messages that tell it."""

from typing import Any

from service.contract import event, result
from service.contract.errors import CommandError, Malformed
from service.contract.message import Message
from service.execution.attempt import Attempt
from service.execution.change import Answer, Change
from service.execution.outcome import Settled, outcome
from service.resources.resource import Resource, Row


class Answers:
    """Writes results and events."""

    def __init__(self, source: str) -> None:
        """Take the `source` of all events."""
        self._source = source

    def body(self, attempt: Attempt, ending: Answer | CommandError) -> bytes:
        """Encode the result of an attempt."""
        if isinstance(ending, CommandError):
            return result.refused(attempt.subject, ending)
        return result.ok(attempt.subject, _data(ending))

    def messages(self, attempt: Attempt, ending: Answer | CommandError, body: bytes) -> list[Message]:
        """Give all that an attempt is told by: its result, if somebody waits for it, and its events."""
        return [*reply(attempt, body), *self._events(attempt, ending)]

    def settle(self, attempt: Attempt, error: CommandError) -> Settled:
        """End an attempt with an error that is not stored."""
        return Settled(attempt.delivery, outcome(error), self.messages(attempt, error, self.body(attempt, error)))

    def _events(self, attempt: Attempt, ending: Answer | CommandError) -> list[Message]:
        if isinstance(ending, CommandError):
            return self._failure(attempt, ending)
        found = [self._fact(attempt, change, fact) for change in ending.changes if (fact := change.fact)]
        return [Message.event(attempt.delivery.id, one) for one in found]

    def _failure(self, attempt: Attempt, error: CommandError) -> list[Message]:
        resource, action = attempt.subject.resource, attempt.subject.action
        if not attempt.is_write or resource is None or isinstance(error, Malformed):
            return []
        data = {"action": action, "error": error.summary_as_json()}
        told = event.failure(attempt.delivery, self._source, resource=resource, data=data)
        return [Message.event(attempt.delivery.id, told)]

    def _fact(self, attempt: Attempt, change: Change, fact: str) -> event.Event:
        resource = change.resource
        version = resource.version_of(change.row)
        return event.change(
            attempt.delivery,
            self._source,
            type=f"{resource.name}.{fact}",
            subject=event.subject_of(resource.name, tuple(resource.dump_key(change.key).values())),
            version=version,
            data=_fact_data(change, version),
        )


def reply(attempt: Attempt, body: bytes, *, replayed: bool = False) -> list[Message]:
    """Address a result to the one who waits for it, if anybody does."""
    delivery = attempt.delivery
    if not delivery.reply_to:
        return []
    return [
        Message(
            delivery.id,
            body.decode(),
            reply_to=delivery.reply_to,
            correlation_id=delivery.correlation,
            replayed=replayed,
        )
    ]


def _data(answer: Answer) -> Any:  # noqa: ANN401 - JSON is any value
    shown = [change.resource.dump(change.row) for change in answer.changes]
    return shown if answer.many else shown[0]


def _fact_data(change: Change, version: int | None) -> dict[str, Any]:
    resource = change.resource
    before = None if change.before is None else _shown(resource, change.before)
    after = None if change.after is None else _shown(resource, change.after)
    data: dict[str, Any] = {"key": resource.dump_key(change.key)}
    if version is not None:
        data["version"] = version
    if before is None or after is None:
        return {**data, "before": before, "after": after}
    changed = [name for name in after if after[name] != before[name]]
    return {**data, "before": {name: before[name] for name in changed}, "after": after, "changed": changed}


def _shown(resource: Resource, row: Row) -> dict[str, Any]:
    # The version has a place of its own in an event.
    shown = resource.dump(row)
    if resource.version is not None:
        shown.pop(resource.version.name, None)
    return shown
