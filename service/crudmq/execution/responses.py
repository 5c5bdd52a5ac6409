"""Creates the messages that report the result of a job: its reply and its events."""

from typing import Any

from crudmq.contract import event, result
from crudmq.contract.codec import same
from crudmq.contract.command import ACTIONS
from crudmq.contract.errors import CommandError, Malformed
from crudmq.contract.result import Message
from crudmq.execution.changes import Change, Result
from crudmq.execution.job import Job, Outcome, disposition
from crudmq.resources.resource import Row


class Responses:
    """Creates replies and events."""

    def __init__(self, source: str, max_bytes: int) -> None:
        """Set the `source` of all events, and the maximum size of a message."""
        self._source = source
        self.max_bytes = max_bytes

    def body(self, job: Job, outcome: Result | CommandError) -> bytes:
        """Encode the reply to a job."""
        if isinstance(outcome, CommandError):
            return result.refused(job.subject, outcome)
        return result.ok(job.subject, outcome.data(), outcome.extra)

    def outcome(self, job: Job, outcome: Result | CommandError, body: bytes | None = None) -> Outcome:
        """Return the outcome of a job.

        :param body: the encoded reply, if it is already known
        """
        encoded = self.body(job, outcome) if body is None else body
        error = outcome if isinstance(outcome, CommandError) else None
        return Outcome(job.delivery, disposition(error), [*reply(job, encoded), *self._events(job, outcome)])

    def _events(self, job: Job, outcome: Result | CommandError) -> list[Message]:
        if job.subject.dry_run:
            return []
        if isinstance(outcome, CommandError):
            return self._failure(job, outcome)
        events = [self._change(job, change, kind) for change in outcome.changes if (kind := change.event_kind)]
        events += [event.custom(job.delivery, self._source, each.type, each.data) for each in outcome.custom_events]
        return [Message.event(job.delivery, encoded) for encoded in events]

    def _failure(self, job: Job, error: CommandError) -> list[Message]:
        action = job.subject.action
        # The failure of a command without a resource is published under its action.
        resource = job.subject.resource if action in ACTIONS else action
        if not job.is_write or resource is None or isinstance(error, Malformed):
            return []
        data = {"action": action, "error": error.summary_as_json()}
        failed = event.failure(job.delivery, self._source, resource=resource, data=data)
        return [Message.event(job.delivery, failed)]

    def _change(self, job: Job, change: Change, kind: str) -> event.Event:
        resource = change.resource
        version = resource.version_of(change.row)
        return event.change(
            job.delivery,
            self._source,
            type=f"{resource.name}.{kind}",
            subject=event.subject_of(resource.name, tuple(resource.dump_key(change.key).values())),
            version=version,
            data=_change_data(change, version),
        )


def reply(job: Job, body: bytes, *, replayed: bool = False) -> list[Message]:
    """Address an encoded reply to the publisher, if it asked for one."""
    return [Message.reply(job.delivery, body, replayed=replayed)] if job.delivery.reply_to else []


def _change_data(change: Change, version: int | None) -> dict[str, Any]:
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
    """Return a row as JSON with the links that changed: those before for side 0, those after for side 1."""
    if row is None:
        return None
    shown = change.resource.dump(row)
    if change.resource.version is not None:
        # An event has the version in a separate field.
        shown.pop(change.resource.version.name, None)
    return shown | {name: keys[side] for name, keys in change.links.items()}
