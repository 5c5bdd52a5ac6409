"""The wheel, built once."""

from pathlib import Path

import pytest

from tests.package.installation import Environment, build_wheel


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the wheel and all dependencies, beside foreign packages of former names."""
    environment = Environment(tmp_path_factory.mktemp("environment") / "venv")
    for name in ("service", "migrations"):
        environment.install_foreign(name)
    environment.install(wheel, "server")
    return environment
