"""The installed package works beside packages of the names `service` and `migrations`, in any directory."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.package.installation import LONG_TIMEOUT, Environment, run, run_unchecked

pytestmark = pytest.mark.timeout(LONG_TIMEOUT)

_CLIENT = """\
import asyncio, os
from crudmq.client import Client

async def main() -> None:
    async with Client(os.environ["CRUDMQ_BROKER_URL"], prefix=os.environ["CRUDMQ_PREFIX"]) as client:
        result = await client.send({"resource": "people", "action": "create", "data": {"name": "Ann"}})
        print(result.data["name"])

asyncio.run(main())
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with folders of its own called `service` and `migrations`."""
    for name in ("service", "migrations"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f'raise ImportError("the project\'s {name}")\n')
    return tmp_path


@contextmanager
def service(environment: Environment, project: Path, environ: dict[str, str]) -> Iterator[None]:
    """Run `crudmq run` until it consumes, and stop it at the end."""
    process = subprocess.Popen([environment.crudmq, "run"], cwd=project, env=environ, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    with process.stderr as log:
        try:
            lines = []
            for line in log:
                lines.append(line)
                if '"consuming"' in line:
                    break
            else:
                pytest.fail("".join(lines))
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            log.read()
            code = process.wait(LONG_TIMEOUT)
    assert code == 0


def test_the_service_and_a_client_work_beside_foreign_packages_and_after_their_removal(
    environment: Environment, project: Path, broker_url: str, prefix: str
) -> None:
    environ = {
        "PATH": "/usr/bin:/bin",
        "CRUDMQ_BROKER_URL": broker_url,
        "CRUDMQ_PREFIX": prefix,
        "CRUDMQ_LOG_FORMAT": "json",
    }
    (project / "client.py").write_text(_CLIENT)
    run([environment.crudmq, "migrate"], project, environ)
    with service(environment, project, environ):
        sent = run([environment.crudmq, "send", "people.create", "name=Tom"], project, environ)
        assert json.loads(sent.stdout)["data"]["name"] == "Tom"
        assert run([environment.python, "client.py"], project, environ).stdout == "Ann\n"
    for name in ("service", "migrations"):
        environment.uninstall(name)
    run([environment.crudmq, "migrate"], project, environ)
    with service(environment, project, environ):
        sent = run([environment.crudmq, "send", "people.list"], project, environ)
        assert [person["name"] for person in json.loads(sent.stdout)["data"]] == ["Tom", "Ann"]


@pytest.fixture(scope="module")
def base(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the base dependencies alone."""
    environment = Environment(tmp_path_factory.mktemp("base") / "venv")
    environment.install(wheel)
    return environment


def test_the_client_needs_the_base_dependencies_alone(base: Environment, tmp_path: Path) -> None:
    script = "import sys, crudmq.client; print(*{'sqlalchemy', 'alembic', 'typer'} & sys.modules.keys())"
    assert run([base.python, "-c", script], tmp_path).stdout.strip() == ""
    assert run_unchecked([base.python, "-c", "import sqlalchemy"], tmp_path).returncode == 1


@pytest.mark.parametrize("arguments", [["run"], ["--version"], []], ids=" ".join)
def test_without_the_server_extra_the_command_says_what_to_install(
    base: Environment, tmp_path: Path, arguments: list[str]
) -> None:
    done = run_unchecked([base.crudmq, *arguments], tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.endswith('run `pip install "crudmq[server]"`')


def test_a_signal_during_the_start_ends_the_process_at_once(environment: Environment, project: Path) -> None:
    # The module stands for everything that takes time to import.
    (project / "slow").mkdir()
    (project / "slow" / "typer.py").write_text("import signal\nprint('importing', flush=True)\nsignal.pause()\n")
    process = subprocess.Popen(
        [environment.python, "-m", "crudmq", "run"],
        cwd=project,
        env={"PYTHONPATH": str(project / "slow")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout as output:
        assert output.readline() == "importing\n"
        process.terminate()
        assert process.wait(LONG_TIMEOUT) == 128 + signal.SIGTERM


_SAMPLE = """\
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from crudmq import expose, register_statement
from crudmq.client import Client, Result


class Base(DeclarativeBase):
    pass


class Product(Base):
    __tablename__ = "products"

    id: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column()


expose(Product, {option}=["sku"])


async def send() -> Result:
    async with Client("amqp://localhost/") as client:
        return await client.send({{"resource": "products", "action": "list"}}, {keyword}="list-1")
"""


_PROJECTS = {
    "right": _SAMPLE.format(option="write_once", keyword="message_id"),
    "wrong_expose": _SAMPLE.format(option="write_onec", keyword="message_id"),
    "wrong_send": _SAMPLE.format(option="write_once", keyword="id"),
}


def test_mypy_checks_a_project_strictly(environment: Environment, tmp_path: Path) -> None:
    for name, text in _PROJECTS.items():
        (tmp_path / f"{name}.py").write_text(text)
    mypy = [sys.executable, "-m", "mypy", "--strict", "--python-executable", environment.python]
    done = run_unchecked([*mypy, *(f"{name}.py" for name in _PROJECTS)], tmp_path)
    errors = sorted(line for line in done.stdout.splitlines() if ": error: " in line)
    assert [error.partition(".py:")[0] for error in errors] == ["wrong_expose", "wrong_send"], done.stdout
    assert 'Unexpected keyword argument "write_onec"' in errors[0]
    assert 'Unexpected keyword argument "id" for "send" of "Client"' in errors[1]
