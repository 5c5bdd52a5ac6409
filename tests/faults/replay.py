"""Replays the events: applied one after the other, they must result in the rows of the database."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.faults.database import TABLES, Key, Row
from tests.faults.events import Event
from tests.faults.evidence import Evidence
from tests.faults.findings import Category, Finding

_LINKS = "groups"


def check(events: Sequence[Event], evidence: Evidence, *, has_order: bool) -> Iterator[Finding]:
    """Check the events of each row among themselves and against the row as it is now."""
    by_row: dict[tuple[str, Key], list[Event]] = defaultdict(list)
    for event in events:
        if not event.is_failure:
            by_row[event.resource, event.key].append(event)
    linked: set[tuple[int, int]] = set()
    for resource, rows in evidence.rows.items():
        reported = {key for name, key in by_row if name == resource}
        for key in reported | rows.keys():
            history = by_row[resource, key]
            yield from _row(resource, key, history, rows.get(key), has_order=has_order)
            if resource == "people":
                linked |= {(int(str(key[0])), group) for group in _links(history)}
    yield from _compare_links(linked, evidence.links)


def _row(resource: str, key: Key, history: Sequence[Event], row: Row | None, *, has_order: bool) -> Iterator[Finding]:
    name = f"{resource} {'/'.join(map(str, key))}"
    if TABLES[resource].version is not None:
        yield from _versions(name, history, row)
        ordered = sorted(history, key=lambda event: event.position)
    else:
        ordered = _chained(history)
        if len(ordered) < len(history):
            yield Finding(
                Category.DUPLICATED, f"{name}: {len(history) - len(ordered)} events do not fit into its history"
            )
    if has_order and ordered != list(history):
        # If one is late, those behind it are not out of order as well: it is one finding.
        yield Finding(
            Category.OUT_OF_ORDER,
            f"{name}: its events arrived as {[event.position[0] or event.id for event in history]}",
        )
    yield from _states(name, resource, ordered, row)


def _versions(name: str, history: Sequence[Event], row: Row | None) -> Iterator[Finding]:
    """Check that every committed version was reported once, and no other."""
    changes = [event.version for event in history if event.kind != "deleted"]
    last = max([*changes, 0]) if row is None else int(str(row["version"]))
    reported = Counter(changes)
    for version in sorted(set(range(1, last + 1)) - reported.keys()):
        yield Finding(Category.LOST, f"{name}: no event of its version {version}")
    for version, number in sorted(reported.items()):
        if version > last:
            yield Finding(Category.DUPLICATED, f"{name}: an event of version {version}, which was never committed")
        elif number > 1:
            yield Finding(Category.DUPLICATED, f"{name}: {number} events of version {version}")


def _chained(history: Sequence[Event]) -> list[Event]:
    """Order the events of a row without versions so that each follows from the one before.

    Every write of the load leaves a unique value. The order of several lives of a row that were ended by a delete
    cannot be inferred: they stay in the order of arrival, and the life that has not ended is last.
    """
    remaining = list(history)
    lives = [_life(birth, remaining) for birth in history if birth.kind == "created"]
    lives.sort(key=lambda life: life[-1].kind != "deleted")
    return [event for life in lives for event in life]


def _life(birth: Event, remaining: list[Event]) -> list[Event]:
    life = [birth]
    remaining.remove(birth)
    while (following := next((event for event in remaining if _follows(event, life[-1])), None)) is not None:
        life.append(following)
        remaining.remove(following)
    return life


def _follows(event: Event, before: Event) -> bool:
    state = before.data["after"]
    if state is None or event.kind == "created":
        return False
    return all(state.get(field) == value for field, value in event.data["before"].items())


def _states(name: str, resource: str, ordered: Sequence[Event], row: Row | None) -> Iterator[Finding]:
    """Replay the events of a row, and compare the result with the row."""
    state: dict[str, Any] | None = None
    for event in ordered:
        before = event.data["before"]
        if (state is None) != (before is None) or any(
            (state or {}).get(field) != value for field, value in _without_links(before).items()
        ):
            yield Finding(Category.LOST, f"{name}: its event {event.id} changes a state that the row did not have")
        after = event.data["after"]
        state = None if after is None else _without_links(after)
    version = TABLES[resource].version
    final = None if row is None else {field: value for field, value in row.items() if field != version}
    if state != final:
        category = Category.LOST if state is None or final is not None else Category.DUPLICATED
        yield Finding(category, f"{name}: its events result in {state}, the database has {final}")


def _without_links(state: Mapping[str, Any] | None) -> dict[str, Any]:
    return {field: value for field, value in (state or {}).items() if field != _LINKS}


def _links(history: Sequence[Event]) -> set[int]:
    """Return the groups of a person according to the last event that lists them."""
    listing = [
        event for event in sorted(history, key=lambda event: event.position) if _LINKS in (event.data["after"] or {})
    ]
    return {link["id"] for link in listing[-1].data["after"][_LINKS]} if listing else set()


def _compare_links(reported: set[tuple[int, int]], final: frozenset[tuple[int, int]]) -> Iterator[Finding]:
    for link in sorted(final - reported):
        yield Finding(Category.LOST, f"no event reports the link {link}")
    for link in sorted(reported - final):
        yield Finding(Category.DUPLICATED, f"the events report the link {link}, which does not exist")
