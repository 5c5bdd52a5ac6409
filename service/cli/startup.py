"""What every command begins with."""

from service import logs, settings


def read_settings() -> settings.Settings:
    """Read the settings, and begin the log that they ask for.

    :raises SettingsError: with every fault
    """
    found = settings.read()
    logs.configure(found.log_level, as_json=found.log_format is settings.LogFormat.JSON)
    return found
