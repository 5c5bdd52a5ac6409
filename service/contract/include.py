"""The `include` of a command as a tree of relationships, each with what is asked of it."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.contract.errors import Detail, Invalid, LimitExceeded
from service.contract.limits import Limits
from service.contract.path import at


class Options(BaseModel):
    """What an include may say of its rows."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    where: Any = None
    order: list[str] = []
    limit: Annotated[int, Field(ge=0)] | None = None
    fields: list[str] | None = None
    include: Any = None


@dataclass(slots=True)
class Include:
    """A relationship to load, found at `path`."""

    path: str
    options: Options = field(default_factory=Options)
    include: dict[str, "Include"] = field(default_factory=dict)


def parse(include: object, limits: Limits, path: str = "include") -> dict[str, Include]:
    """Read an `include`: an array of names (dots nest), an object of name and options, or an array of both.

    :raises Invalid: something else
    :raises LimitExceeded: nested too deep
    """
    return _Reader(limits.max_include_depth).read(include, path, depth=1)


class _Reader:
    def __init__(self, deepest: int) -> None:
        self._deepest = deepest

    def read(self, include: object, path: str, depth: int) -> dict[str, Include]:
        found: dict[str, Include] = {}
        parts = include if isinstance(include, list) else [] if include is None else [include]
        for part in parts:
            if isinstance(part, str):
                self._add_dotted(found, part.split("."), path, depth)
            elif isinstance(part, dict):
                for name, options in part.items():
                    self._add(found.setdefault(name, Include(at(path, name))), options, depth)
            else:
                raise _invalid(path, "is neither a name nor an object")
        return found

    def _add_dotted(self, found: dict[str, Include], names: list[str], path: str, depth: int) -> None:
        self._check_depth(path, depth + len(names) - 1)
        for name in names:
            path = at(path, name)
            found = found.setdefault(name, Include(path)).include

    def _add(self, one: Include, options: object, depth: int) -> None:
        self._check_depth(one.path, depth)
        if options is True:
            return
        if not isinstance(options, dict):
            raise _invalid(one.path, "is neither true nor an object")
        try:
            one.options = Options.model_validate(options)
        except ValidationError as exc:
            raise Invalid("include is not valid", [_detail(one.path, error) for error in exc.errors()]) from None
        one.include |= self.read(one.options.include, at(one.path, "include"), depth + 1)

    def _check_depth(self, path: str, depth: int) -> None:
        if depth > self._deepest:
            raise LimitExceeded("include is over a limit", [Detail(path, f"is nested deeper than {self._deepest}")])


def _detail(path: str, error: Any) -> Detail:  # noqa: ANN401 - pydantic's ErrorDetails
    for step in error["loc"]:
        path = at(path, step)
    return Detail(path, "is not an option" if error["type"] == "extra_forbidden" else error["msg"])


def _invalid(path: str, message: str) -> Invalid:
    return Invalid("include is not valid", [Detail(path, message)])
