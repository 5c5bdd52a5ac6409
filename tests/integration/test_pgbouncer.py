"""A real PgBouncer between crudmq and PostgreSQL: it works, or it is refused with the reason."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from crudmq.storage.database import Database
from crudmq.storage.dialects.base import Timeouts
from crudmq.storage.dialects.postgresql import PostgreSQL
from crudmq.storage.errors import UnsupportedServer
from dev import probe
from dev.shell import HOST, free_port, is_root, run
from tests.faults.fixtures.program import Program
from tests.support.waiting import GENEROUS

TIMEOUT = timedelta(seconds=20)
IGNORED = ",".join(PostgreSQL().engine_options(Timeouts(TIMEOUT))["connect_args"]["server_settings"])
CONFIGURED = f"ALTER DATABASE {{database}} SET statement_timeout = {TIMEOUT.seconds * 1000}"
IDLE = "ALTER DATABASE {database} SET idle_in_transaction_session_timeout = '10s'"
Start = Callable[..., str]

pytestmark = [
    pytest.mark.skipif(shutil.which("pgbouncer") is None, reason="PgBouncer is not installed"),
    pytest.mark.parametrize("database_kind", ["postgresql"]),
]


def keeps_prepared_statements() -> bool:
    """Whether this version can keep the prepared statements of its clients."""
    version = run("pgbouncer", "--version", timeout=GENEROUS).split()[1]
    return [int(number) for number in version.split(".")] >= [1, 21]


@pytest.fixture
def pgbouncer(database_url: str, tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts PgBouncer in front of the database and returns its URL."""
    server = make_url(database_url)
    with ExitStack() as stack:

        def start(mode: str, ignored: str, *, prepared_statements: int = 0) -> str:
            port = free_port()
            target = f"host={server.host} port={server.port or 5432} user={server.username}"
            configuration = tmp_path / "pgbouncer.ini"
            configuration.write_text(
                f"[databases]\n* = {target}{f' password={server.password}' if server.password else ''}\n"
                f"[pgbouncer]\nlisten_addr = {HOST}\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
                f"pool_mode = {mode}\nignore_startup_parameters = extra_float_digits,{ignored}\n"
            )
            if keeps_prepared_statements():
                with configuration.open("a") as file:
                    file.write(f"max_prepared_statements = {prepared_statements}\n")
            user = "nobody" if is_root() else None
            for path in (configuration, *list(configuration.parents)[:4]):
                path.chmod(0o755)  # another user runs it
            program = Program(["pgbouncer", str(configuration)], log=tmp_path / "pgbouncer.log", user=user)
            stack.callback(program.stop)
            program.start(lambda: probe.postgres(port))
            return server.set(host=HOST, port=port).render_as_string(hide_password=False)

        yield start


async def configure(database_url: str, *statements: str) -> None:
    database = Database.open(database_url, statement_timeout=TIMEOUT)
    async with database.engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement.format(database=f'"{database.engine.url.database}"')))
    await database.close()


async def check(url: str) -> None:
    database = Database.open(url, statement_timeout=TIMEOUT)
    try:
        await database.check()
    finally:
        await database.close()


async def test_without_a_pooler_nothing_is_refused(database_url: str) -> None:
    await check(database_url)


async def test_a_session_pool_with_the_settings_of_the_role_works(database_url: str, pgbouncer: Start) -> None:
    await configure(database_url, CONFIGURED, IDLE)
    await check(pgbouncer("session", IGNORED))


async def test_a_pooler_that_rejects_the_settings_is_refused(pgbouncer: Start) -> None:
    with pytest.raises(UnsupportedServer, match="add it to ignore_startup_parameters"):
        await check(pgbouncer("transaction", "application_name"))


async def test_a_pooler_that_drops_the_settings_is_refused(pgbouncer: Start) -> None:
    with pytest.raises(UnsupportedServer, match="statement_timeout is 0 ms instead of 20000 ms"):
        await check(pgbouncer("session", IGNORED))


async def test_a_pooler_of_transactions_that_drops_prepared_statements_is_refused(
    database_url: str, pgbouncer: Start
) -> None:
    await configure(database_url, CONFIGURED, IDLE)
    with pytest.raises(UnsupportedServer, match="does not keep prepared statements"):
        await check(pgbouncer("transaction", IGNORED))


async def test_a_pooler_of_transactions_that_keeps_prepared_statements_works(
    database_url: str, pgbouncer: Start
) -> None:
    if not keeps_prepared_statements():
        pytest.skip("needs PgBouncer 1.21")
    await configure(database_url, CONFIGURED, IDLE)
    await check(pgbouncer("transaction", IGNORED, prepared_statements=100))
