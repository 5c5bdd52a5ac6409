"""What an operator types."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance.commands import create, create_all, delete, find, get, unique, update
from tests.acceptance.peer import Peer
from tests.acceptance.process import Service, crudmq, environment
from tests.support import databases
from tests.support.waiting import GENEROUS

MODELS = """
from sqlalchemy import JSON, Boolean, Column, Date, DateTime, Enum, Integer, LargeBinary, MetaData, Numeric
from sqlalchemy import String, Table, Uuid
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from crudmq import expose


class Base(DeclarativeBase):
    pass


class Ship(Base):
    __tablename__ = "ships"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20), unique=True)
    flag: Mapped[str] = mapped_column(String(2), default="PA")
    tons: Mapped[int | None]


voyages = Table(
    "voyages",
    MetaData(),
    Column("id", Uuid, primary_key=True),
    Column("kind", Enum("cargo", "cruise", name="voyage_kind"), nullable=False),
    Column("begins", Date),
    Column("sighted", DateTime(timezone=True)),
    Column("price", Numeric(10, 2)),
    Column("full", Boolean),
    Column("papers", JSON),
    Column("seal", LargeBinary),
    Column("changes", Integer, nullable=False),
)

expose(Ship, write_once=["flag"])
expose(voyages, name="trips", actions=["create", "get", "list", "update"], version="changes", read_only=["full"])
"""


@contextmanager
def empty_database(kind: str, directory: Path) -> Iterator[str]:
    fresh = databases.fresh(kind, directory)
    with asyncio.Runner() as runner:
        url = runner.run(fresh.__aenter__())
        try:
            yield url
        finally:
            runner.run(fresh.__aexit__(None, None, None))


@pytest.fixture
def url(database_kind: str, tmp_path: Path) -> Iterator[str]:
    with empty_database(database_kind, tmp_path) as url:
        yield url


class TestSend:
    def test_a_command_is_sent_and_its_result_printed(self, service: Service) -> None:
        done = crudmq("send", "people.create", "name=Tom", "age=38", environ=service.environ)
        assert done.returncode == 0, done.stderr
        content = json.loads(done.stdout)
        assert (content["status"], content["resource"], content["action"]) == ("ok", "people", "create")
        row = content["data"]
        assert (row["name"], row["age"], row["version"]) == ("Tom", 38, 1)
        sent = crudmq("send", "people.get", f"key={row['id']}", environ=service.environ)
        assert json.loads(sent.stdout)["data"] == row

    def test_a_refusal_is_printed_and_is_a_failure(self, service: Service) -> None:
        done = crudmq("send", "people.create", "name=Tom", "age=old", environ=service.environ)
        assert done.returncode == 1
        assert json.loads(done.stdout)["error"]["code"] == "invalid"

    def test_an_id_makes_it_repeatable(self, service: Service) -> None:
        arguments = ("send", "people.create", "name=Tom", "--id", unique())
        initial, repeated = (crudmq(*arguments, environ=service.environ) for _ in range(2))
        assert initial.stdout == repeated.stdout

    def test_an_unreadable_command_line_is_reported_without_a_traceback(self, service: Service) -> None:
        done = crudmq("send", "people", environ=service.environ)
        assert done.returncode != 0
        assert "people.create" in done.stderr
        assert "Traceback" not in done.stderr


class TestDescribe:
    def test_all_that_is_exposed_is_shown_to_programs(self) -> None:
        done = crudmq("describe", "--json", environ=environment("sqlite+aiosqlite:///never.db", "demo"))
        assert done.returncode == 0, done.stderr
        description = json.loads(done.stdout)
        people = description["resources"]["people"]
        assert people["actions"] == ["count", "create", "delete", "get", "list", "update", "upsert"]
        assert (people["key"], people["version"]) == (["id"], "version")
        assert people["fields"]["name"]["type"] == "text(100)"
        assert people["fields"]["name"]["rules"] == ["required"]
        assert "like" in people["fields"]["name"]["operators"]
        assert people["relationships"]["groups"] == {"resource": "groups", "many": True, "written": "add, remove, set"}
        assert description["resources"]["users"]["fields"]["password_hash"]["rules"] == ["hidden"]
        assert description["limits"]["max_page"] == 1000

    def test_and_to_people_as_tables(self) -> None:
        environ = environment("sqlite+aiosqlite:///never.db", "demo") | {"COLUMNS": "120"}
        done = crudmq("describe", environ=environ)
        assert done.returncode == 0, done.stderr
        for shown in ("people", "text(100)", "version counter", "to many emails", "limits"):
            assert shown in done.stdout
        assert not Path("never.db").exists()


class TestSettings:
    def test_they_are_printed_without_passwords(self) -> None:
        environ = environment("postgresql+asyncpg://tom:s3cret@db.example.org/people", "demo")
        environ["CRUDMQ_BROKER_URL"] = "amqp://ann:hush@broker.example.org:5672/"
        done = crudmq("settings", environ={**environ, "COLUMNS": "200"})
        assert done.returncode == 0, done.stderr
        for shown in ("CRUDMQ_PREFIX", "demo", "environment", "default", "db.example.org", "broker.example.org", "tom"):
            assert shown in done.stdout
        for secret in ("s3cret", "hush"):
            assert secret not in done.stdout + done.stderr

    @pytest.mark.parametrize("command", ["run", "migrate", "settings"])
    def test_each_fault_is_reported_on_its_own_line(self, command: str) -> None:
        environ = environment("mysql://tom:s3cret@db.example.org/people", "two words") | {
            "CRUDMQ_BROKER_URL": "http://ann:hush@broker",
            "CRUDMQ_GROUP_SIZE": "0",
            "CRUDMQ_STATEMENT_TIMEOUT": "soon",
            "CRUDMQ_LOG_LEVEL": "loud",
            "CRUDMQ_NO_SUCH_SETTING": "1",
        }
        done = crudmq(command, environ=environ)
        assert done.returncode != 0
        lines = done.stderr.removeprefix("crudmq: ").strip().splitlines()
        assert sorted(line.partition(":")[0] for line in lines) == sorted(
            f"CRUDMQ_{name}"
            for name in (
                "BROKER_URL",
                "DATABASE_URL",
                "GROUP_SIZE",
                "LOG_LEVEL",
                "NO_SUCH_SETTING",
                "PREFIX",
                "STATEMENT_TIMEOUT",
            )
        )
        for secret in ("s3cret", "hush"):
            assert secret not in done.stdout + done.stderr


class TestMigrate:
    def test_a_database_that_was_not_migrated_is_refused_with_what_to_type(self, url: str) -> None:
        done = crudmq("run", environ=environment(url, "nobody"))
        assert done.returncode != 0
        assert "crudmq migrate" in done.stderr
        assert "Traceback" not in done.stderr

    def test_it_may_be_typed_again(self, url: str) -> None:
        for _ in range(2):
            done = crudmq("migrate", environ=environment(url, "nobody"))
            assert done.returncode == 0, done.stderr

    def test_models_that_cannot_be_imported_are_reported_without_a_traceback(self, url: str) -> None:
        environ = environment(url, "nobody", {"CRUDMQ_MODELS": "no.such.models"})
        done = crudmq("run", environ=environ)
        assert done.returncode != 0
        assert "no.such.models" in done.stderr
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize(
        ("source", "reason"),
        [
            ("def broken(:", "SyntaxError"),
            ("from crudmq import expose\nexpose(int, nome=1)", "unexpected keyword argument 'nome' ({place}:2)"),
            ("import json\nraise RuntimeError('no')", "RuntimeError: no ({place}:2)"),
        ],
    )
    def test_models_that_fail_are_reported_with_their_line(
        self, url: str, tmp_path: Path, source: str, reason: str
    ) -> None:
        (tmp_path / "broken_models.py").write_text(source)
        environ = environment(url, "nobody", {"CRUDMQ_MODELS": "broken_models", "PYTHONPATH": str(tmp_path)})
        done = crudmq("describe", environ=environ)
        assert done.returncode == 1
        assert reason.format(place=tmp_path / "broken_models.py") in done.stderr
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
    def test_closed_standard_streams_do_no_harm(self, url: str, closed: str) -> None:
        command = f"exec {sys.executable} -m crudmq migrate {closed}"
        done = subprocess.run(["/bin/sh", "-c", command], env=environment(url, "nobody"), timeout=GENEROUS, check=False)
        assert done.returncode == 0


class TestOwnModels:
    @pytest.fixture
    def own(self, url: str, prefix: str, tmp_path: Path) -> Service:
        """Write a module as an operator would."""
        (tmp_path / "harbour.py").write_text(MODELS)
        return Service(url, prefix, {"CRUDMQ_MODELS": "harbour", "PYTHONPATH": str(tmp_path)})

    def test_their_tables_are_the_operators_own_business(self, own: Service) -> None:
        own.migrate()
        done = crudmq("run", environ=own.environ)
        assert done.returncode != 0
        assert "ships" in done.stderr
        assert "--create-tables" in done.stderr

    def test_they_are_served_once_their_tables_are_created(self, own: Service) -> None:
        own.migrate("--create-tables")
        own.migrate("--create-tables")
        with own, Peer(own.prefix) as peer:
            check_ships(peer)
            check_trips(peer)
            assert peer.ask(create("people", name="Tom")).code == "unknown_resource"


def check_ships(peer: Peer) -> None:
    """Check a declarative class."""
    name = unique()[:20]
    ship = peer.ask(create("ships", name=name)).data
    assert ship == {"id": ship["id"], "name": name, "flag": "PA", "tons": None}
    assert peer.ask(update("ships", ship["id"], {"tons": 7})).data == {**ship, "tons": 7}
    refused = peer.ask(update("ships", ship["id"], {"flag": "LR"}))
    assert (refused.code, refused.paths) == ("invalid", {"data.flag"})
    assert peer.ask(create("ships", name=name)).code == "conflict"
    both = peer.ask(create_all("ships", [{"name": "a", "flag": "LR"}, {"name": "b"}])).data
    assert [row["flag"] for row in both] == ["LR", "PA"]
    assert peer.ask(delete("ships", ship["id"])).data == {**ship, "tons": 7}
    created = [event for event in peer.heard(7) if event.type == "ships.created"]
    assert created[0].data["after"] == ship


def check_trips(peer: Peer) -> None:
    """Check a table, with a type of every kind."""
    identifier = "0199aaaa-0000-7000-8000-000000000001"
    said = {
        "id": identifier,
        "kind": "cargo",
        "begins": "2026-02-28",
        "sighted": "2026-02-28T12:00:00+02:00",
        "price": "12.50",
        "papers": {"a": [1, None, True, "ü"]},
        "seal": "AAEC/w==",
    }
    shown = {**said, "sighted": "2026-02-28T10:00:00Z", "full": None, "changes": 1}
    assert peer.ask(create("trips", **said)).data == shown
    assert peer.ask(get("trips", identifier)).data == shown
    assert peer.ask(find("trips", where={"price": {"gt": 12}, "kind": "cargo"})).data == [shown]
    assert peer.ask(update("trips", identifier, {"price": 13}, if_version=1)).data["changes"] == 2
    assert peer.ask(delete("trips", identifier)).code == "unknown_action"
    refused = peer.ask(
        create(
            "trips",
            id="1",
            kind="war",
            begins="tomorrow",
            sighted="2026-02-28T12:00:00",
            price="NaN",
            full=True,
            papers="nul \0",
            seal="?",
        )
    )
    assert refused.code == "invalid"
    assert refused.paths == {f"data.{name}" for name in (*said, "full")}
