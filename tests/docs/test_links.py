"""Every relative link of the pages resolves to a file and to a heading."""

from pathlib import Path

import pytest

from tests.docs.markdown import PAGES, ROOT, anchors, links


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_resolve_to_existing_files_and_headings(page: Path) -> None:
    unresolved = [link for link in links(page) if not _is_external(link) and not _resolves(page, link)]
    assert unresolved == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_headings_of_a_page_have_distinct_anchors(page: Path) -> None:
    titles = anchors(page)
    assert len({*titles}) == len(titles)


@pytest.mark.parametrize("link", ["missing.md", "README.md#no-such-heading", "#no-such-heading"])
def test_a_broken_link_is_detected(link: str) -> None:
    assert not _resolves(ROOT / "README.md", link)


def _is_external(link: str) -> bool:
    return link.startswith(("https://", "mailto:"))


def _resolves(page: Path, link: str) -> bool:
    target, _, anchor = link.partition("#")
    path = (page.parent / target).resolve() if target else page
    # A link out of the tree works on one machine only.
    if not path.is_relative_to(ROOT) or not path.exists():
        return False
    return not anchor or (path.suffix == ".md" and anchor in anchors(path))
