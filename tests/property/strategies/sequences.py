"""Sequences of messages: commands, repeats, reused ids, next pages, and messages that are not commands."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.property.messages import Sent
from tests.property.strategies.commands import CALLS, SPOILED, VALID
from tests.property.strategies.limits import OVER_LIMITS
from tests.property.strategies.probes import FIRST_PAGES, QUANTIFIED, WRITTEN_ONCE
from tests.property.strategies.rows import with_keys
from tests.property.strategies.seeds import SEEDS
from tests.property.strategies.transactions import TRANSACTIONS

Command = dict[str, Any]


@dataclass(frozen=True)
class Again:
    """A repeat of an earlier message."""

    index: int


@dataclass(frozen=True)
class Reused:
    """The id of an earlier message, with another command."""

    index: int
    command: Command


@dataclass(frozen=True)
class NextPage:
    """The same list as an earlier one, after its last row."""

    index: int


@dataclass(frozen=True)
class Pages:
    """A list and its next pages."""

    start: Command
    more: int


@dataclass(frozen=True)
class Raw:
    """A message with a raw body or properties."""

    body: bytes | Command
    properties: tuple[tuple[str, Any], ...] = ()
    id: str | None = "mine"


_INDEX = st.integers(0, 9)
_LIST = {"resource": "things", "action": "list"}
_CREATE = {"resource": "words", "action": "create", "data": {"id": 1, "word": "a"}}
_PAST = (("headers", {"x-deadline": "2020-01-01T00:00:00Z"}),)
_RAW: list[Raw] = [
    *(
        Raw(body)
        for body in (b"", b"[]", b"null", b'{"action": 1}', b'{"a": 1, "a": 2}', b"\xff", b'{"a": NaN}', b"{} {}")
    ),
    Raw(b'{"a": 1e999}'),
    *(Raw(body, (("content_type", "text/plain"),)) for body in (_LIST, _CREATE)),
    *(Raw(body, (("content_encoding", "gzip"),)) for body in (_LIST, _CREATE)),
    *(Raw(body, (("reply_to", None),)) for body in (_LIST, _CREATE)),
    *(Raw(body, _PAST) for body in (_LIST, _CREATE)),
    *(Raw({**_LIST, name: "nosuch"}) for name in ("resource", "action")),
    *(Raw(_CREATE, id=name) for name in (None, "", "x" * 201)),
]
_DRY_RUNS: st.SearchStrategy[Any] = st.one_of(VALID, TRANSACTIONS, SPOILED).map(
    lambda step: {**with_keys(step), "dry_run": True}
)
_WEIGHTED: list[tuple[int, st.SearchStrategy[Any]]] = [
    (16, VALID),
    (4, SPOILED),
    (3, TRANSACTIONS),
    (1, CALLS),
    (1, OVER_LIMITS),
    (2, _DRY_RUNS),
    (1, _INDEX.map(Again)),
    (1, st.builds(Reused, _INDEX, VALID)),
    (1, _INDEX.map(NextPage)),
    (2, st.builds(Pages, FIRST_PAGES, st.integers(1, 3))),
    (2, QUANTIFIED),
    (1, WRITTEN_ONCE),
    (1, st.sampled_from(_RAW)),
]
_STEPS = st.sampled_from([step for weight, step in _WEIGHTED for _ in range(weight)]).flatmap(lambda step: step)


def _messages(steps: list[Any]) -> list[Sent]:
    messages: list[Sent] = []
    for number, step in enumerate(steps):
        if isinstance(step, Pages):
            messages += _pages(f"m{number}", step)
        elif (message := _message(f"m{number}", step, messages)) is not None:
            messages.append(message)
    return messages


def _pages(name: str, pages: Pages) -> list[Sent]:
    messages = [Sent(name, pages.start)]
    for number in range(pages.more):
        messages.append(_next_page(f"{name}-{number}", messages[-1]))
    return messages


def _message(name: str, step: Any, before: list[Sent]) -> Sent | None:  # noqa: ANN401 - one of the steps
    match step:
        case Raw(body, properties, id_):
            return Sent(name if id_ == "mine" else id_, body, dict(properties))
        case Again(index):
            return before[index] if index < len(before) else None
        case Reused(index, command):
            return Sent(before[index].id, command) if index < len(before) else None
        case NextPage(index):
            lists = [
                message for message in before if isinstance(message.body, dict) and message.body.get("action") == "list"
            ]
            return _next_page(name, lists[index % len(lists)]) if lists else None
    return Sent(name, step)


def _next_page(name: str, before: Sent) -> Sent:
    assert isinstance(before.body, dict)
    body = {word: value for word, value in before.body.items() if word != "offset"}
    return Sent(name, {**body, "after": {"cursor": before.id}})


SEQUENCES: st.SearchStrategy[list[Sent]] = st.builds(
    lambda seeds, rest: _messages([*seeds, *rest]),
    SEEDS,
    st.lists(_STEPS, min_size=6, max_size=10),
)
SIZES = st.lists(st.integers(1, 6), min_size=1, max_size=6)
"""How many messages arrive together, in turn."""
