"""A private PostgreSQL cluster: reachable from this machine only."""

import os
import pwd
import re
import shutil
from pathlib import Path

from dev.shell import HOST, CommandError, free_port, is_root, run, say

DEBIAN = Path("/usr/lib/postgresql")
OWNER = "postgres"


def binaries() -> Path | None:
    """Return the directory of the newest initdb and pg_ctl, if installed: Debian keeps them off PATH."""
    versions = sorted((p for p in DEBIAN.glob("*/bin") if (p / "initdb").exists()), key=_version)
    if versions:
        return versions[-1]
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


def _version(path: Path) -> int:
    return int(path.parent.name)


def start(binaries: Path) -> int:
    """Start the cluster, creating it first if needed, and return its port.

    Raises:
        CommandError: it cannot be created or started.
    """
    data = _home() / _major(binaries)
    if not _exists(data):
        say(f"creating a private PostgreSQL in {data}")
        _as_owner(str(binaries / "initdb"), *_init_options(data))
    if not _runs(binaries, data):
        _as_owner(str(binaries / "pg_ctl"), "start", "--wait", *_start_options(data))
    port = _port(data)
    say(f"using the private PostgreSQL on {HOST}:{port}")
    return port


def _home() -> Path:
    """Return where the cluster is kept: only its owner may write there."""
    if not is_root():
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "crudmq-postgres"
    try:
        return Path(pwd.getpwnam(OWNER).pw_dir) / "crudmq"
    except KeyError as error:
        raise CommandError(f"PostgreSQL does not run as root, and there is no user {OWNER}") from error


def _major(binaries: Path) -> str:
    version = run(str(binaries / "initdb"), "--version")
    number = re.search(r"\d+", version)
    if number is None:
        raise CommandError(f"initdb printed no version: {version}")
    return number[0]


def _exists(data: Path) -> bool:
    return (data / "PG_VERSION").exists()


def _init_options(data: Path) -> tuple[str, ...]:
    return "--pgdata", str(data), "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"


def _start_options(data: Path) -> tuple[str, ...]:
    settings = {
        "port": free_port(),
        "listen_addresses": HOST,
        "unix_socket_directories": "",  # would need a world-writable directory
        "max_connections": 200,
    }
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    return "--pgdata", str(data), "--log", str(data / "server.log"), "--timeout=60", "--options", options


def _runs(binaries: Path, data: Path) -> bool:
    try:
        _as_owner(str(binaries / "pg_ctl"), "status", "--pgdata", str(data))
    except CommandError:
        return False
    return True


def _port(data: Path) -> int:
    """Return the port of the running server: the fourth line of postmaster.pid."""
    return int((data / "postmaster.pid").read_text().splitlines()[3])


def _as_owner(*command: str) -> None:
    # PostgreSQL refuses to run as root.
    prefix = ("runuser", "--user", OWNER, "--") if is_root() else ()
    run(*prefix, *command, timeout=120)
