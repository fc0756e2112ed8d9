"""A declaration is checked when it is made: what Elyra would refuse or pass over later is an error now."""

import json
import subprocess
import sys

import jsonschema
import pytest
from elyra.metadata.schema import SchemaManager
from elyra.pipeline.runtime_type import RuntimeProcessorType, RuntimeTypeResources

from elyra_runtime_kit import Declaration, DeclarationError, Runtime
from elyra_runtime_kit.discovery import KitSchemasProvider
from elyra_runtime_kit.server import ICON, icon

NAMES = {"name": "kittest", "type_id": "KIT_TEST", "display_name": "Kit Test"}
STRING = {"type": "string"}


def declared(**changes):
    return Declaration(**{**NAMES, **changes})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "Kit"}, "name 'Kit': Elyra takes two or more small letters"),
        ({"name": "k"}, "name 'k'"),
        ({"name": "kit-"}, "name 'kit-'"),
        ({"name": 3}, "name 3"),
        ({"type_id": "kit"}, "type_id 'kit': write it in capital letters"),
        ({"type_id": "KIT-TEST"}, "type_id 'KIT-TEST'"),
        ({"display_name": " "}, "display_name ' ': write what people are to read"),
        ({"display_name": "Local"}, "display_name 'Local': the type LOCAL is called so"),
        ({"exports": ["json"]}, r"exports \['json'\]: write a dict"),
        ({"exports": {"JSON": "JSON"}}, "exports 'JSON': write the suffix of the file in small letters"),
        ({"exports": {".json": "JSON"}}, "exports '.json'"),
        ({"exports": {"json": ""}}, "exports 'json': its title is ''"),
        ({"fields": []}, r"fields \[\] is no dict"),
        ({"fields": {"Queue": STRING}}, "fields 'Queue': a field's name has small letters"),
        (
            {"fields": {"runtime_type": STRING}},
            "fields runtime_type: each runtime configuration has this field already",
        ),
        ({"fields": {"queue": "string"}}, "fields queue: 'string' is no description of a field"),
        ({"fields": {"queue": {"type": "text"}}}, r"fields queue.type: 'text' is not valid"),
        ({"fields": {"queue": {"title": "Queue"}}}, "fields queue: it has no type"),
        ({"fields": {"queue": {**STRING, "titel": "Queue"}}}, "fields queue.titel: no such word. Do you mean 'title'?"),
        (
            {"fields": {"queue": {**STRING, "required": "yes"}}},
            "fields queue.required: 'yes' is neither true nor false",
        ),
        ({"fields": {"jobs": {"type": "integer", "default": "3"}}}, "fields jobs.default: '3' is not what the field"),
        ({"fields": {"queue": {**STRING, "pattern": "("}}}, "fields queue.pattern: '\\(' is not a 'regex'"),
        ({"fields": {"queue": {**STRING, "uihints": "hidden"}}}, "fields queue.uihints: 'hidden' is no dict"),
        (
            {"fields": {"queue": {**STRING, "uihints": {"hidden": True}}}},
            "fields queue: it is hidden and has no default",
        ),
        ({"fields": {"api_password": STRING}}, "fields api_password: is it a secret\\? Write 'secret': true"),
        ({"fields": {"cos_endpoint": {"type": "integer"}}}, "fields cos_endpoint.type: the Runtimes panel reads it"),
        ({"fields": {"pin": {"type": "integer", "secret": True}}}, "fields pin.type: a secret is a string"),
        (
            {"fields": {"pin": {**STRING, "secret": True, "default": "1"}}},
            "fields pin: a secret has no value of its own",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place_and_its_value(changes, said):
    with pytest.raises(DeclarationError, match=said):
        declared(**changes)


def test_all_mistakes_are_named_at_once():
    with pytest.raises(DeclarationError) as refusal:
        declared(name="", type_id="", fields={"queue": {}, "jobs": {"type": "integer", "default": "3"}})
    assert [word in str(refusal.value) for word in ("name ''", "type_id ''", "queue", "jobs.default")] == [True] * 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"queue": {"type": "string"},\n "queue": {"type": "string"}}', "'queue' is there twice"),
        ('{"queue": {"type": "string"}\n "jobs": 1}', "line 2 column 2"),
        ('{"queue": {"type": "strin"}}', "queue.type: 'strin' is not valid"),
        ("[]", r"\[\] is no dict of fields by name"),
    ],
)
def test_a_mistake_in_a_file_is_named_with_the_file(tmp_path, text, said):
    file = tmp_path / "fields.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DeclarationError, match=f"(?s){file}: .*{said}"):
        declared(fields=file)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DeclarationError, match=f"{tmp_path / 'lost.json'}: the file cannot be read"):
        declared(fields=tmp_path / "lost.json")


def test_a_typo_in_a_word_of_the_declaration_is_an_error():
    with pytest.raises(TypeError, match="displayname"):
        Declaration(name="kittest", type_id="KIT_TEST", displayname="Kit Test")


def test_elyra_takes_the_schema_that_comes_of_it(jupyter, tmp_path):
    file = tmp_path / "fields.json"
    fields = {"queue": {**STRING, "required": True}, "api_token": {**STRING, "secret": True}}
    file.write_text(json.dumps(fields), encoding="utf-8")
    schema = declared(fields=file).schema
    SchemaManager.instance()._validate_schema("runtimes", "kittest", schema)
    jsonschema.Draft7Validator.check_schema(schema)
    metadata = schema["properties"]["metadata"]
    assert (schema["name"], schema["runtime_type"], schema["title"]) == ("kittest", "KIT_TEST", "Kit Test")
    assert set(metadata["required"]) == {"api_endpoint", "cos_endpoint", "queue"}
    assert metadata["properties"]["api_token"]["uihints"]["ui:field"].endswith("plugin.password")
    hints = {name: field.get("uihints", {}) for name, field in metadata["properties"].items()}
    hidden = {name: metadata["properties"][name]["default"] for name, hint in hints.items() if hint.get("hidden")}
    assert hidden == {
        "runtime_type": "KIT_TEST",
        "api_endpoint": "https://not-used.invalid",
        "cos_endpoint": "https://not-used.invalid",
    }


def test_a_refused_value_is_not_quoted():
    schema = declared(fields={"api_token": {**STRING, "secret": True, "minLength": 9, "title": "Token"}}).schema
    instance = {"schema_name": "kittest", "display_name": "x", "metadata": {"api_token": "hunter2", "quue": "x"}}
    with pytest.raises(jsonschema.ValidationError) as refusal:
        KitSchemasProvider().get_validator(schema).validate(instance)
    assert "field 'api_token' is not valid. Enter: Token" in refusal.value.message
    assert "unknown field 'quue'" in refusal.value.message
    assert "hunter2" not in str(refusal.value)


# The class


def made(name="Made", declaration=None, **body):
    body = {"declaration": declaration or declared(), "run": lambda self, job: None, "__module__": "somewhere", **body}
    return type(name, (Runtime,), {**body, "__qualname__": name})


async def asynchronous(self, job):
    """A run that nobody waits for."""


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"process": lambda self, pipeline: None}, "it replaces process, which is the kit's. Write run"),
        ({"__init__": lambda self: None}, "it replaces __init__"),
        ({"_name": "other"}, "it replaces _name"),
        ({"run": asynchronous}, "run is async, and Elyra does not wait for it"),
        ({"run": None}, r"it has no method run\(self, job\)"),
        ({"run": lambda self: None}, r"it has no method run\(self, job\)"),
        ({"supported_properties": set()}, "it replaces supported_properties"),
        ({"render": lambda self, job, format: ""}, "it has a method render, and declares no exports"),
        ({"declaration": {"name": "kittest"}}, "declaration is {'name': 'kittest'}, and no Declaration"),
    ],
)
def test_a_class_that_elyra_would_get_wrong_is_refused(body, said):
    with pytest.raises(DeclarationError, match=f"The runtime somewhere:Made: .*{said}"):
        made(**body)


def test_exports_need_a_method_that_renders():
    with pytest.raises(DeclarationError, match="it has no method render"):
        made(declaration=declared(exports={"json": "JSON"}))


def test_a_name_or_a_type_that_is_taken_is_refused():
    made()
    with pytest.raises(DeclarationError, match="somewhere:Other has the name 'kittest', and so has somewhere:Made"):
        made("Other", declared(type_id="KIT_OTHER", display_name="Kit Other"))
    with pytest.raises(DeclarationError, match="somewhere:Other has the type 'KIT_TEST', and so has somewhere:Made"):
        made("Other", declared(name="kitother"))
    with pytest.raises(DeclarationError, match="the type 'LOCAL', which is not of the kit"):
        made("Other", declared(name="kitother", type_id="LOCAL", display_name="Kit Other"))


def test_a_reload_changes_what_elyra_knows():
    made()
    again = made(declaration=declared(exports={"json": "JSON"}), render=lambda self, job, format: "")
    assert again._type is RuntimeProcessorType.KIT_TEST
    resources = RuntimeTypeResources.get_instance_by_type(RuntimeProcessorType.KIT_TEST)
    assert resources.get_export_extensions() == ["json"]
    assert RuntimeTypeResources.get_instance_by_type(RuntimeProcessorType.LOCAL).id == "LOCAL"


def test_a_plugin_that_answers_for_all_types_alone_hides_none_of_the_kit():
    made()
    before = RuntimeTypeResources.__dict__["get_instance_by_type"]
    try:
        RuntimeTypeResources.get_instance_by_type = classmethod(lambda cls, type, runtime_enabled=True: 1 / 0)
        made()
        assert RuntimeTypeResources.get_instance_by_type(RuntimeProcessorType.KIT_TEST).id == "KIT_TEST"
    finally:
        RuntimeTypeResources.get_instance_by_type = before


# The icon

SVG = '<svg xmlns="http://www.w3.org/2000/svg">{}</svg>'


@pytest.mark.parametrize("content", ["width 100%", "<svg/>", "<html/>", SVG.format("<g>"), "\udc80"])
def test_a_broken_icon_becomes_one_that_works(tmp_path, content):
    file = tmp_path / "icon.svg"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    shown, said = icon(file)
    assert shown == ICON.read_text(encoding="utf-8")
    assert said.startswith(f"{file} cannot be used: ") and said.endswith("The kit's own takes its place.")


def test_a_missing_icon_becomes_one_that_works(tmp_path):
    shown, said = icon(tmp_path / "lost.svg")
    assert shown == ICON.read_text(encoding="utf-8")
    assert str(tmp_path / "lost.svg") in said
    assert icon(None) == (shown, "")


def test_a_percent_sign_in_an_icon_is_one_that_the_launcher_can_show(tmp_path):
    file = tmp_path / "icon.svg"
    file.write_text(SVG.format('<rect width="100%"/>'), encoding="utf-8")
    shown, said = icon(file)
    assert shown == SVG.format('<rect width="100&#37;"/>')
    assert said == f"{file} holds a percent sign, which is served as &#37;."


def test_without_elyra_importing_the_kit_says_what_is_missing():
    code = "import sys; sys.modules['elyra'] = None; sys.path.insert(0, 'kit'); import elyra_runtime_kit"
    blocked = "import importlib.util as u; f = u.find_spec; u.find_spec = lambda n: None if n == 'elyra' else f(n); "
    failed = subprocess.run([sys.executable, "-c", blocked + code], capture_output=True, text=True)
    assert failed.stderr.splitlines()[-1] == (
        "ImportError: elyra_runtime_kit extends Elyra, and Elyra is not installed in this environment. "
        "Install it: pip install 'elyra-runtime-kit[elyra]'"
    )
