"""Versions of the service to compare: source trees of git revisions, and databases that they have migrated."""

import asyncio
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench import databases
from bench.competitor import Competitor
from bench.competitors import OURS
from bench.environment import inherited_variables
from bench.process import ProcessError
from bench.servers import Servers

ROOT = Path(__file__).parent.parent
_TIMEOUT = 120


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the service, and the migrated database that its runs copy."""

    competitor: Competitor
    template: str


@contextmanager
def checked_out(revision: str) -> Iterator[Path]:
    """Extract a revision of this repository to a temporary directory.

    :raises subprocess.CalledProcessError: there is no such revision
    """
    with tempfile.TemporaryDirectory(prefix="crudmq-base-") as directory:
        archive, tree = Path(directory) / "base.tar", Path(directory) / "base"
        command = ["git", "-C", str(ROOT), "archive", f"--output={archive}", "--end-of-options", revision]
        subprocess.run(command, check=True, capture_output=True, timeout=_TIMEOUT)
        with tarfile.open(archive) as tar:
            tar.extractall(tree, filter="data")
        yield tree


def competitor_of(tree: Path, name: str) -> Competitor:
    """Return the service of a source tree: package `crudmq` in `service`, or, in early revisions, package `service`."""
    is_early = not (tree / "service" / "crudmq").is_dir()
    module, source_root = ("service", tree) if is_early else ("crudmq", tree / "service")
    # Without the safe path, the current directory would come before that of the tree.
    settings = (("PYTHONPATH", str(source_root)), ("PYTHONSAFEPATH", "1"))
    return replace(OURS, name=name, argv=(sys.executable, "-m", module, "run"), settings=settings)


@asynccontextmanager
async def migrated(servers: Servers, competitor: Competitor) -> AsyncIterator[Version]:
    """Create a database that the version itself has migrated. This also compiles its modules."""
    async with databases.empty(servers) as template:
        variables = inherited_variables() | dict(competitor.settings)
        variables["CRUDMQ_DATABASE_URL"] = servers.database(template)
        command = (*competitor.argv[:-1], "migrate")
        process = await asyncio.create_subprocess_exec(
            *command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), _TIMEOUT)
        except TimeoutError:
            raise ProcessError(f"{competitor.name}: migrate timed out") from None
        finally:
            if process.returncode is None:
                process.kill()
        if process.returncode:
            raise ProcessError(f"{competitor.name}: migrate failed: {output.decode(errors='replace')}")
        yield Version(competitor, template)
