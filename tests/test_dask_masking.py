"""Values of environment variables in what a node prints and leaves: hidden, however they are cut, wherever they are."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipelines import node
from runs import configure, ended, is_running, log, notebook, processes, submit, until

import elyra_runtime_engine
from elyra_runtime_engine.mask import Mask, Replacement

SECRET = "correct horse battery staple"

pytestmark = pytest.mark.usefixtures("no_runs_left")

TOOL = Path(elyra_runtime_engine.__file__).with_name("notebook.py")


@pytest.fixture
def dask(jupyter):
    """The name of a runtime configuration for this machine."""
    return configure()


def submitted(configuration, file="work.py", value=SECRET, **parameters):
    """Submit one node with the variable ``KEY``. Return the ``Run``."""
    op = "execute-notebook-node" if file.endswith(".ipynb") else "execute-python-node"
    variables = [{"env_var": "KEY", "value": value}]
    return submit(node("one", filename=file, op=op, env_vars=variables, **parameters), configuration=configuration)


def test_a_value_across_two_blocks_of_one_line_is_hidden(root, dask):
    sizes = [size for end in (8192, 65536, 131072) for size in range(end - len(SECRET), end + 2, 7)]
    (root / "work.py").write_text(
        f"import os\nfor size in {sizes}: print('x' * size + os.environ['KEY'] + 'y' * 70_000)\n"
    )
    run = submitted(dask)
    assert ended(run) == ("done", "")
    assert [len(line) for line in log(run).splitlines()] == [size + len("(hidden)") + 70_000 for size in sizes]
    assert not any(piece in log(run) for piece in ("correct", "horse", "battery", "staple"))


def test_a_value_that_is_printed_letter_by_letter_is_hidden(root, dask):
    (root / "work.py").write_text(
        "import os, sys, time\n"
        "for letter in os.environ['KEY'].encode(): sys.stdout.buffer.write(bytes([letter])); sys.stdout.buffer.flush();"
        " time.sleep(0.01)\n"
        "print('.')\n"
    )
    run = submitted(dask, value="맑은 날씨의 비밀")
    assert ended(run) == ("done", "")
    assert log(run) == "(hidden).\n"


def test_a_long_line_keeps_its_letters(root, dask):
    (root / "work.py").write_text("print('a' + '맑음' * 50_000)\n")
    run = submitted(dask)
    assert ended(run) == ("done", "")
    assert log(run) == "a" + "맑음" * 50_000 + "\n"


def test_a_value_is_nowhere_in_an_executed_notebook(root, dask):
    """Not in JSON, its keys and numbers, not in metadata and the state of widgets, not across two outputs."""
    show = "from IPython.display import display, JSON, HTML; import os; key = os.environ['KEY']"
    run = notebook(
        show,
        "display({'application/json': {key: [{'in': key}], 'twice ' + key: 1}}, raw=True, metadata={key: key})",
        "display(HTML('<b>' + key.replace('&', '&amp;') + '</b>'))",
        "print(key[:9], end='', flush=True); import time; time.sleep(0.5); print(key[9:])",
        WIDGET,
        "raise ValueError(key)",
    )
    (root / "work.ipynb").write_text(run)
    run = submitted(dask, "work.ipynb", value="horses & battery staple")
    state, error = ended(run)
    assert error == "Node 'one' failed. work.ipynb, cell 6: ValueError: (hidden)."
    executed = (run.node(0) / "work-output.ipynb").read_text(encoding="utf-8")
    assert "battery" not in executed and "horses" not in executed
    notebook_ = json.loads(executed)
    shown = notebook_["cells"][1]["outputs"][0]
    assert shown["data"]["application/json"] == {"(hidden)": [{"in": "(hidden)"}], "twice (hidden)": 1}
    assert shown["metadata"] == {"(hidden)": "(hidden)"}
    assert notebook_["cells"][3]["outputs"][0]["text"] == ["(hidden)\n"]
    assert "battery" not in log(run)


WIDGET = """
from comm import create_comm
state = {"_model_name": "TextModel", "_model_module": "m", "_model_module_version": "1", "value": key}
comm = create_comm(target_name="jupyter.widget", data={"state": state}, metadata={"version": "2.0.0"})
"""


def test_the_state_of_widgets_is_masked(root, dask):
    (root / "work.ipynb").write_text(notebook("import os; key = os.environ['KEY']", WIDGET))
    run = submitted(dask, "work.ipynb")
    assert ended(run) == ("done", "")
    executed = json.loads((run.node(0) / "work-output.ipynb").read_text(encoding="utf-8"))
    (state,) = executed["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"].values()
    assert state["state"]["value"] == "(hidden)"


@pytest.mark.parametrize("value", ["python3", "source", "metadata", "stream", "stdout"])
def test_a_value_that_is_a_word_of_the_format_leaves_a_notebook(root, dask, value):
    import nbformat

    (root / "work.ipynb").write_text(notebook("import os; print(os.environ['KEY'])"))
    run = submitted(dask, "work.ipynb", value=value)
    assert ended(run) == ("done", "")
    executed = nbformat.read(run.node(0) / "work-output.ipynb", as_version=4)
    nbformat.validate(executed)
    assert executed.metadata.kernelspec.name == "python3"
    assert executed.cells[0].outputs[0].text == "(hidden)\n"


def test_a_driver_that_is_killed_as_the_node_ends_leaves_no_value(root, dask, tmp_path):
    go = tmp_path / "go"
    (root / "work.ipynb").write_text(
        notebook(
            f"import os, time\nopen({str(go)!r} + '1', 'w').close()\n"
            f"while not os.path.exists({str(go)!r}): time.sleep(0.02)",
            "os.environ['KEY']",
        )
    )
    run = submitted(dask, "work.ipynb")
    until(Path(f"{go}1").exists, "the first cell")
    (driver,) = processes("elyra_runtime_engine.driver", run.id)
    driver.suspend()  # from here on, nobody looks at what the node leaves
    go.touch()
    until(lambda: not processes("notebook.py", run.id), "the end of the notebook")
    left = list(run.folder.rglob("work-output.ipynb"))
    driver.kill()
    until(lambda: not run.has_driver(), "the end of the driver")
    assert left, "the executed notebook is there"
    for path in run.folder.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


def test_what_a_cell_prints_is_in_the_log_before_the_cell_ends(root, dask, tmp_path):
    go = tmp_path / "go"
    (root / "work.ipynb").write_text(
        notebook(
            f"import os, time\nprint('begin', end='', flush=True)\n"
            f"while not os.path.exists({str(go)!r}): time.sleep(0.02)\nprint('end')\n1 + 1"
        )
    )
    run = submitted(dask, "work.ipynb")
    until(lambda: is_running(run), "the node")
    live = run.node(0) / "log.txt"
    until(lambda: live.exists() and live.read_text() == "-- cell 1 of 1\nbegin", "what the cell has printed by now")
    go.touch()
    assert ended(run) == ("done", "")
    assert log(run) == "-- cell 1 of 1\nbeginend\n2\n"


def test_a_kernel_that_says_nothing_is_named(tmp_path):
    """The tool that runs a notebook on a worker, as a process of its own that waits for a shorter time."""
    kernel = tmp_path / "data" / "kernels" / "silent"
    kernel.mkdir(parents=True)
    command = [sys.executable, "-c", "import time; time.sleep(600)", "{connection_file}"]
    kernel.joinpath("kernel.json").write_text(json.dumps({"argv": command, "display_name": "Silent", "language": "no"}))
    (tmp_path / "work.ipynb").write_text(notebook("1", kernel="silent"))
    code = (
        "import asyncio, sys\nimport notebook\nnotebook.SECONDS_TO_START = 1\n"
        "asyncio.run(notebook.main('work.ipynb', 'executed.ipynb'))\n"
    )
    environment = {**os.environ, "JUPYTER_PATH": str(tmp_path / "data"), "PYTHONPATH": str(TOOL.parent)}
    begin = time.monotonic()
    tool = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert time.monotonic() - begin < 50
    assert tool.returncode == 1
    last = tool.stderr.splitlines()[-1]
    assert last == "work.ipynb: the kernel 'silent' does not answer: Kernel didn't respond in 1 seconds"
    assert "AssertionError" not in tool.stderr


@given(
    st.lists(st.text("abc", min_size=1, max_size=5), min_size=1, max_size=3),
    st.lists(st.text("abcd", max_size=4), max_size=8),
)
def test_pieces_are_as_the_whole(words, pieces):
    stream = Replacement(words, "#")
    said = "".join([*map(stream.write, pieces), stream.write("", last=True)])
    whole = "".join(pieces)
    covered = {
        at
        for word in words
        for start in range(len(whole))
        if whole.startswith(word, start)
        for at in range(start, start + len(word))
    }
    expected = ["#" if at in covered else letter for at, letter in enumerate(whole)]
    assert said == "".join(letter for at, letter in enumerate(expected) if at not in covered or at - 1 not in covered)


def test_what_is_as_long_as_a_value_or_nearly_one_stays():
    mask = Mask(["secret-1", "short"])
    assert mask.text("secret- short secret") == "secret- short secret"
    assert mask.all({"n": [1, 2.5, None, True]}) == {"n": [1, 2.5, None, True]}
    assert Mask(["12345678"]).all([12345678, 1]) == ["(hidden)", 1]
    assert Mask(["first-one", "other-one"]).all({"first-one": 1, "other-one": 2}) == {"(hidden)": 1, "(hidden)'": 2}
