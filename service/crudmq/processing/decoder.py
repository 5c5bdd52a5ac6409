"""Decodes deliveries into jobs, with all checks that need no database."""

from dataclasses import replace
from typing import Any

import structlog

from crudmq.contract import codec
from crudmq.contract.command import READS, Limits
from crudmq.contract.delivery import Delivery
from crudmq.contract.errors import CommandError, Internal, Malformed, shorten
from crudmq.contract.result import Subject
from crudmq.execution.job import Job
from crudmq.execution.planner import Planner
from crudmq.execution.query.order import Cursors
from crudmq.messaging.topology import ReplyQueues, Topology
from crudmq.resources.registry import Registry
from crudmq.storage.tables import DEFAULT_PREFIX

log = structlog.get_logger(__name__)


class Decoder:
    """Decodes and checks commands."""

    def __init__(
        self, resources: Registry, limits: Limits, *, cursors: Cursors | None = None, replies: ReplyQueues | None = None
    ) -> None:
        """Set the exposed resources, the limits, what reads and writes cursors, and the queues allowed for results."""
        self._planner = Planner(resources, limits, cursors or Cursors())
        self._replies = replies or ReplyQueues(Topology(DEFAULT_PREFIX))
        self._limits = limits

    def decode(self, delivery: Delivery) -> Job:
        """Return the job of a delivery. An invalid command becomes the job's `error`; nothing is raised."""
        try:
            return self._decode(delivery)
        except Exception:
            # A bug, or an error of the operator's own types: it concerns this command alone.
            log.exception("command failed with an internal error", message_id=delivery.message_id)
            return Job(delivery, Subject(delivery.message_id), error=Internal())

    def _decode(self, delivery: Delivery) -> Job:
        if delivery.reply_to and not self._replies.allow(delivery.reply_to):
            error = Malformed("reply_to names a queue that may not receive results")
            return Job(replace(delivery, reply_to=None), Subject(delivery.message_id), error=error)
        subject, is_read_only_call = Subject(delivery.message_id), False
        try:
            delivery.check_properties()
            message = codec.decode(delivery.body, max_bytes=self._limits.max_bytes)
            subject = _subject(delivery, message)
            is_read_only_call = self._planner.is_read_only_call(message)
            if not delivery.reply_to and (subject.action in READS or is_read_only_call):
                raise Malformed("a read requires reply_to")
            delivery.check_deadline()
            plan = self._planner.plan(message)
        except CommandError as error:
            return Job(delivery, subject, error=error, is_read_only_call=is_read_only_call)
        return Job(delivery, subject, plan, is_read_only_call=is_read_only_call)


def _subject(delivery: Delivery, message: dict[str, Any]) -> Subject:
    resource, action = message.get("resource"), message.get("action")
    return Subject(
        delivery.message_id,
        shorten(resource) if isinstance(resource, str) else None,
        shorten(action) if isinstance(action, str) else None,
        dry_run=message.get("dry_run") is True,
    )
