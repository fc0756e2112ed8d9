"""The book proves what it says: each proof is there, says more than its own source, and fits the text beside it."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).parents[1]
EXPECTATIONS = sorted((ROOT / "tests" / "expectations").rglob("*.ipynb"))
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "book").glob("*.md"))]
WORDS = "two three four five six seven eight nine ten eleven twelve".split()
WIKI = "2.2"
"""The Elyra of the wiki page of 2021, with which the book compares."""


def shown(notebook):
    """Yield ``(text before it, source, output)`` for each code cell that a reader sees. The output is a text."""
    before = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            before = cell.source.rstrip()
        else:
            if "remove-cell" not in cell.metadata.get("tags", ()):
                yield before, cell.source, "\n".join(map(_text, cell.outputs)).strip()
            before = ""


def _text(output):
    data = output.get("data", {})
    return output.get("text") or data.get("text/html") or data.get("text/markdown") or data.get("text/plain", "")


def empty(notebook):
    """Return each sentence that ends with a colon, and is followed by a cell that prints nothing."""
    return [
        before.splitlines()[-1]
        for before, _, output in shown(notebook)
        if before.endswith(":") and not before.endswith(":::") and not output
    ]


def echoes(notebook):
    """Return what a cell prints and also says: all of its output, or the message of an error."""
    return [line for _, source, output in shown(notebook) for line in _echoes(_plain(source), output)]


def _echoes(source, output):
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [message for line in lines for message in re.findall(r"^\w+Error: (.+)", line)]
    words = [*errors, *(lines if all(_plain(line).strip('"') in source for line in lines) else [])]
    return [word for word in words if _plain(word).strip('"') in source]


def _plain(text):
    return text.replace("'", '"')


def bare(notebook):
    """Return each output that is nothing but truth values and numbers."""
    return [output for *_, output in shown(notebook) if re.fullmatch(r"\W*((True|False|None|\d+)\W*)+", output)]


def miscounted(page):
    """Return each paragraph before a list or a table of another length than the number in words that it holds."""
    blocks = re.split(r"\n\s*\n", re.sub(r"^(```|:::).*?^\1", "", page, flags=re.DOTALL | re.MULTILINE))
    found = []
    for paragraph, listed in zip(blocks, blocks[1:], strict=False):
        items = re.findall(r"^(?:[-*]|\d+\.) ", listed, re.MULTILINE)
        length = len(items) or len(re.findall(r"^\|", listed, re.MULTILINE)) - 2
        numbers = {WORDS.index(word) + 2 for word in re.findall(r"\w+", paragraph.lower()) if word in WORDS}
        if paragraph.rstrip().endswith(":") and length > 0 and numbers and length not in numbers:
            found.append(paragraph.strip())
    return found


def versions(page):
    """Return which versions of Python and of Elyra a page speaks of: sets of the lowest and the highest."""
    python = re.findall(r"Python (3\.\d+(?:(?:, | and | to | or )(?:3\.\d+|newer|later))*)", page)
    elyra = set(re.findall(r"\bElyra (\d+\.\d+)", page)) - {WIKI}
    return {"Python": {_range(text) for text in python}, "Elyra": elyra}


def _range(text):
    ends = re.findall(r"3\.\d+|newer|later", text)
    return f"{ends[0]} to {ends[-1]}"


def supported():
    """Return what is true: the range of Pythons on which the tests run, and the Elyra that pip installs."""
    [tested] = re.findall(r"python: \[(.*)\]", (ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8"))
    [elyra] = re.findall(r'"elyra>=(\d+\.\d+)', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {"Python": {_range(tested)}, "Elyra": {elyra}}


def chapter(*cells):
    """Return a notebook: a text is a paragraph, ``(source, output)`` a cell that prints."""
    return new_notebook(
        cells=[
            new_markdown_cell(cell)
            if isinstance(cell, str)
            else new_code_cell(cell[0], outputs=[new_output("stream", text=cell[1])] if cell[1] else [])
            for cell in cells
        ]
    )


@pytest.mark.parametrize("check", [empty, echoes, bare])
@pytest.mark.parametrize("path", EXPECTATIONS, ids=lambda path: path.stem)
def test_each_cell_of_a_chapter_shows_what_its_text_says(check, path):
    assert check(nbformat.read(path, as_version=4)) == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_numbers_in_words_fit_the_lists_after_them(path):
    assert miscounted(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_each_link_has_a_text(path):
    """A page of the book gives an empty link the title of where it leads. JupyterLab gives it the name of the file."""
    assert re.findall(r".*\[\]\(.*", path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_all_pages_speak_of_the_same_versions(path):
    stated = versions(path.read_text(encoding="utf-8"))
    true = supported()
    assert {name: found - true[name] for name, found in stated.items()} == {"Python": set(), "Elyra": set()}


def test_the_pages_do_speak_of_versions():
    for name in ("README.md", "CONTRIBUTING.md", "book/start.md"):
        assert versions((ROOT / name).read_text(encoding="utf-8"))["Python"] == supported()["Python"]
    assert versions((ROOT / "README.md").read_text(encoding="utf-8")) == supported()


@pytest.mark.parametrize(
    ("check", "planted", "found"),
    [
        (empty, chapter("The file is there:", ("read(file)", "")), ["The file is there:"]),
        (empty, chapter("Read it:\n\nThe file is there:", ("read(file)", "")), ["The file is there:"]),
        (empty, chapter("The file is there:", ("read(file)", "content")), []),
        (empty, chapter("Read the file.", ("read(file)", "")), []),
        (empty, chapter(":::{note}\n\nIt is there.\n:::", ("read(file)", "")), []),
        (echoes, chapter(("with expected(TypeError, 'no way'):", "TypeError: no way")), ["no way"]),
        (echoes, chapter(("print('It is refused.')", "It is refused.")), ["It is refused."]),
        (echoes, chapter(('path = "a.py"\npath.name', "'a.py'")), ["'a.py'"]),
        (echoes, chapter(("print(error)", "TypeError: no way")), []),
        (echoes, chapter(("print('found', name)", "found it")), []),
        (bare, chapter(("a == b", "True")), ["True"]),
        (bare, chapter(("len(files), any(files)", "(3, False)")), ["(3, False)"]),
        (bare, chapter(("names", "['True', 'a']")), []),
        (miscounted, "Two things:\n\n- a\n- b\n- c\n", ["Two things:"]),
        (miscounted, "Five of these matter:\n\n1. a\n   b\n2. c\n", ["Five of these matter:"]),
        (miscounted, "Seven faults:\n\n| fault |\n|---|\n| a |\n", ["Seven faults:"]),
        (miscounted, "Two of the three things:\n\n- a\n- b\n", []),
        (miscounted, "Two things.\n\n- a\n- b\n- c\n", []),
    ],
)
def test_what_is_planted_is_found(check, planted, found):
    assert check(planted) == found


@pytest.mark.parametrize(
    ("page", "python", "elyra"),
    [
        ("You need Python 3.10 or newer.", {"3.10 to newer"}, set()),
        ("Python 3.10 to 3.13. Python 3.9, 3.10 and 3.12.", {"3.10 to 3.13", "3.9 to 3.12"}, set()),
        ("Elyra 4.1.1 and Elyra 4.2; Elyra 2.2.4 of 2021; odh-elyra 5", set(), {"4.1", "4.2"}),
    ],
)
def test_versions_are_read_from_a_page(page, python, elyra):
    assert versions(page) == {"Python": python, "Elyra": elyra}


@pytest.fixture(scope="module")
def expected():
    """The function ``expected`` of the chapters."""
    spec = spec_from_file_location("lesson", ROOT / "book" / "lesson.py")
    lesson = module_from_spec(spec)
    spec.loader.exec_module(lesson)
    return lesson.expected


def test_an_expected_error_is_shown_as_it_was_raised(expected, capsys):
    with expected(ValueError):
        raise ValueError("7 is no name\nand more")
    with expected(ValueError, but=r"\d+"):
        raise ValueError("7 is no name")
    assert capsys.readouterr().out == "ValueError: 7 is no name\nValueError: … is no name\n"


def test_no_error_and_another_error_are_not_expected(expected):
    with pytest.raises(AssertionError, match="ValueError was expected"), expected(ValueError):
        pass
    with pytest.raises(UnicodeError), expected(ValueError):
        raise UnicodeError("a subclass")
