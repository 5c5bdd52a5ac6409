"""The schema of the test models, as the reference model needs it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from tests.property.reference import value_types
from tests.property.reference.faults import Json
from tests.property.reference.value_types import NUMBER, ValueType, text

REQUIRED = object()
GENERATED = object()
Row = dict[str, Json]


@dataclass(frozen=True)
class Field:
    """A field: its type, its default and its rules."""

    value_type: ValueType
    default: Json = None
    null: bool = True
    read_only: bool = False
    write_once: bool = False
    hidden: bool = False


@dataclass(frozen=True)
class Reference:
    """A foreign key."""

    name: str
    fields: tuple[str, ...]
    target: str


@dataclass(frozen=True)
class Relationship:
    """Rows that belong to a row: those of `target` whose `theirs` are equal to its `ours`, or that are linked to it."""

    target: str
    ours: tuple[str, ...] = ()
    theirs: tuple[str, ...] = ()
    many: bool = True
    linked: bool = False
    owner: bool = False
    """Whether the foreign key is with the others: they can be created inline."""


@dataclass(frozen=True)
class Resource:
    """A table."""

    name: str
    fields: dict[str, Field]
    key: tuple[str, ...] = ("id",)
    version: str | None = None
    unique: dict[str, tuple[str, ...]] = field(default_factory=dict)
    checks: dict[str, tuple[tuple[str, ...], Callable[[Row], bool]]] = field(default_factory=dict)
    references: tuple[Reference, ...] = ()
    relationships: dict[str, Relationship] = field(default_factory=dict)

    @property
    def visible(self) -> list[str]:
        return [name for name, field in self.fields.items() if not field.hidden]

    @property
    def unique_keys(self) -> dict[str, tuple[str, ...]]:
        return {f"pk_{self.name}": self.key, **self.unique}


def _needed(value_type: ValueType) -> Field:
    return Field(value_type, REQUIRED, null=False)


_VERSION = Field(NUMBER, 1, null=False, read_only=True)

THINGS = Resource(
    "things",
    {
        "id": Field(NUMBER, GENERATED, null=False),
        "name": _needed(text(20)),
        "small": Field(value_types.whole(16)),
        "whole": Field(NUMBER),
        "big": Field(value_types.whole(64)),
        "price": Field(value_types.PRICE),
        "ratio": Field(value_types.RATIO),
        "flag": Field(value_types.FLAG),
        "code": Field(text(10)),
        "note": Field(text()),
        "blob": Field(value_types.BLOB),
        "day": Field(value_types.DAY),
        "hour": Field(value_types.HOUR),
        "moment": Field(value_types.MOMENT),
        "local": Field(value_types.MOMENT),
        "span": Field(value_types.SPAN),
        "token": Field(value_types.TOKEN),
        "mood": Field(value_types.names("GLAD", "MEEK", "SAD")),
        "extra": Field(value_types.EXTRA),
        "left": Field(NUMBER),
        "right": Field(text(5)),
        "amount": Field(NUMBER),
        "state": Field(text(10), "new", null=False),
        "rank": Field(NUMBER, 7),
        "grade": Field(value_types.names("GLAD", "MEEK", "SAD"), "MEEK", null=False),
        "ready": Field(value_types.FLAG, default=False, null=False),
        "seen": Field(value_types.MOMENT, datetime(2026, 1, 1, tzinfo=UTC), null=False),
        "fee": Field(value_types.PRICE, Decimal("1.00"), null=False),
        "secret": Field(text(10), hidden=True),
        "serial": Field(NUMBER, 0, null=False, read_only=True),
        "origin": Field(text(10), write_once=True),
        "version": _VERSION,
    },
    version="version",
    unique={"uq_things_code": ("code",), "uq_things_left_right": ("left", "right")},
    checks={"ck_things_amount": (("amount",), lambda row: row["amount"] is None or row["amount"] >= 0)},
    relationships={
        "parts": Relationship("parts", ("id",), ("thing_id",), owner=True),
        "card": Relationship("cards", ("id",), ("thing_id",), many=False, owner=True),
        "tags": Relationship("tags", linked=True),
    },
)
PARTS = Resource(
    "parts",
    {
        "id": Field(NUMBER, GENERATED, null=False),
        "thing_id": _needed(NUMBER),
        "label": _needed(text(10)),
        "size": Field(NUMBER),
    },
    unique={"uq_parts_thing_id_label": ("thing_id", "label")},
    references=(Reference("fk_parts_thing_id", ("thing_id",), "things"),),
    relationships={"thing": Relationship("things", ("thing_id",), ("id",), many=False)},
)
PAIRS = Resource(
    "pairs",
    {"number": _needed(NUMBER), "letter": _needed(text(5)), "value": Field(NUMBER), "label": Field(text(10))},
    key=("number", "letter"),
    relationships={
        "cards": Relationship("cards", ("number", "letter"), ("pair_number", "pair_letter"), owner=True),
    },
)
CARDS = Resource(
    "cards",
    {
        "id": _needed(NUMBER),
        "thing_id": _needed(NUMBER),
        "pair_number": Field(NUMBER),
        "pair_letter": Field(text(5)),
        "text": Field(text()),
    },
    unique={"uq_cards_thing_id": ("thing_id",)},
    references=(
        Reference("fk_cards_thing_id", ("thing_id",), "things"),
        Reference("fk_cards_pair_number_pair_letter", ("pair_number", "pair_letter"), "pairs"),
    ),
    relationships={
        "thing": Relationship("things", ("thing_id",), ("id",), many=False),
        "pair": Relationship("pairs", ("pair_number", "pair_letter"), ("number", "letter"), many=False),
    },
)
TAGS = Resource(
    "tags",
    {"id": _needed(NUMBER), "name": _needed(text(10))},
    unique={"uq_tags_name": ("name",)},
    relationships={"things": Relationship("things", linked=True)},
)
NODES = Resource(
    "nodes",
    {"id": _needed(NUMBER), "parent_id": Field(NUMBER), "name": _needed(text(10)), "revision": _VERSION},
    version="revision",
    references=(Reference("fk_nodes_parent_id", ("parent_id",), "nodes"),),
    relationships={
        "parent": Relationship("nodes", ("parent_id",), ("id",), many=False),
        "children": Relationship("nodes", ("id",), ("parent_id",), owner=True),
    },
)
WORDS = Resource(
    "words",
    {"id": _needed(NUMBER), "word": _needed(text(10)), "size": Field(NUMBER)},
    unique={"uq_words_word": ("word",)},
)
RESOURCES = {resource.name: resource for resource in (THINGS, PARTS, PAIRS, CARDS, TAGS, NODES, WORDS)}
