"""A runtime whose form has a field of each type: what a user enters arrives in the log and in the export."""

import json
from pathlib import Path

import pytest
from broken import Installation
from host import FIELDS
from pipelines import node, pipeline_file, submission

FORM = "trial_runtime/trialruntime.json"
MASKED = {"ui:field": "@elyra/metadata-extension:plugin.password"}
OF_EACH_TYPE = {
    "queue": {"type": "string"},
    "max_jobs": {"type": "integer", "default": 4},
    "share": {"type": "number"},
    "eager": {"type": "boolean"},
    "hosts": {"type": "array", "items": {"type": "string"}},
    "ports": {"type": "array", "items": {"type": "integer"}},
    "size": {"type": "string", "enum": ["", "small", "large"]},
    "level": {"type": "integer", "enum": [0, 1, 2]},
    "limits": {"type": "object"},
    "nothing": {"type": "null"},
    "hours": {"type": ["integer", "null"]},
    "pin": {"type": "integer", "uihints": MASKED},
}
ENTERED = {
    "entered": {
        "queue": "night",
        "max_jobs": 7,
        "share": 0.5,
        "eager": True,
        "hosts": ["a", "b"],
        "ports": [80, 443],
        "size": "small",
        "level": 2,
        "limits": {"cpu": 2, "zones": ["x"]},
        "nothing": None,
        "hours": 12,
        "pin": 6174,
    },
    "empty": {
        "queue": "",
        "max_jobs": 0,
        "share": 0,
        "eager": False,
        "hosts": [],
        "ports": [0],
        "size": "",
        "level": 0,
        "limits": {},
        "nothing": None,
        "hours": None,
        "pin": 0,
    },
    "absent": {},
}


def an_installation(directory, required=()):
    """Return the installation of a copied runtime with the fields above."""
    installation = Installation(directory)
    schema = json.loads((installation.site / FORM).read_text(encoding="utf-8"))
    fields = schema["properties"]["metadata"]
    fields["properties"] |= OF_EACH_TYPE
    fields["required"] += required
    (installation.site / FORM).write_text(json.dumps(schema), encoding="utf-8")
    return installation


@pytest.fixture(scope="module")
def server(nobodys_jupyter, tmp_path_factory):
    """A Jupyter server with that runtime."""
    installation = an_installation(tmp_path_factory.mktemp("fields"))
    with installation.server() as server:
        server.installation = installation
        yield server


def facts(fields):
    """Return the fields as a log or an export may show them."""
    visible = {"max_jobs": 4, **fields}
    return visible | {name: "(hidden)" for name in visible if name == "pin"}


@pytest.fixture(params=ENTERED)
def saved(request, server):
    """The name of a configuration, which says what was entered, saved by the form."""
    fields = {**FIELDS, **ENTERED[request.param]}
    body = {"schema_name": "trialruntime", "display_name": request.param, "name": request.param, "metadata": fields}
    answer = server.post("elyra/metadata/runtimes", body)
    assert answer.status_code == 201, answer.text
    yield request.param
    server.delete(f"elyra/metadata/runtimes/{request.param}")


def sent(configuration):
    pipeline = submission(node("a"), configuration=configuration)
    pipeline["pipelines"][0]["app_data"] |= {"runtime": "trialruntime", "runtime_type": "TRIAL_RUNTIME"}
    return pipeline


def test_each_field_is_in_the_log(server, saved):
    before = server.log
    answer = server.post("elyra/pipeline/schedule", sent(saved))
    assert answer.status_code == 200, answer.text
    [line] = [line for line in server.log[len(before) :].splitlines() if "runtime configuration: " in line]
    for name in OF_EACH_TYPE:
        shown = facts(ENTERED[saved])
        assert (f", {name}={shown[name]!r}" in line) if name in shown else (f" {name}=" not in line), line


def test_each_field_is_in_the_export(server, saved):
    answer = server.export(sent(saved), f"{saved}.json")
    assert answer.status_code == 201, answer.text
    exported = json.loads((server.root / f"{saved}.json").read_text(encoding="utf-8"))["runtime_configuration"]
    assert {name: exported[name] for name in OF_EACH_TYPE if name in exported} == facts(ENTERED[saved])


def test_the_command_line_submits_each_field(server, saved):
    path = Path(server.root, f"{saved}.pipeline")
    path.write_text(json.dumps(pipeline_file(node("a"))), encoding="utf-8")
    done = server.installation.run("elyra-pipeline", "submit", path.name, "--runtime-config", saved)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "runtime configuration: " in done.stderr
    assert "6174" not in done.stdout + done.stderr


def test_the_contract_fills_in_each_field(nobodys_jupyter, tmp_path):
    installation = an_installation(tmp_path, required=OF_EACH_TYPE)
    done = installation.contract("configuration or submission or export")
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout
