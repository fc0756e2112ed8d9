"""One term for each concept: those of the glossary, which a chapter links, and no picture that has to be learned."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
TERMS = re.findall(r"^\(term-([a-z-]+)\)=\n## (.+)$", (BOOK / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)

REPLACED = {
    r"zoo\w*|animals?|cages?": "a broken runtime, its installation",
    r"mend(s|ed|ing)?": "fix",
    r"circles?": "cycle",
    r"strangers?": "who has no token, or what it is",
    r"process that leads": "driver",
}
"""Words that were in this repository, and what says it now."""


def texts():
    """Yield each text of the repository, and its path. This file names the words, and an icon has circles."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.suffix in {".md", ".py", ".toml", ".jinja", ".json", ".js", ".yml"} and path != Path(__file__):
            yield name, re.sub(r"<circle .*", "", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("word", REPLACED)
def test_a_word_that_the_glossary_replaces_is_nowhere(word):
    pattern = re.compile(rf"(?<![a-z])({word})(?![a-z])", re.IGNORECASE)
    found = [f"{name}: {match[0]}" for name, text in texts() for match in [pattern.search(f"{name}\n{text}")] if match]
    assert not found, f"Write: {REPLACED[word]}"


@pytest.mark.parametrize(("name", "term"), TERMS)
def test_a_term_of_the_glossary_is_linked_where_a_chapter_needs_it(name, term):
    chapters = [path for path in BOOK.glob("*.md") if path.name != "glossary.md"]
    assert any(f"(glossary.md#term-{name})" in path.read_text(encoding="utf-8") for path in chapters), term


def test_the_glossary_is_in_the_order_of_the_alphabet():
    assert len(TERMS) > 20
    assert [term for _, term in TERMS] == sorted(term for _, term in TERMS)
