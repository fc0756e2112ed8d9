"""What is written down of a run: after a crash at any byte, and on a disk that takes no more.

At the byte, a limit for the size of files stands for the full disk: the kernel writes a part, and refuses the rest.
Where the tests may mount a file system, there is a small disk, too.
"""

import json
import os
import resource
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest
from pipelines import node
from runs import configure, end_all_runs, ended, states, submit

from elyra_runtime_engine.run import Run, all_runs, find_run
from elyra_runtime_engine.start import again

pytestmark = pytest.mark.usefixtures("no_runs_left")

AFTER = {"node": 1, "state": "failed"}

LIMIT_THE_DRIVER = """
import os, resource

def driver():
    pid = os.getppid()
    while b"elyra_runtime_engine.driver" not in open(f"/proc/{pid}/cmdline", "rb").read():
        pid = int(open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[1])
    return pid

events = os.path.join(os.environ["RUNS"], os.listdir(os.environ["RUNS"])[0], "events.jsonl")
size = os.path.getsize(events) + int(os.environ["MORE"])
resource.prlimit(driver(), resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
"""


@pytest.fixture
def dask(jupyter):
    return configure()


@contextmanager
def files_up_to(size):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def written(root, dask):
    """The lines that a short run has written, one of them in another script."""
    (root / "bad.py").write_text("raise ValueError('날씨')\n", encoding="utf-8")
    run = submit(node("one"), node("two", ["one"], filename="bad.py"), configuration=dask)
    assert ended(run)[0] == "failed"
    return (run.folder / "events.jsonl").read_bytes().splitlines(keepends=True)


@pytest.fixture
def other(jupyter):
    """A run of two nodes that nobody leads."""
    return Run.create({"nodes": [{}, {}], "settings": {}}, [{}, {}])


def rewritten(run, content):
    (run.folder / "events.jsonl").write_bytes(content)
    return find_run(run.id)


@pytest.fixture
def quick(monkeypatch):
    """Do not wait for the disk."""
    monkeypatch.setattr(os, "fsync", lambda file: None)


def without_time(events):
    return [{name: value for name, value in event.items() if name != "time"} for event in events]


def test_a_crash_at_any_byte_loses_the_event_that_was_being_written_and_no_other(written, other, quick):
    content = b"".join(written)
    for cut in range(len(content) + 1):
        run = rewritten(other, content[:cut])
        whole = [json.loads(line) for line in content[:cut].splitlines(keepends=True) if line.endswith(b"\n")]
        events, position = run.events()
        assert events == whole, cut
        last = whole[-1] if whole else {}
        assert run.state()[0] == "failed"
        assert ("without a word" in run.state()[1]) == (last.get("run") != "failed"), cut
        run.append(**AFTER)
        assert without_time(run.events(position)[0])[-1:] == [AFTER], cut
        kept = without_time(run.events()[0])
        # Where only the end of its line was missing, an event is whole after all.
        assert kept in (
            without_time(whole) + [AFTER],
            without_time(map(json.loads, written))[: len(kept) - 1] + [AFTER],
        )


def test_a_disk_that_is_full_at_any_byte_takes_all_of_an_event_or_nothing(written, other, quick):
    events = [json.loads(line) for line in written]
    for size in range(len(b"".join(written)) + 1):
        run = rewritten(other, b"")
        taken = []
        with files_up_to(size):
            for event in events:
                try:
                    run.append(**event)
                except OSError:
                    break
                taken.append(event)
        assert len(taken) == sum(len(b"".join(written[: number + 1])) <= size for number in range(len(written))), size
        assert find_run(run.id).events()[0] == taken, size
        run.append(**AFTER)
        assert without_time(find_run(run.id).events()[0]) == [*without_time(taken), AFTER], size


def test_what_a_lost_power_supply_leaves_is_passed_over(written, other):
    run = rewritten(other, b"".join(written[:-1]) + b"\0" * 700)
    run.append(**AFTER)
    run.append(run="done")
    assert without_time(run.events()[0])[-2:] == [AFTER, {"run": "done"}]
    (run.folder / "events.jsonl").open("ab").write(b'{"node": 0, "sta\n7\n[]\n')
    assert find_run(run.id).state()[0] == "done"


def test_an_event_is_on_the_disk_before_anybody_goes_on(other, monkeypatch):
    synced = []

    def sync(file):
        synced.append(os.readlink(f"/proc/self/fd/{file}"))
        contents.append((other.folder / "events.jsonl").read_bytes())

    contents = []
    monkeypatch.setattr(os, "fsync", sync)
    other.append(node=0, state="done")
    assert str(other.folder / "events.jsonl") in synced and str(other.folder) in synced
    assert json.loads(contents[0])["state"] == "done"


def test_the_time_of_an_event_is_never_before_that_of_the_one_before(other, monkeypatch):
    other.append(node=0, state="running")
    monkeypatch.setattr("time.time", lambda: 1_000_000.0)
    other.append(node=0, state="done")
    find_run(other.id).append(run="done")  # another process
    times = [event["time"] for event in other.events()[0]]
    assert times == sorted(times)


def test_a_number_beyond_the_end_of_the_events_is_the_end(other):
    other.append(node=0, state="running")
    assert other.events(10**30) == ([], other.events()[1])


def limited(root, dask, more, *names):
    """Run nodes of which the last lets the driver write ``more`` bytes to the events. Return the ``Run``."""
    (root / "limit.py").write_text(LIMIT_THE_DRIVER)
    runs = os.path.join(os.environ["JUPYTER_DATA_DIR"], "elyra_runtime_engine", "runs")
    variables = [{"env_var": "RUNS", "value": runs}, {"env_var": "MORE", "value": str(more)}]
    nodes = [*map(node, names), node("last", list(names), filename="limit.py", env_vars=variables)]
    return submit(*nodes, configuration=dask)


def test_a_full_disk_stops_a_run_with_a_sentence_and_it_goes_on_when_there_is_room(root, dask):
    run = limited(root, dask, -1, "one")
    state, error = ended(run)
    assert state == "failed"
    assert "takes no more" in error and "Make room, and run it again" in error
    assert "1 of 2 nodes were done" in error
    assert states(run)["one"] == "done"
    (root / "limit.py").write_text("")
    assert ended(again(run)) == ("done", "")
    assert run.nodes()[0]["attempt"] == 1


def test_a_disk_that_is_full_at_the_last_word_does_not_change_how_the_run_ended(root, dask):
    trial = submit(node("one"), configuration=dask)
    ended(trial)
    *_, done, _ = (trial.folder / "events.jsonl").read_bytes().splitlines()
    trial.remove()
    run = limited(root, dask, len(done) + 30)
    assert ended(run) == ("done", "")
    assert states(run) == {"last": "done"}
    assert [event for event in run.events()[0] if event.get("run") == "done"] == [], "there was room"


@contextmanager
def small_disk(place):
    """A disk of a megabyte at ``place``. Skips the test where nobody lets it mount one."""
    place.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", place], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be had here: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        end_all_runs()
        subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture
def small_home(jupyter):
    """The disk for all that is known of runs."""
    with small_disk(Path(os.environ["JUPYTER_DATA_DIR"], "elyra_runtime_engine")) as place:
        yield place


@pytest.fixture
def small_run_folder(jupyter, tmp_path):
    with small_disk(tmp_path / "runs") as place:
        yield place


FILL = """
try:
    with open({path!r}, "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
except OSError as error:
    print(error.strerror)
"""


@pytest.mark.parametrize("where", ["small_home", "small_run_folder"])
def test_a_run_that_fills_a_real_disk_ends_with_a_sentence_and_goes_on_when_there_is_room(root, request, where):
    place = request.getfixturevalue(where)
    configuration = configure(**({"cos_endpoint": str(place)} if where == "small_run_folder" else {}))
    (root / "fill.py").write_text(FILL.format(path=str(place / "fill")))
    names = [f"after {number}" for number in range(10)]
    after = [node(name, [before]) for before, name in zip(["fill", *names], names, strict=False)]
    run = submit(node("one"), node("fill", ["one"], filename="fill.py"), *after, configuration=configuration)
    state, error = ended(run)
    assert (state, "No space left on device" in error) == ("failed", True), error
    assert states(run)["one"] == "done" and set(states(run).values()) <= {"done", "failed", "skipped", "waiting"}
    exec(FILL.format(path=str(place / "rest")))  # what the end of the run has set free
    with pytest.raises(RuntimeError, match="No space left on device"):
        again(run)
    (place / "fill").unlink()
    (place / "rest").unlink()
    (root / "fill.py").write_text("")
    assert ended(again(run)) == ("done", "")
    assert run.nodes()[0]["attempt"] == 1


def test_a_run_folder_that_is_read_only_is_named(root, small_run_folder):
    subprocess.run(["mount", "-o", "remount,ro", small_run_folder], check=True)
    with pytest.raises(RuntimeError, match="The Run Folder '.*' cannot be used: .*Read-only file system.* Correct it"):
        submit(node("one"), configuration=configure(cos_endpoint=str(small_run_folder)))
    assert all_runs() == []
