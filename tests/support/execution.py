"""The execution part of a service process, without a broker."""

from dataclasses import dataclass
from typing import Self

from crudmq.execution.executor import Executor
from crudmq.execution.publication import Publication
from crudmq.execution.responses import Responses
from crudmq.storage.database import Database
from crudmq.storage.retry import CheckSchema, OutageGate


@dataclass(frozen=True)
class Execution:
    """What runs jobs on a database, as `crudmq.app.compose` puts it together."""

    gate: OutageGate
    publication: Publication
    executor: Executor

    @classmethod
    def on(cls, database: Database, check_schema: CheckSchema | None = None, max_result_bytes: int = 2**23) -> Self:
        gate = OutageGate(check_schema)
        publication = Publication(database, gate)
        return cls(gate, publication, Executor(database, gate, publication, Responses("/test", max_result_bytes)))
