"""How an export of a runtime on the kit gets to its place: as a whole, or not at all."""

import errno
import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from elyra_runtime_kit import export
from elyra_runtime_kit.export import ExportError, export_target, write_export


@pytest.fixture
def tidy(root):
    """Check after the test that no draft of an export is left."""
    yield
    assert [name for name in os.listdir(root) if name.startswith(".")] == []


@pytest.mark.parametrize("path", ["../weather.json", "folder/../../weather.json"])
def test_a_relative_path_does_not_leave_the_root(root, path):
    with pytest.raises(ExportError, match=r"leaves the directory '.*'\. Choose a path inside it\."):
        export_target(root, path)


@pytest.mark.parametrize("step", ["replace", "link"])
@pytest.mark.parametrize("crash", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_crash_in_the_middle_leaves_nothing_behind(root, tidy, monkeypatch, step, crash):
    def fail(*arguments):
        raise crash

    monkeypatch.setattr(export.os, step, fail)
    with pytest.raises((ExportError, KeyboardInterrupt)):
        write_export(root / "weather.json", ["text"], overwrite=step == "replace")
    assert os.listdir(root) == ["work.py"]


def test_a_disk_that_is_full_leaves_the_old_file_as_it_was(root, tidy):
    def pieces():
        yield "the beginning"
        raise OSError(28, "No space left on device")

    (root / "weather.json").write_text("mine")
    with pytest.raises(ExportError, match="cannot be written: No space left on device"):
        write_export(root / "weather.json", pieces(), overwrite=True)
    assert (root / "weather.json").read_text() == "mine"


def test_of_exports_at_once_to_one_file_one_wins(root, tidy):
    one_of_many_wins(root / "weather.json")


def one_of_many_wins(target):
    """Export eight texts at once to ``target``. Exactly one is told that it is there, and it is."""

    def attempt(text):
        try:
            write_export(target, [text], overwrite=False)
        except ExportError:
            return None
        return text

    texts = [str(number) * 100_000 for number in range(8)]
    with ThreadPoolExecutor(len(texts)) as threads:
        winners = [text for text in threads.map(attempt, texts) if text]
    assert [target.read_text()] == winners


@pytest.fixture(params=["EPERM", "EOPNOTSUPP"])
def no_hard_links(request, monkeypatch):
    """A file system without hard links."""

    def fail(*arguments):
        raise OSError(getattr(errno, request.param), "not here")

    monkeypatch.setattr(export.os, "link", fail)


def test_where_there_are_no_hard_links_an_export_is_written(root, tidy, no_hard_links):
    write_export(root / "weather.json", ["text"], overwrite=False)
    assert (root / "weather.json").read_text() == "text"
    with pytest.raises(ExportError, match="exists. Choose another name"):
        write_export(root / "weather.json", ["text"], overwrite=False)
    one_of_many_wins(root / "other.json")


def test_where_there_are_no_hard_links_a_crash_leaves_nothing_behind(root, tidy, monkeypatch, no_hard_links):
    monkeypatch.setattr(export.os, "replace", export.os.link)
    with pytest.raises(ExportError):
        write_export(root / "weather.json", ["text"], overwrite=False)
    assert os.listdir(root) == ["work.py"]


def test_a_link_that_is_overwritten_stays_a_link(root, tidy):
    (root / "kept").mkdir()
    (root / "kept" / "weather.json").write_text("mine")
    (root / "weather.json").symlink_to("kept/weather.json")
    write_export(root / "weather.json", ["yours"], overwrite=True)
    assert os.readlink(root / "weather.json") == "kept/weather.json"
    assert (root / "kept" / "weather.json").read_text() == "yours"
    assert os.listdir(root / "kept") == ["weather.json"]


@pytest.mark.parametrize("mode", [0o600, 0o664])
def test_a_file_that_is_overwritten_keeps_its_permissions(root, tidy, mode):
    def pieces():
        (draft,) = root.glob(".*")
        assert stat.S_IMODE(draft.stat().st_mode) & ~mode == 0, "nobody reads it before it is there"
        yield "text"

    (root / "weather.json").touch()
    (root / "weather.json").chmod(mode)
    write_export(root / "weather.json", pieces(), overwrite=True)
    assert stat.S_IMODE((root / "weather.json").stat().st_mode) == mode
    assert (root / "weather.json").read_text() == "text"
