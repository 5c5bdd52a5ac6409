"""The settings."""

from datetime import timedelta

import pytest

from service import settings


def test_without_an_environment_all_have_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CRUDMQ_BROKER_URL", raising=False)
    found = settings.read()
    assert found.database_url == "sqlite+aiosqlite:///crudmq.db"
    assert {source for _, _, source in found.shown()} == {"default"}


def test_the_environment_goes_before_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRUDMQ_GROUP_SIZE", "7")
    monkeypatch.setenv("CRUDMQ_STATEMENT_TIMEOUT", "250ms")
    found = settings.read()
    assert found.group_size == 7
    assert found.statement_timeout == timedelta(milliseconds=250)
    assert ("CRUDMQ_GROUP_SIZE", "7", "environment") in found.shown()
    assert ("CRUDMQ_STATEMENT_TIMEOUT", "0.25s", "environment") in found.shown()


def test_each_fault_has_a_line_of_its_own_and_tells_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRUDMQ_DATABASE_URL", "mssql://sa:hunter2@host/db")
    monkeypatch.setenv("CRUDMQ_BROKER_URL", "http://me:hunter2@host")
    monkeypatch.setenv("CRUDMQ_PREFETCH", "0")
    monkeypatch.setenv("CRUDMQ_RETENTION", "for ever")
    monkeypatch.setenv("CRUDMQ_GRUOP_SIZE", "1")
    with pytest.raises(settings.SettingsError) as caught:
        settings.read()
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "CRUDMQ_GRUOP_SIZE",
        "CRUDMQ_DATABASE_URL",
        "CRUDMQ_BROKER_URL",
        "CRUDMQ_PREFETCH",
        "CRUDMQ_RETENTION",
    ]
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite+aiosqlite://", "sqlite+aiosqlite:///:memory:", "nonsense", "postgresql://h/d"])
def test_a_database_that_cannot_be_used_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("CRUDMQ_DATABASE_URL", url)
    with pytest.raises(settings.SettingsError):
        settings.read()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("amqp://me:pass@host/vhost", "amqp://me:***@host/vhost"),
        ("postgresql+asyncpg://me:p%40ss:x@host/db", "postgresql+asyncpg://me:***@host/db"),
        (
            "postgresql+asyncpg://host/db?user=me&password=pass&ssl=on",
            "postgresql+asyncpg://host/db?user=me&password=***&ssl=on",
        ),
        ("postgresql+asyncpg://me:pa/ss@host/db", "postgresql+asyncpg://me:***@host/db"),
        ("sqlite+aiosqlite:///a.db", "sqlite+aiosqlite:///a.db"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    assert settings.without_password(url) == shown


def test_tests_may_have_settings_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRUDMQ_TEST_POSTGRES_URL", "x")
    settings.read()
