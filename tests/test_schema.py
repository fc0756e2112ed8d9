"""Step 1: the schema, and the runtime configurations that users make with it."""

import json
import logging
from importlib.resources import files

import pytest
from elyra.metadata.manager import MetadataManager
from elyra.metadata.metadata import Metadata
from elyra.metadata.schema import SchemaManager
from elyra.pipeline.processor import PipelineProcessorManager
from elyra.pipeline.runtime_type import RuntimeProcessorType
from host import FIELDS, elyra_pipeline, run
from jsonschema import ValidationError
from pipelines import node, operation, parsed, pipeline_file, submission

SECRET = "s3cr3t-value"
EVERY_FIELD = {
    **FIELDS,
    "description": "What the tests use",
    "tags": ["one", "two words"],
    "api_username": "somebody",
    "api_password": SECRET,
    "cos_username": "access key",
    "cos_password": SECRET + "-too",
}
SCHEMA_NAME = "demoruntime"


@pytest.fixture
def schema(jupyter):
    """The schema as Elyra has loaded it."""
    return SchemaManager.instance().get_schema("runtimes", SCHEMA_NAME)


@pytest.fixture
def manager(jupyter):
    """Elyra's manager of runtime configurations."""
    return MetadataManager(schemaspace="runtimes")


@pytest.fixture
def by_hand(jupyter):
    """Write a runtime configuration as a user does with a text editor. Returns its name."""

    def write(metadata, name="by_hand", **other):
        content = {"display_name": "By hand", "schema_name": SCHEMA_NAME, "metadata": metadata, **other}
        (jupyter / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
        return name

    return write


def form(display_name, fields):
    """Return what the form of Elyra 4.1 sends: the display name twice, and no hidden field (``MetadataEditor``)."""
    return {
        "schema_name": SCHEMA_NAME,
        "display_name": display_name,
        "metadata": {"display_name": display_name, **fields},
    }


def options(fields):
    """Return ``fields`` as the command line takes them."""
    return [f"--{name}={','.join(value) if isinstance(value, list) else value}" for name, value in fields.items()]


# The schema


def test_elyra_loads_the_schema_without_a_complaint(jupyter, caplog):
    with caplog.at_level(logging.WARNING):
        names = SchemaManager.instance().get_schemaspace_schemas("runtimes")
    assert SCHEMA_NAME in names
    assert "demo" not in caplog.text


def test_elyra_serves_the_shipped_file(schema):
    assert schema == json.loads(files("demo_runtime").joinpath("demoruntime.json").read_text(encoding="utf-8"))


def test_the_names_and_the_type_that_must_agree_do(schema, processor):
    assert schema["name"] == processor.name == schema["properties"]["schema_name"]["const"] == SCHEMA_NAME
    assert schema["runtime_type"] == processor.type.name
    assert schema["properties"]["metadata"]["properties"]["runtime_type"]["const"] == processor.type.name


def test_the_form_has_a_heading_for_each_group(schema):
    fields = schema["properties"]["metadata"]["properties"]
    headings = {name: field.get("uihints", {}).get("category") for name, field in fields.items()}
    assert {name: heading for name, heading in headings.items() if name.startswith("api_")} == dict.fromkeys(
        ["api_endpoint", "api_username", "api_password"], "Demo Runtime"
    )
    assert {name: heading for name, heading in headings.items() if name.startswith("cos_")} == dict.fromkeys(
        ["cos_endpoint", "cos_bucket", "cos_username", "cos_password"], "Cloud Object Storage"
    )
    # The others stand above the first heading, beside the display name.
    assert [name for name, heading in headings.items() if heading is None] == ["runtime_type", "description", "tags"]


def test_the_form_explains_every_field(schema):
    for name, field in schema["properties"]["metadata"]["properties"].items():
        assert field["title"], name
        assert field["description"], name


def test_the_form_masks_the_passwords_as_elyra_does_and_nothing_else(schema):
    fields = schema["properties"]["metadata"]["properties"]
    kfp = SchemaManager.instance().get_schema("runtimes", "kfp")["properties"]["metadata"]["properties"]
    mask = kfp["cos_password"]["uihints"]["ui:field"]
    masked = [name for name, field in fields.items() if field.get("uihints", {}).get("ui:field") == mask]
    assert masked == ["api_password", "cos_password"]


def test_the_runtimes_panel_finds_the_endpoints_it_cannot_do_without(schema):
    # While one is missing from one configuration, the panel shows no configuration of any runtime.
    assert {"api_endpoint", "cos_endpoint"} <= set(schema["properties"]["metadata"]["required"])


def test_a_hidden_field_has_a_default_because_the_form_drops_its_value(schema):
    fields = schema["properties"]["metadata"]["properties"]
    hidden = {name: field for name, field in fields.items() if field.get("uihints", {}).get("hidden")}
    assert list(hidden) == ["runtime_type"]
    assert hidden["runtime_type"]["default"] == hidden["runtime_type"]["const"]


# Configurations, each way that there is to make one


def test_the_form_creates_a_configuration_that_is_complete_listed_and_usable(server):
    created = server.post("elyra/metadata/runtimes", form("From the form", EVERY_FIELD))
    assert (created.status_code, created.json()["name"]) == (201, "from_the_form")
    listed = {one["name"]: one["metadata"] for one in server.get("elyra/metadata/runtimes").json()["runtimes"]}
    assert listed["from_the_form"] == {**EVERY_FIELD, "runtime_type": "DEMO_RUNTIME"}
    submitted = server.post("elyra/pipeline/schedule", submission(node("a"), configuration="from_the_form"))
    assert submitted.json()["platform"] == "DEMO_RUNTIME"


def test_the_form_updates_a_configuration_and_loses_no_field(server):
    server.post("elyra/metadata/runtimes", form("Edited", EVERY_FIELD)).raise_for_status()
    changed = {**EVERY_FIELD, "cos_bucket": "another-bucket"}
    answer = server.request("PUT", "elyra/metadata/runtimes/edited", form("Edited twice", changed))
    assert answer.ok, answer.text
    saved = server.get("elyra/metadata/runtimes/edited").json()
    assert saved["display_name"] == "Edited twice"
    assert saved["metadata"] == {**changed, "runtime_type": "DEMO_RUNTIME"}


def test_the_command_line_creates_a_configuration_that_is_complete_listed_and_usable(manager, write):
    created = run(
        "elyra-metadata", "create", "runtimes", "--schema_name", SCHEMA_NAME, "--display_name=Made by command",
        *options(EVERY_FIELD),
    )  # fmt: skip
    assert created.returncode == 0, created.stdout
    assert [(one.name, one.metadata) for one in manager.get_all()] == [
        ("made_by_command", {**EVERY_FIELD, "runtime_type": "DEMO_RUNTIME"})
    ]
    pipeline = write(pipeline_file(node("a")))
    assert "Job submission succeeded" in elyra_pipeline("submit", pipeline, "--runtime-config=made_by_command").output


def test_the_command_line_updates_a_configuration_and_loses_no_field(jupyter, manager):
    manager.create("edited", Metadata(schema_name=SCHEMA_NAME, display_name="Edited", metadata=dict(EVERY_FIELD)))
    updated = run(
        "elyra-metadata", "update", "runtimes", "--schema_name", SCHEMA_NAME, "--name=edited",
        "--cos_bucket=another-bucket",
    )  # fmt: skip
    assert updated.returncode == 0, updated.stdout
    saved = json.loads((jupyter / "edited.json").read_text())
    assert saved["metadata"] == {**EVERY_FIELD, "cos_bucket": "another-bucket", "runtime_type": "DEMO_RUNTIME"}


@pytest.mark.parametrize("more", [{}, {"runtime_type": "DEMO_RUNTIME"}, {"display_name": "as Elyra's form has it"}])
def test_a_configuration_written_by_hand_is_complete_listed_and_usable(by_hand, manager, processor, more):
    name = by_hand({**EVERY_FIELD, **more})
    complete = {**EVERY_FIELD, "runtime_type": "DEMO_RUNTIME"}
    assert manager.get(name).metadata == complete
    assert [one.metadata for one in manager.get_all()] == [complete]
    assert processor.process(parsed(operation("a"), configuration=name))


def test_elyra_takes_a_pipeline_for_a_configuration_that_lacks_its_runtime_type(by_hand, root, write):
    # Elyra validates, before the processor is asked, by the runtime type of the configuration.
    result = elyra_pipeline("submit", write(pipeline_file(node("a"))), "--runtime-config", by_hand(dict(FIELDS)))
    assert "Job submission succeeded" in result.output


def test_loading_a_configuration_leaves_its_file_alone_and_saving_it_writes_the_runtime_type(by_hand, manager, jupyter):
    file = jupyter / f"{by_hand(dict(FIELDS))}.json"
    before = file.read_bytes()
    loaded = manager.get("by_hand")
    assert file.read_bytes() == before
    manager.update("by_hand", loaded)
    assert json.loads(file.read_text())["metadata"] == {**FIELDS, "runtime_type": "DEMO_RUNTIME"}


def test_one_broken_configuration_hides_no_other(by_hand, manager):
    by_hand(dict(FIELDS), name="good")
    by_hand({}, name="bad")
    assert [one.name for one in manager.get_all()] == ["good"]
    assert {one.name: one.reason for one in manager.get_all(include_invalid=True)} == {
        "good": None,
        "bad": "ValidationError",
    }


def test_the_file_of_a_configuration_is_its_owners_alone(configuration, jupyter):
    # It holds the passwords as plain text.
    assert (jupyter / f"{configuration}.json").stat().st_mode & 0o777 == 0o600


# Configurations that are refused

REFUSED = {
    "api_endpoint": ["", "demo.example.com", "ftp://demo.example.com", "https://", "https://a host/", "https://a/%zz"],
    "cos_endpoint": ["storage", f"https://somebody:{SECRET}@storage.example.com"],
    "cos_bucket": ["", "ab", "Upper-Case", "under_score", "-bucket", "bucket-", "a" * 64],
    "api_username": [7],
    "api_password": [7.25, {"value": SECRET}],
    "cos_password": [[SECRET]],
    "tags": ["not a list", ["twice", "twice"], [""]],
    "description": [None],
    "runtime_type": ["KUBEFLOW_PIPELINES", ""],
}


@pytest.mark.parametrize(
    "field, value",
    [(field, value) for field, values in REFUSED.items() for value in values],
    ids=lambda value: repr(value)[:30],
)
def test_a_malformed_field_is_refused_by_name_with_what_to_enter(by_hand, manager, schema, caplog, field, value):
    with pytest.raises(ValidationError) as refusal:
        manager.get(by_hand({**EVERY_FIELD, field: value}))
    described = schema["properties"]["metadata"]["properties"][field]
    message = str(refusal.value)
    assert f"field '{field}' is not valid. Enter: {described['title']} ({described['description']})" in message
    assert "\n" not in message
    # The value may be a password, in its own field or in another.
    assert SECRET not in message + caplog.text
    assert value in ("", None) or repr(value) not in message


@pytest.mark.parametrize("field", FIELDS)
def test_a_missing_field_is_refused_by_name_with_what_to_enter(by_hand, manager, schema, field):
    fields = {name: value for name, value in EVERY_FIELD.items() if name != field}
    title = schema["properties"]["metadata"]["properties"][field]["title"]
    with pytest.raises(ValidationError, match=f"field '{field}' is missing. Enter: {title} "):
        manager.get(by_hand(fields))


def test_a_misspelt_field_is_refused_by_name_with_the_names_there_are(by_hand, manager):
    with pytest.raises(ValidationError) as refusal:
        manager.get(by_hand({**FIELDS, "api_pasword": SECRET}))
    assert "field 'api_pasword' is unknown. Enter: one of (" in str(refusal.value)
    assert "api_username, api_password, cos_endpoint" in str(refusal.value)
    assert SECRET not in str(refusal.value)


def test_every_refused_field_is_named_at_once(by_hand, manager):
    with pytest.raises(ValidationError) as refusal:
        manager.get(by_hand({"api_endpoint": "nowhere", "cos_bucket": "B"}))
    for field in FIELDS:
        assert f"field '{field}'" in str(refusal.value)


@pytest.mark.parametrize("metadata", [None, [], "text", 1])
def test_a_configuration_without_fields_is_refused(by_hand, manager, metadata):
    with pytest.raises(ValidationError, match="field 'metadata' is not valid"):
        manager.get(by_hand(metadata))


@pytest.mark.parametrize("display_name", [None, "", 3])
def test_a_configuration_without_a_display_name_is_refused(by_hand, manager, display_name):
    with pytest.raises(ValidationError, match=r"field 'display_name' is not valid. Enter: Display Name \("):
        manager.get(by_hand(dict(FIELDS), display_name=display_name))


def test_the_form_says_why_a_configuration_is_refused_and_saves_nothing(server):
    bad = {**EVERY_FIELD, "api_endpoint": f"https://somebody:{SECRET}@demo.example.com"}
    answer = server.post("elyra/metadata/runtimes", form("Refused", bad))
    assert answer.status_code == 400
    assert "field 'api_endpoint' is not valid. Enter: API Endpoint (" in answer.json()["message"]
    assert SECRET not in answer.text
    assert server.get("elyra/metadata/runtimes/refused").status_code == 404
    assert SECRET not in server.log


def test_the_command_line_says_why_a_configuration_is_refused_and_saves_nothing(jupyter):
    bad = {**EVERY_FIELD, "cos_endpoint": f"https://somebody:{SECRET}@storage.example.com"}
    refused = run(
        "elyra-metadata", "create", "runtimes", "--schema_name", SCHEMA_NAME, "--display_name=Refused", *options(bad)
    )
    assert refused.returncode != 0
    assert "field 'cos_endpoint' is not valid. Enter: Cloud Object Storage Endpoint (" in refused.stdout
    assert SECRET not in refused.stdout + refused.stderr
    assert list(jupyter.iterdir()) == []


def test_the_command_line_asks_for_a_missing_field(jupyter):
    # Elyra's own message: it reads the required fields from the schema.
    refused = run(
        "elyra-metadata", "create", "runtimes", "--schema_name", SCHEMA_NAME, "--display_name=x", "--cos_bucket=abc"
    )
    assert refused.returncode != 0
    assert "'--api_endpoint' is a required parameter." in refused.stdout


def test_other_runtimes_keep_elyras_validation(jupyter, manager):
    with pytest.raises(ValidationError, match="'api_endpoint' is a required property"):
        manager.create("other", Metadata(schema_name="kfp", display_name="Other", metadata={}))


def test_the_type_of_the_schema_is_known_to_whoever_reads_only_the_schemas(schema):
    assert RuntimeProcessorType.get_instance_by_name(schema["runtime_type"])
    assert PipelineProcessorManager.instance().is_supported_runtime_type(schema["runtime_type"])
