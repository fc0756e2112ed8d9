"""The command ``elyra-runtime-doctor``: what it prints, how it ends, and what it leaves alone."""

import json
import os
import subprocess
import sys

import pytest
from host import own_jupyter, run

from elyra_runtime_doctor import checks  # noqa: F401 - fills ROWS
from elyra_runtime_doctor.host import COMMANDS
from elyra_runtime_doctor.rows import ROWS

RESULT = {
    *("runtime", "where", "status", "found", "fix", "number", "title", "seen", "symptom", "cause", "way_out"),
    *("fault_of", "looks_at", "undetected", "section"),
}


def python(code, **options):
    """Run ``code`` in a Python of its own."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, **options)


def test_help_names_every_option():
    done = run("elyra-runtime-doctor", "--help")
    assert done.returncode == 0
    for word in ("[name]", "--json", "--verbose", "--server URL", "JUPYTER_TOKEN"):
        assert word in done.stdout


def test_list_names_every_check_with_its_row():
    done = run("elyra-runtime-doctor", "--list")
    assert (done.returncode, done.stderr) == (0, "")
    assert [int(line.split()[0]) for line in done.stdout.splitlines()] == sorted(ROWS)
    assert " 67  The schema is no JSON Schema (doctor)" in done.stdout


def test_a_name_that_is_not_installed_ends_with_those_that_are():
    done = run("elyra-runtime-doctor", "demoruntim")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("No runtime is called demoruntim. Installed are: ")
    assert "demoruntime" in done.stderr
    assert done.stderr.endswith("do you mean 'demoruntime'?\n")
    assert len(done.stderr.splitlines()) == 1


@pytest.fixture(scope="module")
def report(nobodys_jupyter):
    """What ``--json`` prints about the Demo Runtime: a ``CompletedProcess``."""
    return run("elyra-runtime-doctor", "demoruntime", "--json")


def test_json_is_the_report_and_nothing_else(report):
    assert (report.returncode, report.stderr) == (0, "")
    document = json.loads(report.stdout)
    assert set(document) == {"runtimes", "elyra", "python", "results", "seconds"}
    assert document["runtimes"] == ["demoruntime"]
    assert {frozenset(result) for result in document["results"]} == {frozenset(RESULT)}
    assert {result["runtime"] for result in document["results"]} == {"environment", "demoruntime"}
    assert {result["where"] for result in document["results"]} == {"here"}
    assert "fail" not in {result["status"] for result in document["results"]}


def test_the_module_is_the_command(report):
    command = [sys.executable, "-m", "elyra_runtime_doctor", "demoruntime", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["results"] == json.loads(report.stdout)["results"]


@pytest.mark.parametrize("option", ["--json", "--verbose"])
def test_who_reads_no_further_gets_no_traceback(option):
    """``head`` ends when it has seen enough. ``true`` ends before the report begins."""
    path = os.pathsep.join([str(COMMANDS), os.environ["PATH"]])
    command = f"elyra-runtime-doctor demoruntime {option} | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=120, env={**os.environ, "PATH": path}
    )
    assert (done.stdout, done.stderr) == ("0\n", "")


def contents(folder):
    """Return all that is in ``folder``: the files with their content, and when each was changed."""
    return {
        path: (path.read_bytes() if path.is_file() else None, path.stat().st_mtime_ns)
        for path in [folder, *folder.rglob("*")]
    }


def test_the_user_and_the_current_directory_are_left_alone(tmp_path):
    for name in ("home", "here", "temporary"):
        (tmp_path / name).mkdir()
    jupyter = own_jupyter(tmp_path / "jupyter")
    configurations = tmp_path / "jupyter" / "jupyter_data_dir" / "metadata" / "runtimes"
    configurations.mkdir(parents=True)
    (configurations / "mine.json").write_text('{"display_name": "Mine", "schema_name": "demoruntime", "metadata": {}}')
    (tmp_path / "here" / "elyra.py").write_text("raise SystemExit('the current directory is on the path')")
    before = contents(tmp_path)
    variables = {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "temporary"), **jupyter}
    done = run("elyra-runtime-doctor", "demoruntime", cwd=tmp_path / "here", env={**os.environ, **variables})
    assert done.returncode == 0, done.stdout + done.stderr
    after = contents(tmp_path)
    assert before.pop(tmp_path / "temporary") != after.pop(tmp_path / "temporary")
    assert before == after


def test_the_doctor_imports_no_runtime_itself():
    done = python(
        "import sys\n"
        "from elyra_runtime_doctor.__main__ import main\n"
        "status = main(['demoruntime', '--json'])\n"
        "imported = {name.partition('.')[0] for name in sys.modules}\n"
        "print(status, sorted(imported & {'elyra', 'demo_runtime', 'kfp', 'airflow'}), file=sys.stderr)\n"
    )
    assert done.stderr == "0 []\n"


# Runtimes that behave badly while they are imported.


@pytest.fixture
def examined(tmp_path, monkeypatch):
    """Examine a runtime whose module holds the given source."""

    def examine(source, *arguments, seconds=60, group="elyra.pipeline.processors"):
        (tmp_path / "rude.py").write_text(source)
        information = tmp_path / "rude-1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: rude\nVersion: 1.0\n")
        (information / "entry_points.txt").write_text(f"[{group}]\nrude = rude:Processor\n")
        code = (
            "import sys\n"
            "from elyra_runtime_doctor import __main__, probe\n"
            f"probe.SECONDS_TO_LOAD = {seconds}\n"
            f"sys.exit(__main__.main({['rude', *arguments]}))\n"
        )
        return python(code, env={**os.environ, "PYTHONPATH": str(tmp_path)})

    return examine


def test_what_a_runtime_prints_is_not_in_the_report(examined):
    done = examined("import os\nprint('I am here')\nos.write(1, b'I am 1')\nos.write(2, b'I am 2')", "--json")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert [r["number"] for r in document["results"] if r["status"] == "fail"] == [3]
    assert "I am" not in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("row, end", [(59, "raise SystemExit(0)"), (59, "raise KeyboardInterrupt"), (3, "1 / 0")])
def test_an_import_that_raises_is_a_failure_of_the_runtime(examined, row, end):
    done = examined(end, "--json")
    assert done.returncode == 1, done.stderr
    document = json.loads(done.stdout)
    assert [r["number"] for r in document["results"] if r["status"] == "fail"] == [row]


def test_an_import_that_ends_the_process_is_told(examined):
    done = examined("import os\nprint('Goodbye', flush=True)\nos._exit(7)")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    for word in ("Loading rude = rude:Processor ended the process, with 7", "Goodbye"):
        assert word in done.stderr


def test_an_import_that_does_not_end_is_told(examined):
    # Of all that is loaded, it comes first: so nothing else has to be loaded as soon as that.
    done = examined("import time\ntime.sleep(1000)", seconds=1, group="metadata.schemas_providers")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Loading rude = rude:Processor does not come to an end within 1 s." in done.stderr
    assert "Traceback" not in done.stderr


def test_a_runtime_does_not_see_the_token(examined, monkeypatch):
    monkeypatch.setenv("JUPYTER_TOKEN", "a-secret-token")
    done = examined("import os\nprint(dict(os.environ), flush=True)\nos._exit(7)")
    assert "PYTHONPATH" in done.stderr
    assert "JUPYTER_TOKEN" not in done.stderr
    assert "a-secret-token" not in done.stderr


# A schema that is no JSON, wherever the runtime reads it.

READS_WHEN_IMPORTED = """
import json, pathlib
SCHEMA = json.loads(pathlib.Path(__file__).with_name("rude.json").read_text())
"""
READS_WHEN_ASKED = """
import json, pathlib
from elyra.metadata.schema import SchemasProvider
from elyra.pipeline.local.local_processor import LocalPipelineProcessor as Processor

class Provider(SchemasProvider):
    def get_schemas(self):
        with pathlib.Path(__file__).with_name("rude.json").open() as file:
            return [json.load(file)]
"""


@pytest.mark.parametrize("row, source", [(3, READS_WHEN_IMPORTED), (53, READS_WHEN_ASKED)])
def test_a_schema_that_is_no_json_is_named(tmp_path, row, source):
    package = tmp_path / "rude"
    package.mkdir()
    (package / "__init__.py").write_text(source)
    (package / "rude.json").write_text('{"name": "rude",}')
    (package / "other.json").write_text("no JSON either")
    information = tmp_path / "rude-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: rude\nVersion: 1.0\n")
    points = "[elyra.pipeline.processors]\nrude = rude:Processor\n[metadata.schemas_providers]\nrude = rude:Provider\n"
    (information / "entry_points.txt").write_text(points)
    done = run("elyra-runtime-doctor", "rude", "--json", env={**os.environ, "PYTHONPATH": str(tmp_path)})
    found = {result["number"]: result["found"] for result in json.loads(done.stdout)["results"]}
    assert f"{package / 'rude.json'} is no JSON" in found[row]
    assert "line 1 column 1" in found[row]  # 16 or 17: Python 3.13 begins to count at the comma
    assert "other.json" not in done.stdout
