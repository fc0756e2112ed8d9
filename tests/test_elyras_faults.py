"""The faults that are Elyra's own, on stock Elyra 4.1 with the healthy Demo Runtime.

Each test shows that Elyra still does what a row of ``elyra_runtime_doctor/checks/elyra.py`` says. The day that
Elyra fixes it, the test fails, and the test and the row can go.
"""

import json
import shutil
from pathlib import Path

import pytest
from broken import Installation
from elyra.pipeline.parser import PipelineParser
from host import FIELDS, elyra_pipeline, run
from lab import CONFIGURATION, jupyterlab, open_lab, open_pipeline
from pipelines import node, pipeline_file, submission


def typed(*nodes):
    """Return the content of a ``.pipeline`` file for the Demo Runtime alone."""
    content = pipeline_file(*nodes)
    content["pipelines"][0]["app_data"]["runtime_type"] = "DEMO_RUNTIME"
    return content


def without_image(id):
    bare = node(id)
    del bare["app_data"]["component_parameters"]["runtime_image"]
    return bare


def test_row_14_a_command_without_a_configuration_does_not_know_the_type(write, configuration):
    """``describe``, and ``validate`` without a configuration, load neither schemas nor processors."""
    path = write(typed(node("a", op="ours:part")))
    for command in ("describe", "validate"):
        assert "KeyError: 'DEMO_RUNTIME'" in run("elyra-pipeline", command, path).stderr
    known = elyra_pipeline("validate", path, "--runtime-config", configuration)
    assert "This component was not found in the catalog" in known.output
    assert not isinstance(known.exception, KeyError)


def test_row_35_the_command_line_drops_what_a_processor_logs(jupyter):
    """Without a server, ``self.log`` is the logger of traitlets, which has a handler that drops everything."""
    code = """
import elyra.cli.pipeline_app  # the command
from elyra.pipeline.local.local_processor import LocalPipelineProcessor

log = LocalPipelineProcessor().log
log.info("said")
log.warning("said")
log.error("said")
"""
    done = run("python", "-c", code)
    assert done.returncode == 0, done.stderr
    assert "said" not in done.stdout + done.stderr


def test_row_36_a_submission_needs_the_runtime_directory_of_jupyter(write, configuration, jupyter):
    """``submit`` watches the directory that the first Jupyter server makes, and ends where it is missing."""
    shutil.rmtree(jupyter.parents[2] / "jupyter_runtime_dir")
    shown = elyra_pipeline("submit", write(pipeline_file(node("a"))), "--runtime-config", configuration)
    assert isinstance(shown.exception, FileNotFoundError)
    assert "Validating pipeline" not in shown.output


@pytest.mark.parametrize("name", ["inputs", "outputs"])
def test_row_43_a_property_of_a_component_is_taken_for_a_list_of_files(processor, name):
    """``Operation`` keeps the files of a node beside the properties of its component, under these two names."""
    part = node("a", op="ours:part", **{name: {"widget": "string", "value": "all of it"}})
    document = submission(part, configuration="demo")
    properties = PipelineParser().parse(document).operations["a"].component_props
    assert properties[name] == ["widget", "value"]  # the keys are left of it


def test_row_44_a_node_needs_an_image_even_for_a_runtime_without_containers(write, configuration):
    """The validation asks for an image of each generic node. A local run ends without one, too, in the parser."""
    path = write(pipeline_file(without_image("a")))
    shown = elyra_pipeline("submit", path, "--runtime-config", configuration)
    assert "[Error][a][runtime_image] - Required property value is missing." in shown.output
    shown = elyra_pipeline("run", path)
    assert "Missing field 'operation runtime image'" in shown.output


def test_row_47_the_log_calls_it_an_error_that_a_runtime_has_no_components(server):
    """Each time that the palette is loaded, for each type but that of the local runtime."""
    for type, times in (("DEMO_RUNTIME", 1), ("LOCAL", 0)):
        before = server.log
        server.get(f"elyra/pipeline/components/{type}").raise_for_status()
        new = server.log[len(before) :]
        line = f"No components could be found in any catalog for platform type '{type}'."
        assert new.count(line) == times


@pytest.mark.parametrize("name, kubernetes", [("server", True), ("two_runtimes_server", False)])
def test_row_58_a_node_offers_what_any_enabled_runtime_supports(request, name, kubernetes):
    """With Kubeflow Pipelines and Airflow enabled, a generic node of any other runtime offers their properties."""
    server = request.getfixturevalue(name)
    offered = server.get("elyra/pipeline/components/DEMO_RUNTIME/python-script/properties").json()["properties"]
    parameters = offered["component_parameters"]["properties"]
    assert "env_vars" in parameters
    assert ("kubernetes_tolerations" in parameters) == kubernetes


@pytest.fixture
def metadata(nobodys_jupyter, tmp_path):
    """Call ``elyra-metadata`` for a runtime with three more fields. Returns how it ended, and the fields saved."""
    installation = Installation(tmp_path)
    form = installation.site / "trial_runtime" / "trialruntime.json"
    schema = json.loads(form.read_text(encoding="utf-8"))
    fields = schema["properties"]["metadata"]
    fields["properties"] |= {
        "max_jobs": {"type": "integer", "default": 4},
        "notify_email": {"type": "string"},
        "share": {"type": "number"},
    }
    fields["required"].append("share")
    form.write_text(json.dumps(schema), encoding="utf-8")
    saved = Path(installation.variables["JUPYTER_DATA_DIR"], "metadata", "runtimes", "trial.json")

    def call(command, **options):
        given = {"schema_name": "trialruntime", "name": "trial", "display_name": "Trial", **options}
        given = [f"--{name}={value}" for name, value in given.items()]
        done = installation.run("elyra-metadata", command, "runtimes", *given)
        return done, json.loads(saved.read_text(encoding="utf-8"))["metadata"] if saved.exists() else None

    return call


def test_row_65_the_command_line_drops_0(metadata):
    done, saved = metadata("create", **FIELDS, share=1, max_jobs=0)
    assert (done.returncode, saved["max_jobs"]) == (0, 4), done.stdout
    _, saved = metadata("update", max_jobs=7)
    assert saved["max_jobs"] == 7
    done, saved = metadata("update", max_jobs=0)
    assert (done.returncode, saved["max_jobs"]) == (0, 7), done.stdout
    done, saved = metadata("update", json="{'max_jobs': 0}")
    assert (done.returncode, saved["max_jobs"]) == (0, 0), done.stdout


def test_row_65_the_command_line_refuses_0_where_a_value_is_required(metadata):
    done, saved = metadata("create", **FIELDS, share=0)
    assert (done.returncode, saved) == (1, None)
    assert "Parameter '--share' requires a value." in done.stdout
    done, saved = metadata("create", **FIELDS, json="{'share': 0}")
    assert (done.returncode, saved["share"]) == (0, 0), done.stdout


def test_row_66_the_command_line_fails_on_an_empty_value(metadata):
    done, saved = metadata("create", **FIELDS, share=1, notify_email="")
    assert (done.returncode, saved) == (1, None)
    assert done.stderr.endswith("ValueError: list.remove(x): x not in list\n")
    metadata("create", **FIELDS, share=1, notify_email="me@example.com")
    done, saved = metadata("update", json="{'notify_email': ''}")
    assert (done.returncode, saved["notify_email"]) == (0, ""), done.stdout


@pytest.fixture(scope="module")
def lab(chromium):
    with jupyterlab() as server:
        server.post("elyra/metadata/runtimes", CONFIGURATION)
        code = "import os\n\nprint(os.environ['GREETING'])\n"
        (server.root / "greet.py").write_text(code, encoding="utf-8")
        content = json.dumps(pipeline_file(without_image("a")))
        (server.root / "bare.pipeline").write_text(content, encoding="utf-8")
        yield server


@pytest.fixture
def page(chromium, lab):
    page = open_lab(chromium, lab)
    yield page
    page.close()


def test_row_42_run_as_pipeline_drops_the_variables_and_makes_a_script_a_notebook(page, lab):
    """The front end sends a variable as text and the server expects a dictionary, so it drops it."""
    page.locator(".jp-DirListing-item[title*='greet.py']").dblclick()
    page.get_by_role("button", name="Run as Pipeline").click()
    dialog = page.locator(".jp-Dialog", has_text="Run file as pipeline")
    dialog.locator("#runtime_config").select_option("my_demo")
    dialog.locator("input[name='GREETING']").fill("hello")
    with page.expect_request("**/elyra/pipeline/schedule*") as request:
        dialog.get_by_role("button", name="Ok").click()
    page.get_by_text("Job submission to Demo Runtime succeeded").wait_for()
    sent = request.value.post_data_json["pipelines"][0]["nodes"][0]
    assert sent["op"] == "execute-notebook-node"
    assert sent["app_data"]["component_parameters"]["env_vars"] == [
        "runtime_platform=DEMO_RUNTIME",
        "GREETING=hello",
    ]
    arrived = next(line for line in lab.log() if line.startswith("demoruntime 'greet':'greet'"))
    assert "kind='notebook', file='greet.py'" in arrived
    assert "environment_variables=[]" in arrived


def test_row_44_the_editor_refuses_a_node_without_an_image_before_it_asks_where_to_run(page):
    """It names the property by its title, and even a local run gets no further."""
    open_pipeline(page, "bare.pipeline")
    page.get_by_role("button", name="Run Pipeline").click()
    page.get_by_text("Failed run: The property 'Runtime Image' on node 'a' is required.").wait_for()
    assert page.locator(".jp-Dialog").count() == 0
