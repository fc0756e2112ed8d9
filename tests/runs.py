"""Runs on Dask for the tests: submitted the way Elyra submits them, on this machine or on a cluster of the test's."""

import json
import os
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
from distributed import Client
from elyra.metadata.manager import MetadataManager
from elyra.metadata.metadata import Metadata
from elyra.pipeline.parser import PipelineParser
from elyra.pipeline.processor import PipelineProcessorManager
from pipelines import node, submission

from elyra_runtime_doctor.host import COMMANDS
from elyra_runtime_engine.limits import Limits
from elyra_runtime_engine.run import ENDED, all_runs

SECONDS = 60


def configure(**fields):
    """Save a runtime configuration of the runtime ``dask``. Return its name."""
    fields = {"api_endpoint": "local", "cos_endpoint": "default", **fields}
    metadata = Metadata(schema_name="dask", display_name="Dask", metadata=fields)
    return MetadataManager(schemaspace="runtimes").create(f"dask_{time.time_ns()}", metadata).name


def sent(*nodes, configuration, name="weather", **properties):
    """Return what the editor sends to run ``nodes`` on Dask."""
    document = submission(*nodes, configuration=configuration, name=name, **properties)
    document["pipelines"][0]["app_data"] |= {"runtime": "dask", "runtime_type": "DASK"}
    return document


def submit(*nodes, configuration, name="weather", **properties):
    """Submit ``nodes`` as Elyra does, with the current directory as the root. Return the ``Run``."""
    pipeline = PipelineParser(root_dir=os.getcwd()).parse(
        sent(*nodes, configuration=configuration, name=name, **properties)
    )
    processor = PipelineProcessorManager.instance(root_dir=os.getcwd()).get_processor_for_runtime("dask")
    before = {run.id for run in all_runs()}
    processor.process(pipeline)
    (run,) = [run for run in all_runs() if run.id not in before]
    return run


def impatient(monkeypatch, **seconds):
    """Let the drivers of runs wait so many ``seconds`` only, as ``Limits`` names them."""
    monkeypatch.setattr("elyra_runtime_engine.start.LIMITS", Limits(**seconds))


def until(condition, what, seconds=SECONDS):
    """Wait until ``condition`` is true. Return what it returned."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.02)
    return result


def ended(run, seconds=SECONDS):
    """Wait until ``run`` is over, and its driver too. Return its state, and what went wrong."""
    until(lambda: run.state()[0] in ENDED and not run.has_driver(), "the end of the run", seconds)
    return run.state()


def states(run):
    """Return the state of each node by name."""
    return {fact["name"]: node["state"] for fact, node in zip(run.facts["nodes"], run.nodes(), strict=True)}


def log(run, number=0):
    return (run.node(number) / "log.txt").read_text(encoding="utf-8")


def is_running(run, number=0):
    return run.nodes()[number]["state"] == "running"


def processes(*words, below=None):
    """Return the processes whose command line holds all ``words``, and whose directory is ``below`` that folder.

    Other tests, which run at the same time, have other folders.
    """
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        command = " ".join(process.info["cmdline"] or ())
        if all(word in command for word in words) and process.info["status"] != psutil.STATUS_ZOMBIE:
            if below is None or _directory(process).is_relative_to(below):
                found.append(process)
    return found


def _directory(process):
    try:
        return Path(process.cwd())
    except (psutil.Error, OSError):  # it is gone by now
        return Path("/")


class Cluster:
    """A Dask scheduler and workers, each a process of its own, on the loopback. Only these are ended."""

    def __init__(self, directory, protocol="tcp", options=()):
        self.directory = Path(directory)
        self.directory.mkdir(exist_ok=True)
        self.options = options
        self.kinds = {}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"{protocol}://127.0.0.1:{free.getsockname()[1]}"
        self.workers = {}
        self.scheduler = self._start(
            "scheduler", "scheduler", "--host", self.address, "--dashboard-address", "127.0.0.1:0"
        )

    def add(self, *names, options=(), wait=True):
        """Start workers with two threads each. They have no nanny, unless ``options`` holds ``--nanny``."""
        contact = self.address.partition(":")[0] + "://127.0.0.1"
        for name in names:
            place = self.directory / name
            command = ("worker", self.address, "--name", name, "--nthreads", "2", "--local-directory", place)
            command += ("--no-dashboard", "--no-nanny", "--host", contact, *options)
            self.kinds[name], self.workers[name] = options, self._start(name, *command)
        if wait:
            with Client(self.address, set_as_default=False, timeout=SECONDS) as client:
                client.wait_for_workers(len(self.workers), timeout=SECONDS)

    @contextmanager
    def guest(self, name, *options):
        """Have one more worker for a while."""
        self.add(name, options=options)
        try:
            yield
        finally:
            self.kill(name)
            del self.kinds[name]

    def fix(self):
        """Start those workers again that a test has killed."""
        for name in self.kinds.keys() - self.workers.keys():
            self.add(name, options=self.kinds[name])

    def kill(self, name):
        """Kill the worker ``name``, and its nanny, as a machine that loses its power."""
        process = self.workers.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self):
        for process in [*self.workers.values(), self.scheduler]:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _start(self, name, *command):
        with open(self.directory / f"{name}.log", "w") as log:
            return subprocess.Popen(
                [COMMANDS / "dask", *command, *self.options],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=self.directory,
            )


@contextmanager
def a_cluster(directory, *workers, options=(), **kinds):
    """Yield a ``Cluster`` with ``workers``, a list of names."""
    cluster = Cluster(directory, options=options, **kinds)
    try:
        if workers:
            cluster.add(*workers)
        yield cluster
    finally:
        cluster.stop()


def two_runs_do_not_mix(root, configuration):
    """Run the same pipeline twice at the same time, and compare what each of them has seen."""
    (root / "work.py").write_text("import os, time\ntime.sleep(0.5)\nopen('who.txt', 'w').write(os.environ['WHO'])\n")
    (root / "show.py").write_text("print(open('who.txt').read())")
    runs = [
        submit(
            node("one", outputs=["who.txt"], env_vars=[{"env_var": "WHO", "value": who}]),
            node("two", ["one"], filename="show.py"),
            configuration=configuration,
        )
        for who in ("ada", "bob")
    ]
    assert [ended(run) for run in runs] == [("done", "")] * 2
    assert [log(run, 1) for run in runs] == ["ada\n", "bob\n"]


def end_all_runs():
    """End what a test has left running."""
    for run in all_runs():
        if run.has_driver():
            run.cancel()
            until(lambda run=run: not run.has_driver(), f"the end of {run.id}", 30)


def notebook(*cells, kernel="python3"):
    """Return the text of a notebook with ``cells`` of code."""
    return json.dumps(
        {
            "nbformat": 4,
            "nbformat_minor": 4,
            "metadata": {"kernelspec": {"name": kernel, "display_name": kernel}},
            "cells": [
                {"cell_type": "code", "metadata": {}, "source": cell, "outputs": [], "execution_count": None}
                for cell in cells
            ],
        }
    )
