"""Whether a service told what the model tells."""

import json
from collections import defaultdict
from typing import Any

from tests.property.reference.faults import ANYWHERE, RefusedError
from tests.property.reference.model import Told

_SAID = ("type", "subject", "sequence", "data")


def differences(told: Told, result: dict[str, Any] | None, events: list[dict[str, Any]]) -> list[str]:
    """Say how a service's result and events differ from the model's."""
    found = []
    if result is not None:
        found += _result(told, result)
    theirs = sorted((_comparable(event) for event in events), key=_written)
    ours = sorted(_allowed(told, result), key=_written)
    if theirs != ours:
        found.append(f"events\n  model:   {ours}\n  service: {theirs}")
    elif by_subject(_allowed(told, result)) != by_subject(theirs := [_comparable(event) for event in events]):
        found.append(f"order of events\n  model:   {told.events}\n  service: {theirs}")
    return found


def _allowed(told: Told, result: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Give the model's events, with the code that the result has where the contract leaves several open."""
    code = (result or {}).get("error", {}).get("code")
    if told.error is None or code not in told.error.instead:
        return told.events
    return [{**event, "data": {**event["data"], "error": code}} for event in told.events]


def _written(event: dict[str, Any]) -> str:
    return json.dumps(event, sort_keys=True)


def by_subject(events: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Give the events of each row, in order."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        found[event.get("subject", "")].append(event)
    return found


def _comparable(event: dict[str, Any]) -> dict[str, Any]:
    found = {name: event[name] for name in _SAID if name in event}
    data = found["data"]
    if event["type"].endswith(".failed"):
        found["data"] = {**data, "error": data["error"]["code"]}
    elif "changed" in data:
        found["data"] = {**data, "changed": sorted(data["changed"])}
    return found


def _result(told: Told, result: dict[str, Any]) -> list[str]:
    found, wanted = _without_cursor(result), told.result
    error = found.pop("error", None)
    if found != wanted:
        return [f"result\n  model:   {wanted} {told.error!r}\n  service: {found} {error}"]
    if told.error is not None and (fault := _error(told.error, error)):
        return [f"error, {fault}\n  model:   {told.error!r}\n  service: {error}"]
    return []


def _without_cursor(result: dict[str, Any]) -> dict[str, Any]:
    """Keep of cursors whether there is one; the rest is opaque."""
    found = dict(result)
    if "page" in found:
        found["page"] = {**found["page"], "next": found["page"]["next"] is not None}
    if found.get("action") == "transaction" and "data" in found:
        found["data"] = [_without_cursor(one) for one in found["data"]]
    return found


def _error(wanted: RefusedError, found: dict[str, Any]) -> str:
    if found["code"] != wanted.code:
        return "" if found["code"] in wanted.instead else "its code"
    details = found.get("details", [])
    paths = [detail["path"] for detail in details]
    if found["code"] == "invalid" and not paths:
        return "no details"
    if wanted.paths and not wanted.instead and not _fit(wanted.paths, paths):
        return "its paths"
    if wanted.current is not None and [detail.get("current") for detail in details] != [wanted.current]:
        return "its current version"
    if wanted.violated and not wanted.instead:
        return _constraint(wanted.violated, details)
    return ""


def _fit(wanted: tuple[str, ...], found: list[str]) -> bool:
    if ANYWHERE in wanted:
        return True
    met = [any(_points_at(path, one) for path in found) for one in wanted]
    extra = [path for path in found if not any(_points_at(path, one) for one in wanted)]
    # Every fault in the data is told; of the other parts of a command one may be told before the rest is looked at.
    return all(met) and not extra if all(one.startswith("data") for one in wanted) else any(met)


def _points_at(path: str, wanted: str) -> bool:
    return path == wanted or path.startswith(f"{wanted}.") or not wanted


def _constraint(violated: frozenset[str], details: list[dict[str, Any]]) -> str:
    if not details or "kind" not in details[0]:
        return "no constraint"
    kinds = {"pk": "unique", "uq": "unique", "fk": "foreign_key", "ck": "check"}
    if details[0]["kind"] not in {kinds[name[:2]] for name in violated}:
        return "the kind of its constraint"
    name = details[0].get("constraint")
    return "" if name is None or name in violated else "the name of its constraint"
