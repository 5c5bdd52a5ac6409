"""What the client refuses without a broker."""

import math
import subprocess
import sys
from typing import Any

import pytest

from crudmq.client import Client, ClientError
from crudmq.client.client import check_message_id, routing_key
from crudmq.contract import codec

COMMAND = {"resource": "people", "action": "get", "key": 1}


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "must start with amqp://"),
        ("guest", "must start with amqp://"),
        ("http://guest:secret@127.0.0.1:5672/", "must start with amqp://"),
        (None, "must start with amqp://"),
        ("amqp://", "has no host"),
        ("amqp:", "has no host"),
        ("amqps:///vhost", "has no host"),
        ("amqp://guest:secret@127.0.0.1:99999/", "is not valid"),
        ("amqp://guest:secret@127.0.0.1:port/", "is not valid"),
        ("amqp://guest:sec/ret@127.0.0.1/", "is not valid"),
        ("amqp://guest:secret@[::1/", "is not valid"),
        ("amqp://guest:secret@a..b/", "is not valid"),
        (5, "is not valid"),
    ],
)
async def test_a_url_that_names_no_broker_is_refused_without_showing_its_password(url: Any, reason: str) -> None:  # noqa: ANN401
    with pytest.raises(ClientError, match=reason) as raised:
        await Client(url).__aenter__()
    assert "sec" not in str(raised.value)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


async def test_a_client_that_was_not_entered_says_how_to_use_it() -> None:
    client = Client("amqp://127.0.0.1/")
    with pytest.raises(ClientError, match="async with"):
        await client.send(COMMAND)
    with pytest.raises(ClientError, match="async with"):
        await client.events().__aenter__()


def test_a_failure_to_connect_prints_nothing_by_itself() -> None:
    program = """
import asyncio
from crudmq.client import Client, ClientError

async def main():
    try:
        await Client("amqp://127.0.0.1:1/").__aenter__()
    except ClientError as exc:
        print(exc)

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("cannot connect to the broker at 127.0.0.1:1: ")
    assert done.stderr == ""


@pytest.mark.parametrize("message_id", ["", "x" * 201, "é" * 128, "\ud800"])
def test_a_message_id_that_no_service_would_accept_is_refused(message_id: str) -> None:
    with pytest.raises(ClientError, match="message_id must have 1 to 200"):
        check_message_id(message_id)


@pytest.mark.parametrize("message_id", ["x", "x" * 200, "é" * 127])
def test_a_message_id_may_use_the_whole_length(message_id: str) -> None:
    assert check_message_id(message_id) == message_id


@pytest.mark.parametrize(
    ("command", "key"),
    [
        (COMMAND, "people.get"),
        ({"action": "call"}, "call"),
        ({}, "unknown"),
        (b"{}", "unknown"),
        ({"resource": "x" * 252, "action": "go"}, "x" * 252 + ".go"),
        ({"resource": "x" * 253, "action": "go"}, "unknown"),
        ({"resource": "\ud800", "action": "go"}, "unknown"),
    ],
)
def test_a_routing_key_is_one_that_amqp_can_represent(command: Any, key: str) -> None:  # noqa: ANN401
    assert routing_key(command) == key


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "wrap",
    [lambda x: x, lambda x: [x], lambda x: (None, {"b": [1, x]}), lambda x: [2**70, x]],
    ids=["plain", "list", "tuple", "long"],
)
def test_nan_and_infinity_in_a_command_are_errors(number: float, wrap: Any) -> None:  # noqa: ANN401
    with pytest.raises(ValueError, match="NaN and infinity are not JSON"):
        codec.encode_strictly({"a": wrap(number)})


@pytest.mark.parametrize("value", [2**64, -(2**70), None, [None, 1.5], (None,), "NaN"])
def test_any_other_number_is_encoded_exactly(value: object) -> None:
    decoded = codec.decode(codec.encode_strictly({"a": value}), max_bytes=100)
    assert decoded == {"a": list(value) if isinstance(value, tuple) else value}


@pytest.mark.parametrize("value", [{1, 2}, object(), "\ud800"])
def test_a_value_without_a_json_form_is_an_error(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        codec.encode_strictly({"a": value})
