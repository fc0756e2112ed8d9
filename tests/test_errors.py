"""The chapter ``book/errors.md`` lists each error that a chapter shows, and no other."""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "book" / "errors.md").read_text(encoding="utf-8")
FRAGMENTS = re.findall(r"^\| `(.+?)` \|", PAGE, re.MULTILINE)
LINKS = re.findall(r"\[([^]]+)\]\(\w+\.md#(.+?)\)", PAGE)


def _printed():
    for path in sorted((ROOT / "tests" / "expectations").rglob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", []):
                yield output.get("text") or str(output.get("data", {}).get("text/plain", ""))


PRINTED = "\n".join(_printed())
ERRORS = sorted(set(re.findall(r"^\w+Error: .+", PRINTED, re.MULTILINE)))


def test_the_chapters_show_errors():
    assert len(ERRORS) > 10


@pytest.mark.parametrize("error", ERRORS)
def test_each_error_that_a_chapter_shows_is_listed(error):
    assert any(fragment in error for fragment in FRAGMENTS)


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_each_listed_error_is_shown_by_a_chapter(fragment):
    assert fragment in PRINTED


def test_each_listed_error_has_a_link():
    assert len(LINKS) == len(FRAGMENTS)


@pytest.mark.parametrize(("text", "anchor"), LINKS)
def test_a_link_names_the_heading_that_it_leads_to(text, anchor):
    assert re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") == anchor
