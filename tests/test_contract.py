"""The contract: both runtimes keep it, a careless runtime does not, and its users can do what it says."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from broken import BrokenRuntime, Edit, Installation

from elyra_runtime_doctor import contract
from elyra_runtime_doctor.contract import RuntimeContract
from elyra_runtime_doctor.rows import ROWS
from elyra_runtime_engine.run import DONE, Run

THREE_LINES = re.search(r"entry point::\n\n((?:    .*\n|\n)+)", contract.__doc__)[1].replace("\n    ", "\n").strip()
CARELESS = """
from pathlib import Path

from demo_runtime.processor import DemoPipelineProcessor, DemoPipelineProcessorResponse
from elyra.metadata.manager import MetadataManager

class CarelessProcessor(DemoPipelineProcessor):
    def _secrets(self, pipeline):
        configuration = MetadataManager(schemaspace="runtimes").get(pipeline.runtime_config)
        [operation] = pipeline.operations.values()
        return configuration.metadata["api_password"], operation.env_vars[0].value

    def process(self, pipeline):
        for secret in self._secrets(pipeline):
            self.log.info("Signing in with %s", secret)
        return DemoPipelineProcessorResponse(None, None, None)

    def export(self, pipeline, pipeline_export_format, pipeline_export_path, overwrite):
        path = Path(pipeline_export_path)  # from the directory of the server, and not from the root
        path.parent.mkdir(exist_ok=True)
        path.write_text("\\n".join(self._secrets(pipeline)))
        return pipeline_export_path
"""
BROKEN = """
from demo_runtime.processor import DemoPipelineProcessor

class CarelessProcessor(DemoPipelineProcessor):
    def process(self, pipeline):
        raise RuntimeError("The queue is full.")

    def export(self, pipeline, pipeline_export_format, pipeline_export_path, overwrite):
        raise RuntimeError("The disk is full.")
"""
FORGETFUL = """
from demo_runtime.schema import DemoRuntimeMetadata
from demo_runtime.processor import DemoPipelineProcessor as CarelessProcessor

def on_load(self, **kwargs):
    self.metadata = {"runtime_type": "DEMO_RUNTIME", "api_endpoint": "https://a.b", "cos_endpoint": "https://a.b",
                     "cos_bucket": "forgotten"}

DemoRuntimeMetadata.on_load = on_load
"""
ENTRY_POINTS = """
[elyra.pipeline.processors]
demoruntime = careless:CarelessProcessor
[metadata.schemas_providers]
demoruntime = demo_runtime.schema:DemoRuntimeSchemasProvider
"""


class TestDemoRuntime(RuntimeContract):
    runtime = "demoruntime"


class TestDask(RuntimeContract):
    runtime = "dask"

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def runs(cls, elyra):
        """What is submitted runs on without the server. Wait for its end, before its files are removed."""
        yield
        folder = Path(elyra.directories["JUPYTER_DATA_DIR"], "elyra_runtime_engine", "runs")
        runs = [Run(path) for path in folder.glob("*")]
        while any(run.has_driver() for run in runs):
            time.sleep(0.1)
        assert {run.state() for run in runs} <= {(DONE, "")}


@pytest.fixture
def use(tmp_path):
    """Do what the module tells a user to do, in a directory of theirs. Returns what pytest prints."""

    def use(runtime, *options, **variables):
        (tmp_path / "test_mine.py").write_text(THREE_LINES.replace("myruntime", runtime), encoding="utf-8")
        # What else is installed here, and warns, is not what a user has.
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:pytest_notebook", *options]
        environment = {**os.environ, **variables}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True).stdout

    return use


def test_three_lines_are_enough(use):
    printed = use("demoruntime", "-k", "schema or submission_from or no_fault")
    rows = sum(row.function is not None for row in ROWS.values())
    assert f"{rows + 2} passed" in printed, printed


def test_a_wrong_name_is_answered_once_with_the_right_ones(use):
    printed = use("nobodysruntime")
    told = "E   LookupError: TestMyRuntime: no runtime is called 'nobodysruntime'. Installed are: "
    assert printed.count(told) == 1
    assert "dask, demoruntime, kfp, local, machine." in printed
    assert "1 error in" in printed


@pytest.fixture
def use_other(use, tmp_path):
    """The same, with a processor of the given source in place of the Demo Runtime's. Returns what pytest prints."""

    def use_other(source, choice):
        # For Elyra, the first distribution of a name hides the others.
        information = tmp_path / "path" / "demo_runtime-0.dist-info"
        information.mkdir(parents=True)
        named = "Metadata-Version: 2.1\nName: demo-runtime\nVersion: 0\n"
        (information / "METADATA").write_text(named, encoding="utf-8")
        (information / "entry_points.txt").write_text(ENTRY_POINTS, encoding="utf-8")
        (information.parent / "careless.py").write_text(source, encoding="utf-8")
        return use("demoruntime", "-rA", "-k", choice, PYTHONPATH=str(information.parent))

    return use_other


def passed(printed):
    """Return the tests that passed, by name."""
    return re.findall(r"^PASSED \S+::(\w+)", printed, re.MULTILINE)


def test_a_careless_runtime_is_told_what_is_wrong_and_its_secret_is_not_shown(use_other):
    printed = use_other(CARELESS, "submission or export or without_its_file")
    for said in (
        "The editor gets no address of the run (row 33)",
        "The value of api_password is in the log of the server: ",
        "The value of api_password is in what the command line says to a submission: ",
        "The value of api_password is in the file that the command line exported: ",
        "The value of CONTRACT_VARIABLE is in the log of the server: ",
        "The value of CONTRACT_VARIABLE is in what the command line says to a submission: ",
        "The value of CONTRACT_VARIABLE is in the file that the command line exported: ",
        "Signing in with (hidden)",
        "exported to exports/from-the-editor.json. Below the root directory, that file is missing or empty (row 38)",
        "(a name that is not ASCII, row 57) was answered with 500, and not 201",
        "(an export to a file that is there, row 38) was answered with 201",
        "The export did not replace the file that it was told to (row 38)",
    ):
        assert said in printed, f"{said}\n{printed}"
    assert passed(printed) == ["test_pipeline_without_its_file_is_refused", "test_export_by_command_line"]
    assert "secret-of-" not in printed


def test_nothing_passes_where_no_submission_and_no_export_succeeds(use_other):
    printed = use_other(BROKEN, "submission or export or without_its_file")
    assert passed(printed) == ["test_pipeline_without_its_file_is_refused"], printed
    for said in (
        "(a submission, rows 31 and 32) was answered with 500, and not 200",
        "The queue is full.",
        "(an export, rows 37, 38 and 56) was answered with 500, and not 201",
        "The disk is full.",
    ):
        assert said in printed, f"{said}\n{printed}"


def test_nothing_passes_where_a_configuration_is_forgotten(use_other):
    printed = use_other(FORGETFUL, "configuration")
    # The command line loads no processor, so this forgets nothing there.
    assert passed(printed) == ["test_configuration_is_removed", "test_configuration_by_command_line"], printed


def test_a_server_that_ends_at_its_start_is_said_in_one_place_and_without_a_traceback(nobodys_jupyter, tmp_path):
    installation = Installation(tmp_path)
    serves = "    def get_validator(self, schema):\n"
    installation.put(
        BrokenRuntime(77, "", "", "", (Edit("trial_runtime/schema.py", serves, f"{serves}        exit()\n"),))
    )
    done = installation.contract("configuration_is_removed")
    assert "The Jupyter server ended with" in done.stdout
    assert "RuntimeError" not in done.stdout
