"""Commands as they are typed: `people.create name=Tom age=38`."""

import json
from collections.abc import Sequence
from typing import Any

from service.contract.command import field_names


def command_from(target: str, words: Sequence[str]) -> dict[str, Any]:
    """Make a command of words.

    A word is `name=value`; the value is JSON where it can be read as JSON, else text. Names that are fields of the
    action stand in the command, all others in its `data`; `data.limit=1` says data where both would do.

    :raises ValueError: a word has no `=`, or the target no action
    """
    resource, _, action = target.rpartition(".")
    fields = field_names(action)
    command: dict[str, Any] = {"action": action}
    if resource:
        command = {"resource": resource, "action": action}
    elif not fields or "resource" in fields:
        raise ValueError(f"{target} is not <resource>.<action>, such as people.create")
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise ValueError(f"{word} is not <name>=<value>, such as name=Tom")
        if name in fields:
            command[name] = _value(text)
        else:
            command.setdefault("data", {})[name.removeprefix("data.")] = _value(text)
    return command


def _value(text: str) -> Any:  # noqa: ANN401 - JSON is any value
    try:
        return json.loads(text)
    except ValueError:
        return text
