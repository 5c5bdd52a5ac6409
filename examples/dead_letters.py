"""Shows the dead letters, or sends one of them back as a command.

python examples/dead_letters.py               shows them all
python examples/dead_letters.py <message_id>  sends this one back
"""

import asyncio
import os
import sys

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

BROKER = os.environ.get("CRUDMQ_BROKER_URL", "amqp://guest:guest@127.0.0.1:5672/")
PREFIX = os.environ.get("CRUDMQ_PREFIX", "crudmq")
PATIENCE = 30
OURS = ("x-error-code", "x-error-message", "x-attempts", "x-original-exchange", "x-original-routing-key", "x-user-id")


async def main(wanted: str | None) -> int:
    """Look at each dead letter once; those that are not acknowledged return when the connection is closed."""
    connection = await aio_pika.connect(BROKER, timeout=PATIENCE)
    async with connection, connection.channel(on_return_raises=True) as channel:
        queue = await channel.get_queue(f"{PREFIX}.dead-letters")
        while (letter := await queue.get(fail=False, timeout=PATIENCE)) is not None:
            if wanted is None:
                show(letter)
            elif letter.message_id == wanted:
                await send_back(channel, letter)
                return 0
    return 0 if wanted is None else 1


def show(letter: AbstractIncomingMessage) -> None:
    """Write what it died of, and what it said."""
    died_of = letter.headers.get("x-error-code", "too many deliveries")
    print(letter.message_id, died_of, letter.headers.get("x-error-message", ""), sep="  ")
    print("   ", letter.routing_key, letter.body[:500])


async def send_back(channel: AbstractChannel, letter: AbstractIncomingMessage) -> None:
    """Publish it as it first came, without its actor, and forget it once the broker has confirmed that."""
    message = aio_pika.Message(
        letter.body,
        message_id=letter.message_id,
        reply_to=letter.reply_to,
        correlation_id=letter.correlation_id,
        content_type=letter.content_type,
        content_encoding=letter.content_encoding,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        headers={name: value for name, value in letter.headers.items() if name not in OURS and name != "x-death"},
    )
    commands = await channel.get_exchange(f"{PREFIX}.commands")
    await commands.publish(message, letter.routing_key or "", timeout=PATIENCE)
    await letter.ack()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None)))
