"""A RabbitMQ for the demo, the tests and the benchmark."""

from functools import partial
from pathlib import Path

from deploy import docker, probe, ways
from deploy.host import HOST, has, install, is_root, run, say, wait_for

# There only while systemd runs: in a container, systemctl may be installed and of no use.
SYSTEMD = Path("/run/systemd/system")
VARIABLE = "CRUDMQ_BROKER_URL"
ADVICE = (
    f"there is none. Set {VARIABLE} to the URL of one, or start Docker, or install RabbitMQ so that it "
    "answers on 127.0.0.1:5672 (Debian, Ubuntu: sudo apt-get install rabbitmq-server) and try again"
)


def find(port: int = 5672) -> str:
    """Return the URL of a broker that answers, started if there is none.

    Raises:
        NoServerError: there is none, and none can be started.
    """
    found = partial(ways.environment, VARIABLE), partial(running, port)
    started = in_docker, partial(from_package, port)
    return ways.first((*found, *started), ADVICE)


def running(port: int) -> str | None:
    """The broker that runs on this machine, if it lets guest in."""
    if not probe.rabbitmq(port):
        return None
    say(f"using the RabbitMQ on {HOST}:{port}")
    return _url(port)


def in_docker() -> str | None:
    """A container, if Docker runs."""
    if not docker.runs():
        return None
    port = docker.start("crudmq-rabbitmq", "rabbitmq:4", 5672)
    wait_for("RabbitMQ in Docker", partial(probe.rabbitmq, port))
    return _url(port)


def from_package(port: int) -> str | None:
    """The one of Debian's package, which root can install and start."""
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
