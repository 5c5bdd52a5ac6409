"""`make faults` says in a line what it needs, where that is not installed."""

import pytest

from tests.faults import __main__
from tests.faults.fixtures import requirements


def test_missing_programs_are_named_by_their_packages_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(requirements, "DEBIAN_RABBITMQ", "/nowhere")
    monkeypatch.setattr(requirements, "binaries", lambda: None)
    monkeypatch.delenv(requirements.RABBITMQ_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    assert __main__.main([]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "rabbitmq-server" in line
    assert "postgresql" in line
