"""A private MariaDB: reachable from this machine only."""

import os
import shutil
from pathlib import Path
from typing import NamedTuple

from dev import probe
from dev.shell import HOST, free_port, is_root, run, say

OWNER = "mysql"
# Only root has the server's directory on PATH.
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
ROOT_HOME = Path("/var/lib/crudmq-mariadb")


class Programs(NamedTuple):
    """Paths of the programs that create a data directory and serve it."""

    install: str
    server: str


def programs() -> Programs | None:
    """Return MariaDB's programs, if installed."""
    install, server = (shutil.which(name, path=PATH) for name in ("mariadb-install-db", "mariadbd"))
    return Programs(install, server) if install and server else None


def start(programs: Programs) -> int:
    """Start the server, creating its data directory first if needed, and return its port.

    Raises:
        CommandError: it cannot be created or started.
    """
    data = _home() / "data"
    if not (data / "mysql").exists():
        say(f"creating a private MariaDB in {data}")
        run(
            programs.install, *_options(data), "--auth-root-authentication-method=normal", "--skip-test-db", timeout=120
        )
    port = _port()
    if port is None or not probe.mariadb(port):
        port = free_port()
        # mariadbd cannot detach by itself.
        run("sh", "-c", '"$@" >/dev/null 2>&1 &', "sh", programs.server, *_options(data), *_server_options(port))
        _port_file().write_text(str(port))
    say(f"using the private MariaDB on {HOST}:{port}")
    return port


def _home() -> Path:
    """Return where the data is kept: only its owner may write there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = ROOT_HOME if is_root() else cache / "crudmq-mariadb"
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
        "--socket=server.sock",  # relative: the path of a socket is limited to 107 bytes
        "--log-error=server.log",
        "--pid-file=server.pid",
        "--max-connections=200",
    )


def _port_file() -> Path:
    """Return the file that records the port: MariaDB writes none."""
    return _home() / "port"


def _port() -> int | None:
    try:
        return int(_port_file().read_text())
    except (OSError, ValueError):
        return None
