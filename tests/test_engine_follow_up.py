"""A driver that is gone, and the one that follows it up: nothing that finished is lost or runs twice."""

import subprocess
import sys
from collections import Counter

import pytest
from engine import ended, is_alive, kill, lead, log, made, pids, states, until

from elyra_runtime_engine.events import Superseded
from elyra_runtime_engine.limits import Limits
from elyra_runtime_engine.run import Run

COUNTED = """import time
open({path!r}, 'a').write({name!r} + ' begins\\n')
time.sleep({seconds})
open({path!r}, 'a').write({name!r} + ' done\\n')
open({name!r} + '.txt', 'w').close()
"""

# A driver that is killed at a boundary of its journal: before it writes the event of that number, or after that.
KILLED = """
import os, sys
from elyra_runtime_engine import driver, events

number, after = int(sys.argv.pop(1)), sys.argv.pop(1) == "after"
append, count = events.Events.append, 0

def boundary(self, **event):
    global count
    count += 1
    if count == number and not after:
        os._exit(9)
    append(self, **event)
    if count == number and after:
        os._exit(9)

events.Events.append = boundary
sys.stdin.readline()
driver.main(*sys.argv[1:])
"""


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))


def test_nodes_outlive_the_driver_and_the_next_one_takes_them_over(tmp_path):
    path = str(tmp_path / "counted")
    first = f"import os\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
    run = made(
        {"one": first + COUNTED.format(path=path, name="one", seconds=3), "two": "print('after')"},
        parents={"two": ["one"]},
    )
    driver = lead(run)
    [node] = until(lambda: pids(tmp_path / "pid"), "the node")
    kill(driver)
    assert is_alive(node)
    assert run.state() == ("running", "") and run.is_abandoned()
    assert ended(run, lead(run)) == ("done", "")
    assert (tmp_path / "counted").read_text() == "one begins\none done\n"
    assert log(run, 1) == "after\n"


def test_what_ended_while_no_driver_was_there_counts(tmp_path):
    path = str(tmp_path / "counted")
    run = made(
        {"one": COUNTED.format(path=path, name="one", seconds=1), "two": "", "bad": "import time; time.sleep(1); 1/0"}
    )
    driver = lead(run)
    until((tmp_path / "counted").exists, "the node")
    until(lambda: (run.node(2) / "log.txt").exists(), "the other node")
    kill(driver)
    until(lambda: (run.node(0) / "result.json").exists() and (run.node(2) / "result.json").exists(), "their ends")
    state, error = ended(run, lead(run))
    assert state == "failed" and "bad.py, line 1: ZeroDivisionError" in error
    assert states(run) == {"one": "done", "two": "done", "bad": "failed"}
    assert (tmp_path / "counted").read_text() == "one begins\none done\n"


def test_what_an_older_driver_still_writes_counts_for_nothing():
    older = made({"one": ""})
    older.take_over()
    older.append(node=0, state="running")
    newer = Run(older.folder)
    newer.take_over()
    with pytest.raises(Superseded):
        older.append(node=0, state="failed")
    with pytest.raises(Superseded):
        older.end("failed")
    newer.append(node=0, state="done")
    assert [event["state"] for event in newer.events()[0]] == ["running", "done"]
    assert older.is_superseded() and not newer.is_superseded()
    assert {path.name for path in newer.folder.glob("*events*")} == {"events.jsonl"}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_driver_killed_at_each_boundary_of_its_journal_loses_nothing_and_runs_nothing_twice(tmp_path, when):
    boundary = 0
    while True:
        boundary += 1
        counted = tmp_path / f"counted-{boundary}"
        scripts = {name: COUNTED.format(path=str(counted), name=name, seconds=0.05) for name in ("a", "b", "c")}
        run = made(scripts, parents={"c": ["a", "b"]}, outputs={name: [f"{name}.txt"] for name in scripts})
        was_killed = _killed(run, boundary, when)
        if was_killed and run.state()[0] != "done":
            assert ended(run, lead(run)) == ("done", ""), (boundary, when)
        assert states(run) == dict.fromkeys("abc", "done"), (boundary, when)
        lines = counted.read_text().splitlines()
        assert Counter(lines) == Counter(f"{name} {word}" for name in "abc" for word in ("begins", "done")), lines
        if not was_killed:
            assert boundary > 8, "there are as many events as that, at least"
            return


def _killed(run, boundary, when):
    """Lead ``run`` with a driver that is killed at the ``boundary``. Return whether there is such a boundary."""
    with run.lock() as lock:
        driver = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(boundary), when, run.folder, str(lock.fileno()), *map(str, Limits())],
            stdin=subprocess.PIPE,
            pass_fds=[lock.fileno()],
            start_new_session=True,
        )
    driver.communicate(b"null\n", timeout=120)
    return driver.returncode == 9
