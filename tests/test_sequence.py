"""The figure of the first page: its functions are there, and a real run calls them in this order."""

import sys
from importlib import import_module
from pathlib import Path

from engine import until
from host import Server, own_jupyter
from pipelines import node, submission

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book"))

from sequence import CALLS, PARTS, sequence  # noqa: E402

WATCH = """
import os, sys, threading

WATCHED = {watched!r}
seen = set()


def watch(frame, event, _):
    if event == "call":
        key = frame.f_globals.get("__name__"), getattr(frame.f_code, "co_qualname", frame.f_code.co_name)
        if key in WATCHED and key not in seen:
            seen.add(key)
            with open({log!r}, "a") as log:
                print(os.getpid(), WATCHED[key], file=log)


sys.setprofile(watch)
threading.setprofile(watch)
"""


def named(call):
    """Return how a frame names the function of ``call``: its module, and its name there."""
    module, _, name = call.function.partition(":")
    return module, name if sys.version_info >= (3, 11) else name.rpartition(".")[2]


def test_each_function_is_there_and_each_part_is_called():
    for call in CALLS:
        found = import_module(call.function.partition(":")[0])
        for name in call.function.partition(":")[2].split("."):
            found = getattr(found, name)
        assert callable(found)
    assert {part for call in CALLS for part in call[:2]} == set(PARTS)


def test_a_run_makes_these_calls_in_this_order(tmp_path):
    (tmp_path / "site").mkdir()
    log = tmp_path / "calls"
    watched = {named(call): number for number, call in enumerate(CALLS)}
    (tmp_path / "site" / "sitecustomize.py").write_text(WATCH.format(watched=watched, log=str(log)))
    with Server(tmp_path, directories=own_jupyter(tmp_path), PYTHONPATH=str(tmp_path / "site")) as server:
        (server.root / "work.py").touch()
        fields = {"parallel_nodes": 2}
        body = {"schema_name": "machine", "display_name": "Here", "name": "here", "metadata": fields}
        server.post("elyra/metadata/runtimes", body)
        sent = submission(node("a"), configuration="here")
        sent["pipelines"][0]["app_data"] |= {"runtime": "machine", "runtime_type": "MACHINE"}
        answer = server.post("elyra/pipeline/schedule", sent).json()
        run = f"elyra_runtime_engine/api/runs/{answer['run_url'].rpartition('/')[2]}"
        until(lambda: server.get(run).json()["state"] == "done", "the end of the run")
    lines = [line.split() for line in log.read_text().splitlines()]
    assert sorted(int(number) for _, number in lines) == [*range(len(CALLS))]
    by_process = {}
    for process, number in lines:
        by_process.setdefault(process, []).append(int(number))
    # The server and the driver do not wait for each other once the run is accepted.
    assert len(by_process) == 2 and all(numbers == sorted(numbers) for numbers in by_process.values()), lines
    order = [int(number) for _, number in lines]
    starts, examines = (
        next(n for n, call in enumerate(CALLS) if call.what == what)
        for what in (
            "starts a run",
            "asks whether the nodes fit",
        )
    )
    assert order.index(starts) < order.index(examines)


def test_the_figure_says_each_call_in_words():
    text = sequence("Caption").data
    assert all(f"<b>{call.source} → {call.target}</b> {call.what}" in text for call in CALLS)
