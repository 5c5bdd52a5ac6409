"""The service with injected faults: `python -m tests.faults.child run` is `python -m crudmq run` with an injection."""

import os
import signal
import threading
import time

import crudmq.app  # noqa: F401 - everything that runs is imported before anything is injected
from crudmq.cli import main
from tests.faults import bugs, clock, failpoints, injection

_POLL_SECONDS = 0.5


def _die_with(parent: int) -> None:
    """Kill this process when its parent is gone, so that an aborted test leaves nothing behind."""
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=_die_with, args=(os.getppid(),), daemon=True).start()
    injected = injection.read(os.environ)
    bugs.install(injected.bug)
    failpoints.install(injected)
    if injected.clock_shift:
        clock.shift(injected.clock_shift)
    main()
