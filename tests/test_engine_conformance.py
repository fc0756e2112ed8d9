"""The contract for executors: all three keep it, a careless one does not, and its users can do what it says."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
from awkward import HABITS
from runs import processes, until

from elyra_runtime_engine.conformance import contract
from elyra_runtime_engine.conformance.contract import ExecutorContract
from elyra_runtime_engine.conformance.faults import Fate
from elyra_runtime_engine.executor import Unreachable
from elyra_runtime_engine.processes import Processes

HERE = str(Path(__file__).parent)
LINES = re.search(r"your tests::\n\n((?:    .*\n|\n)+)", contract.__doc__)[1].replace("\n    ", "\n").strip()
CARELESS = """
from elyra_runtime_engine.executor import ENDED, ExecutorError, Status
from elyra_runtime_engine.processes import Processes

class Hasty(Processes):
    async def poll(self, handles):
        return {key: Status(ENDED, sure=True) for key in handles}

class Closed(Processes):
    async def open(self, run):
        raise ExecutorError("There is no queue at ''. Correct it.")
"""


class TestProcesses(ExecutorContract):
    executor = "elyra_runtime_engine.processes:Processes"
    settings = {"parallel_nodes": 4}


class TestDask(ExecutorContract):
    executor = "dask_runtime.executor:DaskExecutor"
    settings = {"api_endpoint": "local", "parallel_nodes": 4}


class TestAwkwardQueue(ExecutorContract):
    executor = "awkward:AwkwardQueue"
    settings = {"parallel_nodes": 4, "habits": list(HABITS)}

    @pytest.fixture(autouse=True)
    def _importable(self, monkeypatch):
        monkeypatch.setenv("PYTHONPATH", HERE)


def use(folder, executor, choice):
    """Do what the module tells its users to do, with ``executor``. Return what pytest prints."""
    (folder / "careless.py").write_text(CARELESS, encoding="utf-8")
    text = LINES.replace("my_runtime.executor:MyExecutor", executor)
    (folder / "test_mine.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:pytest_notebook", "-k", choice]
    command += ["--basetemp", folder / "tmp"]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True).stdout


def test_the_lines_of_the_module_are_enough(tmp_path):
    printed = use(tmp_path, "elyra_runtime_engine.processes:Processes", "killed_has or (halfway and not cancel)")
    assert "2 passed" in printed, printed


def test_an_executor_that_says_too_early_that_tasks_have_ended_is_told(tmp_path):
    printed = use(tmp_path, "careless:Hasty", "hangs")  # its node is still running then
    assert "The run is over, and its nodes run on" in printed, printed
    assert "1 failed" in printed
    until(lambda: not processes(below=tmp_path), "The end of the node")


def test_a_driver_is_killed_halfway_where_its_place_does_not_answer():
    class Away(Processes):
        async def submit(self, tasks):
            raise Unreachable

    with mock.patch.object(Fate, "kill", side_effect=SystemExit) as kill:
        executor = Away({}, ExecutorContract.limits)
        Fate(executor).kill_halfway()
        with pytest.raises(SystemExit):
            asyncio.run(executor.submit([]))
    kill.assert_called_once()


def test_an_executor_that_cannot_be_opened_is_told_why(tmp_path):
    printed = use(tmp_path, "careless:Closed", "model")
    assert "There is no queue at ''. Correct it." in printed, printed
    assert "1 failed" in printed
