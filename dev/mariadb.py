"""A MariaDB for the tests."""

from functools import partial

from dev import docker, fallbacks, instance, probe
from dev.shell import HOST, has, install, is_root, say, wait_for

VARIABLE = "CRUDMQ_TEST_MARIADB_URL"
ADVICE = (
    f"no server found. Set {VARIABLE} to the URL of one where databases may be created "
    "(mysql+asyncmy://user:password@host:3306/), or start Docker, or install MariaDB "
    "(Debian, Ubuntu: sudo apt-get install mariadb-server) and try again"
)


def find(port: int = 3306) -> str:
    """Return the URL of a server that accepts root; start one if there is none.

    Raises:
        NoServerError: none exists, and none can be started.
    """
    existing = partial(fallbacks.environment, VARIABLE), partial(running, port)
    started = in_docker, private_instance
    return fallbacks.first_available((*existing, *started), ADVICE)


def running(port: int) -> str | None:
    """Return the URL of a server on this machine that needs no password."""
    if not probe.mariadb(port):
        return None
    say(f"using the MariaDB on {HOST}:{port}")
    return _url(port)


def in_docker() -> str | None:
    """Return the URL of a container, if Docker runs."""
    if not docker.runs():
        return None
    trust = "--env", "MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1"
    port = docker.start("crudmq-mariadb", "mariadb:11", 3306, *trust)
    wait_for("MariaDB in Docker", partial(probe.mariadb, port))
    return _url(port)


def private_instance() -> str | None:
    """Return the URL of a private server from the installed programs, which root can install."""
    programs = instance.programs()
    if programs is None and is_root() and has("apt-get"):
        install("mariadb-server")
        programs = instance.programs()
    if programs is None:
        return None
    port = instance.start(programs)
    wait_for("the private MariaDB", partial(probe.mariadb, port), seconds=30)
    return _url(port)


def _url(port: int) -> str:
    return f"mysql+asyncmy://root@{HOST}:{port}/"
