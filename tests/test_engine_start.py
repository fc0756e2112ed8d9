"""A kill before a run is accepted, of its driver or of whoever submits: nothing runs unseen, and nothing is lost."""

import json
import signal
import subprocess
import sys

import pytest
from engine import PROCESSES, states, until

from elyra_runtime_engine import start as engine_start
from elyra_runtime_engine.run import ENDED, all_runs
from elyra_runtime_engine.start import again, start

EXECUTOR = """
import os, signal
from elyra_runtime_engine.processes import Processes

class Dying(Processes):
    async def open(self, run):
        await super().open(run)
        if self.settings["dies"] == "open":
            os.kill(os.getpid(), signal.SIGKILL)

    async def examine(self, needs):
        os.kill(os.getpid(), signal.SIGKILL)
"""

SUBMIT = """
import json, os, signal, sys
from elyra_runtime_engine import start

def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)

def begin_and_die(run, driver, order):
    start._begin(driver, order)
    die()

start.copy_sources = {copy}
start._wait_until_accepted = {wait}
start.start(json.load(sys.stdin), [{{}}])
"""


@pytest.fixture
def facts(tmp_path, monkeypatch):
    """What a run of one node records: a script that writes a line to the file ``ran``."""
    for name in ("data", "modules"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    (tmp_path / "modules" / "dying.py").write_text(EXECUTOR)
    (tmp_path / "one.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write('ran\\n')\n")
    node = {
        **{"number": 0, "id": "one", "name": "one", "kind": "Python script", "file": "one.py", "parents": []},
        **{"dependencies": [], "include_subdirectories": False, "outputs": []},
        **{"environment": [], "resources": {}, "notes": []},
    }
    known = {"pipeline": "p", "configuration": "c", "executor": PROCESSES, "settings": {}, "root": str(tmp_path)}
    return {**known, "nodes": [node]}


@pytest.mark.parametrize("dies", ["open", "examine"])
def test_who_submits_hears_of_a_driver_that_is_killed_and_nothing_is_left(facts, dies, tmp_path):
    with pytest.raises(RuntimeError, match="The driver has ended: it was killed by signal 9."):
        start({**facts, "executor": "dying:Dying", "settings": {"dies": dies}}, [{}])
    assert all_runs() == [] and not (tmp_path / "ran").exists()
    left = [path.name for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert left == ["lock"]  # of the folder of all runs


def submit_and_die(facts, **replaced):
    """Submit in a process that is killed on the way. Return the ``Run``, when it has no driver any more."""
    code = SUBMIT.format(**{"copy": "start.copy_sources", "wait": "start._wait_until_accepted", **replaced})

    done = subprocess.run([sys.executable, "-c", code], input=json.dumps(facts), text=True, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    [run] = all_runs()
    until(lambda: not run.has_driver(), "the end of the driver")
    return run


def test_a_run_whose_files_were_not_all_copied_has_failed_and_runs_again(facts, tmp_path):
    run = submit_and_die(facts, copy="die")
    assert run.state()[0] == "failed" and not (tmp_path / "ran").exists()
    again(run)
    until(lambda: run.state()[0] in ENDED, "the end")
    assert states(run) == {"one": "done"}
    assert (tmp_path / "ran").read_text() == "ran\n"


def test_a_run_that_has_begun_needs_nobody_who_waits_for_it(facts, tmp_path):
    run = submit_and_die(facts, wait="begin_and_die")
    assert run.state() == ("done", "")
    assert (tmp_path / "ran").read_text() == "ran\n"


def test_the_driver_loads_its_executor_while_files_are_copied(facts, tmp_path, monkeypatch):
    loaded = tmp_path / "loaded"
    (tmp_path / "modules" / "told.py").write_text(
        f"from elyra_runtime_engine.processes import Processes\nopen({str(loaded)!r}, 'w')\n"
    )
    copy = engine_start.copy_sources

    def copy_when_loaded(*arguments):
        until(loaded.exists, "the executor")
        copy(*arguments)

    monkeypatch.setattr(engine_start, "copy_sources", copy_when_loaded)
    run = start({**facts, "executor": "told:Processes"}, [{}])
    until(lambda: not run.has_driver(), "the end of the driver")
    assert states(run) == {"one": "done"}
