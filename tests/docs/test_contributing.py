"""The commands for a new revision give one that has the change and nothing else, and that `crudmq migrate` takes."""

import shutil
from pathlib import Path

from tests.docs.markdown import ROOT, blocks
from tests.docs.terminal import Terminal

CHANGES = {
    "service": (
        Path("service/crudmq/storage/tables.py"),
        '    Column("stored_at",',
        '    Column("note", Integer),\n',
        'sa.Column("note", sa.Integer(), nullable=True)',
    ),
    "example": (
        Path("service/crudmq/examples/models.py"),
        "    people: Mapped[list[Person]]",
        "    motto: Mapped[str | None] = mapped_column(String(100))\n",
        'sa.Column("motto", sa.String(length=100), nullable=True)',
    ),
}


def test_revisions_are_written_as_the_page_says(terminal: Terminal) -> None:
    tree = copy_of_the_tree(terminal)
    by_kind = {block.kind: block for block in blocks("CONTRIBUTING.md") if block.language == "console"}
    terminal.run(by_kind[""])
    for history, (changed, before, line, expected) in CHANGES.items():
        path = tree / changed
        assert before in path.read_text()
        path.write_text(path.read_text().replace(before, line + before))
        terminal.run(by_kind[history])
        known = {path.name for path in (ROOT / "migrations" / history).iterdir()}
        (written,) = [path for path in tree.glob(f"migrations/{history}/*.py") if path.name not in known]
        assert written.read_text().count("batch_op.add_column(") == 1
        assert expected in written.read_text()
        terminal.run(by_kind[""])


def copy_of_the_tree(terminal: Terminal) -> Path:
    for name in ("service", "migrations"):
        shutil.copytree(ROOT / name, terminal.directory / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", terminal.directory)
    terminal.environ["PYTHONPATH"] = str(terminal.directory / "service")
    return terminal.directory
