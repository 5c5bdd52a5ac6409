"""What the command line reads: settings from the environment, commands such as `people.create name=Tom age=38`."""

import json
from collections.abc import Sequence
from typing import Any

from crudmq import logs, settings
from crudmq.contract.command import field_names


def read_settings() -> settings.Settings:
    """Return the settings, and configure the log accordingly.

    :raises SettingsError: lists every invalid setting
    """
    configured = settings.read()
    logs.configure(configured.log_level, as_json=configured.log_format is settings.LogFormat.JSON)
    return configured


def command_from(target: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Return the command for a target, such as `people.create`, and `name=value` arguments.

    A value is parsed as JSON, or taken as text if it is not JSON. Names of the action's fields become fields of the
    command; all others go into its `data`. Prefix a name with `data.` if it could be either.

    :raises ValueError: an argument has no name or no `=`, is repeated or not UTF-8, or the target has no resource
    """
    resource, _, action = target.rpartition(".")
    fields = field_names(action)
    command: dict[str, Any] = {"action": action}
    if resource:
        command = {"resource": resource, "action": action}
    elif not fields or "resource" in fields:
        raise ValueError(f"expected <resource>.<action>, such as people.create, not {target!r}")
    names = set()
    for argument in arguments:
        name, equals, text = argument.partition("=")
        if not equals or not name:
            raise ValueError(f"expected <name>=<value>, such as name=Tom, not {argument!r}")
        if not _is_text(argument):
            raise ValueError(f"not UTF-8: {argument!r}")
        if name in names:
            raise ValueError(f"{name} is given twice")
        names.add(name)
        if name in fields:
            command[name] = _value(text)
        else:
            command.setdefault("data", {})[name.removeprefix("data.")] = _value(text)
    return command


def _is_text(argument: str) -> bool:
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True


def _value(text: str) -> Any:  # noqa: ANN401 - JSON is any value
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except ValueError:
        return text


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
