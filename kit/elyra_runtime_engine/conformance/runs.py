"""The runs of the conformance suite: what they are to do, and what must be true of them when they are over.

Nodes say what they do in a file, a line each time, so that whatever runs on is seen: a place has to see this file.
"""

import json
import time
from collections import Counter
from typing import NamedTuple

from elyra_runtime_engine import answers
from elyra_runtime_engine.attempt import result_in
from elyra_runtime_engine.conformance.faults import SETTING
from elyra_runtime_engine.plan import PlannedNode
from elyra_runtime_engine.run import CANCELLED, DONE, ENDED, FAILED, SKIPPED
from elyra_runtime_engine.start import start

PATIENCE = 120
"""So many seconds at most may pass until something happens that has to."""

QUIET = 0.7
"""For so many seconds nobody may say anything when a run is over. Who runs on says something more often."""

NODE = """import time

def say(word):
    with open({said!r}, "a") as file:
        file.write({name!r} + " " + word + "\\n")

say("begins")
for _ in range({beats}):
    time.sleep(0.1)
    say("runs")
{end}
say("is done")
"""


class Graph(NamedTuple):
    """``parents`` holds the names of the nodes before each node, in an order in which they can run.

    The nodes ``bad`` fail.
    """

    parents: dict
    bad: frozenset = frozenset()

    def ends(self):
        """Return how each node ends, whatever the place: the model of all that runs."""
        ends = {}
        for name, parents in self.parents.items():
            ready = all(ends[parent] == DONE for parent in parents)
            ends[name] = (FAILED if name in self.bad else DONE) if ready else SKIPPED
        return ends


class Trial:
    """A run of scripts in the folder ``folder``, on the executor ``executor`` with ``settings``.

    ``scripts`` holds the code of each node by its name, and ``parents`` the names of those before it. ``fault`` is the
    ``Fault`` that befalls its driver, and ``outputs`` what each node leaves.
    """

    def __init__(self, folder, executor, settings, scripts, parents, fault=None, outputs=()):
        folder.mkdir(parents=True)
        self.parents = parents
        self.said, self.fault = folder / "said", folder / "fault"
        self.fills_disk = bool(fault) and "disk_full" in fault.what
        self.said.touch()
        if fault:
            self.fault.write_text(json.dumps(fault))
        for name, code in scripts.items():
            (folder / f"{name}.py").write_text(code.replace("SAID", json.dumps(str(self.said))), encoding="utf-8")
        setting = {"executor": executor, "fault": str(self.fault)}
        facts = {
            **{"pipeline": "conformance", "configuration": "conformance", "root": str(folder)},
            "executor": "elyra_runtime_engine.conformance.faults:faulty",
            "settings": {**settings, SETTING: setting},
            "nodes": _nodes(parents, list(outputs)),
        }
        self.run = start(facts, [{} for _ in parents])

    @classmethod
    def of_graph(cls, folder, executor, settings, graph, fault=None, beats=3):
        """Return the trial of a graph, whose nodes run for some tenths of a second."""
        said = str(folder / "said")
        scripts = {
            name: NODE.format(said=said, name=name, beats=beats, end="1 / 0" if name in graph.bad else "")
            for name in graph.parents
        }
        return cls(folder, executor, settings, scripts, graph.parents, fault)

    def lines(self):
        """Return what the nodes have said by now, and how often."""
        return Counter(self.said.read_text().splitlines())

    def page(self):
        """Return what the page of the run says. To look at it is to follow up a driver that is gone."""
        return json.loads(answers.page(self.run, None))

    def states(self):
        """Return the state of each node, by name."""
        return {name: node["state"] for name, node in zip(self.parents, self.run.nodes(), strict=True)}

    def finished(self):
        """Return the names of the nodes of which an attempt has left the word that it is done, as often as one did."""
        numbers = dict(enumerate(self.parents))
        attempts = [(number, path) for number in numbers for path in (self.run.node(number).parent).glob("[0-9]*")]
        results = [(number, result_in(path) or {}) for number, path in attempts]
        return Counter(numbers[number] for number, result in results if result.get("state") == DONE)

    def goes_on(self):
        """Do what a user does: look at the page, and run again what was given up. Return false if the run is over."""
        page = self.page()
        if page["state"] not in ENDED:
            return True
        if _was_left(page) or self._was_full(page):
            answers.run_again(self.run, self.run.times())
            return True
        return self.run.has_driver()

    def is_struck(self):
        """Say whether the fault has befallen the driver by now."""
        return not self.fault.exists()

    def _was_full(self, page):
        """Say whether the disk was full, and has room again by now."""
        is_first = not any("again" in event for event in page["events"])
        return self.fills_disk and self.is_struck() and is_first and page["state"] != DONE


def _was_left(page):
    """Say whether the driver of the run had no last word."""
    return page["events"][-1].get("run") not in ENDED


def _nodes(parents, outputs):
    numbers = {name: number for number, name in enumerate(parents)}
    return [
        PlannedNode(
            number=number,
            **{"id": name, "name": name, "kind": "Python script", "file": f"{name}.py"},
            **{"dependencies": [], "include_subdirectories": False, "outputs": outputs, "environment": []},
            **{"parents": [numbers[parent] for parent in parents[name]], "resources": {}, "notes": []},
        ).facts
        for name, number in numbers.items()
    ]


def until(condition, what):
    """Wait until ``condition`` is true."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE} s"
        time.sleep(0.05)


def until_over(trials):
    """Follow ``trials`` until all are over, and nobody says anything any more."""
    deadline = time.monotonic() + PATIENCE
    left = list(trials)
    while left:
        left = [trial for trial in left if trial.goes_on()]
        assert time.monotonic() < deadline, f"Not over within {PATIENCE} s: {[trial.run.folder for trial in left]}"
        time.sleep(0.05)
    before = [trial.lines() for trial in trials]
    time.sleep(QUIET)
    for trial, lines in zip(trials, before, strict=True):
        on = trial.lines() - lines
        assert not on, f"The run is over, and its nodes run on: {dict(on)}"


def expect_truth(trial, graph, begins_once=True, ends_once=True):
    """Expect of a trial that is over what must be true of any.

    ``begins_once``: no node has begun twice. ``ends_once``: none that was done has run again.
    """
    state, states, ends = trial.page()["state"], trial.states(), graph.ends()
    cancelled = state == CANCELLED
    finished, lines = trial.finished(), trial.lines()
    named = {name for name, end in states.items() if end == DONE}
    assert named == set(finished), f"The page names as done: {named}; results say it of: {finished}"
    if cancelled:
        wrong = {name: end for name, end in states.items() if end not in (ends[name], CANCELLED)}
    else:
        wrong = {name: end for name, end in states.items() if end != ends[name]}
        expected = DONE if set(ends.values()) == {DONE} else FAILED
        assert state == expected, f"The run is {state}, and not {expected}: {trial.page()['error']}"
    assert not wrong, f"These should have ended otherwise, as {ends}: {wrong}. The page says: {trial.page()['error']}"
    for name in graph.parents:
        begun, done = lines[f"{name} begins"], lines[f"{name} is done"]
        assert begun >= (states[name] in (DONE, FAILED)), f"{name} is {states[name]}, and has never begun"
        assert not ends_once or finished[name] <= 1, f"{name} is done {finished[name]} times"
        assert not begins_once or begun <= 1, f"{name} has begun {begun} times"
        assert done >= finished[name], f"{name} counts as done, and is not"
