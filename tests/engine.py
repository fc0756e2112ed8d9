"""Runs for the tests of the engine, with no Elyra around: a plan, the scripts of the nodes, and a driver."""

import os
import subprocess
import sys
import time

from elyra_runtime_engine.limits import Limits
from elyra_runtime_engine.run import ENDED, Run

PROCESSES = "elyra_runtime_engine.processes:Processes"
SECONDS = 120


def made(scripts, parents=None, outputs=None, environment=None, executor=PROCESSES, **settings):
    """Make a run with a node for each of ``scripts``, a dict from names to Python code. Return the ``Run``.

    ``parents`` holds names, ``outputs`` paths, and ``environment`` the values of variables, each by the name of a node.
    """
    parents, outputs, environment = parents or {}, outputs or {}, environment or {}
    numbers = {name: number for number, name in enumerate(scripts)}
    nodes = [
        {
            **{"number": number, "id": name, "name": name, "kind": "Python script", "file": f"{name}.py"},
            **{"dependencies": [], "include_subdirectories": False, "outputs": outputs.get(name, [])},
            **{"environment": list(environment.get(name, {})), "resources": {}, "notes": []},
            "parents": [numbers[parent] for parent in parents.get(name, [])],
        }
        for name, number in numbers.items()
    ]
    facts = {"pipeline": "p", "configuration": "c", "executor": executor, "settings": settings, "root": "/"}
    run = Run.create({**facts, "nodes": nodes}, [environment.get(name, {}) for name in scripts])
    for name, number in numbers.items():
        run.sources(number).mkdir()
        (run.sources(number) / f"{name}.py").write_text(scripts[name], encoding="utf-8")
    return run


def lead(run, **limits):
    """Start a driver of ``run``. Return its process."""
    with run.lock() as lock:
        driver = subprocess.Popen(
            [
                *(sys.executable, "-m", "elyra_runtime_engine.driver", run.folder),
                *(str(lock.fileno()), *map(str, Limits(**limits))),
            ],
            stdin=subprocess.PIPE,
            pass_fds=[lock.fileno()],
            cwd=run.folder,
            start_new_session=True,
        )
    with driver.stdin:
        driver.stdin.write(b"null\n")
    return driver


def until(condition, what):
    """Wait until ``condition`` is true. Return what it returned."""
    deadline = time.monotonic() + SECONDS
    while not (result := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {SECONDS} s"
        time.sleep(0.02)
    return result


def ended(run, driver):
    """Wait until ``run`` is over, and its driver too. Return its state, and what went wrong."""
    driver.wait(SECONDS)
    assert run.state()[0] in ENDED
    return run.state()


def states(run):
    """Return the state of each node by name."""
    return {fact["name"]: node["state"] for fact, node in zip(run.facts["nodes"], run.nodes(), strict=True)}


def log(run, number):
    return (run.node(number) / "log.txt").read_text(encoding="utf-8")


def is_alive(pid):
    """Say whether there is a process ``pid`` that has not ended."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill(driver):
    """Kill a driver as a machine does that is short of memory. Its nodes may go on."""
    driver.kill()
    driver.wait()


def pids(path):
    """Return the ids of processes that scripts have written to the file at ``path``, a line each."""
    return [int(line) for line in path.read_text().split()] if os.path.exists(path) else []
