"""Replays the events: what they tell, one after the other, must lead to what the database holds."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.faults.database import TABLES, Key, Row
from tests.faults.evidence import Evidence
from tests.faults.findings import Finding, Kind
from tests.faults.told import Told

_LINKS = "groups"


def check(events: Sequence[Told], evidence: Evidence, *, has_order: bool) -> Iterator[Finding]:
    """Check the events of each row among themselves and against the row as it is now."""
    by_row: dict[tuple[str, Key], list[Told]] = defaultdict(list)
    for one in events:
        if not one.is_failure:
            by_row[one.resource, one.key].append(one)
    linked: set[tuple[int, int]] = set()
    for resource, rows in evidence.rows.items():
        told = {key for name, key in by_row if name == resource}
        for key in told | rows.keys():
            history = by_row[resource, key]
            yield from _row(resource, key, history, rows.get(key), has_order=has_order)
            if resource == "people":
                linked |= {(int(str(key[0])), group) for group in _links(history)}
    yield from _links_alike(linked, evidence.links)


def _row(resource: str, key: Key, history: Sequence[Told], row: Row | None, *, has_order: bool) -> Iterator[Finding]:
    name = f"{resource} {'/'.join(map(str, key))}"
    if TABLES[resource].version is not None:
        yield from _versions(name, history, row)
        ordered = sorted(history, key=lambda one: one.place)
    else:
        ordered = _chained(history)
        if len(ordered) < len(history):
            yield Finding(Kind.DOUBLED, f"{name}: {len(history) - len(ordered)} events fit nowhere into its history")
    if has_order and ordered != list(history):
        # Where one is late, those behind it are not out of order as well.
        yield Finding(Kind.DISORDER, f"{name}: its events came as {[one.place[0] or one.id for one in history]}")
    yield from _states(name, resource, ordered, row)


def _versions(name: str, history: Sequence[Told], row: Row | None) -> Iterator[Finding]:
    """Check that every version that was committed was told once, and no other."""
    changes = [one.version for one in history if one.fact != "deleted"]
    last = max([*changes, 0]) if row is None else int(str(row["version"]))
    told = Counter(changes)
    for version in sorted(set(range(1, last + 1)) - told.keys()):
        yield Finding(Kind.LOST, f"{name}: no event of its version {version}")
    for version, number in sorted(told.items()):
        if version > last:
            yield Finding(Kind.DOUBLED, f"{name}: an event of version {version}, which was never committed")
        elif number > 1:
            yield Finding(Kind.DOUBLED, f"{name}: {number} events of version {version}")


def _chained(history: Sequence[Told]) -> list[Told]:
    """Put the events of a row without versions into the order in which they follow from each other.

    Every write of the load leaves a value that no other does. Of several lives of a row that ended the order is not
    known from what they say: they stay as they came, and one that has not ended is last.
    """
    left = list(history)
    lives = [_life(birth, left) for birth in history if birth.fact == "created"]
    lives.sort(key=lambda life: life[-1].fact != "deleted")
    return [one for life in lives for one in life]


def _life(birth: Told, left: list[Told]) -> list[Told]:
    life = [birth]
    left.remove(birth)
    while (following := next((one for one in left if _follows(one, life[-1])), None)) is not None:
        life.append(following)
        left.remove(following)
    return life


def _follows(one: Told, before: Told) -> bool:
    state = before.data["after"]
    if state is None or one.fact == "created":
        return False
    return all(state.get(field) == value for field, value in one.data["before"].items())


def _states(name: str, resource: str, ordered: Sequence[Told], row: Row | None) -> Iterator[Finding]:
    """Replay the events of a row, and compare where they lead to with the row."""
    state: dict[str, Any] | None = None
    for one in ordered:
        before = one.data["before"]
        if (state is None) != (before is None) or any(
            (state or {}).get(field) != value for field, value in _without_links(before).items()
        ):
            yield Finding(Kind.LOST, f"{name}: its event {one.id} tells of a change of what it was not")
        after = one.data["after"]
        state = None if after is None else _without_links(after)
    version = TABLES[resource].version
    stored = None if row is None else {field: value for field, value in row.items() if field != version}
    if state != stored:
        kind = Kind.LOST if state is None or stored is not None else Kind.DOUBLED
        yield Finding(kind, f"{name}: its events lead to {state}, the database has {stored}")


def _without_links(state: Mapping[str, Any] | None) -> dict[str, Any]:
    return {field: value for field, value in (state or {}).items() if field != _LINKS}


def _links(history: Sequence[Told]) -> set[int]:
    """Give the groups that a person is in by the last event that tells."""
    told = [one for one in sorted(history, key=lambda one: one.place) if _LINKS in (one.data["after"] or {})]
    return {link["id"] for link in told[-1].data["after"][_LINKS]} if told else set()


def _links_alike(told: set[tuple[int, int]], stored: frozenset[tuple[int, int]]) -> Iterator[Finding]:
    for link in sorted(stored - told):
        yield Finding(Kind.LOST, f"no event tells of the link {link}")
    for link in sorted(told - stored):
        yield Finding(Kind.DOUBLED, f"the events tell of the link {link}, which is not there")
