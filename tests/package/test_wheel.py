"""The wheel installs one package with everything that it needs, and its page has links that work anywhere."""

import re
from pathlib import Path

from tests.package.installation import files, metadata

ROOT = Path(__file__).parents[2]


def test_the_wheel_installs_the_package_and_nothing_else_at_the_top_level(wheel: Path) -> None:
    top = {name.partition("/")[0] for name in files(wheel)}
    assert {name for name in top if not name.endswith(".dist-info")} == {"crudmq"}
    assert len(top) == 2


def test_the_wheel_has_the_types_and_all_migrations(wheel: Path) -> None:
    names = set(files(wheel))
    migrations = {f"crudmq/{path.relative_to(ROOT)}" for path in (ROOT / "migrations").rglob("*.py")}
    assert len(migrations) > 2
    assert {"crudmq/py.typed", *migrations} <= names


def test_the_base_has_the_dependencies_of_the_client_alone(wheel: Path) -> None:
    required = re.findall(r"^Requires-Dist: ([\w-]+)(.*)$", metadata(wheel), re.MULTILINE)
    assert {name for name, rest in required if "extra ==" not in rest} == {"aio-pika", "orjson", "pydantic"}
    assert {name for name, rest in required if "'mysql'" in rest.replace('"', "'")} == {"asyncmy"}


def test_python_has_no_upper_limit(wheel: Path) -> None:
    assert "\nRequires-Python: >=3.11\n" in metadata(wheel)


def test_the_description_links_to_absolute_addresses(wheel: Path) -> None:
    description = metadata(wheel).partition("\n\n")[2]
    prose = re.sub(r"^```.*?^```$", "", description, flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", prose)
    assert len(targets) > 10
    assert [target for target in targets if not target.startswith("https://")] == []
