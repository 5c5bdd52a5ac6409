"""Commands of hostile shapes: many of something that costs more than it looks."""

import tracemalloc
from collections.abc import Iterator

import pytest

from crudmq.contract.command import Limits
from crudmq.contract.delivery import Delivery
from crudmq.contract.errors import Invalid, LimitExceeded
from crudmq.processing.decoder import Decoder
from crudmq.resources.registry import load

SIZE = 2**18
MAX_PEAK = 40 * SIZE
"""In bytes. The parsed body alone may take a good half of it."""


def many(item: str) -> str:
    return ",".join([item] * (SIZE // (len(item) + 1)))


def distinct(pattern: str) -> str:
    def items() -> Iterator[str]:
        size = number = 0
        while size < SIZE:
            item = pattern.format(number)
            size, number = size + len(item) + 1, number + 1
            yield item

    return ",".join(items())


def on_people(action: str, fields: str) -> str:
    return f'{{"resource":"people","action":"{action}",{fields}}}'


SHAPES = {
    "fields that are numbers": on_people("list", f'"fields":[{many("0")}]'),
    "unknown fields": on_people("list", f'"fields":[{distinct(chr(34) + "n{}" + chr(34))}]'),
    "orders that are numbers": on_people("list", f'"order":[{many("0")}]'),
    "groups that are numbers": on_people("count", f'"by":[{many("0")}]'),
    "keys of an upsert that are numbers": on_people("upsert", f'"on":[{many("0")}],"data":{{}}'),
    "unknown fields of the command": on_people("list", distinct('"n{}":0')),
    "empty conditions": on_people("list", f'"where":{{"or":[{many("{}")}]}}'),
    "negations": on_people(
        "list", f'"where":{{"and":[{many(chr(123) + chr(34) + "not" + chr(34) + ":{}" + chr(125))}]}}'
    ),
    "conditions that are numbers": on_people("list", f'"where":{{"and":[{many("0")}]}}'),
    "unknown operators": on_people("list", f'"where":{{"name":{{{distinct(chr(34) + "o{}" + chr(34) + ":0")}}}}}'),
    "includes": on_people("list", f'"include":[{many(chr(34) + "emails" + chr(34))}]'),
    "unknown options": on_people("list", f'"include":{{"emails":{{{distinct(chr(34) + "o{}" + chr(34) + ":0")}}}}}'),
    "fields of an include that are numbers": on_people("list", f'"include":{{"emails":{{"fields":[{many("0")}]}}}}'),
    "rows that are numbers": on_people("create", f'"data":[{many("0")}]'),
    "inline rows that are empty": on_people("create", f'"data":{{"name":"a","emails":[{many("{}")}]}}'),
    "many links": on_people("create", f'"data":{{"name":"a","groups":{{"add":[{distinct("{}")}]}}}}'),
    "unknown fields of a row": on_people("create", '"data":{' + distinct('"n{}":0') + "}"),
    "commands that are numbers": f'{{"action":"transaction","commands":[{many("0")}]}}',
}


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    return Decoder(load("crudmq.examples.models"), Limits())


@pytest.mark.parametrize("body", SHAPES.values(), ids=SHAPES)
def test_the_memory_for_a_command_is_bounded_by_its_size(decoder: Decoder, body: str) -> None:
    delivery = Delivery(body.encode(), message_id="one", reply_to="replies")
    tracemalloc.start()
    try:
        job = decoder.decode(delivery)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(job.error, Invalid | LimitExceeded)
    assert 0 < len(job.error.details) <= 100
    assert peak < MAX_PEAK
