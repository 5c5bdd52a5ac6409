"""Compare the results and events of a service with those of the model."""

import json
from collections import defaultdict
from typing import Any

from tests.property.reference.faults import ANYWHERE, RefusedError
from tests.property.reference.model import Expected

_COMPARED_FIELDS = ("type", "subject", "sequence", "data")


def differences(expected: Expected, result: dict[str, Any] | None, events: list[dict[str, Any]]) -> list[str]:
    """Return the differences between the result and events of a service and those of the model."""
    differing = []
    if result is not None:
        differing += _result(expected, result)
    actual = sorted((_comparable(event) for event in events), key=_written)
    wanted = sorted(_allowed(expected, result), key=_written)
    if actual != wanted:
        differing.append(f"events\n  model:   {wanted}\n  service: {actual}")
    elif by_subject(_allowed(expected, result)) != by_subject(actual := [_comparable(event) for event in events]):
        differing.append(f"order of events\n  model:   {expected.events}\n  service: {actual}")
    return differing


def _allowed(expected: Expected, result: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Return the model's events, with the code of the result where the contract allows several."""
    code = (result or {}).get("error", {}).get("code")
    if expected.error is None or code not in expected.error.instead:
        return expected.events
    return [{**event, "data": {**event["data"], "error": code}} for event in expected.events]


def _written(event: dict[str, Any]) -> str:
    return json.dumps(event, sort_keys=True)


def by_subject(events: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the events of each row, in order."""
    grouped: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        grouped[event.get("subject", "")].append(event)
    return grouped


def _comparable(event: dict[str, Any]) -> dict[str, Any]:
    comparable = {name: event[name] for name in _COMPARED_FIELDS if name in event}
    data = comparable["data"]
    if event["type"].endswith(".failed"):
        comparable["data"] = {**data, "error": data["error"]["code"]}
    elif "changed" in data:
        comparable["data"] = {**data, "changed": sorted(data["changed"])}
    return comparable


def _result(expected: Expected, result: dict[str, Any]) -> list[str]:
    actual, wanted = _without_cursor(result), expected.result
    error = actual.pop("error", None)
    if actual != wanted:
        return [f"result\n  model:   {wanted} {expected.error!r}\n  service: {actual} {error}"]
    if expected.error is not None and (fault := _error(expected.error, error)):
        return [f"error, {fault}\n  model:   {expected.error!r}\n  service: {error}"]
    return []


def _without_cursor(result: dict[str, Any]) -> dict[str, Any]:
    """Replace cursors, which are opaque, by whether there is one."""
    comparable = dict(result)
    if "page" in comparable:
        comparable["page"] = {**comparable["page"], "next": comparable["page"]["next"] is not None}
    if comparable.get("action") == "transaction" and "data" in comparable:
        comparable["data"] = [_without_cursor(item) for item in comparable["data"]]
    return comparable


def _error(wanted: RefusedError, actual: dict[str, Any]) -> str:
    if actual["code"] != wanted.code:
        return "" if actual["code"] in wanted.instead else "its code"
    details = actual.get("details", [])
    paths = [detail["path"] for detail in details]
    if actual["code"] == "invalid" and not paths:
        return "no details"
    if wanted.paths and not wanted.instead and not _agree(wanted.paths, paths):
        return "its paths"
    if wanted.current is not None and [detail.get("current") for detail in details] != [wanted.current]:
        return "its current version"
    if wanted.violated and not wanted.instead:
        return _constraint(wanted.violated, details)
    return ""


def _agree(wanted: tuple[str, ...], actual: list[str]) -> bool:
    if ANYWHERE in wanted:
        return True
    matched = [any(_points_at(actual_path, path) for actual_path in actual) for path in wanted]
    extra = [actual_path for actual_path in actual if not any(_points_at(actual_path, path) for path in wanted)]
    # All faults in the data are reported; of other parts of a command, one may be reported before the rest is checked.
    return all(matched) and not extra if all(path.startswith("data") for path in wanted) else any(matched)


def _points_at(path: str, wanted: str) -> bool:
    return path == wanted or path.startswith(f"{wanted}.") or not wanted


def _constraint(violated: frozenset[str], details: list[dict[str, Any]]) -> str:
    if not details or "kind" not in details[0]:
        return "no constraint"
    constraint_kinds = {"pk": "unique", "uq": "unique", "fk": "foreign_key", "ck": "check"}
    if details[0]["kind"] not in {constraint_kinds[name[:2]] for name in violated}:
        return "the kind of its constraint"
    name = details[0].get("constraint")
    return "" if name is None or name in violated else "the name of its constraint"
