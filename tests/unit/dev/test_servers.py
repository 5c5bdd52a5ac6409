"""Where `make` gets its servers from, and how it logs in to them."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dev import cluster, docker, fallbacks, instance, mariadb, postgres, probe, rabbitmq, servers, shell
from dev.fallbacks import NoServerError
from dev.shell import CommandError

NOTHING = b""
SERVERS = "rabbitmq", "postgres", "mariadb"


@contextmanager
def speaks(*replies: bytes, greeting: bytes = NOTHING) -> Iterator[int]:
    """A server that sends one reply per message and hangs up; some greet first."""
    with socket.create_server((shell.HOST, 0)) as listener:

        def serve() -> None:
            link, _ = listener.accept()
            with link:
                link.sendall(greeting)
                for reply in replies:
                    link.recv(4096)
                    link.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def amqp(class_: int, method: int) -> bytes:
    payload = struct.pack(">HH", class_, method) + b"\x00" * 20
    return struct.pack(">BHI", 1, 0, len(payload)) + payload + b"\xce"


def authentication(code: int) -> bytes:
    return struct.pack(">cII", b"R", 8, code)


def packet(number: int, payload: bytes) -> bytes:
    return struct.pack("<I", len(payload) | number << 24) + payload


START, TUNE, CLOSE = amqp(10, 10), amqp(10, 30), amqp(10, 50)
READY = struct.pack(">cIc", b"Z", 5, b"I")
SETTING = struct.pack(">cI", b"S", 8) + b"a\x00b\x00"
REFUSED = struct.pack(">cI", b"E", 5) + b"\x00"
GREETING = packet(0, b"\x0a5.5.5-10.11.19-MariaDB\x00" + b"\x00" * 40)
WELCOME = packet(2, b"\x00\x00\x00\x02\x00\x00\x00")
DENIED = packet(2, b"\xff\x15\x04#28000Access denied")
OTHER_PLUGIN = packet(2, b"\xfeed25519\x00salt")


def test_a_broker_that_accepts_guest_is_accepted() -> None:
    with speaks(START, TUNE) as port:
        assert probe.rabbitmq(port)


@pytest.mark.parametrize(
    "replies",
    [
        pytest.param([NOTHING], id="hangs up"),
        pytest.param([b"AMQP\x00\x01\x00\x00"], id="speaks another AMQP"),
        pytest.param([b"HTTP/1.1 400 Bad Request\r\n\r\n"], id="speaks HTTP"),
        pytest.param([START[:9]], id="stops in the middle"),
        pytest.param([struct.pack(">BHI", 1, 0, 2**32 - 1)], id="announces four gigabytes"),
        pytest.param([TUNE], id="speaks out of turn"),
        pytest.param([START, NOTHING], id="hangs up on guest"),
        pytest.param([START, CLOSE], id="refuses guest"),
    ],
)
def test_any_other_broker_is_rejected(replies: list[bytes]) -> None:
    with speaks(*replies) as port:
        assert not probe.rabbitmq(port)


def test_a_postgres_that_trusts_its_superuser_is_accepted() -> None:
    with speaks(authentication(0) + SETTING + READY) as port:
        assert probe.postgres(port)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(NOTHING, id="hangs up"),
        pytest.param(authentication(3), id="wants a password"),
        pytest.param(authentication(10), id="wants SCRAM"),
        pytest.param(REFUSED, id="is starting up"),
        pytest.param(authentication(0) + REFUSED, id="has no such database"),
        pytest.param(authentication(0), id="stops in the middle"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n", id="speaks SSH"),
        pytest.param(struct.pack(">cI", b"R", 0), id="announces less than nothing"),
    ],
)
def test_any_other_postgres_is_rejected(reply: bytes) -> None:
    with speaks(reply) as port:
        assert not probe.postgres(port)


@pytest.mark.parametrize(
    "replies",
    [
        pytest.param([WELCOME], id="at once"),
        pytest.param([OTHER_PLUGIN, packet(4, b"\x00")], id="after it asked for another kind of password"),
    ],
)
def test_a_mariadb_that_accepts_root_is_accepted(replies: list[bytes]) -> None:
    with speaks(*replies, greeting=GREETING) as port:
        assert probe.mariadb(port)


@pytest.mark.parametrize(
    ("greeting", "replies"),
    [
        pytest.param(NOTHING, [], id="hangs up"),
        pytest.param(packet(0, b"\xff\x69\x04Host is blocked"), [], id="does not greet"),
        pytest.param(packet(0, b"\x0a8.4.0\x00"), [], id="is a MySQL"),
        pytest.param(GREETING, [DENIED], id="wants a password"),
        pytest.param(GREETING, [OTHER_PLUGIN, DENIED], id="wants another kind of password"),
        pytest.param(GREETING[:20], [], id="stops in the middle"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n", [], id="speaks SSH"),
    ],
)
def test_any_other_mariadb_is_rejected(greeting: bytes, replies: list[bytes]) -> None:
    with speaks(*replies, greeting=greeting) as port:
        assert not probe.mariadb(port)


@pytest.mark.parametrize("responds", [probe.rabbitmq, probe.postgres, probe.mariadb], ids=SERVERS)
def test_a_port_without_a_listener_is_rejected(responds: Callable[[int], bool]) -> None:
    assert not responds(shell.free_port())


class Machine:
    """A simulated machine: a test sets what it offers, `log` records what is done to it."""

    def __init__(self) -> None:
        self.root = False
        self.engine = False
        self.commands: set[str] = set()
        self.binaries: Path | None = None
        self.programs: instance.Programs | None = None
        self.log: list[str] = []

    def install(self, package: str) -> None:
        self.log.append(f"install {package}")
        self.commands.add(package)
        self.binaries = Path("/installed")
        self.programs = instance.Programs("/installed/install", "/installed/server")

    def start(self, name: str, *_: object) -> int:
        self.log.append(f"container {name}")
        return 1001

    def start_cluster(self, binaries: Path) -> int:
        self.log.append(f"cluster {binaries}")
        return 1002

    def start_instance(self, programs: instance.Programs) -> int:
        self.log.append(f"instance {programs.server}")
        return 1003

    def run(self, *command: str, **_: object) -> str:
        self.log.append(" ".join(command))
        return ""

    def wait_for(self, name: str, *_: object, **__: object) -> None:
        self.log.append(f"wait for {name}")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine without servers and programs, in place of this one."""
    machine = Machine()
    for variable in rabbitmq.VARIABLE, postgres.VARIABLE, mariadb.VARIABLE:
        monkeypatch.delenv(variable, raising=False)
    for module in rabbitmq, postgres, mariadb:
        monkeypatch.setattr(module, "is_root", lambda: machine.root)
        monkeypatch.setattr(module, "has", machine.commands.__contains__)
        monkeypatch.setattr(module, "install", machine.install)
        monkeypatch.setattr(module, "wait_for", machine.wait_for)
    monkeypatch.setattr(rabbitmq, "run", machine.run)
    monkeypatch.setattr(rabbitmq, "SYSTEMD", Path("/nonexistent"))
    monkeypatch.setattr(docker, "runs", lambda: machine.engine)
    monkeypatch.setattr(docker, "start", machine.start)
    monkeypatch.setattr(cluster, "binaries", lambda: machine.binaries)
    monkeypatch.setattr(cluster, "start", machine.start_cluster)
    monkeypatch.setattr(instance, "programs", lambda: machine.programs)
    monkeypatch.setattr(instance, "start", machine.start_instance)
    return machine


@pytest.mark.usefixtures("machine")
def test_the_environment_takes_precedence_and_is_not_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(rabbitmq.VARIABLE, "amqps://elsewhere")
    monkeypatch.setenv(postgres.VARIABLE, "postgresql+asyncpg://elsewhere")
    with speaks(START, TUNE) as port:
        assert rabbitmq.find(port) == "amqps://elsewhere"
        assert probe.rabbitmq(port)
    assert postgres.find() == "postgresql+asyncpg://elsewhere"
    monkeypatch.setenv(mariadb.VARIABLE, "mysql+asyncmy://elsewhere")
    assert mariadb.find() == "mysql+asyncmy://elsewhere"


def test_a_running_server_takes_precedence_over_docker(machine: Machine) -> None:
    machine.engine = True
    with speaks(START, TUNE) as port:
        assert rabbitmq.find(port) == f"amqp://guest:guest@127.0.0.1:{port}/"
    with speaks(authentication(0) + READY) as port:
        assert postgres.find(port) == f"postgresql+asyncpg://postgres@127.0.0.1:{port}/postgres"
    with speaks(WELCOME, greeting=GREETING) as port:
        assert mariadb.find(port) == f"mysql+asyncmy://root@127.0.0.1:{port}/"
    assert machine.log == []


def test_docker_takes_precedence_over_the_debian_package(machine: Machine) -> None:
    machine.engine = machine.root = True
    machine.commands |= {"apt-get", "rabbitmq-server"}
    assert rabbitmq.find(shell.free_port()) == "amqp://guest:guest@127.0.0.1:1001/"
    assert postgres.find(shell.free_port()) == "postgresql+asyncpg://postgres@127.0.0.1:1001/postgres"
    assert mariadb.find(shell.free_port()) == "mysql+asyncmy://root@127.0.0.1:1001/"
    assert machine.log == [
        "container crudmq-rabbitmq",
        "wait for RabbitMQ in Docker",
        "container crudmq-postgres",
        "wait for PostgreSQL in Docker",
        "container crudmq-mariadb",
        "wait for MariaDB in Docker",
    ]


def test_root_installs_and_starts_rabbitmq(machine: Machine) -> None:
    machine.root = True
    machine.commands.add("apt-get")
    port = shell.free_port()
    assert rabbitmq.find(port) == f"amqp://guest:guest@127.0.0.1:{port}/"
    assert machine.log == [
        "install rabbitmq-server",
        "rabbitmq-server -detached",
        "wait for RabbitMQ",
    ]


def test_root_starts_an_installed_rabbitmq_through_systemd_where_it_runs(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine.root = True
    machine.commands.add("rabbitmq-server")
    monkeypatch.setattr(rabbitmq, "SYSTEMD", tmp_path)
    rabbitmq.find(shell.free_port())
    assert machine.log == ["systemctl start rabbitmq-server", "wait for RabbitMQ"]


def test_a_postgres_that_wants_a_password_is_skipped_for_a_private_one(machine: Machine) -> None:
    machine.binaries = Path("/here")
    with speaks(authentication(10)) as port:
        assert postgres.find(port) == "postgresql+asyncpg://postgres@127.0.0.1:1002/postgres"
    assert machine.log == ["cluster /here", "wait for the private PostgreSQL"]


def test_root_installs_postgres_for_a_private_one(machine: Machine) -> None:
    machine.root = True
    machine.commands.add("apt-get")
    postgres.find(shell.free_port())
    assert machine.log == ["install postgresql", "cluster /installed", "wait for the private PostgreSQL"]


def test_a_mariadb_that_wants_a_password_is_skipped_for_a_private_one(machine: Machine) -> None:
    machine.programs = instance.Programs("/here/install", "/here/server")
    with speaks(DENIED, greeting=GREETING) as port:
        assert mariadb.find(port) == "mysql+asyncmy://root@127.0.0.1:1003/"
    assert machine.log == ["instance /here/server", "wait for the private MariaDB"]


def test_root_installs_mariadb_for_a_private_one(machine: Machine) -> None:
    machine.root = True
    machine.commands.add("apt-get")
    mariadb.find(shell.free_port())
    assert machine.log == ["install mariadb-server", "instance /installed/server", "wait for the private MariaDB"]


def test_a_candidate_that_fails_is_reported_and_the_next_is_tried(capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> str:
        raise CommandError("the image cannot be pulled")

    assert fallbacks.first_available([broken, lambda: None, lambda: "amqp://last"], "no advice") == "amqp://last"
    assert "the image cannot be pulled" in capsys.readouterr().err


@pytest.mark.parametrize("find", [rabbitmq.find, postgres.find, mariadb.find], ids=SERVERS)
@pytest.mark.parametrize("useless", ["apt-get", "rabbitmq-server"])
def test_without_any_candidate_the_error_says_what_to_do(
    machine: Machine, find: Callable[[int], str], useless: str
) -> None:
    machine.commands.add(useless)  # takes root
    with pytest.raises(NoServerError, match=r"Set CRUDMQ_\w+_URL .* Docker.* sudo apt-get install"):
        find(shell.free_port())
    assert machine.log == []


def test_only_the_url_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert servers.main(["a"], {"a": lambda: "amqp://here"}) == 0
    assert capsys.readouterr().out == "amqp://here\n"


def test_without_a_server_the_exit_code_is_1_and_stdout_stays_empty(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def nowhere() -> str:
        raise NoServerError("start one")

    assert servers.main(["a"], {"a": nowhere}) == 1
    assert capsys.readouterr() == ("", "a: start one\n")


@pytest.mark.parametrize("arguments", [[], ["mysql"], ["rabbitmq", "postgres"]], ids=len)
def test_other_arguments_print_the_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert servers.main(arguments) == 2
    assert capsys.readouterr().err == "usage: python -m dev.servers rabbitmq|postgres|mariadb\n"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory at the front of PATH."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path


def script(path: Path, name: str, body: str) -> None:
    (path / name).write_text(f"#!/bin/sh\n{body}\n")
    (path / name).chmod(0o755)


def test_a_package_is_announced_before_it_is_installed(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = path / "log"
    script(path, "apt-get", f'echo "$DEBIAN_FRONTEND $*" >>{log}')
    shell.install("rabbitmq-server")
    update, install = log.read_text().splitlines()
    assert update.startswith("noninteractive ")
    assert update.endswith(" update")
    assert install.endswith(" install --yes --no-install-recommends rabbitmq-server")
    assert capsys.readouterr().err == "installing the Debian package rabbitmq-server\n"


def test_the_error_of_a_failed_command_has_its_last_line(path: Path) -> None:
    script(path, "apt-get", "echo reading lists; echo E: no such package >&2; exit 100")
    with pytest.raises(CommandError, match=r"apt-get .* update: E: no such package$"):
        shell.install("rabbitmq-server")


def test_a_command_that_hangs_or_is_missing_fails(path: Path) -> None:
    script(path, "hangs", "exec tail -f /dev/null")
    with pytest.raises(CommandError, match="timed out"):
        shell.run("hangs", timeout=0.01)
    with pytest.raises(CommandError, match="No such file"):
        shell.run("crudmq-has-no-such-command")


def test_a_server_that_a_command_leaves_running_does_not_block_it(path: Path) -> None:
    script(path, "starts", "tail -f /dev/null & echo $!")
    server = shell.run("starts", timeout=30)
    shell.run("kill", server)


def test_waiting_ends_at_the_deadline() -> None:
    with pytest.raises(CommandError, match="it does not respond within 0 seconds"):
        shell.wait_for("it", lambda: False, seconds=0)


@pytest.mark.parametrize("exists", [False, True])
def test_the_container_is_created_once_and_its_port_is_looked_up(*, exists: bool, path: Path) -> None:
    log = path / "log"
    names = "crudmq-x" if exists else ""
    script(path, "docker", f'echo "$*" >>{log}; case $1 in ps) echo {names};; port) echo 127.0.0.1:5555;; esac')
    assert docker.start("crudmq-x", "x:1", 5672, "--env", "A=b") == 5555
    commands = [line.split()[0] for line in log.read_text().splitlines()]
    assert commands == (["ps", "start", "port"] if exists else ["ps", "create", "start", "port"])


def test_a_port_that_is_taken_is_replaced() -> None:
    with socket.create_server((shell.HOST, 0)) as listener:
        taken = listener.getsockname()[1]
        assert shell.free_port(taken) not in (0, taken)
