"""``make``: what is set up and built, and when it is done again. Python is a stand-in, and so is the build."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PYTHON = """\
#!/bin/sh
echo "$@" >> "$CALLS"
case "$*" in
  --version) echo "Python ${VERSION:-3.12.0}" ;;
  "-m venv "*)
    mkdir -p "$3/bin"
    cp "$0" "$3/bin/python" ;;
  book/build.py)
    mkdir -p _build/html
    echo "$PAGE" > _build/html/index.html
    [ -z "$BROKEN" ] ;;
  "$FAILING"*) exit 1 ;;
esac
"""

PROJECTS = "pyproject.toml", "dask/pyproject.toml", "kit/pyproject.toml", "local/pyproject.toml"
SET_UP = "-m venv .venv"
BUILD = "book/build.py"


class Repository:
    """A directory with the ``Makefile`` of this repository, and what a book is made from."""

    def __init__(self, root, tools):
        self.root = root
        self.tools = tools
        self.calls = tools / "calls"

    def write(self, path, text):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def make(self, *arguments, fails=False, **variables):
        """Run make with ``variables`` in the environment. Return its output, and whether it set up and built."""
        self.calls.write_text("")
        environment = {"PATH": os.pathsep.join([str(self.tools), os.environ["PATH"]]), "CALLS": str(self.calls)}
        result = subprocess.run(
            ["make", *arguments],
            cwd=self.root,
            env=environment | {"FAILING": "nothing"} | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        assert (result.returncode != 0) is fails, result.stdout
        calls = self.calls.read_text().splitlines()
        return result.stdout, [call for call in (SET_UP, BUILD) if call in calls]


@pytest.fixture
def repository(tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "python3").write_text(PYTHON)
    (tools / "python3").chmod(0o755)
    repository = Repository(tmp_path / "a repository", tools)
    for name in ("Makefile", "_config.yml", "_toc.yml", *PROJECTS, "requirements.txt"):
        repository.write(name, (ROOT / name).read_text(encoding="utf-8"))
    sources = "demo_runtime/processor.py", "dask/dask_runtime/processor.py", "jupyter-config/demo_runtime.json"
    for name in ("book/start.md", *sources):
        repository.write(name, "some text\n")
    return repository


def test_the_second_time_nothing_is_done_again(repository):
    output, done = repository.make("book")
    assert done == [SET_UP, BUILD]
    assert f"{repository.root}/_build/html/index.html" in output
    output, done = repository.make("book")
    assert done == []
    assert f"{repository.root}/_build/html/index.html" in output


@pytest.mark.parametrize(
    "path",
    [
        "book/start.md",
        "book/new.py",
        "demo_runtime/processor.py",
        "kit/elyra_runtime_engine/static/new.js",
        "_config.yml",
        "_toc.yml",
    ],
)
def test_a_change_builds_the_book_anew(repository, path):
    repository.make("book")
    repository.write(path, "other text\n")
    assert repository.make("book")[1] == [BUILD]


def test_a_removed_file_builds_the_book_anew(repository):
    repository.make("book")
    (repository.root / "demo_runtime/processor.py").unlink()
    assert repository.make("book")[1] == [BUILD]


def test_bytecode_builds_nothing(repository):
    repository.make("book")
    repository.write("demo_runtime/__pycache__/processor.cpython-312.pyc", "")
    assert repository.make("book")[1] == []


def test_a_failed_build_is_no_book(repository):
    repository.make("book")
    repository.write("demo_runtime/processor.py", "other text\n")
    output, _ = repository.make("book", fails=True, BROKEN="yes")
    assert "The book was not built" in output
    assert repository.make("book")[1] == [BUILD]


@pytest.mark.parametrize(
    "page",
    [
        '<script async src="https://cdn.example.com/mathjax.js"></script>',
        '<link rel="stylesheet" href="//fonts.example.com/font.css">',
        '<img alt="" src="http://example.com/picture.png">',
    ],
)
def test_a_page_that_needs_the_network_is_no_book(repository, page):
    output, _ = repository.make("book", fails=True, PAGE=page)
    assert page in output
    assert repository.make("book", PAGE='<a href="https://example.com">a link</a>')[1] == [BUILD]


@pytest.mark.parametrize("path", ["requirements.txt", "pyproject.toml"])
def test_other_versions_set_up_anew(repository, path):
    repository.make("setup")
    repository.write(path, (repository.root / path).read_text() + "\n# changed\n")
    assert repository.make("setup")[1] == [SET_UP]
    assert repository.make("setup")[1] == []


@pytest.mark.parametrize("failing", ["-m pip install", "-m uv pip sync", "-m uv pip install"])
def test_an_unfinished_environment_is_set_up_anew(repository, failing):
    repository.make("setup", fails=True, FAILING=failing)
    assert repository.make("setup")[1] == [SET_UP]


def test_a_broken_environment_is_set_up_anew(repository):
    repository.make("setup")
    (repository.root / ".venv/bin/python").unlink()
    assert repository.make("setup")[1] == [SET_UP]


def test_another_python_sets_up_anew(repository):
    repository.make("setup")
    shutil.copy(repository.tools / "python3", repository.tools / "python3.13")
    other = (repository.tools / "python3.13").read_text().replace("3.12.0", "3.13.0")
    (repository.tools / "python3.13").write_text(other)
    assert repository.make("setup", "PYTHON=python3.13")[1] == [SET_UP]
    assert repository.make("setup", "PYTHON=python3.13")[1] == []
    assert repository.make("setup")[1] == []


def test_all_tests_run_on_each_supported_python_and_a_failure_is_named(repository):
    for version in ("3.10", "3.11", "3.12", "3.13"):
        text = (repository.tools / "python3").read_text().replace("3.12.0", f"{version}.0")
        if version == "3.11":
            text = text.replace('case "$*" in', 'case "$*" in\n  "-m pytest"*) exit 1 ;;')
        (repository.tools / f"python{version}").write_text(text)
        (repository.tools / f"python{version}").chmod(0o755)
    output, _ = repository.make("test-all", fails=True)
    assert "Tests failed on Python 3.11." in output
    calls = repository.calls.read_text().splitlines()
    assert [call for call in calls if call.startswith("-m venv")] == [
        f"-m venv .venvs/{version}" for version in ("3.10", "3.11", "3.12", "3.13")
    ]
    assert calls.count("-m pytest") == 4 and not (repository.root / ".venv").exists()


def test_an_old_python_is_refused(repository):
    output, _ = repository.make("setup", fails=True, FAILING="-c")
    assert not (repository.root / ".venv").exists()


def test_help_names_every_target(repository):
    output, _ = repository.make()
    for target in ("book", "test", "check", "test-all", "lab", "expectations", "bench", "lock", "clean"):
        assert f"make {target} " in output
