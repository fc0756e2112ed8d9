"""``elyra-run``: a pipeline from the command line, with the status of its end, on the runtime of this machine."""

import json
import subprocess
import sys

import pytest
from elyra.metadata.manager import MetadataManager
from elyra.metadata.metadata import Metadata

from elyra_runtime_engine.run import all_runs
from elyra_runtime_kit.testing import document


@pytest.fixture
def machine(jupyter):
    """The name of a runtime configuration of this machine."""
    metadata = Metadata(schema_name="machine", display_name="Here", metadata={"parallel_nodes": 2})
    return MetadataManager(schemaspace="runtimes").create("here", metadata).name


def elyra_run(*arguments):
    command = [sys.executable, "-W", "ignore", "-m", "elyra_runtime_engine.command", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def write(path, nodes):
    path.write_text(json.dumps(document(nodes)), encoding="utf-8")
    return path


def test_a_pipeline_runs_on_this_machine_to_its_end(root, machine):
    (root / "part").mkdir()
    (root / "part" / "make.py").write_text("open('a.txt', 'w').write('42')")
    (root / "part" / "use.py").write_text("print(open('a.txt').read())")
    nodes = {"make": {"file": "make.py", "outputs": ["a.txt"]}, "use": {"file": "use.py", "after": ["make"]}}
    done = elyra_run(write(root / "part" / "weather.pipeline", nodes), machine)
    assert done.returncode == 0, done.stderr
    assert "node 'use' done" in done.stderr and done.stderr.endswith("done\n")
    [run] = all_runs()
    assert (run.node(1) / "log.txt").read_text() == "42\n"
    assert not (root / "part" / "a.txt").exists()


def test_a_node_that_fails_is_the_status_of_the_command(root, machine):
    (root / "bad.py").write_text("raise SystemExit('no good')")
    done = elyra_run(write(root / "weather.pipeline", {"bad": "bad.py"}), machine)
    assert done.returncode == 1
    assert "failed Node 'bad' failed. bad.py: no good." in done.stderr


def test_what_is_not_submitted_has_another_status(root, machine):
    path = write(root / "weather.pipeline", {"lost": "lost.py"})
    for arguments, reason in [
        (["nowhere.pipeline", machine], "There is no file 'nowhere.pipeline'"),
        ([path, "nobody"], "elyra-metadata list runtimes"),
        ([path, machine], "lost.py"),
    ]:
        done = elyra_run(*arguments)
        assert (done.returncode, reason in done.stderr) == (2, True), done.stderr
    assert all_runs() == []
