"""What drivers call their errors."""


def code(error: BaseException | None) -> str | int | None:
    """Give SQLite's name of an error, MySQL's number, PostgreSQL's SQLSTATE; None for what no database said."""
    if type(error).__module__.partition(".")[0] == "asyncmy":
        number = error.args[0] if error is not None and error.args else None
        return number if isinstance(number, int) else None
    for attribute in ("sqlite_errorname", "sqlstate"):
        name = getattr(error, attribute, None)
        if isinstance(name, str):
            return name
    return None


def state(error: BaseException | None) -> str:
    """Give the SQLSTATE of an error, where it has one; nothing where it has none."""
    found = getattr(error, "sqlstate", None)
    return found if isinstance(found, str) else ""
