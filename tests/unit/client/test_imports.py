"""The client needs few packages."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
import crudmq.client
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.fixture(scope="module")
def imported() -> set[str]:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_client_is_imported(imported: set[str]) -> None:
    assert {"crudmq", "aio_pika"} <= imported


@pytest.mark.parametrize(
    "package",
    ["sqlalchemy", "alembic", "typer", "rich", "structlog", "aiohttp", "pydantic_settings", "uvloop", "asyncpg"],
)
def test_the_client_does_not_import_what_only_the_service_needs(imported: set[str], package: str) -> None:
    assert package not in imported


def import_error(missing: str) -> str:
    """Return the traceback of the import that a service's models begin with, where a module is not installed."""
    program = f"import sys; sys.modules[{missing!r}] = None; from crudmq import expose"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    return done.stderr


def test_what_only_the_service_has_says_which_extra_it_needs() -> None:
    *_, last = import_error("sqlalchemy").splitlines()
    assert last == 'ImportError: expose needs SQLAlchemy: run `pip install "crudmq[server]"`'


def test_another_missing_module_is_reported_as_it_is() -> None:
    *_, last = import_error("orjson").splitlines()
    assert last.startswith("ModuleNotFoundError: ")
    assert "server" not in last
