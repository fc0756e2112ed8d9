"""The schema that Elyra draws the form from, and what validates a runtime configuration."""

import copy

from elyra.metadata.schemaspaces import Runtimes
from jsonschema import Draft7Validator, FormatChecker, ValidationError

from elyra_runtime_kit.fields import ADDRESSES, without_words_of_the_kit

CONFIGURATION = "elyra_runtime_kit.configuration.Configuration"
NOT_USED = "https://not-used.invalid"
PASSWORD_FIELD = "@elyra/metadata-extension:plugin.password"


def frame(name, type_id, display_name, fields):
    """Return the schema of a runtime: what Elyra demands, around its own ``fields``.

    An address that the panel needs and that is not among them is hidden, with a default.
    """
    own = {each: _field(field, display_name) for each, field in fields.items()}
    addresses = {each: _unused(each) for each in ADDRESSES if each not in own}
    properties = {**_common(type_id), **addresses, **own}
    required = [each for each, field in fields.items() if field.get("required")]
    return {
        "$schema": "https://raw.githubusercontent.com/elyra-ai/elyra/main/elyra/metadata/schemas/meta-schema.json",
        "title": display_name,
        "name": name,
        "schemaspace": Runtimes.RUNTIMES_SCHEMASPACE_NAME,
        "schemaspace_id": Runtimes.RUNTIMES_SCHEMASPACE_ID,
        "metadata_class_name": CONFIGURATION,
        "runtime_type": type_id,
        "uihints": {"title": f"{display_name} configurations", "icon": "elyra:runtimes"},
        "properties": {
            "schema_name": {
                "title": "Schema Name",
                "description": "The schema of this runtime configuration",
                "type": "string",
                "const": name,
            },
            "display_name": {
                "title": "Display Name",
                "description": "The name that the dialogs show for this configuration",
                "type": "string",
                "minLength": 1,
            },
            "metadata": {
                "description": "The values of this runtime configuration",
                "type": "object",
                "properties": properties,
                "required": list(dict.fromkeys([*ADDRESSES, *required])),
                "additionalProperties": False,
            },
        },
        "required": ["schema_name", "display_name", "metadata"],
    }


def _common(type_id):
    return {
        "runtime_type": {
            "title": "Runtime Type",
            "description": f"The runtime type of this configuration, always {type_id}",
            "type": "string",
            "const": type_id,
            # Elyra saves what is hidden only if it has a default.
            "default": type_id,
            "uihints": {"hidden": True},
        },
        "description": {
            "title": "Description",
            "description": "What this configuration is for, in your own words",
            "type": "string",
        },
        "tags": {
            "title": "Tags",
            "description": "Words that help you to find this configuration in the list",
            "type": "array",
            "uniqueItems": True,
            "items": {"type": "string", "minLength": 1},
            "uihints": {"ui:field": "@elyra/metadata-extension:plugin.tags"},
        },
    }


def _unused(name):
    return {
        "title": name,
        "description": "Not used: Elyra's panel needs an address here",
        "type": "string",
        "default": NOT_USED,
        "uihints": {"hidden": True},
    }


def _field(field, category):
    hints = {"category": category, **field.get("uihints", {})}
    if field.get("secret"):
        hints["ui:field"] = PASSWORD_FIELD
    constant = {"default": field["const"]} if "const" in field else {}
    return copy.deepcopy({**constant, **without_words_of_the_kit(field), "uihints": hints})


class Validator:
    """Validates a runtime configuration, and says what to enter instead.

    jsonschema quotes the refused value, which may be a password, and leaves the field out. This validator names the
    field and quotes no value.
    """

    def __init__(self, schema):
        self._validator = Draft7Validator(schema, format_checker=FormatChecker())
        self._fields = schema["properties"]["metadata"]["properties"]

    def validate(self, instance):
        """Check ``instance``, a configuration as a dict.

        Raises ``jsonschema.ValidationError`` with one line that names every refused field.
        """
        refusals = {_refusal(error, self._fields) for error in self._validator.iter_errors(instance)}
        if refusals:
            raise ValidationError("; ".join(sorted(refusals)))


def _refusal(error, all_fields):
    """Say which of ``all_fields`` the ``error`` means, and what belongs there."""
    fields = error.schema.get("properties", {})
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        return "; ".join(f"field '{name}' is missing. {_expectation(fields.get(name, {}))}" for name in missing)
    if error.validator == "additionalProperties":
        unknown = sorted(set(error.instance) - set(fields))
        return f"unknown field {', '.join(map(repr, unknown))}. The fields are: {', '.join(fields)}"
    names = [part for part in error.path if isinstance(part, str)]
    name = names[-1] if names else "runtime configuration"
    return f"field '{name}' is not valid. {_expectation(all_fields.get(name, error.schema))}"


def _expectation(field):
    title = field.get("title", "a value")
    return f"Enter: {title} ({field.get('description', field.get('type', 'any'))})"
