"""Two versions of the service at once, as in an update: this one, and the one before the last change."""

import subprocess
import tarfile
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.acceptance.process import ROOT
from tests.faults.evidence import Expected
from tests.faults.fault import Fault, Run
from tests.faults.replica import Replica
from tests.faults.rig.program import find

_PARTS = ("service", "migrations", "pyproject.toml")
_SECONDS = 60


class Older(Replica):
    """The version before, without a hand in it."""

    module = "service"

    def __init__(self, run: Run, root: Path) -> None:
        super().__init__(run.seen_database_url, run.prefix, run.settings)
        self.root = root


def _migrated_before(run: Run) -> None:
    """Have the version before make the tables, and be there to be started."""
    root = Path(run.stack.enter_context(TemporaryDirectory()))
    _extract(root)
    older = Older(run, root)
    older.migrate()
    run.add_stopped(older)


def _side_by_side(run: Run) -> None:
    """Put the older one beside the newer one, let each be alone for a while, and leave the newer one."""
    older, newer = run.replicas
    older.start()
    run.answered(100)
    newer.terminate()
    run.answered(100)
    older.terminate()
    older.start()
    newer.start()
    run.answered(100)
    older.terminate()
    run.over()


def _extract(root: Path) -> None:
    commit = _git("log", "-2", "--format=%H", "--", *_PARTS[:2]).decode().split()[-1]
    with tarfile.open(fileobj=BytesIO(_git("archive", commit, *_PARTS))) as archive:
        archive.extractall(root, filter="data")


def _git(*words: str) -> bytes:
    done = subprocess.run([find("git"), *words], cwd=ROOT, capture_output=True, check=True, timeout=_SECONDS)
    return done.stdout


FAULTS = [
    Fault(
        "two versions at once",
        _side_by_side,
        prepare=_migrated_before,
        expected=Expected(has_order=False),
    )
]
