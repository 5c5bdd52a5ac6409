"""A description of the exposed resources and statements, as JSON data."""

from typing import Any

from sqlalchemy.orm import RelationshipDirection

from crudmq.resources.registry import Registry
from crudmq.resources.relations import Relation
from crudmq.resources.resource import Field, Resource
from crudmq.resources.statements import Statement


def describe(registry: Registry) -> dict[str, Any]:
    """Return a description of all resources and registered statements, ready for JSON."""
    return {
        "resources": {resource.name: _resource(resource) for resource in registry},
        "statements": {statement.name: _statement(statement) for statement in registry.statements},
    }


def _resource(resource: Resource) -> dict[str, Any]:
    by_column = {field.column.key: field.name for field in resource.fields.values()}
    return {
        "actions": sorted(resource.actions),
        "key": [field.name for field in resource.key],
        "version": None if resource.version is None else resource.version.name,
        "unique": sorted(sorted(by_column[name] for name in key) for key in resource.unique_keys),
        "fields": {field.name: _field(field, resource) for field in resource.fields.values()},
        "relationships": {name: _relation(relation) for name, relation in resource.relations.items()},
    }


def _field(field: Field, resource: Resource) -> dict[str, Any]:
    return {
        "type": field.value_type.name,
        "nullable": bool(field.column.nullable),
        "rules": _rules(field, resource),
        "operators": [] if field.hidden else sorted(field.value_type.operators),
    }


def _rules(field: Field, resource: Resource) -> list[str]:
    rules = {
        "key": field in resource.key,
        "required": field.required,
        "read-only": field.read_only,
        "write-once": field.write_once,
        "hidden": field.hidden,
        "version counter": field is resource.version,
    }
    return [rule for rule, holds in rules.items() if holds]


def _relation(relation: Relation) -> dict[str, Any]:
    written = {
        RelationshipDirection.MANYTOONE: "through its foreign key",
        RelationshipDirection.ONETOMANY: "inline on create",
        RelationshipDirection.MANYTOMANY: "add, remove, set",
    }
    return {"resource": relation.target.name, "many": relation.many, "written": written[relation.direction]}


def _statement(statement: Statement) -> dict[str, Any]:
    return {
        "params": {name: value_type.name for name, value_type in statement.parameters.items()},
        "returns": statement.returns,
        "writes": statement.writes,
        "event": statement.event,
    }
