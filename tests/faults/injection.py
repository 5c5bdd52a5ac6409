"""What a child process injects into itself; passed to it in an environment variable."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from crudmq.failpoints import Failpoint

VARIABLE = "CRUDMQ_TEST_INJECTION"


@dataclass(frozen=True)
class Injection:
    """Faults of one process, and parameters that make their consequences show within a test."""

    kill_at: Failpoint | None = None
    """The failpoint at which the process kills itself."""
    pause_at: Failpoint | None = None
    """The failpoint at which the process stops itself with SIGSTOP; `kill_at` then counts from its continuation."""
    call: int = 5
    """How many times the failpoint is reached before that."""
    poison: str | None = None
    """The body of a command that kills the process that decodes it."""
    lease: int = 3
    """Seconds for which an outbox row is leased."""
    maintenance_interval: float = 1
    stable_rounds: int = 5
    pool_size: int | None = None
    clock_shift: float = 0
    """Seconds by which the process's clock is wrong."""
    bug: str | None = None
    """A deliberate bug; see `bugs.Bug`."""


def reached(failpoint: Failpoint) -> str:
    """Return the line that the process writes to stderr when it injects a fault at a failpoint."""
    return f"failpoint reached: {failpoint}"


def environment(injection: Injection) -> dict[str, str]:
    """Return the variable that passes an injection to a child process."""
    return {VARIABLE: json.dumps(asdict(injection))}


def read(environ: Mapping[str, str]) -> Injection:
    """Return the injection that this process was started with."""
    values = json.loads(environ.get(VARIABLE, "{}"))
    for name in ("kill_at", "pause_at"):
        if values.get(name) is not None:
            values[name] = Failpoint(values[name])
    return Injection(**values)
