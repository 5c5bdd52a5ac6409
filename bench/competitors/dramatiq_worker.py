"""Dramatiq on RabbitMQ: an actor for each kind of command, publishes with confirm. Run by its own command line."""

import sys
from typing import Any

import dramatiq
import pika
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.cli import main, make_argument_parser

from bench.competitors import session_each
from service import settings
from service.messaging.topology import Topology

_THREADS = 4
_SETTINGS = settings.read()
_NAMES = Topology(_SETTINGS.prefix)
_PROPERTIES = pika.BasicProperties(content_type="application/json", delivery_mode=2)


class _Broker(RabbitmqBroker):
    """Takes the queue that is there, with whatever arguments it was made."""

    def _declare_queue(self, queue_name: str) -> object:
        return self.channel.queue_declare(queue=queue_name, passive=True)


_broker = _Broker(url=_SETTINGS.broker_url, confirm_delivery=True)
dramatiq.set_broker(_broker)
_sessions = session_each.sessions(_SETTINGS.database_url, connections=_THREADS)


def _actor(routing_key: str) -> None:
    @dramatiq.actor(actor_name=routing_key, queue_name=_NAMES.commands)
    def run(command: dict[str, Any], reply_to: str | None) -> None:
        type_, body = session_each.run(_sessions, routing_key, command)
        exchange, key = (_NAMES.events, type_) if reply_to is None else ("", reply_to)
        # The channel is the thread's own.
        _broker.channel.basic_publish(exchange, key, body.encode(), _PROPERTIES)


for _name in session_each.HANDLERS:
    _actor(_name)


class _SaysThatItConsumes(dramatiq.Middleware):
    def after_worker_boot(self, *_: object) -> None:
        sys.stderr.write("consuming\n")
        sys.stderr.flush()


_broker.add_middleware(_SaysThatItConsumes())


if __name__ == "__main__":
    processes = str(max(1, int(sys.argv[1]) // _THREADS))
    arguments = ["bench.competitors.dramatiq_worker", "--processes", processes, "--threads", str(_THREADS)]
    sys.exit(main(make_argument_parser().parse_args(arguments)))
