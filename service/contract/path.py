"""Where in a command a fault is: `data.2.name`."""

MAX_NAME = 60
"""In characters: four bytes each and a suffix still fit into a routing key."""


def at(path: str, step: str | int) -> str:
    """Go one step down; a name that came from outside is cut and made printable."""
    shown = shorten(step) if isinstance(step, str) else str(step)
    return f"{path}.{shown}" if path else shown


def shorten(name: str) -> str:
    """Make a name from a message fit to be shown in an error."""
    clean = name[:MAX_NAME]
    if clean.isascii() and clean.isprintable():
        return clean
    clean = clean.encode("utf-8", "replace").decode()
    return "".join(letter if letter.isprintable() else "?" for letter in clean)
