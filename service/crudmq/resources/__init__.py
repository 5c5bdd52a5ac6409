"""Exposed resources: a mapped class becomes a resource with fields, keys, types and limits."""

from crudmq.resources.mapping import ExposureError
from crudmq.resources.registry import Registry, expose, register_statement

__all__ = ["ExposureError", "Registry", "expose", "register_statement"]
