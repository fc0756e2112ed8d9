"""Runs on this machine: the processor as Elyra loads it, the driver in a process of its own, nodes that really run."""

import asyncio
import errno
import io
import json
import os
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import threading
import time
import types

import psutil
import pytest
from elyra.metadata.manager import MetadataManager
from host import elyra_pipeline
from pipelines import node, pipeline_file
from runs import (
    configure,
    ended,
    is_running,
    log,
    notebook,
    processes,
    states,
    submit,
    two_runs_do_not_mix,
    until,
)

from dask_runtime.cluster import cluster
from dask_runtime.executor import ON_WORKER
from elyra_runtime_engine import driver
from elyra_runtime_engine.plan import LONGEST_VARIABLE
from elyra_runtime_engine.run import Run, all_runs, find_run
from elyra_runtime_engine.start import again

SECRET = "correct horse battery staple"


pytestmark = pytest.mark.usefixtures("no_runs_left")


@pytest.fixture
def dask(jupyter):
    """The name of a runtime configuration for this machine."""
    return configure()


def variable(name, value):
    return {"env_var": name, "value": value}


def test_a_pipeline_of_scripts_and_notebooks_runs_to_its_end(root, dask):
    (root / "make.py").write_text("open('numbers.csv', 'w').write('1,2,3')\nopen('private.csv', 'w').write('x')\n")
    (root / "sum.ipynb").write_text(
        notebook(
            "total = sum(map(int, open('numbers.csv').read().split(',')))",
            "open('sum.txt', 'w').write(f'{total}')",
            "total",
        )
    )
    (root / "show.py").write_text("import os\nprint(sorted(os.listdir()), open('sum.txt').read())\n")
    run = submit(
        node("make", filename="make.py", outputs=["numbers.csv"]),
        node("sum", ["make"], filename="sum.ipynb", op="execute-notebook-node", outputs=["sum.txt"]),
        node("show", ["sum"], filename="show.py"),
        configuration=dask,
    )
    assert ended(run) == ("done", "")
    # All ancestors hand their outputs down, and only those that they declare.
    assert log(run, 2) == "['numbers.csv', 'show.py', 'sum.txt'] 6\n"
    executed = json.loads((run.node(1) / "sum-output.ipynb").read_text())
    assert executed["cells"][2]["outputs"][0]["data"]["text/plain"] == ["6"]
    assert json.loads((root / "sum.ipynb").read_text())["cells"][2]["outputs"] == []
    assert sorted(os.listdir(root)) == ["make.py", "show.py", "sum.ipynb", "work.py"]


@pytest.mark.skipif(shutil.which("Rscript") is None and not os.environ.get("CI"), reason="Rscript is not installed")
def test_an_r_script_runs(root, dask):
    (root / "work.R").write_text("cat(Sys.getenv('GREETING'), file = 'said.txt')\n")
    greeting = [variable("GREETING", "hello")]
    run = submit(
        node("r", filename="work.R", op="execute-r-node", outputs=["said.txt"], env_vars=greeting), configuration=dask
    )
    assert ended(run) == ("done", "")
    assert (run.node(0) / "outputs" / "said.txt").read_text() == "hello"


def test_the_environment_is_that_of_elyra(root, dask):
    (root / "work.py").write_text(
        "import os\nfor name in ('ELYRA_RUNTIME_ENV', 'ELYRA_RUN_NAME', 'AWS_ACCESS_KEY_ID'): print(os.environ[name])\n"
    )
    run = submit(
        node("one", env_vars=[variable("AWS_ACCESS_KEY_ID", "mine")]),
        node("two", ["one"], env_vars=[variable("AWS_ACCESS_KEY_ID", "his")]),
        configuration=dask,
    )
    assert ended(run) == ("done", "")
    runtime, run_name, key = log(run).splitlines()
    assert (runtime, key) == ("dask", "mine")
    assert run_name.startswith("weather-")
    assert log(run, 1).splitlines() == ["dask", run_name, "his"]


def test_a_log_has_no_colours_and_the_error_its_line_where_a_kernel_starts_the_run(root, dask, monkeypatch):
    """A kernel sets FORCE_COLOR for its children, and with it Python 3.13 colours a traceback."""
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE", "PYTHON_COLORS"):
        monkeypatch.setenv(name, "1")
    names = "('FORCE_COLOR', 'CLICOLOR_FORCE', 'PYTHON_COLORS')"
    (root / "work.py").write_text(f"import os\nprint([os.environ.get(name) for name in {names}])\n1 / 0\n")
    run = submit(node("one"), configuration=dask)
    assert ended(run) == ("failed", "Node 'one' failed. work.py, line 3: ZeroDivisionError: division by zero.")
    assert log(run).startswith("[None, None, None]\n")
    assert "\x1b" not in log(run)


def test_a_node_that_asks_for_colours_gets_them_and_the_error_keeps_its_line(root, dask):
    """The traceback is written as Python 3.13 colours it."""
    (root / "work.py").write_text(
        "import os, sys\n"
        "print('\\x1b[31mred\\x1b[0m', os.environ['FORCE_COLOR'], flush=True)\n"
        "at = '  File \\x1b[35m\"work.py\"\\x1b[0m, line \\x1b[35m7\\x1b[0m, in \\x1b[35m<module>\\x1b[0m'\n"
        "sys.exit(f'{at}\\n\\x1b[1;35mIndexError\\x1b[0m: \\x1b[35mno row\\x1b[0m')\n"
    )
    run = submit(node("one", env_vars=[variable("FORCE_COLOR", "1")]), configuration=dask)
    assert ended(run) == ("failed", "Node 'one' failed. work.py, line 7: IndexError: no row.")
    assert log(run).startswith("\x1b[31mred\x1b[0m 1\n")


def test_values_of_variables_are_in_no_file_of_the_run(root, dask):
    (root / "work.py").write_text(
        "import os\nprint('it is', os.environ['PASSWORD'], flush=True)\nraise ValueError(os.environ['PASSWORD'])\n"
    )
    run = submit(node("one", env_vars=[variable("PASSWORD", SECRET)]), configuration=dask)
    state, error = ended(run)
    assert (state, error) == ("failed", "Node 'one' failed. work.py, line 3: ValueError: (hidden).")
    assert log(run).startswith("it is (hidden)\n")
    for path in run.folder.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


def test_values_of_variables_are_in_no_executed_notebook(root, dask):
    secret = 'with "quotes" and 날씨'
    (root / "work.ipynb").write_text(notebook("import os", "print(os.environ['PASSWORD'])", "os.environ['PASSWORD']"))
    run = submit(
        node("one", filename="work.ipynb", op="execute-notebook-node", env_vars=[variable("PASSWORD", secret)]),
        configuration=dask,
    )
    assert ended(run) == ("done", "")
    cells = json.loads((run.node(0) / "work-output.ipynb").read_text(encoding="utf-8"))["cells"]
    assert cells[1]["outputs"][0]["text"] == ["(hidden)\n"]
    assert "quotes" not in log(run)


def test_only_the_user_can_read_the_values_and_the_run(root, dask):
    (root / "work.py").write_text("raise SystemExit(1)")
    run = submit(node("one", env_vars=[variable("PASSWORD", SECRET)]), configuration=dask)
    ended(run)
    (kept,) = (run.folder.parents[1] / "values").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(run.folder.stat().st_mode) == 0o700
    (root / "work.py").write_text("")
    assert ended(again(run)) == ("done", "")
    assert list(kept.parent.iterdir()) == [], "they go when the run ends well"
    with pytest.raises(RuntimeError, match="is done. Only a run that failed or was cancelled can be run again"):
        again(run)


def test_outputs_by_wildcard_and_by_folder(root, dask):
    (root / "work.py").write_text(
        "import os\nos.makedirs('out/deep')\n"
        "for name in ('a.csv', 'b.csv', 'c.txt', 'out/x', 'out/deep/y'): open(name, 'w').close()\n"
    )
    run = submit(node("one", outputs=["*.csv", "out"]), configuration=dask)
    assert ended(run) == ("done", "")
    assert sorted(name for name, _ in run.nodes()[0]["files"]) == [
        "outputs/a.csv",
        "outputs/b.csv",
        "outputs/out/deep/y",
        "outputs/out/x",
    ]


def test_a_missing_output_is_named(root, dask):
    run = submit(node("one", outputs=["lost.csv"]), node("two", ["one"]), configuration=dask)
    state, error = ended(run)
    assert state == "failed"
    assert "did not write its output: 'lost.csv'" in error
    assert states(run) == {"one": "failed", "two": "skipped"}


def test_an_output_that_leads_outside_is_refused(root, dask):
    (root / "work.py").write_text("import os\nos.symlink('/etc/passwd', 'mine.txt')\n")
    run = submit(node("one", outputs=["mine.txt"]), configuration=dask)
    assert "'mine.txt' leads outside the folder of the node" in ended(run)[1]


def test_a_failing_node_stops_only_those_after_it(root, dask):
    (root / "bad.py").write_text("print('before')\n\nraise KeyError('no such month')\n")
    run = submit(
        node("start"),
        node("bad", ["start"], filename="bad.py"),
        node("after", ["bad"]),
        node("good", ["start"]),
        node("last", ["good"]),
        configuration=dask,
    )
    state, error = ended(run)
    assert state == "failed"
    assert (
        error == "Node 'bad' failed. bad.py, line 3: KeyError: 'no such month'. Not run, because they follow: 'after'."
    )
    assert states(run) == {"start": "done", "bad": "failed", "after": "skipped", "good": "done", "last": "done"}
    assert 'File "bad.py", line 3, in <module>' in log(run, 1), (
        "where the directory of the node was is nobody's concern"
    )


def test_a_failing_notebook_says_its_cell(root, dask):
    (root / "bad.ipynb").write_text(notebook("print('before')", "1 / 0"))
    run = submit(node("bad", filename="bad.ipynb", op="execute-notebook-node"), configuration=dask)
    assert ended(run) == ("failed", "Node 'bad' failed. bad.ipynb, cell 2: ZeroDivisionError: division by zero.")
    executed = json.loads((run.node(0) / "bad-output.ipynb").read_text())
    assert executed["cells"][1]["outputs"][0]["ename"] == "ZeroDivisionError"


def test_a_notebook_without_a_kernel_is_told_which_there_are(root, dask):
    (root / "lost.ipynb").write_text(notebook("1", kernel="lost"))
    run = submit(node("lost", filename="lost.ipynb", op="execute-notebook-node"), configuration=dask)
    assert "asks for the kernel 'lost', and the worker has: " in ended(run)[1]


def test_what_is_no_notebook_is_told_so(root, dask):
    (root / "no.ipynb").write_text("no")
    run = submit(node("no", filename="no.ipynb", op="execute-notebook-node"), configuration=dask)
    assert "no.ipynb is no notebook" in ended(run)[1]


def test_again_leaves_what_is_done_and_gives_the_rest_another_attempt(root, dask):
    (root / "count.py").write_text("import os\nopen('n.txt', 'w').write(str(os.getpid()))\n")
    (root / "bad.py").write_text("raise SystemExit('no')\n")
    nodes = [
        node("count", filename="count.py", outputs=["n.txt"]),
        node("bad", ["count"], filename="bad.py"),
        node("end", ["bad"]),
    ]
    run = submit(*nodes, configuration=dask)
    assert ended(run)[0] == "failed"
    left = (run.node(0) / "outputs" / "n.txt").stat()
    (root / "bad.py").write_text("print(open('n.txt').read())\n")
    again(run)
    assert [each.id for each in all_runs()] == [run.id]
    assert ended(run) == ("done", "")
    assert os.path.samestat((run.node(0) / "outputs" / "n.txt").stat(), left)
    assert [sorted(os.listdir(run.node(number).parent)) for number in range(3)] == [["1"], ["1", "2"], ["1"]]
    assert [node.get("because") for node in run.nodes()] == [None, "It failed.", ""]
    assert log(run, 1).strip() == (run.node(0) / "outputs" / "n.txt").read_text()
    assert (run.attempt(1, 1) / "log.txt").read_text() == "no\n"


def test_again_says_why_each_node_runs_again(root, dask):
    (root / "make.py").write_text("open('a.txt', 'w').close()\n")
    (root / "change.py").write_text("")
    (root / "bad.py").write_text("raise SystemExit('no')\n")
    run = submit(
        node("same", filename="make.py"),
        node("changed", filename="change.py"),
        node("follows", ["changed"], filename="make.py", outputs=["a.txt"]),
        node("lost", filename="make.py", outputs=["a.txt"]),
        node("bad", filename="bad.py"),
        node("never", ["bad"]),
        configuration=dask,
    )
    assert ended(run)[0] == "failed"
    (root / "change.py").write_text("print('changed')\n")
    (number,) = [fact["number"] for fact in run.facts["nodes"] if fact["name"] == "lost"]
    (run.node(number) / "outputs" / "a.txt").unlink()
    ended(again(run))
    assert {fact["name"]: told.get("because") for fact, told in zip(run.facts["nodes"], run.nodes(), strict=True)} == {
        "same": None,
        "changed": "Its file, or one that it depends on, has changed since.",
        "follows": "It follows 'changed', which runs again.",
        "lost": "What it left is not there any more.",
        "bad": "It failed.",
        "never": "",
    }


def test_a_run_of_the_first_format_goes_on_in_its_own_folder(root, dask):
    (root / "bad.py").write_text("raise SystemExit('no')\n")
    (root / "make.py").write_text("open('a.txt', 'w').write('left')\n")
    nodes = node("make", filename="make.py", outputs=["a.txt"]), node("bad", ["make"], filename="bad.py")
    run = submit(*nodes, configuration=dask)
    ended(run)
    for number in range(2):
        run.node(number).rename(run.place / "away")
        run.attempt(number, 1).parent.rmdir()
        (run.place / "away").rename(run.place / "nodes" / str(number))
    facts = {name: value for name, value in run.facts.items() if name != "format"}
    (run.folder / "run.json").write_text(json.dumps(facts))
    events = [event for event in run.events()[0] if not {"intends", "handles"} & set(event)]
    events = [{**event, "attempt": "0000000a"} if "attempt" in event else event for event in events]
    (run.folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))

    (root / "bad.py").write_text("print(open('a.txt').read())\n")
    assert ended(again(run)) == ("done", "")
    assert log(run, 1) == "left\n"
    assert [sorted(os.listdir(run.node(number).parent)) for number in range(2)] == [["1"], ["1", "2"]]


def test_a_run_again_that_is_refused_changes_nothing(root, jupyter):
    configuration = configure()
    (root / "work.py").write_text("raise SystemExit('no')\n")
    run = submit(node("one"), configuration=configuration)
    before = ended(run), run.nodes()
    manager = MetadataManager(schemaspace="runtimes")
    changed = manager.get(configuration)
    changed.metadata["api_endpoint"] = "tcp://127.0.0.1:1"
    manager.update(configuration, changed)
    (root / "work.py").write_text("print('fixed')\n")
    with pytest.raises(RuntimeError, match="No Dask scheduler answers at tcp://127.0.0.1:1"):
        again(run)
    assert (ended(run), run.nodes()) == before
    assert "fixed" not in (run.sources(0) / "work.py").read_text() and os.listdir(run.sources(0).parent) == ["0"]
    changed.metadata["api_endpoint"] = "local"
    manager.update(configuration, changed)
    assert ended(again(run)) == ("done", "")


def test_again_hands_down_what_all_ancestors_left(root, dask):
    (root / "make.py").write_text("open('far.csv', 'w').write('far')\n")
    (root / "middle.py").write_text("open('near.csv', 'w').write('near')\n")
    (root / "show.py").write_text("raise SystemExit('no')\n")
    run = submit(
        node("make", filename="make.py", outputs=["far.csv"]),
        node("middle", ["make"], filename="middle.py", outputs=["near.csv"]),
        node("show", ["middle"], filename="show.py"),
        configuration=dask,
    )
    assert ended(run)[0] == "failed"
    (root / "show.py").write_text("print(open('far.csv').read(), open('near.csv').read())\n")
    run = again(run)
    assert ended(run) == ("done", "")
    assert log(run, 2) == "far near\n"


def test_again_runs_anew_what_has_changed(root, dask):
    (root / "count.py").write_text("print(1)")
    (root / "bad.py").write_text("raise SystemExit('no')")
    run = submit(node("count", filename="count.py"), node("bad", ["count"], filename="bad.py"), configuration=dask)
    ended(run)
    (root / "count.py").write_text("print(2)")
    run = again(run)
    assert ended(run)[0] == "failed"
    assert log(run) == "2\n"


def test_again_is_for_runs_that_did_not_end_well(root, dask):
    run = submit(node("one"), configuration=dask)
    ended(run)
    with pytest.raises(RuntimeError, match="Only a run that failed or was cancelled"):
        again(run)


def test_cancel_leaves_no_process(root, dask):
    (root / "stubborn.py").write_text(
        "import signal, subprocess, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "subprocess.Popen(['sleep', '86123'], start_new_session=True)\nprint('up', flush=True)\ntime.sleep(600)\n"
    )
    run = submit(node("one", filename="stubborn.py"), node("two", ["one"]), configuration=dask)
    until(lambda: is_running(run) and processes("sleep", "86123"), "the node")
    run.cancel()
    assert ended(run) == ("cancelled", "")
    assert states(run) == {"one": "cancelled", "two": "cancelled"}
    assert processes("sleep", "86123") == []


def test_a_process_that_a_node_leaves_behind_is_ended(root, dask):
    (root / "work.py").write_text("import subprocess\nsubprocess.Popen(['sleep', '86124'], start_new_session=True)\n")
    run = submit(node("one"), configuration=dask)
    assert ended(run) == ("done", "")
    assert processes("sleep", "86124") == []


def test_the_end_of_the_driver_is_the_end_of_the_run_and_of_its_nodes(root, dask):
    (root / "work.py").write_text("import time\ntime.sleep(86125)\n")
    run = submit(node("one"), configuration=dask)
    until(lambda: is_running(run), "the node")
    (driver,) = processes("elyra_runtime_engine.driver", run.id)
    driver.kill()
    until(lambda: not run.has_driver(), "the end of the driver")
    state, error = run.state()
    assert state == "failed" and "has ended without a word" in error
    until(lambda: not processes("guard.py", run.id), "the end of the node")
    (root / "work.py").write_text("")
    assert ended(again(run)) == ("done", "")


def test_a_run_that_never_started_has_failed(root, dask, monkeypatch):
    run = Run.create({"submitted": 0, "nodes": [], "settings": {}}, [])
    assert run.state()[0] == "failed"


def test_the_run_goes_on_when_the_command_line_has_ended(root, jupyter, write):
    configuration = configure()
    (root / "work.py").write_text("import time\ntime.sleep(1)\nprint('done')\n")
    path = write(pipeline_file(node("one")))
    result = elyra_pipeline("submit", path, "--runtime-config", configuration)
    assert result.exit_code == 0, result.output
    (run,) = all_runs()
    assert run.id in result.output
    assert ended(run) == ("done", "")


def test_the_driver_outlives_the_process_that_submitted(root, dask):
    (root / "work.py").write_text("import time\ntime.sleep(2)\n")
    code = f"""
import os, signal, sys
sys.path[:0] = [{os.path.dirname(__file__)!r}]
from pipelines import node
from runs import submit
submit(node("one"), configuration={dask!r})
os.killpg(0, signal.SIGKILL)
"""
    child = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, start_new_session=True
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert ended(find_run(all_runs()[0].id)) == ("done", "")


def test_two_runs_at_once_do_not_mix(root, dask):
    two_runs_do_not_mix(root, dask)


def test_nodes_run_at_the_same_time_as_far_as_the_configuration_allows(root, jupyter):
    (root / "work.py").write_text("import time\nprint(time.time())\ntime.sleep(1)\nprint(time.time())\n")

    def overlap(configuration):
        run = submit(node("one"), node("two"), configuration=configuration)
        assert ended(run) == ("done", "")
        (a, b), (c, d) = (map(float, log(run, number).split()) for number in (0, 1))
        return max(a, c) < min(b, d)

    assert overlap(configure(parallel_nodes=2))
    assert not overlap(configure(parallel_nodes=1))


def test_a_log_that_is_too_long_is_cut(root, dask):
    (root / "work.py").write_text("for _ in range(400): print('x' * 99_999)\nprint('end')\n")
    run = submit(node("one"), configuration=dask)
    assert ended(run) == ("done", "")
    assert log(run).endswith("[The log ends here: it is longer than 20000000 bytes.]\n")
    assert len(log(run)) < 21_000_000


def test_names_in_other_scripts_and_hostile_names(root, dask):
    (root / "날씨 표.py").write_text("open('결과 1.csv', 'w').write('맑음')\nprint('맑음')\n", encoding="utf-8")
    run = submit(
        node("a", label="날씨 <b>&'\"", filename="날씨 표.py", outputs=["결과 *.csv"]),
        configuration=dask,
        name="오늘/../날씨",
    )
    assert ended(run) == ("done", "")
    assert log(run) == "맑음\n"
    assert (run.node(0) / "outputs" / "결과 1.csv").read_text(encoding="utf-8") == "맑음"


def test_a_run_folder_of_the_users_choice(root, tmp_path, jupyter):
    home = tmp_path / "runs of mine"
    run = submit(node("one"), configuration=configure(cos_endpoint=str(home)))
    assert ended(run) == ("done", "")
    assert run.place == find_run(run.id).place == (home / run.id).resolve()
    assert sorted(os.listdir(run.place)) == ["nodes", "sources", "token"]


def test_a_run_folder_that_cannot_be_used_is_named(root, jupyter):
    with pytest.raises(RuntimeError, match="The Run Folder '/proc/nowhere' cannot be used"):
        submit(node("one"), configuration=configure(cos_endpoint="/proc/nowhere"))
    assert all_runs() == []


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ([node("one", dependencies=["lost.csv"])], "'lost.csv'"),
        ([node("one", ["two"]), node("two", ["one"])], "cycle"),
        ([node("one", outputs=["../out.csv"])], "outside its folder"),
    ],
)
def test_what_the_user_can_fix_is_said_at_once(root, dask, nodes, words):
    with pytest.raises((RuntimeError, ValueError), match=words):
        submit(*nodes, configuration=dask)
    assert all_runs() == []


def test_without_dask_the_user_is_told_what_to_install(root, dask, monkeypatch):
    monkeypatch.setattr("dask_runtime.processor.find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match=r"pip install distributed"):
        submit(node("one"), configuration=dask)


def test_dask_is_not_imported_where_the_server_runs():
    code = "import sys, dask_runtime.processor, elyra_runtime_engine.server; sys.exit('distributed' in sys.modules)"
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code]).returncode == 0


def test_nobody_else_can_reach_the_embedded_cluster(root, dask):
    (root / "work.py").write_text("import time\ntime.sleep(60)\n")
    run = submit(node("one"), configuration=dask)
    until(lambda: is_running(run), "the node")
    (driver,) = processes("elyra_runtime_engine.driver", run.id)
    connections = getattr(driver, "net_connections", None) or driver.connections  # the name before psutil 6
    assert [place.laddr for place in connections("inet") if place.status == psutil.CONN_LISTEN] == []
    assert "Dask dashboard" not in (run.folder / "run.log").read_text()


def test_no_profiler_runs_in_the_embedded_cluster(tmp_path):
    """It can hang for ever on Python before 3.11.9, and 3.12 before 3.12.3: python/cpython 106883."""

    async def profilers():
        settings = {"api_endpoint": "local", "parallel_nodes": 1}
        async with cluster(settings, tmp_path, 10) as (local, _, _):
            (worker,) = local.workers.values()
            names = [*worker.periodic_callbacks, *local.scheduler.periodic_callbacks]
            assert "heartbeat" in names
            names += [thread.name for thread in set(threading.enumerate()) - before]
        return [name for name in names if "profile" in name.lower()]

    before = set(threading.enumerate())
    assert asyncio.run(profilers()) == []


def test_hundred_nodes(root, dask):
    run = submit(*(node(f"n{number}", ["n0"] if number else []) for number in range(100)), configuration=dask)
    assert ended(run) == ("done", "")
    assert set(states(run).values()) == {"done"}


def test_the_driver_ends_on_sigterm(root, dask):
    (root / "work.py").write_text("import time\ntime.sleep(60)\n")
    run = submit(node("one"), configuration=dask)
    until(lambda: is_running(run), "the node")
    (driver,) = processes("elyra_runtime_engine.driver", run.id)
    begin = time.monotonic()
    driver.terminate()
    assert ended(run) == ("cancelled", "")
    assert time.monotonic() - begin < 30


def test_outputs_that_are_too_large_for_dask_are_refused(tmp_path, monkeypatch):
    packed = ON_WORKER["_packed"]
    monkeypatch.setitem(packed.__globals__, "ARCHIVE_LIMIT", 5)
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "a.csv").write_text("123456")
    (tmp_path / "result.json").write_text('{"state": "done", "files": [["outputs/a.csv", 6]]}')
    with tarfile.open(fileobj=io.BytesIO(packed(str(tmp_path)))) as tar:
        result = json.load(tar.extractfile("result.json"))
        assert [name for name in tar.getnames() if "outputs" in name] == []
    assert (result["state"], result["files"]) == ("failed", [])
    assert re.search("The outputs hold 6 bytes. Up to 5 travel through Dask: .* Run Folder", result["error"])


def test_a_disk_that_takes_no_more_ends_the_node_with_a_word(root, dask):
    """Here it is a limit for files. With a full disk, another reason is in the same sentence."""
    (root / "work.py").write_text("for _ in range(300): print('x' * 9_999)\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        run = submit(node("one"), node("two", ["one"]), configuration=dask)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    state, error = ended(run)
    assert state == "failed"
    assert f"Node 'one' failed. OSError where the node runs: [Errno {errno.EFBIG}] File too large." in error
    assert states(run) == {"one": "failed", "two": "skipped"}


def test_what_dask_logs_of_a_node_holds_no_values():
    assert SECRET not in repr({"environment": ON_WORKER["Environment"](PASSWORD=SECRET)})


def test_a_long_error_and_many_files_are_told_in_full_or_cut(root, dask):
    (root / "many.py").write_text("import os\nos.mkdir('o')\nfor n in range(3000): open(f'o/file-{n}', 'w').close()\n")
    (root / "bad.py").write_text("raise ValueError('x' * 100_000)\n")
    run = submit(node("many", filename="many.py", outputs=["o"]), node("bad", filename="bad.py"), configuration=dask)
    state, error = ended(run)
    assert state == "failed"
    assert error.startswith("Node 'bad' failed. bad.py, line 1: ValueError: xxx") and len(error) < 2000
    assert len(run.nodes()[0]["files"]) == 3000


def test_only_files_are_outputs(root, dask):
    (root / "work.py").write_text("import os\nos.mkdir('o')\nos.mkfifo('o/pipe')\nopen('o/a.csv', 'w').close()\n")
    run = submit(node("one", outputs=["o"]), configuration=dask)
    assert ended(run) == ("done", "")
    assert [name for name, _ in run.nodes()[0]["files"]] == ["outputs/o/a.csv"]


@pytest.mark.parametrize(
    "value", ["-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----", "C:\\dir\\secret", 'it\'s "both" quotes']
)
def test_a_value_is_masked_however_it_is_written(root, dask, value):
    (root / "work.py").write_text("import os\nprint(os.environ['KEY'])\nraise KeyError(os.environ['KEY'])\n")
    run = submit(node("one", env_vars=[variable("KEY", value)]), configuration=dask)
    _, error = ended(run)
    for line in [value, repr(value)[1:-1], *value.splitlines()]:
        assert line not in log(run) and line not in error


def test_a_line_that_was_written_in_part_is_passed_over(root, dask):
    run = submit(node("one"), configuration=dask)
    ended(run)
    with (run.folder / "events.jsonl").open("a") as events:
        events.write('{"node": 0, "sta\n')
    assert run.nodes()[0]["state"] == "done"


def test_a_variable_that_no_system_takes_is_refused(root, dask):
    with pytest.raises((RuntimeError, ValueError), match="A=B"):
        submit(node("one", env_vars=[variable("A=B", "1")]), configuration=dask)
    assert all_runs() == []


def test_again_uses_the_configuration_as_it_is_now(root, jupyter):
    configuration = configure(retries=0)
    (root / "work.py").write_text("raise SystemExit(1)")
    run = submit(node("one"), configuration=configuration)
    ended(run)
    manager = MetadataManager(schemaspace="runtimes")
    changed = manager.get(configuration)
    changed.metadata["retries"] = 7
    manager.update(configuration, changed)
    assert again(run).facts["settings"]["retries"] == 7


def test_an_error_of_dask_at_the_end_does_not_change_how_the_run_ended(root, dask, monkeypatch):
    run = submit(node("one"), configuration=dask)
    assert ended(run) == ("done", "")
    leader = types.SimpleNamespace(run=run, over=True)
    monkeypatch.setattr(driver, "Driver", lambda run, lock, limits, again: leader)
    monkeypatch.setattr(driver, "_drive", failing)
    with run.lock() as lock, pytest.raises(OSError, match="closing"):
        driver.main(run.folder, lock.fileno())
    assert run.state() == ("done", "")


async def failing(leader):
    raise OSError("closing")


def test_a_link_in_an_output_is_what_it_leads_to(root, dask):
    (root / "work.py").write_text(
        "import os\n"
        "os.makedirs('ckpt/step-1/deep')\nopen('ckpt/step-1/deep/model', 'w').write('weights')\n"
        "os.symlink('step-1', 'ckpt/latest')\nos.symlink(os.path.abspath('ckpt/latest'), 'ckpt/best')\n"
        "os.symlink('.', 'ckpt/itself')\nos.symlink('gone', 'ckpt/nothing')\n"
        "os.symlink('step-1/deep/model', 'ckpt/model')\n"
    )
    (root / "show.py").write_text("print(open('ckpt/latest/deep/model').read(), open('ckpt/model').read())\n")
    names = [f"outputs/ckpt/{name}/deep/model" for name in ("best", "latest", "step-1")]
    for pattern in ("ckpt/*", "ckpt", "ckpt/", "./ckpt"):
        run = submit(
            node("one", outputs=[pattern, "ckpt/model"]),
            node("two", ["one"], filename="show.py"),
            configuration=dask,
        )
        assert ended(run) == ("done", "")
        kept = [name for name, _ in run.nodes()[0]["files"] if "itself" not in name]
        assert sorted(kept) == sorted([*names, "outputs/ckpt/model"])
        assert log(run, 1) == "weights weights\n"


def test_a_link_to_a_folder_outside_is_refused(root, dask, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "big.csv").touch()
    (root / "work.py").write_text(f"import os\nos.mkdir('o')\nos.symlink({str(tmp_path / 'data')!r}, 'o/data')\n")
    run = submit(node("one", outputs=["o"]), configuration=dask)
    assert "The output 'o/data' leads outside the folder of the node" in ended(run)[1]


def test_brackets_are_part_of_the_name_of_an_output(root, dask):
    """As in Elyra, where a pattern has a ``*`` or a ``?``."""
    (root / "work.py").write_text("for name in ('a[1].csv', 'a1.csv', 'b2.csv'): open(name, 'w').close()\n")
    run = submit(node("one", outputs=["a[1].csv", "b[12]*"]), configuration=dask)
    assert ended(run) == ("done", "")
    assert [name for name, _ in run.nodes()[0]["files"]] == ["outputs/a[1].csv", "outputs/b2.csv"]


@pytest.mark.parametrize("name", ["-c.py", "-m.ipynb"])
def test_a_file_whose_name_looks_like_an_option(root, dask, name):
    op = "execute-notebook-node" if name.endswith(".ipynb") else "execute-python-node"
    (root / name).write_text(notebook("1 / 0") if name.endswith(".ipynb") else "\n1 / 0\n")
    run = submit(node("one", filename=name, op=op), configuration=dask)
    where = f"{name}, cell 1" if name.endswith(".ipynb") else f"{name}, line 2"
    assert ended(run) == ("failed", f"Node 'one' failed. {where}: ZeroDivisionError: division by zero.")


def test_a_sparse_file_stays_sparse(root, dask):
    (root / "work.py").write_text(
        "with open('big', 'wb') as file:\n    file.write(b'begin')\n    file.seek(3 * 10**8)\n    file.write(b'end')\n"
        "with open('hole', 'wb') as file:\n    file.truncate(200_000_000)\n"
    )
    (root / "show.py").write_text(
        "import os\n"
        "for name in ('big', 'hole'):\n    state = os.stat(name)\n    print(state.st_size, state.st_blocks < 10_000)\n"
        "with open('big', 'rb') as file:\n"
        "    print(file.read(6))\n    file.seek(299_999_999)\n    print(file.read())\n"
    )
    run = submit(node("one", outputs=["big", "hole"]), node("two", ["one"], filename="show.py"), configuration=dask)
    assert ended(run) == ("done", "")
    assert log(run, 1) == "300000003 True\n200000000 True\nb'begin\\x00'\nb'\\x00end'\n"


@pytest.mark.parametrize("value", ["a\0b", "half \ud800 pair"])
def test_a_value_that_no_system_takes_is_refused_and_not_shown(root, dask, value):
    with pytest.raises((RuntimeError, ValueError), match="'KEY' of node 'one' holds a character") as refusal:
        submit(node("one", env_vars=[variable("KEY", value)]), configuration=dask)
    assert value not in str(refusal.value) and repr(value)[1:-1] not in str(refusal.value)
    assert all_runs() == []


def test_earlier_runs_are_no_sources(root, jupyter):
    """The Run Folder is below the folder of the file, and the node depends on all there is."""
    configuration = configure(cos_endpoint=str(root / "runs"))
    parameters = dict(dependencies=["*"], include_subdirectories=True)
    (root / "data").mkdir()
    (root / "data" / "a.csv").touch()
    for _ in range(2):
        run = submit(node("one", **parameters), configuration=configuration)
        assert ended(run) == ("done", "")
    copied = [path.relative_to(run.sources(0)) for path in run.sources(0).rglob("*") if path.is_file()]
    assert sorted(map(str, copied)) == ["data/a.csv", "work.py"]


def test_an_output_that_no_system_takes_is_refused(root, dask):
    with pytest.raises(
        RuntimeError, match=r"Node 'one' declares the output 'a\\x00b', which no system takes. Rename it"
    ):
        submit(node("one", outputs=["a\0b"]), configuration=dask)
    assert all_runs() == []


def test_a_name_that_no_system_takes_is_refused(root, dask):
    words = (
        r"name of the pipeline, 'wea\\x00ther', holds a character that no system takes, such as a zero byte. Rename it"
    )
    with pytest.raises(RuntimeError, match=words):
        submit(node("one"), configuration=dask, name="wea\0ther")
    assert all_runs() == []


def test_a_value_is_refused_if_it_is_too_long_for_the_system_and_else_arrives(root, dask):
    (root / "work.py").write_text("import os\nprint(len(os.environ['LONG']))\n")
    most = LONGEST_VARIABLE - len("LONG=\0")
    run = submit(node("one", env_vars=[variable("LONG", "x" * most)]), configuration=dask)
    assert ended(run) == ("done", "")
    assert log(run) == f"{most}\n"
    with pytest.raises(RuntimeError) as refused:
        submit(node("one", env_vars=[variable("LONG", "x" * (most + 1))]), configuration=dask)
    words = "The environment variable 'LONG' of node 'one' is too long for a system: it takes up to"
    assert words in str(refused.value) and "xxx" not in str(refused.value)
    assert [each.id for each in all_runs()] == [run.id]


def test_the_first_nodes_begin_before_the_last_are_submitted(root, dask):
    run = submit(*(node(f"n{number}") for number in range(300)), configuration=dask)
    assert ended(run) == ("done", "")
    events = run.events()[0]
    begun = next(number for number, event in enumerate(events) if event.get("state") == "running")
    assert begun < max(number for number, event in enumerate(events) if "intends" in event)
