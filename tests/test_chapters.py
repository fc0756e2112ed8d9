"""The notebook tests themselves: on a small book, in a directory of its own, what passes and what fails."""

import json
import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

HEAD = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3 (ipykernel)
  language: python
  name: python3
---

"""

VOLATILE = """\
# Volatile

Two sentences.

```{code-cell} ipython3
import datetime, os, sys, tempfile

import jupytext

print(datetime.datetime.now(), datetime.datetime.now(datetime.timezone.utc).isoformat())
print(f"{datetime.datetime.now().microsecond / 1000:.3f} secs")
print(tempfile.mkdtemp(), os.getcwd(), sys.executable)
print(os.environ["JUPYTER_CONFIG_DIR"], os.environ["IPYTHONDIR"])
print(jupytext.__file__, object())
```

```{code-cell} ipython3
import sys

print("Python", sys.version.split()[0])
print("Elyra 4.1, 14 seconds, 130b8e00-de7c-4b32-b553-b4a52824a3b5")
```

```{code-cell} ipython3
:tags: [raises-exception]

1 / 0
```
"""

WORD = """\
# Word

```{code-cell} ipython3
import package

package.log()
```
"""


EXPECTATION = "tests/expectations/book/{}.ipynb"


class Book:
    """The book in the directory of ``pytester``: two chapters, their expectations, and other files."""

    def __init__(self, pytester):
        self.pytester = pytester
        self.root = pytester.path

    def read(self, path):
        return (self.root / path).read_text(encoding="utf-8")

    def write(self, path, text):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def edit(self, path, old, new):
        text = self.read(path)
        assert old in text
        self.write(path, text.replace(old, new))

    def files(self):
        """Return the content of every chapter and of every expectation, by path."""
        paths = [*self.root.glob("book/*.md"), *self.root.glob("tests/expectations/**/*.ipynb")]
        return {path.relative_to(self.root).as_posix(): path.read_bytes() for path in paths}

    def pytest(self, *arguments):
        """Run pytest in the root. Return its output, and the outcome of each test by name."""
        output = self.pytester.runpytest_inprocess("-rA", "-n0", *arguments).stdout.str()
        outcomes = re.findall(r"^(PASSED|FAILED|ERROR) \S+::(\S+)", output, re.MULTILINE)
        return output, {name: outcome for outcome, name in outcomes}

    def failure(self, name):
        """Run the test ``name``, which fails and writes nothing. Return the output."""
        before = self.files()
        output, outcomes = self.pytest("--nb-test-files", f"_toc.yml::{name}")
        assert outcomes == {name: "FAILED"}
        assert self.files() == before
        return output

    def collected(self, *arguments):
        """Return the names of the tests that pytest finds."""
        output = self.pytester.runpytest_inprocess("--collect-only", "-q", "-n0", *arguments).stdout.str()
        return re.findall(r"^\S+::(\S+)$", output, re.MULTILINE)


@pytest.fixture(scope="module")
def expectations():
    """The expectations of the chapters, by name, once a test has made them."""
    return {}


@pytest.fixture
def book(pytester, expectations):
    book = Book(pytester)
    shutil.copy(ROOT / "conftest.py", book.root)
    shutil.copy(ROOT / "pyproject.toml", book.root)
    book.write("book/kernels.py", (ROOT / "book" / "kernels.py").read_text(encoding="utf-8"))
    book.write("_toc.yml", "format: jb-book\nroot: book/volatile\nchapters:\n  - file: book/word\n")
    book.write("book/volatile.md", HEAD + VOLATILE)
    book.write("book/word.md", HEAD + WORD)
    book.write("book/package.py", "def log():\n    print('one word logged')\n")
    book.write("book/pipeline/node.ipynb", "{}")
    book.write("tests/test_other.py", "def test_other():\n    pass\n")
    if not expectations:
        _, outcomes = book.pytest("--nb-test-files", "--nb-force-regen")
        assert set(outcomes.values()) == {"PASSED"}
        for name in ("volatile", "word"):
            expectations[name] = book.read(EXPECTATION.format(name))
    for name, text in expectations.items():
        book.write(EXPECTATION.format(name), text)
    return book


def test_the_flag_selects_the_chapters_and_nothing_else(book):
    assert set(book.collected("--nb-test-files")) == {"book/volatile", "book/word", "tests/expectations"}


def test_without_the_flag_everything_is_run(book):
    assert set(book.collected()) == {"test_other", "book/volatile", "book/word", "tests/expectations"}


def test_one_chapter_can_be_selected(book):
    assert book.collected("--nb-test-files", "-k", "word") == ["book/word"]
    assert book.collected("_toc.yml::book/word") == ["book/word"]


def printed(book, code):
    """Return what a chapter with one cell prints, whose code is ``code``."""
    book.write("book/word.md", f"{HEAD}# Word\n\n```{{code-cell}} ipython3\n{code}\n```\n")
    _, outcomes = book.pytest("--nb-test-files", "--nb-force-regen", "_toc.yml::book/word")
    assert outcomes == {"book/word": "PASSED"}
    [cell] = json.loads(book.read(EXPECTATION.format("word")))["cells"][1:]
    return "".join(cell["outputs"][0]["text"])


def test_the_kernel_of_a_chapter_has_no_port_that_another_process_could_take(book):
    code = "from ipykernel.connect import get_connection_info\nprint(get_connection_info(unpack=True)['transport'])"
    assert printed(book, code) == "ipc\n"


def test_what_a_user_adds_to_the_options_of_pytest_does_not_reach_a_chapter_that_runs_pytest(book, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "--tb=short")
    assert printed(book, "import os\nprint(os.environ.get('PYTEST_ADDOPTS'))") == "None\n"


def test_unchanged_chapters_pass_and_nothing_is_written(book):
    before = book.files()
    _, outcomes = book.pytest("--nb-test-files")
    assert outcomes == {"book/volatile": "PASSED", "book/word": "PASSED", "tests/expectations": "PASSED"}
    assert book.files() == before


def test_an_expectation_holds_nothing_volatile(book):
    expectation = book.read(EXPECTATION.format("volatile"))
    for line in (
        "<time> <time>",
        "<seconds>",
        "<temporary> <repository>/book <environment>/bin/python",
        "<temporary>/jupyter_config_dir <temporary>/ipythondir",
        "<environment>/site-packages/jupytext/__init__.py <object object at <address>>",
        "Python <version>",
        "Elyra 4.1, 14 seconds, 130b8e00-de7c-4b32-b553-b4a52824a3b5",
    ):
        assert line in expectation


def test_writing_the_expectations_again_changes_no_byte(book):
    before = book.files()
    book.pytest("--nb-test-files", "--nb-force-regen")
    assert book.files() == before


def test_a_changed_word_fails_exactly_the_chapter_that_shows_it(book):
    book.edit("book/package.py", "one word logged", "another word logged")
    output, outcomes = book.pytest("--nb-test-files")
    assert outcomes == {"book/volatile": "PASSED", "book/word": "FAILED", "tests/expectations": "PASSED"}
    assert "\n-one word logged\n+another word logged\n" in output
    assert "make expectations CHAPTER=book/word" in output


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Two sentences.", "Three sentences."),
        ("1 / 0", "2 / 0"),
        (":tags: [raises-exception]", ":tags: [raises-exception, remove-input]"),
    ],
)
def test_a_changed_text_or_cell_fails(book, old, new):
    book.edit("book/volatile.md", old, new)
    output = book.failure("book/volatile")
    assert f"\n-{old}\n" in output
    assert f"\n+{new}\n" in output
    assert "make expectations CHAPTER=book/volatile" in output


def test_a_changed_order_fails(book):
    head, first, second, last = book.read("book/volatile.md").split("```{code-cell}")
    book.write("book/volatile.md", "```{code-cell}".join([head, second, first, last]))
    book.failure("book/volatile")


def test_a_cell_that_raises_fails(book):
    book.edit("book/package.py", "def log", "def note")
    output = book.failure("book/word")
    assert "package.log()" in output
    assert "module 'package' has no attribute 'log'" in output


def test_a_new_chapter_fails_until_its_expectation_is_written(book):
    book.write("book/new.md", HEAD + WORD)
    book.edit("_toc.yml", "chapters:\n", "chapters:\n  - file: book/new\n")
    assert "book/new has no expectation" in book.failure("book/new")
    book.pytest("--nb-test-files", "--nb-force-regen", "_toc.yml::book/new")
    _, outcomes = book.pytest("--nb-test-files", "_toc.yml::book/new")
    assert outcomes == {"book/new": "PASSED"}


def test_an_expectation_without_a_chapter_fails_until_it_is_removed(book):
    leftover = EXPECTATION.format("leftover")
    book.write(leftover, "{}")
    assert leftover in book.failure("tests/expectations")
    book.pytest("--nb-test-files", "--nb-force-regen", "_toc.yml::tests/expectations")
    assert leftover not in book.files()


def test_no_expectation_is_written_of_a_chapter_that_fails(book):
    book.edit("book/package.py", "def log", "def note")
    before = book.files()
    _, outcomes = book.pytest("--nb-test-files", "--nb-force-regen", "_toc.yml::book/word")
    assert outcomes == {"book/word": "FAILED"}
    assert book.files() == before
