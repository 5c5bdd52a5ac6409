"""Maps error codes of the databases to storage errors and kinds of constraints.

The question for each code: would the next statement of another command fail as well? Only then is the database
unavailable, and all commands wait. Otherwise it is the error of the one command, and the others continue.
"""

import re
from collections.abc import Collection, Mapping
from typing import TypeVar

from crudmq.storage.errors import (
    ConnectionLost,
    DatabaseFault,
    DatabaseUnavailable,
    DataError,
    LockTimeout,
    OutOfResources,
    ResourceLimitExceeded,
    SchemaMismatch,
    StatementTimeout,
    StorageError,
    Transient,
    UnexpectedDatabaseError,
)

T = TypeVar("T")

_MAX_REASON = 300
_READ = re.compile(r"\s*(SELECT|WITH)\b(?!.*\b(INSERT|REPLACE|DELETE|(?<!FOR )UPDATE)\b)", re.IGNORECASE | re.DOTALL)

SQLSTATE_ERRORS: Mapping[str, type[StorageError]] = {
    # https://www.postgresql.org/docs/current/errcodes-appendix.html, the longest prefix counts
    "08": ConnectionLost,
    "09": DatabaseFault,  # a trigger failed
    "0A": DatabaseFault,  # not supported, such as a write to a view
    "0L": DatabaseFault,
    "0P": DatabaseFault,
    "20": DatabaseFault,  # a function's CASE has no such branch
    "21": DatabaseFault,  # a subquery returned several rows
    "22": DataError,
    "2200H": DatabaseFault,  # a sequence is exhausted
    "25006": DatabaseUnavailable,  # read-only
    "25P03": DatabaseUnavailable,  # the session was idle in its transaction for too long: this process was suspended
    "25P04": StatementTimeout,  # the timeout of a transaction
    "26": DatabaseUnavailable,  # a prepared statement is missing: see PREPARED_STATEMENT_ERRORS
    "27": DatabaseFault,
    "28": DatabaseUnavailable,
    "2B": DatabaseFault,
    "2D": DatabaseFault,
    "2F": DatabaseFault,
    "38": DatabaseFault,  # a function in another language failed
    "39": DatabaseFault,
    "3D000": DatabaseUnavailable,
    "3F": SchemaMismatch,
    "40": Transient,
    "42": SchemaMismatch,
    "42501": DatabaseFault,  # a privilege is missing
    "42601": UnexpectedDatabaseError,  # a syntax error
    "42P05": DatabaseUnavailable,
    "53": OutOfResources,
    "53100": DatabaseUnavailable,  # disk full
    "53300": DatabaseUnavailable,  # too many connections
    "53400": ResourceLimitExceeded,  # temp_file_limit
    "54": DataError,  # exceeds the size limit of an index or a statement
    "54001": ResourceLimitExceeded,  # the statement is nested too deep
    "55": DatabaseFault,
    "55P03": LockTimeout,
    "57": DatabaseUnavailable,
    "57014": StatementTimeout,
    "57P01": ConnectionLost,  # ended by an administrator, or by the statement itself
    "57P02": ConnectionLost,  # the server crashed
    "58": DatabaseFault,  # a file is missing or cannot be read
    "72": Transient,
    "F0": DatabaseFault,
    "HV": DatabaseFault,  # a foreign table
    "P0": DatabaseFault,  # a function failed
    "XX": DatabaseFault,  # damaged data
}

SQLSTATE_CONSTRAINTS: Mapping[str, str] = {
    "23": "constraint",
    "23001": "foreign_key",
    "23502": "not_null",
    "23503": "foreign_key",
    "23505": "unique",
    "23514": "check",
    "23P01": "exclusion",
    "44": "check",  # WITH CHECK OPTION of a view
    "P0001": "trigger",
}

OF_ANOTHER_SERVER = ("08", "28", "3D", "53300", "57P")
"""SQLSTATEs that concern another server, that of a foreign table, if this server keeps the connection open."""

PREPARED_STATEMENT_ERRORS = ("26000", "42P05")
"""A prepared statement is missing, or exists already: a pooler gave the connection another session."""

RAISED_AS = ("22", "40")
"""SQLSTATEs of values and conflicts keep their meaning if a trigger raises them. With any other one, such as that of a
full disk, the trigger rejects the change."""

SQLITE_ERRORS: Mapping[str, type[StorageError]] = {
    # https://www.sqlite.org/rescode.html, the longest prefix counts
    "SQLITE_AUTH": DatabaseFault,
    "SQLITE_BUSY": Transient,
    "SQLITE_CANTOPEN": DatabaseUnavailable,
    "SQLITE_CANTOPEN_NOTEMPDIR": OutOfResources,
    "SQLITE_CONSTRAINT_DATATYPE": DataError,
    "SQLITE_CORRUPT": DatabaseFault,
    "SQLITE_FULL": DatabaseUnavailable,
    "SQLITE_INTERRUPT": StatementTimeout,
    "SQLITE_IOERR": DatabaseUnavailable,
    "SQLITE_IOERR_CORRUPTFS": DatabaseFault,
    "SQLITE_IOERR_GETTEMPPATH": OutOfResources,
    "SQLITE_IOERR_NOMEM": OutOfResources,
    "SQLITE_LOCKED": Transient,
    "SQLITE_MISMATCH": DataError,
    "SQLITE_NOMEM": OutOfResources,
    "SQLITE_PERM": DatabaseFault,
    "SQLITE_PROTOCOL": Transient,
    "SQLITE_READONLY": DatabaseUnavailable,
    "SQLITE_SCHEMA": Transient,
    "SQLITE_TOOBIG": DataError,
}

SQLITE_MESSAGES: Mapping[str, type[StorageError]] = {
    # Most errors of a statement have the code SQLITE_ERROR; regular expressions of their messages.
    r"no such (table|column|function|collation|view)": SchemaMismatch,
    r"has no column named|has \d+ columns but|values for \d+ columns|references .* has no": SchemaMismatch,
    r"cannot (INSERT into|UPDATE) generated column|because it is a view|foreign key mismatch": SchemaMismatch,
    r"Expression tree is too large|too many (SQL variables|terms in|columns|FROM clause)|stack overflow|recursion": (
        ResourceLimitExceeded
    ),
    r"integer overflow|malformed JSON|pattern too complex|bad JSON path": DataError,
}

SQLITE_CONSTRAINTS: Mapping[str, str] = {
    "SQLITE_CONSTRAINT": "constraint",
    "SQLITE_CONSTRAINT_NOTNULL": "not_null",
    "SQLITE_CONSTRAINT_FOREIGNKEY": "foreign_key",
    "SQLITE_CONSTRAINT_UNIQUE": "unique",
    "SQLITE_CONSTRAINT_PRIMARYKEY": "unique",
    "SQLITE_CONSTRAINT_ROWID": "unique",
    "SQLITE_CONSTRAINT_CHECK": "check",
    "SQLITE_CONSTRAINT_TRIGGER": "trigger",
}

_MYSQL_ERRORS: Mapping[type[StorageError], Collection[int]] = {
    # https://mariadb.com/kb/en/mariadb-error-codes and
    # https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
    DatabaseUnavailable: (
        *(3, 28, 1021, 1026, 1030, 1114),  # full, see MYSQL_FULL
        *(1290, 1792, 1836, 3032),  # read-only or offline
        *(1040, 1135, 1203, 1226),  # too many connections
        *(1044, 1045, 1049, 1129, 1130, 1698),  # no access
        *(1047, 3100),  # the node is not part of its cluster at the moment
        *(2002, 2003, 2014, 3168, 4031),  # no connection
    ),
    ConnectionLost: (1053, 1927, 2006, 2013, 2055, 3169),
    DatabaseFault: (
        *(167, 1467, 4084),  # an AUTO_INCREMENT or a sequence is exhausted
        *(1142, 1143, 1227, 1370, 1449),  # a privilege is missing
        *(1015, 1016, 1017, 1024, 1034, 1035, 1036, 1194, 1195, 1712, 1812, 1814, 1932),  # a damaged table
        *(1172, 1235, 1267, 1339, 1424, 1442, 1456, 4078),  # a trigger, a routine or a statement of the operator fails
        *(1429, 1430, 1431),  # the server of a foreign table
        1612,
    ),
    SchemaMismatch: (1054, 1109, 1136, 1146, 1305, 1347, 1356, 1906, 3105, 4091),
    OutOfResources: (201, 1028, 1037, 1038, 1041, 1206, 1878, 4081),
    ResourceLimitExceeded: (200, 1104, 1119, 1197, 1436, 1473, 1705, 3170, 3636, 3698, 3699, 4082),
    StatementTimeout: (1317, 1969, 3024),
    LockTimeout: (1205, 1689),  # the server rolls back the statement only; we roll back the transaction
    Transient: (
        1020,  # a row changed since the transaction's snapshot
        *(1213, 1297, 1613, 1614, 1615, 1637, 3058, 3101, 3572),
    ),
    DataError: (
        *(1118, 1153, 1713),  # larger than a row, a packet or an undo record
        *(1139, *range(3685, 3698)),  # not a regular expression
        *(1264, 1265, 1292, 1366, 1406, 1411, 1525, 1690, 3140),
        3988,  # a character outside the column's character set
    ),
}
MYSQL_ERRORS = {number: error for error, numbers in _MYSQL_ERRORS.items() for number in numbers}
"""The SQLSTATE of an error applies if its number is not listed."""

MYSQL_SQLSTATE_ERRORS: Mapping[str, type[StorageError]] = {
    "08": ConnectionLost,
    "21": DatabaseFault,
    "22": DataError,
    "28": DatabaseUnavailable,
    "40": Transient,
    "42S": SchemaMismatch,
}

MYSQL_FULL = frozenset({3, 28, 1021, 1026, 1030, 1114})
"""Errors of a full disk, which may be that of temporary tables."""

MYSQL_CONSTRAINTS: Mapping[int, str] = {
    1022: "unique",
    1048: "not_null",
    1062: "unique",
    1169: "unique",
    1216: "foreign_key",
    1217: "foreign_key",
    1364: "not_null",
    1369: "check",  # WITH CHECK OPTION of a view
    1451: "foreign_key",
    1452: "foreign_key",
    1526: "check",  # no partition for the row
    1557: "unique",
    1586: "unique",
    1591: "check",
    1644: "trigger",
    1748: "check",
    1761: "unique",
    1762: "unique",
    3819: "check",
    4025: "check",
}


def by_prefix(code: str, table: Mapping[str, T]) -> T | None:
    """Return the entry of the longest prefix of a code; None if the table has none."""
    prefixes = [prefix for prefix in table if code.startswith(prefix)]
    return table[max(prefixes, key=len)] if prefixes else None


def server_error(error: BaseException | None) -> BaseException | None:
    """Return the driver's error, which SQLAlchemy wraps in its own."""
    return getattr(error, "__cause__", None) or error


def kind_of_rejection(error: BaseException | None) -> str | None:
    """Return whether a policy or a trigger rejected the change: known by the function of the server that says so.

    The SQLSTATE of a policy is that of a missing privilege, and a trigger may choose any.
    """
    function, state = getattr(error, "server_source_function", None), sqlstate(error)
    if function == "ExecWithCheckOptions" and state == "42501":
        return "policy"
    is_raised = function == "exec_stmt_raise" and not state.startswith((*SQLSTATE_CONSTRAINTS, *RAISED_AS))
    return "trigger" if is_raised else None


def sqlstate(error: BaseException | None) -> str:
    """Return the SQLSTATE of a driver's error, or an empty string."""
    state = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) else ""


def one_line(text: str) -> str:
    """Return a text as one line of at most 300 characters."""
    line = " ".join(text.split())
    return line if len(line) <= _MAX_REASON else f"{line[:_MAX_REASON]}…"


def is_read(statement: str | None) -> bool:
    """Whether a statement certainly writes nothing but temporary files."""
    return _READ.match(statement or "") is not None
