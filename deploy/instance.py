"""A private MariaDB: only this machine gets in, and nothing else on it is touched."""

import os
import shutil
from pathlib import Path
from typing import NamedTuple

from deploy import probe
from deploy.host import HOST, free_port, is_root, run, say

OWNER = "mysql"
# The server's own directory is on the PATH of root alone.
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
ROOTS_HOME = Path("/var/lib/crudmq-mariadb")


class Programs(NamedTuple):
    """Where those are that make a data directory, and serve it."""

    install: str
    server: str


def programs() -> Programs | None:
    """Find MariaDB's programs, if they are installed."""
    install, server = (shutil.which(name, path=PATH) for name in ("mariadb-install-db", "mariadbd"))
    return Programs(install, server) if install and server else None


def start(programs: Programs) -> int:
    """Start the server, its data directory made at the first time, and return its port.

    Raises:
        CommandError: it cannot be made or started.
    """
    data = _home() / "data"
    if not (data / "mysql").exists():
        say(f"making a private MariaDB in {data}")
        run(
            programs.install, *_options(data), "--auth-root-authentication-method=normal", "--skip-test-db", timeout=120
        )
    port = _port()
    if port is None or not probe.mariadb(port):
        port = free_port()
        # It has no way to go into the background by itself.
        run("sh", "-c", '"$@" >/dev/null 2>&1 &', "sh", programs.server, *_options(data), *_server_options(port))
        _note().write_text(str(port))
    say(f"using the private MariaDB on {HOST}:{port}")
    return port


def _home() -> Path:
    """Where the data is kept: nobody else may put another there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = ROOTS_HOME if is_root() else cache / "crudmq-mariadb"
    home.mkdir(parents=True, exist_ok=True)
    return home


def _options(data: Path) -> tuple[str, ...]:
    # MariaDB refuses to run as root.
    owner = (f"--user={OWNER}",) if is_root() else ()
    return "--no-defaults", f"--datadir={data}", *owner


def _server_options(port: int) -> tuple[str, ...]:
    return (
        f"--port={port}",
        f"--bind-address={HOST}",
        "--socket=server.sock",  # in the data directory, whose path may be longer than a socket's may
        "--log-error=server.log",
        "--pid-file=server.pid",
        "--max-connections=200",
    )


def _note() -> Path:
    """Where the port is noted down: MariaDB does not do that."""
    return _home() / "port"


def _port() -> int | None:
    try:
        return int(_note().read_text())
    except (OSError, ValueError):
        return None
