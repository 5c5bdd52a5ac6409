"""A PostgreSQL for the tests and the benchmark."""

from functools import partial

from dev import cluster, docker, fallbacks, probe
from dev.shell import HOST, has, install, is_root, say, wait_for

VARIABLE = "CRUDMQ_TEST_POSTGRES_URL"
ADVICE = (
    f"no server found. Set {VARIABLE} to the URL of one where databases may be created "
    "(postgresql+asyncpg://user:password@host:5432/postgres), or start Docker, or install PostgreSQL "
    "(Debian, Ubuntu: sudo apt-get install postgresql) and try again"
)


def find(port: int = 5432) -> str:
    """Return the URL of a server that accepts its superuser; start one if there is none.

    Raises:
        NoServerError: none exists, and none can be started.
    """
    existing = partial(fallbacks.environment, VARIABLE), partial(running, port)
    started = in_docker, private_cluster
    return fallbacks.first_available((*existing, *started), ADVICE)


def running(port: int) -> str | None:
    """Return the URL of a server on this machine that needs no password."""
    if not probe.postgres(port):
        return None
    say(f"using the PostgreSQL on {HOST}:{port}")
    return _url(port)


def in_docker() -> str | None:
    """Return the URL of a container, if Docker runs."""
    if not docker.runs():
        return None
    trust = "--env", "POSTGRES_HOST_AUTH_METHOD=trust"
    port = docker.start("crudmq-postgres", "postgres:17", 5432, *trust)
    wait_for("PostgreSQL in Docker", partial(probe.postgres, port))
    return _url(port)


def private_cluster() -> str | None:
    """Return the URL of a private server from the installed binaries, which root can install."""
    binaries = cluster.binaries()
    if binaries is None and is_root() and has("apt-get"):
        install("postgresql")
        binaries = cluster.binaries()
    if binaries is None:
        return None
    port = cluster.start(binaries)
    wait_for("the private PostgreSQL", partial(probe.postgres, port), seconds=30)
    return _url(port)


def _url(port: int) -> str:
    return f"postgresql+asyncpg://postgres@{HOST}:{port}/postgres"
