"""The README can be followed from top to bottom, and gives what it shows."""

from tests.docs.markdown import blocks
from tests.docs.terminal import Terminal


def test_the_readme_shows_the_real_output(terminal: Terminal) -> None:
    for block in blocks("README.md"):
        if block.language == "python":
            terminal.save(block)
        elif block.language == "console":
            terminal.type(block)
    terminal.close()


def test_everything_that_can_be_run_is_run() -> None:
    languages = [block.language for block in blocks("README.md")]
    # `sh` is for what sets up servers and environments.
    assert {*languages} == {"sh", "console", "python"}
    assert languages.count("sh") == 2
    assert languages.count("python") == 5
