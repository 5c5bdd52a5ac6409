"""What is exposed: a mapped class becomes a resource with fields, keys, types and limits."""

from service.resources.registry import Registry, expose, named

__all__ = ["Registry", "expose", "named"]
