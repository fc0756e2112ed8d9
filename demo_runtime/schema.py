"""The schema, from which JupyterLab draws the form."""

import json
from pathlib import Path

from elyra.metadata.metadata import Metadata
from elyra.metadata.schema import SchemasProvider
from jsonschema import ValidationError

# Elyra looks the type of every schema up in its enumeration.
from demo_runtime import runtime_type  # noqa: F401

SCHEMA = json.loads(Path(__file__).with_name("demoruntime.json").read_bytes())
FIELDS = SCHEMA["properties"]["metadata"]["properties"]
MASK = "@elyra/metadata-extension:plugin.password"


class DemoRuntimeSchemasProvider(SchemasProvider):
    """Serves the schema (Elyra 4.1, ``SchemasProvider``)."""

    def get_schemas(self):
        """Return a list with the one schema."""
        return [SCHEMA]

    def get_validator(self, schema):
        """Return what Elyra checks each configuration with."""
        return ConfigurationValidator(super().get_validator(schema))


class ConfigurationValidator:
    """Says what to enter. Elyra's quotes what is there: a password, too."""

    def __init__(self, elyras):
        self.elyras = elyras

    def validate(self, instance):
        """Raise a ``ValidationError`` that names each refused field."""
        errors = self.elyras.iter_errors(instance)
        if refusals := {text for error in errors for text in _texts(error)}:
            raise ValidationError("; ".join(sorted(refusals)))


def _texts(error):
    names = [part for part in error.path if isinstance(part, str)][-1:]
    wrong = "not valid"
    if error.validator == "required":
        wrong, names = "missing", {*error.validator_value} - {*error.instance}
    if error.validator == "additionalProperties":
        wrong, names = "unknown", {*error.instance} - {*FIELDS}
    for name in names:
        one_of = {"title": "one of", "description": ", ".join(FIELDS)}
        field = {**SCHEMA["properties"], **FIELDS}.get(name, one_of)
        enter = f"{field.get('title', name)} ({field['description']})"
        yield f"field '{name}' is {wrong}. Enter: {enter}"


class DemoRuntimeMetadata(Metadata):
    """A runtime configuration (Elyra 4.1, ``Metadata``)."""

    def on_load(self, **kwargs):
        """Add the type, which files written by hand lack."""
        if isinstance(self.metadata, dict):
            self.metadata.pop("display_name", None)  # the form repeats it
            self.metadata.setdefault("runtime_type", "DEMO_RUNTIME")

    def pre_save(self, **kwargs):
        """Do the same before the form is saved."""
        self.on_load()

    def visible(self):
        """Return what a log or an export may show, a dict."""
        shown = {"name": self.name, "display_name": self.display_name}
        for name in [name for name in FIELDS if name in self.metadata]:
            masked = FIELDS[name].get("uihints", {}).get("ui:field") == MASK
            shown[name] = "(hidden)" if masked else self.metadata[name]
        return shown
