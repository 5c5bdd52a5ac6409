"""Two versions of the service at once, as in a rolling update: this one, and one before.

The one before is that before the last change of the service, or before the last migration: old code on a new schema.
"""

import subprocess
import sys
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from tests.acceptance.process import ROOT
from tests.faults.evidence import Expected
from tests.faults.fault import Fault, Run
from tests.faults.fixtures.requirements import find
from tests.faults.replica import Replica

_SOURCES = ("service", "migrations")
_REVISIONS = "migrations/service"
_LIMIT = 300


class Older(Replica):
    """The version before, which injects nothing into itself."""

    def __init__(self, run: Run, root: Path) -> None:
        super().__init__(run.routed_database_url, run.prefix, run.settings)
        self.root = root
        # Until `service` became the source root, it was the package itself.
        has_source_root = (root / "service" / "crudmq").is_dir()
        self.module = "crudmq" if has_source_root else "service"
        self.environ["PYTHONPATH"] = str(root / "service" if has_source_root else root)

    def migrate(self, *options: str) -> None:
        """Create the tables as this version has them."""
        subprocess.run(
            [sys.executable, "-m", self.module, "migrate", *options],
            cwd=self.root,
            env=self.environ,
            capture_output=True,
            check=True,
            timeout=_LIMIT,
        )

    @property
    def is_older(self) -> bool:
        """Whether the process runs from the extracted sources."""
        process = psutil.Process(self.pid)
        return Path(process.cwd()) == self.root and process.environ()["PYTHONPATH"].startswith(str(self.root))


def _created_by(find_commit: Callable[[], str]) -> Callable[[Run], None]:
    """Return a preparation: the older version creates the tables, and may be started."""

    def prepare(run: Run) -> None:
        root = Path(run.stack.enter_context(TemporaryDirectory())).resolve()
        commit = find_commit()
        _extract(commit, root)
        older = Older(run, root)
        older.migrate()
        run.add_stopped(older)
        run.notes.append(f"the older version is {commit[:12]}, started as `python -m {older.module}`")

    return prepare


def _side_by_side(run: Run) -> None:
    """Run both versions at once, then each alone, and leave the newer one running."""
    older, newer = run.replicas
    assert isinstance(older, Older)
    older.start()
    run.wait_answered(100)
    run.prove("both versions run", holds=older.is_older and older.is_running and newer.is_running)
    newer.terminate()
    run.wait_answered(100)
    run.prove("the older version served alone", holds=older.is_running and not newer.is_running)
    older.terminate()
    older.start()
    newer.start()
    run.wait_answered(100)
    older.terminate()
    run.end_fault()


def _before_last_change() -> str:
    """Return the commit before the last change of the sources; HEAD if that is not committed."""
    if _git("status", "--porcelain", "--", *_SOURCES):
        return _git("rev-parse", "HEAD")
    return _git("log", "-2", "--format=%H", "--", *_SOURCES).split()[-1]


def _before_last_migration() -> str:
    """Return the newest commit that lacks the last revision of the service's tables."""
    revisions = _revisions("HEAD")
    commits = (f"{commit}^" for commit in _git("log", "--format=%H", "--", _REVISIONS).split())
    return _git("rev-parse", next(commit for commit in commits if _revisions(commit) < revisions))


def _revisions(commit: str) -> int:
    return len(_git("ls-tree", "-r", "--name-only", commit, "--", _REVISIONS).splitlines())


def _extract(commit: str, root: Path) -> None:
    """Extract the sources of a commit."""
    archive = _run_git("archive", commit, *_SOURCES, "pyproject.toml")
    with tarfile.open(fileobj=BytesIO(archive)) as sources:
        sources.extractall(root, filter="data")


def _git(*arguments: str) -> str:
    return _run_git(*arguments).decode().strip()


def _run_git(*arguments: str) -> bytes:
    completed = subprocess.run([find("git"), *arguments], cwd=ROOT, capture_output=True, check=True, timeout=_LIMIT)
    return completed.stdout


FAULTS = [
    Fault(name, _side_by_side, prepare=_created_by(find_commit), expected=Expected(has_order=False))
    for name, find_commit in {
        "two versions at once": _before_last_change,
        "two versions at once, a migration between": _before_last_migration,
    }.items()
]
