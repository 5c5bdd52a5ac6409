"""What is exposed, as tables for people."""

from typing import Any

from rich.console import Console
from rich.table import Table


def show(description: dict[str, Any], limits: dict[str, int]) -> None:
    """Print every resource, every named statement and the limits."""
    console = Console()
    for name, resource in description["resources"].items():
        console.print(_resource(name, resource))
    if description["statements"]:
        console.print(_statements(description["statements"]))
    table = Table("limit", "at most", title="limits", title_justify="left", box=None)
    for limit, most in limits.items():
        table.add_row(limit.removeprefix("max_").replace("_", " "), str(most))
    console.print(table)


def _resource(name: str, resource: dict[str, Any]) -> Table:
    title = f"[bold]{name}[/]  {', '.join(resource['actions'])}"
    table = Table("field", "type", "rules", title=title, title_justify="left")
    for field, found in resource["fields"].items():
        rules = [*found["rules"], *(["may be null"] if found["nullable"] else [])]
        table.add_row(field, found["type"], ", ".join(rules))
    for relationship, found in resource["relationships"].items():
        kind = f"{'many' if found['many'] else 'one'} of {found['resource']}"
        table.add_row(relationship, kind, f"written {found['written']}")
    return table


def _statements(statements: dict[str, Any]) -> Table:
    table = Table("call", "params", "gives", "event", title="named statements", title_justify="left")
    for name, found in statements.items():
        params = ", ".join(f"{param}: {kind}" for param, kind in found["params"].items())
        gives = f"{found['returns']}{', writes' if found['writes'] else ''}"
        table.add_row(name, params, gives, found["event"] or "")
    return table
