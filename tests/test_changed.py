"""``make check``: which tests prove a change."""

from pathlib import Path

import changed
import pytest

ROOT = Path(__file__).parents[1]
SHIPPED = [
    path.relative_to(ROOT).as_posix()
    for package in ("demo_runtime", "dask_runtime", "elyra_runtime_doctor")
    for path in (ROOT / package).rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
]


@pytest.mark.parametrize("file", [*SHIPPED, "conftest.py", "Makefile", "README.md", "pyproject.toml", "book/lesson.py"])
def test_each_file_has_tests_that_are_there(file):
    tests = changed.proving(file)
    assert tests
    assert all((ROOT / test).exists() for test in tests)


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
