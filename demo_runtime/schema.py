"""Step 1: the schema, from which JupyterLab draws the form."""

import copy
import json
from importlib.resources import files

from elyra.metadata.schema import SchemasProvider
from jsonschema import Draft7Validator, FormatChecker, ValidationError

# Elyra looks the type of every schema up in its enumeration, so the type must
# be in it by now.
from demo_runtime import runtime_type  # noqa: F401


def load(package, name):
    """Return the schema in the file ``name`` of ``package``, a dict."""
    return json.loads(
        files(package).joinpath(name).read_text(encoding="utf-8")
    )


def fields_of(schema):
    """Return the fields that ``schema`` describes, a dict by name.

    They are the fields of a runtime configuration.
    """
    return schema["properties"]["metadata"]["properties"]


SCHEMA = load("demo_runtime", "demoruntime.json")
"""The schema as Elyra serves it: a dict. Its ``name`` is the name of the
runtime, of the processor and of its entry point: Elyra finds a runtime only
where the three agree."""

FIELDS = fields_of(SCHEMA)
"""The fields of a runtime configuration, by name."""

PASSWORD_FIELD = "@elyra/metadata-extension:plugin.password"

MASKED = frozenset(
    name
    for name, field in FIELDS.items()
    if field.get("uihints", {}).get("ui:field") == PASSWORD_FIELD
)
"""The names of the fields that the form masks. Their values appear in no log,
error or export."""


class DemoRuntimeSchemasProvider(SchemasProvider):
    """Serves the schema.

    It answers to Elyra 4.1, ``elyra.metadata.schema.SchemasProvider``.
    """

    schema = SCHEMA

    def get_schemas(self):
        """Return a list with one schema, a copy that you may change."""
        return [copy.deepcopy(self.schema)]

    def get_validator(self, schema):
        """Return the validator of ``schema``.

        Elyra applies it to each configuration that it saves or loads.
        """
        return RuntimeConfigurationValidator(schema)


class RuntimeConfigurationValidator:
    """Validates a runtime configuration, and says what to enter instead.

    jsonschema quotes the refused value, which may be a password, and leaves
    the field out. This validator names the field and quotes no value.
    """

    def __init__(self, schema):
        self._validator = Draft7Validator(
            schema, format_checker=FormatChecker()
        )
        self._fields = fields_of(schema)

    def validate(self, instance):
        """Check ``instance``, a configuration as a dict.

        Raises ``jsonschema.ValidationError`` with one line that names every
        refused field.
        """
        refusals = sorted(
            {
                _refusal(error, self._fields)
                for error in self._validator.iter_errors(instance)
            }
        )
        if refusals:
            raise ValidationError("; ".join(refusals))


def _refusal(error, all_fields):
    """Say which of ``all_fields`` the ``error`` means, and what belongs
    there.
    """
    fields = error.schema.get("properties", {})
    if error.validator == "required":
        missing = [
            name
            for name in error.validator_value
            if name not in error.instance
        ]
        return "; ".join(
            f"field '{name}' is missing. {_expectation(fields.get(name, {}))}"
            for name in missing
        )
    if error.validator == "additionalProperties":
        unknown = sorted(set(error.instance) - set(fields))
        return (
            f"unknown field {', '.join(map(repr, unknown))}. "
            f"The fields are: {', '.join(fields)}"
        )
    name = _field_name(error)
    expectation = _expectation(all_fields.get(name, error.schema))
    return f"field '{name}' is not valid. {expectation}"


def _field_name(error):
    names = [part for part in error.path if isinstance(part, str)]
    return names[-1] if names else "runtime configuration"


def _expectation(field):
    title = field.get("title", "a value")
    description = field.get("description", field.get("type", "any"))
    return f"Enter: {title} ({description})"
