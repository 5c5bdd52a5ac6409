"""The service with a deliberate bug: `python -m tests.fuzz.child run` is `python -m crudmq run` with it."""

import os

from crudmq.cli import main
from tests.fuzz import bugs

if __name__ == "__main__":
    bugs.install(os.environ.pop(bugs.VARIABLE, None))
    main()
