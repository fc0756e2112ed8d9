"""The engine with the executor that runs nodes as processes on this machine."""

import os
import signal
import subprocess
import sys

import pytest
from engine import ended, is_alive, lead, log, made, pids, states, until

from elyra_runtime_engine import attempt

SECRET = "correct horse battery staple"

SLOW_TO_START = """
import os, time
from elyra_runtime_engine import guard

setsid = os.setsid
os.setsid = lambda: (time.sleep(0.5), setsid())
guard.main("5", "sleep", "600")
"""


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))


def test_nodes_run_after_those_before_them_and_get_what_they_left():
    run = made(
        {"make": "open('a.txt', 'w').write('42')", "use": "print(open('a.txt').read())", "bad": "1 / 0", "last": ""},
        parents={"use": ["make"], "last": ["bad"]},
        outputs={"make": ["a.txt"]},
    )
    state, error = ended(run, lead(run))
    assert state == "failed" and "Node 'bad' failed. bad.py, line 1: ZeroDivisionError" in error
    assert states(run) == {"make": "done", "use": "done", "bad": "failed", "last": "skipped"}
    assert log(run, 1) == "42\n"


def test_values_of_variables_are_in_no_file_of_the_run_and_on_no_command_line(tmp_path):
    code = f"import os, time\nprint(os.environ['KEY'])\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getppid()))"
    run = made({"one": code}, environment={"one": {"KEY": SECRET}})
    assert ended(run, lead(run)) == ("done", "")
    assert log(run, 0) == "(hidden)\n"
    for path in filter(os.path.isfile, run.folder.rglob("*")):
        assert SECRET not in path.read_text(errors="replace"), path


@pytest.mark.parametrize("at_a_time", [1, 3])
def test_independent_nodes_run_side_by_side_as_many_as_the_configuration_says(tmp_path, at_a_time):
    code = (
        "import os, time\n"
        f"place = {str(tmp_path / 'running')!r}\n"
        "os.makedirs(place, exist_ok=True)\n"
        "mine = os.path.join(place, str(os.getpid()))\n"
        "open(mine, 'w').close()\n"
        "time.sleep(0.7)\n"
        "print(len(os.listdir(place)))\n"
        "os.remove(mine)\n"
    )
    run = made({name: code for name in "abcdef"}, parallel_nodes=at_a_time)
    assert ended(run, lead(run)) == ("done", "")
    assert max(int(log(run, number)) for number in range(6)) <= at_a_time


def test_a_cancelled_run_leaves_no_process(tmp_path):
    code = (
        "import os, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '86321'], start_new_session=True)\n"
        f"open({str(tmp_path / 'pids')!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "time.sleep(600)\n"
    )
    run = made({"one": code, "two": ""}, parents={"two": ["one"]})
    driver = lead(run, node=1)
    left = until(lambda: pids(tmp_path / "pids"), "the node")
    run.cancel()
    assert ended(run, driver) == ("cancelled", "")
    assert states(run) == {"one": "cancelled", "two": "cancelled"}
    assert not any(map(is_alive, left))


def test_a_task_that_is_started_twice_runs_once(tmp_path):
    code = f"import time\nopen({str(tmp_path / 'begun')!r}, 'a').write('x')\ntime.sleep(1)\n"
    run = made({"one": code})
    driver = lead(run)
    until((tmp_path / "begun").exists, "the node")
    command = [sys.executable, "-I", "-S", attempt.__file__, run.place, run.node(0), "key"]
    subprocess.run(command, input=b"{}\n", check=True)
    assert ended(run, driver) == ("done", "")
    assert (tmp_path / "begun").read_text() == "x"


def test_a_node_whose_process_is_killed_has_failed_with_a_word(tmp_path):
    code = f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
    run = made({"one": code})
    driver = lead(run, node=1, beat=3600)
    [node] = until(lambda: pids(tmp_path / "pid"), "the node")
    above = next(pid for pid in _above(node) if b"attempt.py" in open(f"/proc/{pid}/cmdline", "rb").read())
    os.kill(above, 9)
    state, error = ended(run, driver)
    assert state == "failed" and "was ended by signal 9" in error
    assert not is_alive(node)


def _above(pid):
    while pid > 1:
        yield pid
        with open(f"/proc/{pid}/stat") as file:
            pid = int(file.read().rpartition(")")[2].split()[1])


def test_a_node_that_has_to_end_while_it_is_started_is_asked_to_and_not_killed():
    done = subprocess.run([sys.executable, "-c", SLOW_TO_START], stdin=subprocess.DEVNULL, timeout=60)
    assert done.returncode == 128 + signal.SIGTERM
