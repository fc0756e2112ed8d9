"""The engine on a place that is late, forgetful, slow, down, or tells things twice: the run tells the truth."""

import random
from collections import Counter

import pytest
from awkward import HABITS, LATE, LOST, SHUT
from engine import ended, is_alive, lead, made, pids, states, until

from elyra_runtime_engine.attempt import result_in

AWKWARD = "awkward:AwkwardQueue"

COUNTED = """import time
open({path!r}, 'a').write('{name} begins\\n')
time.sleep({seconds})
{end}
open({path!r}, 'a').write('{name} done\\n')
"""


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHONPATH", __file__.rpartition("/")[0])


def graph(seed):
    """Return a random graph: the parents of each node, and the nodes that fail."""
    chance = random.Random(seed)
    names = [f"n{number}" for number in range(chance.randint(6, 12))]
    parents = {name: [p for p in names[:place] if chance.random() < 0.25] for place, name in enumerate(names)}
    return parents, {name for name in names if chance.random() < 0.15}


def model(parents, bad):
    """Return how the nodes of a graph end: what any engine must come to."""
    ends = {}
    for name, before in parents.items():
        is_ready = all(ends[parent] == "done" for parent in before)
        ends[name] = ("failed" if name in bad else "done") if is_ready else "skipped"
    return ends


def run_of(parents, bad, path, executor, seconds=0.05, **settings):
    scripts = {
        name: COUNTED.format(path=str(path), name=name, seconds=seconds, end="1 / 0" if name in bad else "")
        for name in parents
    }
    return made(scripts, parents=parents, executor=executor, parallel_nodes=4, **settings)


def expect(run, parents, bad, path):
    """Expect that the nodes ended as the model says, and that each began once."""
    ends = model(parents, bad)
    assert states(run) == ends
    began = {name: 1 for name, end in ends.items() if end in ("done", "failed")}
    lines = Counter(path.read_text().splitlines())
    assert lines == Counter([f"{name} begins" for name in began] + [f"{n} done" for n in began if n not in bad])


PLACES = [
    *((AWKWARD, {"habits": [habit]}) for habit in HABITS),
    (AWKWARD, {"habits": [LATE, LOST]}),
    (AWKWARD, {"habits": list(HABITS)}),
]


@pytest.mark.parametrize(("executor", "settings"), PLACES, ids=str)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_random_graph_ends_as_the_model_says(tmp_path, executor, settings, seed):
    parents, bad = graph(seed)
    run = run_of(parents, bad, tmp_path / "counted", executor, **settings)
    ended(run, lead(run))
    expect(run, parents, bad, tmp_path / "counted")


@pytest.mark.parametrize("habits", [[], [LATE], list(HABITS)], ids=str)
def test_cancel_on_an_awkward_queue_leaves_nothing(tmp_path, habits):
    code = f"import os, time\nopen({str(tmp_path / 'pids')!r}, 'a').write(f'{{os.getpid()}}\\n')\ntime.sleep(600)\n"
    run = made({name: code for name in "abc"}, executor=AWKWARD, parallel_nodes=2, habits=habits)
    driver = lead(run, node=1)
    until(lambda: pids(tmp_path / "pids"), "a node")
    run.cancel()
    assert ended(run, driver) == ("cancelled", "")
    assert states(run) == dict.fromkeys("abc", "cancelled")
    until(lambda: not any(map(is_alive, pids(tmp_path / "pids"))), "the end of all processes")


def test_a_place_that_takes_nothing_is_named_on_the_page_and_not_asked_for_ever(tmp_path):
    run = run_of({"a": []}, set(), tmp_path / "counted", AWKWARD, habits=[SHUT])
    state, error = ended(run, lead(run, settling=0.05, answer=0.5))
    assert state == "failed"
    assert "It was handed over 6 times to this machine, and has never begun." in error
    remarks = [event["waiting"] for event in run.events()[0] if "waiting" in event]
    assert remarks[0].startswith("No answer comes from this machine.")
    assert not (tmp_path / "counted").exists()


def test_a_node_that_goes_on_though_it_was_cancelled_is_waited_for():
    run = made({"one": "import time\ntime.sleep(1)"}, executor="deaf:DeafPlace")
    driver = lead(run)
    until(lambda: states(run) == {"one": "running"}, "the node")
    run.cancel()
    assert ended(run, driver)[0] == "cancelled"
    assert result_in(run.attempt(0, 1))["state"] == states(run)["one"]
