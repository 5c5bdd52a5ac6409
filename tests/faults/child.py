"""The service with a hand in it: `python -m tests.faults.child run` is `python -m service run` with failpoints.

What to do is read from `failpoints.VARIABLE`, and put in by wrapping the steps of the service from outside.
"""

import os
import signal
import threading
import time

from service.cli import main
from tests.faults import bugs, failpoints

_LOOK = 0.5


def _die_with(parent: int) -> None:
    """End when the one that started us is gone: a test that dies leaves nothing behind."""
    while os.getppid() == parent:
        time.sleep(_LOOK)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=_die_with, args=(os.getppid(),), daemon=True).start()
    asked = failpoints.read(os.environ)
    bugs.install(asked.bug)
    failpoints.install(asked)
    main()
