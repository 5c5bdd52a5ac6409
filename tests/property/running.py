"""Run messages through the executor of the service, without a broker."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol, Self

from crudmq.contract.command import Limits
from crudmq.contract.delivery import Delivery
from crudmq.execution.job import Batch, Job
from crudmq.processing.decoder import Decoder
from crudmq.resources import Registry
from crudmq.storage.database import Database
from crudmq.storage.tables import metadata as service_tables
from tests.property import models, tables
from tests.property.messages import Sent
from tests.property.reference import limits
from tests.property.tables import TableRows
from tests.support.execution import Execution

_REFERENCE = limits.LIMITS
LIMITS = Limits(
    max_page=_REFERENCE.page,
    max_include_depth=_REFERENCE.include_depth,
    max_where_depth=_REFERENCE.where_depth,
    max_conditions=_REFERENCE.conditions,
    max_in=_REFERENCE.values,
    max_commands=_REFERENCE.commands,
    max_rows=_REFERENCE.rows,
)


@dataclass
class Outcome:
    """The result and the events of one message."""

    result: dict[str, Any] | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    replayed: bool = False


class Runner(Protocol):
    """Runs messages and returns the outcome of each."""

    async def run(self, messages: Sequence[Sent]) -> list[Outcome]:
        """Run messages that arrive together."""

    async def rows(self) -> TableRows:
        """Return all rows of each table in the order of their keys, hidden fields too, as the model holds them."""

    async def clear(self) -> None:
        """Delete everything."""


@dataclass
class Bench:
    """Runs messages as the worker does, without a broker."""

    database: Database
    decoder: Decoder
    execution: Execution

    @classmethod
    async def open(cls, url: str, registry: Registry) -> Self:
        database = Database.open(url, statement_timeout=timedelta(seconds=20), connections=3)
        async with database.writing_engine.begin() as connection:
            await connection.run_sync(service_tables.create_all)
            await connection.run_sync(models.prepare)
            await connection.run_sync(tables.relax)
        # Settings of the database apply to new connections only.
        await database.engine.dispose()
        return cls(database, Decoder(registry, LIMITS), Execution.on(database))

    async def close(self) -> None:
        await self.database.close()

    async def run(self, messages: Sequence[Sent]) -> list[Outcome]:
        jobs = [self.job(message) for message in messages]
        outcomes = {id(job.delivery): Outcome() for job in jobs}
        # A command sees the earlier ones of its group; a query must not see later ones.
        group: list[Job] = []
        for job in jobs:
            if not job.is_deferred_read:
                group.append(job)
                continue
            await self._execute(group, outcomes)
            self._note(await self.execution.executor.read(job), outcomes)
            group = []
        await self._execute(group, outcomes)
        return [outcomes[id(job.delivery)] for job in jobs]

    def job(self, message: Sent) -> Job:
        body = message.body if isinstance(message.body, bytes) else json.dumps(message.body).encode()
        rest: dict[str, Any] = {"reply_to": "replies", **message.properties}
        return self.decoder.decode(Delivery(body, message_id=message.id, **rest))

    async def _execute(self, group: list[Job], outcomes: dict[int, Outcome]) -> None:
        if group:
            async for batch in self.execution.executor.execute(group):
                self._note(batch, outcomes)

    def _note(self, batch: Batch, outcomes: dict[int, Outcome]) -> None:
        assert not batch.unpublished, "all is published"
        for job_outcome in batch.outcomes:
            outcome = outcomes[id(job_outcome.delivery)]
            for message in job_outcome.messages:
                if message.reply_to:
                    outcome.result, outcome.replayed = json.loads(message.body), message.replayed
                else:
                    outcome.events.append(json.loads(message.body))
        self.execution.publication.confirm(batch.outbox_keys())

    async def rows(self) -> TableRows:
        return await tables.rows(self.database)

    async def clear(self) -> None:
        await tables.clear(self.database)
        self.execution = Execution.on(self.database)
