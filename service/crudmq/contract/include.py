"""The `include` of a command as a tree of relationships, each with its options."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from crudmq.contract.command import Limits, details_of
from crudmq.contract.errors import Detail, Invalid, LimitExceeded, at


class Options(BaseModel):
    """The options of an include."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    where: Any = None
    order: list[str] = []
    limit: Annotated[int, Field(ge=0)] | None = None
    fields: list[str] | None = None
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
    :raises LimitExceeded: nested too deep
    """
    return _Parser(limits.max_include_depth).parse(include, path, depth=1)


class _Parser:
    def __init__(self, max_depth: int) -> None:
        self._max_depth = max_depth

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
        self._check_depth(path, depth + len(names) - 1)
        for name in names:
            path = at(path, name)
            tree = tree.setdefault(name, Include(path)).include

    def _add(self, node: Include, options: object, depth: int) -> None:
        self._check_depth(node.path, depth)
        if options is True:
            return
        if not isinstance(options, dict):
            raise _invalid(node.path, "is neither true nor an object")
        try:
            node.options = Options.model_validate(options)
        except ValidationError as exc:
            raise Invalid("`include` is not valid", details_of(exc, node.path)) from None
        node.include |= self.parse(node.options.include, at(node.path, "include"), depth + 1)

    def _check_depth(self, path: str, depth: int) -> None:
        if depth > self._max_depth:
            detail = Detail(path, f"exceeds the limit of {self._max_depth} levels of nesting")
            raise LimitExceeded("`include` exceeds a limit", [detail])


def _invalid(path: str, message: str) -> Invalid:
    return Invalid("`include` is not valid", [Detail(path, message)])
