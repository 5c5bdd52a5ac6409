"""A RabbitMQ node of our own: private ports, files and cookie, beside any that runs on this machine."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pika

from deploy import probe
from deploy.host import HOST, free_port
from tests.faults.rig.program import Program, find

_DEBIAN = Path("/usr/lib/rabbitmq/bin")
"""Debian's wrappers on PATH change the user; what they wrap does not."""
_NODE = "crudmq-faults@localhost"
_CTL_SECONDS = 60
_PLENTY = "0.6"
_NOTHING = "0.00001"


class RabbitMQ:
    """One node. Its queues outlive `kill` and `stop`, as long as its directory is there."""

    def __init__(self, directory: Path) -> None:
        """Prepare a node in an empty directory.

        :raises NotInstalledError: RabbitMQ or Erlang is not installed
        """
        self._directory = directory
        self.port = free_port()
        self._ctl = find("rabbitmqctl", _DEBIAN)
        epmd, server = find("epmd"), find("rabbitmq-server", _DEBIAN)
        names = free_port()
        self._environ = _environ(directory, names, free_port())
        _write_files(directory, self.port)
        # The node would start its own and leave it behind.
        self._names = Program([epmd, "-address", HOST, "-port", str(names)], log=directory / "epmd.log")
        self._node = Program([server], log=directory / "node.log", environ=self._environ)

    @property
    def url(self) -> str:
        return self.url_through(self.port)

    @staticmethod
    def url_through(port: int) -> str:
        """Give the address by way of a port that leads here."""
        return f"amqp://guest:guest@{HOST}:{port}/"

    @property
    def is_running(self) -> bool:
        return self._node.is_running

    def start(self) -> None:
        """Start the node, and wait until it lets us in."""
        if not self._names.is_running:
            self._names.start(lambda: True)
        self._node.start(lambda: probe.rabbitmq(self.port))

    def kill(self) -> None:
        """End the node as a power failure does."""
        self._node.kill()

    def stop(self) -> None:
        """End everything."""
        self._node.stop()
        self._names.kill()

    def ctl(self, *words: str) -> str:
        """Give rabbitmqctl's answer: a second or two each."""
        done = subprocess.run(
            [self._ctl, "--quiet", *words],
            env=self._environ,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=_CTL_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr or done.stdout
        return done.stdout.strip()

    def alarm(self, *, on: bool) -> None:
        """Run short of memory, so that everybody who publishes is blocked; or no longer."""
        self.ctl("set_vm_memory_high_watermark", _NOTHING if on else _PLENTY)

    def delete_queue(self, name: str) -> None:
        """Delete a queue with all that is in it, used or not."""
        with self.channel() as channel:
            channel.queue_delete(name)

    def close_channels(self, queue: str) -> None:
        """Close the channels of the consumers of a queue, with a channel error.

        They are made out to have acknowledged what they never got: the broker's own way to that error.
        """
        self.ctl(
            "eval",
            "[rabbit_channel:do(proplists:get_value(channel_pid, C), {'basic.ack', 16#ffffffff, false}) "
            f'|| C <- {_CONSUMERS}, element(4, proplists:get_value(queue_name, C)) =:= <<"{queue}">>].',
        )

    def close_connections(self, reason: str = "maintenance") -> None:
        """Close every connection, as an operator does."""
        self.ctl("close_all_connections", reason)

    @contextmanager
    def channel(self) -> Iterator[pika.adapters.blocking_connection.BlockingChannel]:
        """Open a channel past everything that may be between the node and the service."""
        connection = pika.BlockingConnection(pika.URLParameters(self.url))
        try:
            yield connection.channel()
        finally:
            connection.close()


_CONSUMERS = 'rabbit_amqqueue:consumers_all(<<"/">>)'


def _environ(directory: Path, names_port: int, node_port: int) -> Mapping[str, str]:
    local = "-kernel inet_dist_use_interface {127,0,0,1}"
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(directory),  # of the cookie
        "ERL_EPMD_PORT": str(names_port),
        "ERL_EPMD_ADDRESS": HOST,
        "ERL_FLAGS": local,
        # Without this a shell stays between us and the node, and would be what `kill` kills.
        "RABBITMQ_ALLOW_INPUT": "true",
        "RABBITMQ_SERVER_START_ARGS": "-noinput",
        "RABBITMQ_NODENAME": _NODE,
        "RABBITMQ_DIST_PORT": str(node_port),
        "RABBITMQ_CTL_DIST_PORT_MIN": "0",
        "RABBITMQ_CTL_DIST_PORT_MAX": "0",
        "RABBITMQ_CONF_ENV_FILE": str(directory / "none"),
        "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(directory / "none"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(directory / "data"),
        "RABBITMQ_LOG_BASE": str(directory / "log"),
    }


def _write_files(directory: Path, port: int) -> None:
    (directory / "rabbitmq.conf").write_text(f"listeners.tcp.default = {HOST}:{port}\ndisk_free_limit.absolute = 1MB\n")
    (directory / "enabled_plugins").write_text("[rabbitmq_consistent_hash_exchange].\n")
    cookie = directory / ".erlang.cookie"
    cookie.write_text(os.urandom(16).hex())
    cookie.chmod(0o400)
