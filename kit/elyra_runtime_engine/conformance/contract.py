"""Tests for an executor of your own: whatever befalls a run, its page tells the truth, and nothing is lost.

They need pytest and hypothesis: ``pip install 'elyra-runtime-kit[conformance]'``. Put this into a file of your tests::

    from elyra_runtime_engine.conformance.contract import ExecutorContract


    class TestMyExecutor(ExecutorContract):
        executor = "my_runtime.executor:MyExecutor"
        settings = {"queue": "short"}

The tests run pipelines of small scripts with the real driver, and look at the page of the run. The scripts say what
they do in a temporary folder, which the place has to see under the same path. Your own runs are left alone.

By default a sample of the boundaries is tried, and the same one each time. ``EVERY_BOUNDARY=1 pytest`` tries all.
"""

import itertools
import json
import os
import random

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as drawn
from hypothesis import strategies as st

from elyra_runtime_engine.attempt import CUT, LOG_LIMIT
from elyra_runtime_engine.conformance.faults import Fault, boundaries
from elyra_runtime_engine.conformance.runs import Graph, Trial, expect_truth, until, until_over
from elyra_runtime_engine.driver import executor_class
from elyra_runtime_engine.files import log, open_file
from elyra_runtime_engine.limits import Limits
from elyra_runtime_engine.run import CANCELLED, DONE, FAILED

EVERY = bool(os.environ.get("EVERY_BOUNDARY"))

GRAPHS = 50 if EVERY else 3
"""So many graphs are drawn."""

DRAWN = [Phase.generate]
"""A run takes seconds, and to make a graph smaller takes hundreds."""

ANY = list(HealthCheck)

AT_A_TIME = 4
"""So many runs go on at once."""

FAULTS = (
    ["kill"],
    ["kill_halfway"],
    ["cancel"],
    ["cancel", "kill"],
    ["away"],
    ["away", "kill"],
    ["answer_lost"],
    ["lock_lost"],
    ["disk_full"],
)

DEAF = """
import signal
for number in {*signal.Signals} - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
    signal.signal(number, signal.SIG_IGN)
"""
HANGS = """
import time
def say(word):
    with open(SAID, "r+") as file:  # which ends a node that has been lost: its file is gone then
        file.seek(0, 2)
        file.write(word + "\\n")
say("begins")
while True:
    time.sleep(0.1)
    say("runs")
"""
LEAVES = f"""
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {HANGS!r}], start_new_session=True)
while b"runs" not in open(SAID, "rb").read():
    time.sleep(0.01)
"""
PRINTS = """
import sys
line = "x" * 99 + "\\n"
for _ in range({} // len(line)):
    sys.stdout.write(line)
print("the end")
"""
WRITES = """
import os
with open("large", "wb") as file:
    left = {} - 7
    while left:
        left -= file.write(os.urandom(min(left, 1_000_000)))
    file.write(b"the end")
"""

SHAPE = Graph({"a": [], "b": [], "bad": [], "last": ["a", "b"], "never": ["bad"]}, frozenset({"bad"}))
"""The graph in which faults happen: nodes side by side, one after others, one that fails, and one that never runs."""


@st.composite
def graphs(draw):
    """Draw a graph of up to 12 nodes, some of which fail."""
    names = [f"n{number}" for number in range(draw(st.integers(1, 12)))]
    parents = {
        name: sorted(draw(st.sets(st.sampled_from(names[:place])))) if place else [] for place, name in enumerate(names)
    }
    return Graph(parents, frozenset(draw(st.sets(st.sampled_from(names), max_size=3))))


class ExecutorContract:
    """What the engine expects of an executor. Derive a class from it whose name starts with ``Test``."""

    executor: str | None = None
    """The name of the class, as a runtime gives it: ``package.module:Class``."""

    settings: dict = {}
    """The values of the runtime configuration."""

    limits = Limits(node=2)
    """How long the engine waits: ``Limits``."""

    sample = 1
    """So many boundaries are tried with each fault, where not all are."""

    printed = 25_000_000 if not EVERY else 40_000_000
    """So many bytes does a node print."""

    written = 50_000_000 if not EVERY else 1_000_000_000
    """So many bytes does a node write."""

    @pytest.fixture(autouse=True)
    def _engine(self, tmp_path, monkeypatch):
        monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
        monkeypatch.setattr("elyra_runtime_engine.start.LIMITS", self.limits)

    @pytest.fixture
    def trial(self, tmp_path):
        """Submit a run, as ``Trial`` takes it. Return the ``Trial``."""
        made, numbers = [], itertools.count()

        def trial(make, *arguments, **options):
            made.append(make(tmp_path / f"trial-{next(numbers)}", self.executor, self.settings, *arguments, **options))
            return made[-1]

        yield trial
        for each in made:
            each.run.cancel()
            until(lambda run=each.run: not run.has_driver(), "The end of the driver")
            each.said.unlink()

    @pytest.fixture
    def tried(self, trial):
        """The boundaries at which faults happen: those of a run without a fault."""
        if "_boundaries" not in vars(type(self)):  # the same for all tests of the class
            one = trial(Trial.of_graph, SHAPE)
            until_over([one])
            type(self)._boundaries = boundaries(one.run.events()[0])
        return type(self)._boundaries

    @property
    def outlives_driver(self):
        return executor_class(self.executor).outlives_driver

    # What a run comes to

    @drawn(max_examples=GRAPHS, derandomize=True, deadline=None, database=None, phases=DRAWN, suppress_health_check=ANY)
    @given(graph=graphs())
    def test_a_graph_ends_as_the_model_says(self, trial, graph):
        one = trial(Trial.of_graph, graph, beats=1)
        until_over([one])
        expect_truth(one, graph)
        assert one.finished().keys() == {name for name, end in graph.ends().items() if end == DONE}

    # What befalls its driver

    @pytest.mark.parametrize("what", FAULTS, ids=" and ".join)
    def test_a_fault_at_a_boundary_loses_nothing_and_runs_nothing_twice(self, trial, tried, what):
        ends_nodes = {"disk_full"} if self.outlives_driver else {"disk_full", "kill", "kill_halfway", "lock_lost"}
        begins_once = not ends_nodes & set(what)
        # Two drivers cannot know of each other's tasks, where these are known to the driver alone.
        ends_once = self.outlives_driver or "lock_lost" not in what
        left = random.Random(f"{what}").sample(tried, len(tried))
        struck = 0
        while left and (EVERY or struck < self.sample):
            many = AT_A_TIME if EVERY else self.sample
            faults, left = [Fault(what, boundary) for boundary in left[:many]], left[many:]
            trials = [trial(Trial.of_graph, SHAPE, fault=fault) for fault in faults]
            until_over(trials)
            struck += sum(one.is_struck() for one in trials)
            for fault, one in zip(faults, trials, strict=True):
                try:
                    expect_truth(one, SHAPE, begins_once, ends_once)
                except AssertionError as error:
                    raise AssertionError(f"{fault}: {error}") from error
        print(f"{' and '.join(what)}: at {struck} of {len(tried)} boundaries")
        assert struck >= (len(tried) / 2 if EVERY else self.sample)

    # What its nodes do

    @pytest.mark.parametrize("deaf", [False, True], ids=["that hangs", "that ignores signals"])
    def test_cancel_ends_a_node(self, trial, deaf):
        one = trial(Trial, {"one": (DEAF if deaf else "") + HANGS}, {"one": []})
        until(lambda: one.lines()["begins"], "The node")
        one.run.cancel()
        until_over([one])
        assert one.page()["state"] == CANCELLED
        assert one.states() == {"one": CANCELLED}

    def test_what_a_node_leaves_behind_is_ended(self, trial):
        one = trial(Trial, {"one": LEAVES}, {"one": []})
        until_over([one])
        assert one.lines()["runs"], "what is left behind has run"
        assert one.states() == {"one": DONE}

    def test_a_node_that_is_killed_has_failed_and_the_page_says_why(self, trial):
        one = trial(Trial, {"one": "import os\nos.kill(os.getpid(), 9)", "two": ""}, {"one": [], "two": []})
        until_over([one])
        assert one.states() == {"one": FAILED, "two": DONE}
        assert "one.py was ended by signal 9" in one.page()["error"]

    def test_the_page_has_the_log_of_a_node_that_prints_much(self, trial):
        one = trial(Trial, {"one": PRINTS.format(self.printed)}, {"one": []})
        until_over([one])
        assert one.states() == {"one": DONE}
        last = json.loads(log(one.run, 0, None))["text"].splitlines()[-1]
        assert last == ("the end" if self.printed < LOG_LIMIT else CUT.strip())

    def test_the_page_has_the_file_of_a_node_that_writes_much(self, trial):
        one = trial(Trial, {"one": WRITES.format(self.written)}, {"one": []}, outputs=["large"])
        until_over([one])
        assert one.states() == {"one": DONE}
        file, size = open_file(one.run, 0, "outputs/large")
        with file:
            file.seek(-7, os.SEEK_END)
            assert (size, file.read()) == (self.written, b"the end")
