"""``make check``: which tests prove a change."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import changed
import pytest

ROOT = Path(__file__).parents[1]
SHIPPED = [
    path.relative_to(ROOT).as_posix()
    for package in (
        "demo_runtime",
        "dask/dask_runtime",
        "kit/elyra_runtime_doctor",
        "kit/elyra_runtime_engine",
        "kit/elyra_runtime_kit",
    )
    for path in (ROOT / package).rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
]
OF_THE_BOOK = [path.relative_to(ROOT).as_posix() for path in (ROOT / "book").glob("*.py")]


@pytest.mark.parametrize("file", [*SHIPPED, *OF_THE_BOOK, "conftest.py", "Makefile", "README.md", "pyproject.toml"])
def test_each_file_has_tests_that_are_there(file):
    tests = changed.proving(file)
    assert tests
    for test in tests:
        tested, _, chapter = test.partition("::")
        assert (ROOT / tested).exists()
        assert not chapter or (ROOT / f"{chapter}.md").exists()


def test_a_chapter_is_proved_by_itself():
    assert changed.proving("book/schema.md")[0] == "_toc.yml::book/schema"


def test_a_test_is_proved_by_itself():
    assert changed.proving("tests/test_schema.py") == ["tests/test_schema.py"]


def test_what_has_changed_is_what_differs_from_the_last_commit(pytester, monkeypatch):
    for command in (["init", "-q"], ["config", "user.email", "a@example.com"], ["config", "user.name", "a"]):
        pytester.run("git", *command)
    for name in ("old.py", "edited.py", "removed.py"):
        pytester.path.joinpath(name).touch()
    pytester.path.joinpath(".gitignore").write_text("ignored.py")
    pytester.run("git", "add", ".")
    pytester.run("git", "commit", "-qm", "First")
    pytester.path.joinpath("edited.py").write_text("1")
    pytester.path.joinpath("removed.py").unlink()
    for name in ("new.py", "ignored.py"):
        pytester.path.joinpath(name).touch()
    monkeypatch.setattr(changed, "ROOT", pytester.path)
    assert changed.changed() == ["edited.py", "new.py", "removed.py"]


@pytest.mark.parametrize("options, workers", [([], False), (["--numprocesses=logical"], True)], ids=["pytest", "check"])
def test_a_check_shares_files_out_over_workers_and_one_file_does_not_wait_for_them(options, workers):
    assert all(option in (ROOT / "Makefile").read_text(encoding="utf-8") for option in options)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/test_benchmark.py", "-k", "no_such"]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 5, done.stdout + done.stderr  # no test was asked for
    assert (" workers" in done.stdout) == workers


def test_a_check_shares_out_the_tests_of_a_file_and_keeps_those_of_a_class_together(pytester):
    shutil.copy(ROOT / "conftest.py", pytester.path)
    each = 'pytest.mark.parametrize("number", range(4))'
    classes = f"class TestClass:\n    @{each}\n    def test(self, number): time.sleep(0.2)\n"
    pytester.makepyfile(f"import pytest, time\n{classes}\n@{each}\ndef test_alone(number): time.sleep(0.2)\n")
    done = pytester.runpytest_subprocess("-v", "--numprocesses=2", *pytester.path.glob("test_*.py"))
    done.assert_outcomes(passed=8)
    workers = {
        name: set(re.findall(rf"^\[(gw\d)\] .*::{name}\[", done.stdout.str(), re.MULTILINE))
        for name in ("TestClass::test", "test_alone")
    }
    assert (len(workers["TestClass::test"]), len(workers["test_alone"])) == (1, 2)
