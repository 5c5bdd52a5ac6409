"""What is exposed, as data that can be shown."""

from typing import Any

from service.resources.registry import Registry
from service.resources.relations import Relation, Side
from service.resources.resource import Field, Resource
from service.resources.statements import Statement


def describe(exposed: Registry) -> dict[str, Any]:
    """Describe every resource and named statement, ready for JSON."""
    return {
        "resources": {resource.name: _resource(resource) for resource in exposed},
        "statements": {statement.name: _statement(statement) for statement in exposed.statements},
    }


def _resource(resource: Resource) -> dict[str, Any]:
    by_column = {field.column.key: field.name for field in resource.fields.values()}
    return {
        "actions": sorted(resource.actions),
        "key": [field.name for field in resource.key],
        "version": None if resource.version is None else resource.version.name,
        "unique": sorted(sorted(by_column[name] for name in key) for key in resource.unique_keys),
        "fields": {field.name: _field(field, resource) for field in resource.fields.values()},
        "relationships": {name: _relation(one) for name, one in resource.relations.items()},
    }


def _field(field: Field, resource: Resource) -> dict[str, Any]:
    return {
        "type": field.kind.name,
        "nullable": bool(field.column.nullable),
        "rules": _rules(field, resource),
        "operators": [] if field.hidden else sorted(field.kind.operators),
    }


def _rules(field: Field, resource: Resource) -> list[str]:
    rules = {
        "key": field in resource.key,
        "required": field.required,
        "read-only": field.read_only,
        "write-once": field.write_once,
        "hidden": field.hidden,
        "counts versions": field is resource.version,
    }
    return [rule for rule, holds in rules.items() if holds]


def _relation(relation: Relation) -> dict[str, Any]:
    written = {Side.HERE: "by its foreign key", Side.THERE: "inline on create", Side.BETWEEN: "add, remove, set"}
    return {"resource": relation.target.name, "many": relation.many, "written": written[relation.side]}


def _statement(statement: Statement) -> dict[str, Any]:
    return {
        "params": {name: kind.name for name, kind in statement.kinds.items()},
        "returns": statement.returns,
        "writes": statement.writes,
        "event": statement.event,
    }
