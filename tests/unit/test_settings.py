"""The settings."""

from datetime import timedelta

import pytest

from crudmq import settings


def test_without_an_environment_all_settings_have_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CRUDMQ_BROKER_URL", raising=False)
    configured = settings.read()
    assert configured.database_url == "sqlite+aiosqlite:///crudmq.db"
    assert {source for _, _, source in configured.shown()} == {"default"}


def test_the_environment_overrides_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRUDMQ_GROUP_SIZE", "7")
    monkeypatch.setenv("CRUDMQ_STATEMENT_TIMEOUT", "250ms")
    configured = settings.read()
    assert configured.group_size == 7
    assert configured.statement_timeout == timedelta(milliseconds=250)
    assert ("CRUDMQ_GROUP_SIZE", "7", "environment") in configured.shown()
    assert ("CRUDMQ_STATEMENT_TIMEOUT", "250ms", "environment") in configured.shown()


def test_each_fault_has_a_line_of_its_own_without_any_password(monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_an_unsupported_database_is_rejected(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
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
        ("amqp://me:p@ss@host/vhost", "amqp://me:***@host/vhost"),
        ("amqp://me:p:a@s/s?#@host/vhost", "amqp://me:***@host/vhost"),
        ("sqlite+aiosqlite:///a.db", "sqlite+aiosqlite:///a.db"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert settings.without_password(url) == shown


def test_variables_of_the_test_suite_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRUDMQ_TEST_POSTGRES_URL", "x")
    settings.read()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("CRUDMQ_BROKER_URL", "amqp://me:hunter2#@host/", "has an invalid host or port; percent-encode special"),
        ("CRUDMQ_BROKER_URL", "amqp://me:hunter2/@host/", "has an invalid host or port; percent-encode special"),
        ("CRUDMQ_BROKER_URL", "amqp://host:99999/", "has an invalid host or port"),
        ("CRUDMQ_DATABASE_URL", "postgresql+asyncpg://me:p@hunter2@host/db", "has an invalid host; percent-encode"),
        ("CRUDMQ_DATABASE_URL", "postgresql+asyncpg://me:hunter2@host:port/db", "has an invalid port"),
        ("CRUDMQ_STATEMENT_TIMEOUT", "0.4ms", "must be between 1ms and 1d"),
        ("CRUDMQ_STATEMENT_TIMEOUT", "30d", "must be between 1ms and 1d"),
        ("CRUDMQ_RETENTION", "999999999999d", "must be between 1ms and 10000d"),
        ("CRUDMQ_RETENTION", "soon", "must be a duration, such as 500ms, 30s, 5m, 12h or 7d"),
        ("CRUDMQ_GROUP_SIZE", "many", "must be an integer"),
        ("CRUDMQ_GROUP_SIZE", "0", "must be at least 1"),
        ("CRUDMQ_MAX_PAGE", "1" + "0" * 20, "must be at most 2147483647"),
        ("CRUDMQ_PREFIX", "a b", "must have 1 to 50 characters: ASCII letters, digits, `_`, `.` and `-`"),
        ("CRUDMQ_SOURCE", "", "must not be empty"),
        ("CRUDMQ_SQL_ECHO", "perhaps", "must be true or false"),
        ("CRUDMQ_LOG_LEVEL", "loud", "must be 'debug', 'info', 'warning' or 'error'"),
        ("CRUDMQ_LOG_FORMAT", "xml", "must be 'console' or 'json'"),
    ],
)
def test_a_fault_says_what_the_value_must_be_and_shows_no_password(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(settings.SettingsError, match=f"^{name}: ") as caught:
        settings.read()
    assert message in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("shown", ["1ms", "1500ms", "30s", "90s", "5m", "36h", "7d"])
def test_a_duration_is_shown_as_it_can_be_set(monkeypatch: pytest.MonkeyPatch, shown: str) -> None:
    monkeypatch.setenv("CRUDMQ_RETENTION", shown)
    assert ("CRUDMQ_RETENTION", shown, "environment") in settings.read().shown()
