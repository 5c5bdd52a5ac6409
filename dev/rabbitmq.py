"""A RabbitMQ for the demo, the tests and the benchmark."""

from functools import partial
from pathlib import Path

from dev import docker, fallbacks, probe
from dev.shell import HOST, has, install, is_root, run, say, wait_for

# Exists only while systemd runs: in a container, systemctl may be installed without it.
SYSTEMD = Path("/run/systemd/system")
VARIABLE = "CRUDMQ_BROKER_URL"
ADVICE = (
    f"no broker found. Set {VARIABLE} to the URL of one, or start Docker, or install RabbitMQ so that it "
    "answers on 127.0.0.1:5672 (Debian, Ubuntu: sudo apt-get install rabbitmq-server) and try again"
)


def find(port: int = 5672) -> str:
    """Return the URL of a broker; start one if there is none.

    Raises:
        NoServerError: none exists, and none can be started.
    """
    existing = partial(fallbacks.environment, VARIABLE), partial(running, port)
    started = in_docker, partial(from_package, port)
    return fallbacks.first_available((*existing, *started), ADVICE)


def running(port: int) -> str | None:
    """Return the URL of a broker on this machine that accepts guest."""
    if not probe.rabbitmq(port):
        return None
    say(f"using the RabbitMQ on {HOST}:{port}")
    return _url(port)


def in_docker() -> str | None:
    """Return the URL of a container, if Docker runs."""
    if not docker.runs():
        return None
    port = docker.start("crudmq-rabbitmq", "rabbitmq:4", 5672)
    wait_for("RabbitMQ in Docker", partial(probe.rabbitmq, port))
    return _url(port)


def from_package(port: int) -> str | None:
    """Return the URL of the broker of Debian's package, which root can install and start."""
    if not is_root() or not (has("rabbitmq-server") or has("apt-get")):
        return None
    if not has("rabbitmq-server"):
        install("rabbitmq-server")
    # The package may have started it already.
    if not probe.rabbitmq(port):
        _start()
    wait_for("RabbitMQ", partial(probe.rabbitmq, port))
    return _url(port)


def _start() -> None:
    say("starting RabbitMQ")
    if SYSTEMD.is_dir():
        run("systemctl", "start", "rabbitmq-server", timeout=120)
    else:
        run("rabbitmq-server", "-detached")


def _url(port: int) -> str:
    return f"amqp://guest:guest@{HOST}:{port}/"
