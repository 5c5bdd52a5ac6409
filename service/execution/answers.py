"""From what an attempt came to, to the messages that tell it."""

from typing import Any

from service.contract import event, result
from service.contract.codec import same
from service.contract.command import ACTIONS
from service.contract.errors import CommandError, Malformed
from service.contract.message import Message
from service.execution.attempt import Attempt
from service.execution.change import Answer, Change, Declared
from service.execution.outcome import Settled, outcome
from service.resources.resource import Row


class Answers:
    """Writes results and events."""

    def __init__(self, source: str) -> None:
        """Take the `source` of all events."""
        self._source = source

    def body(self, attempt: Attempt, ending: Answer | CommandError) -> bytes:
        """Encode the result of an attempt."""
        if isinstance(ending, CommandError):
            return result.refused(attempt.subject, ending)
        return result.ok(attempt.subject, ending.data(), ending.beside)

    def messages(self, attempt: Attempt, ending: Answer | CommandError, body: bytes) -> list[Message]:
        """Give all that an attempt is told by: its result, if somebody waits for it, and its events."""
        return [*reply(attempt, body), *self._events(attempt, ending)]

    def settle(self, attempt: Attempt, error: CommandError) -> Settled:
        """End an attempt with an error that is not stored."""
        return Settled(attempt.delivery, outcome(error), self.messages(attempt, error, self.body(attempt, error)))

    def _events(self, attempt: Attempt, ending: Answer | CommandError) -> list[Message]:
        if attempt.subject.dry_run:
            return []
        if isinstance(ending, CommandError):
            return self._failure(attempt, ending)
        found = [self._fact(attempt, change, fact) for change in ending.changes if (fact := change.fact)]
        found += [self._declared(attempt, declared) for declared in ending.declared]
        return [Message.event(attempt.delivery, one) for one in found]

    def _failure(self, attempt: Attempt, error: CommandError) -> list[Message]:
        action = attempt.subject.action
        # A command without a resource is told of under its action.
        resource = attempt.subject.resource if action in ACTIONS else action
        if not attempt.is_write or resource is None or isinstance(error, Malformed):
            return []
        data = {"action": action, "error": error.summary_as_json()}
        told = event.failure(attempt.delivery, self._source, resource=resource, data=data)
        return [Message.event(attempt.delivery, told)]

    def _declared(self, attempt: Attempt, declared: Declared) -> event.Event:
        return event.declared(attempt.delivery, self._source, declared.type, declared.data)

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


def _fact_data(change: Change, version: int | None) -> dict[str, Any]:
    before, after = _shown(change, change.before, 0), _shown(change, change.after, 1)
    data: dict[str, Any] = {"key": change.resource.dump_key(change.key)}
    if version is not None:
        data["version"] = version
    if before is None or after is None:
        return {**data, "before": before, "after": after}
    changed = [name for name in after if not _is_same(before[name], after[name])]
    return {**data, "before": {name: before[name] for name in changed}, "after": after, "changed": changed}


def _is_same(before: object, after: object) -> bool:
    return before == after and (type(after) is str or same(before, after))


def _shown(change: Change, row: Row | None, side: int) -> dict[str, Any] | None:
    """Write a row with the links that were changed, those before or those after."""
    if row is None:
        return None
    shown = change.resource.dump(row)
    if change.resource.version is not None:
        # The version has a place of its own in an event.
        shown.pop(change.resource.version.name, None)
    return shown | {name: keys[side] for name, keys in change.links.items()}
