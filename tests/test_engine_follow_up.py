"""A driver that is gone, and the one that follows it up: nothing that finished is lost or runs twice."""

import json

import pytest
from engine import ended, is_alive, kill, lead, log, made, pids, states, until

from elyra_runtime_engine.answers import page
from elyra_runtime_engine.events import Events, Superseded
from elyra_runtime_engine.run import Run

COUNTED = """import time
open({path!r}, 'a').write({name!r} + ' begins\\n')
time.sleep({seconds})
open({path!r}, 'a').write({name!r} + ' done\\n')
open({name!r} + '.txt', 'w').close()
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


def test_a_look_at_a_run_with_a_driver_does_not_read_all_events_again(monkeypatch):
    run = Run.create({"pipeline": "weather", "nodes": [], "settings": {}}, [])
    run.append(run="running", outlives_driver=True)
    for number in range(100):
        run.append(node=number, state="done")
    _, end = run.events()
    starts, read = [], Events.read
    monkeypatch.setattr(Events, "read", lambda self, start=0: (starts.append(start), read(self, start))[1])
    with run.lock():
        assert json.loads(page(run, end))["state"] == "running"
    assert starts == [end]
    run.remove()
