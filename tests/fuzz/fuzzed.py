"""A process of the service that is fuzzed, on a database of its own."""

from pathlib import Path

from tests.acceptance.process import Service
from tests.fuzz.bugs import VARIABLE, Bug
from tests.fuzz.run import Report, Run
from tests.support import broker, databases

_PATIENCE = 90.0
"""Seconds: a command that waits in all retry queues takes 71."""


class _Fuzzed(Service):
    """The service as a child process, with a deliberate bug if one is selected."""

    module = "tests.fuzz.child"


async def fuzz(  # noqa: PLR0913 - what to fuzz, and how
    kind: str, directory: Path, messages: int, *, seed: int, bug: Bug | None = None, patience: float = _PATIENCE
) -> Report:
    """Publish random messages to a new process, and return the report.

    :param patience: how many seconds a batch of messages may take
    """
    async with databases.fresh(kind, directory) as url:
        with broker.fresh_prefix() as prefix:
            service = _Fuzzed(url, prefix, {VARIABLE: bug} if bug else {})
            service.migrate()
            service.start()
            try:
                return Run(service, seed, patience).execute(messages)
            finally:
                if service.is_running:
                    service.kill()
