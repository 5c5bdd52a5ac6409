"""The `include` of a command as a tree of relationships, each with its options."""

from dataclasses import dataclass, field
from itertools import islice
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from crudmq.contract.command import Limits, Names, invalid
from crudmq.contract.errors import MAX_DETAILS, Detail, Invalid, LimitExceeded, at

_MAX_INCLUDES = 100
"""How many relationships a command may name: each is a statement."""


class Options(BaseModel):
    """The options of an include."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    where: Any = None
    order: Names = []
    limit: Annotated[int, Field(ge=0)] | None = None
    fields: Names | None = None
    include: Any = None


@dataclass(slots=True)
class Include:
    """A relationship to load, located at `path`."""

    path: str
    options: Options = field(default_factory=Options)
    include: dict[str, "Include"] = field(default_factory=dict)


def parse(include: object, limits: Limits, path: str = "include") -> dict[str, Include]:
    """Parse an `include`: an array of names (dots nest), an object of names and options, or an array of both.

    :raises Invalid: the value has another form, or an option is not valid
    :raises LimitExceeded: nested too deep, or too many relationships
    """
    return _Parser(limits.max_include_depth).parse(include, path, depth=1)


class _Parser:
    def __init__(self, max_depth: int) -> None:
        self._max_depth = max_depth
        self._count = 0

    def parse(self, include: object, path: str, depth: int) -> dict[str, Include]:
        tree: dict[str, Include] = {}
        items = include if isinstance(include, list) else [] if include is None else [include]
        for item in items:
            if isinstance(item, str):
                self._add_dotted(tree, item.split("."), path, depth)
            elif isinstance(item, dict):
                for name, options in item.items():
                    self._add(tree.setdefault(name, Include(at(path, name))), options, depth)
            else:
                raise _invalid(path, "is neither a name nor an object")
        return tree

    def _add_dotted(self, tree: dict[str, Include], names: list[str], path: str, depth: int) -> None:
        self._check(path, depth + len(names) - 1)
        for name in names:
            path = at(path, name)
            tree = tree.setdefault(name, Include(path)).include

    def _add(self, node: Include, options: object, depth: int) -> None:
        self._check(node.path, depth)
        if options is True:
            return
        if not isinstance(options, dict):
            raise _invalid(node.path, "is neither true nor an object")
        try:
            # More options than are reported are never valid.
            node.options = Options.model_validate(dict(islice(options.items(), MAX_DETAILS)))
        except ValidationError as exc:
            raise invalid(exc, "`include` is not valid", path=node.path) from None
        node.include |= self.parse(node.options.include, at(node.path, "include"), depth + 1)

    def _check(self, path: str, depth: int) -> None:
        self._count += 1
        if self._count > _MAX_INCLUDES:
            raise LimitExceeded("`include` exceeds a limit", [Detail(path, f"exceeds the limit of {_MAX_INCLUDES}")])
        if depth > self._max_depth:
            detail = Detail(path, f"exceeds the limit of {self._max_depth} levels of nesting")
            raise LimitExceeded("`include` exceeds a limit", [detail])


def _invalid(path: str, message: str) -> Invalid:
    return Invalid("`include` is not valid", [Detail(path, message)])
