"""A runtime configuration made up from its schema, to see whether one can be saved and loaded."""

from jsonschema import Draft7Validator, FormatChecker

from elyra_runtime_doctor import form
from elyra_runtime_doctor.rows import Skip

CANDIDATES = {
    "string": [
        "https://doctor.example.com/api",
        "doctor",
        "doctor-1",
        "a1",
        "doctor@example.com",
        "/doctor",
        "1",
        "x" * 40,
    ],
    "integer": [1, 0, 10, 100, 1024, 10000],
    "number": [1, 0, 0.5, 10, 100, 10000],
    "boolean": [False, True],
    "array": [[], ["doctor"], [1]],
    "object": [{}, {"doctor": "doctor"}],
    "null": [None],
}


def sample(schema, fields=None):
    """Return the fields that ``schema``, a dict, requires, and those that the form fills in: a dict.

    ``fields`` are values that are known to be right; they come first. Raises ``Skip`` for a required field
    whose pattern no made-up value matches.
    """
    required = form.required(schema)
    values = {}
    for name, field in form.fields(schema).items():
        if fields and name in fields:
            values[name] = fields[name]
        elif "default" in field:
            values[name] = field["default"]
        elif name in required:
            values[name] = _made_up(name, field)
    return {**values, **(fields or {})}


def _made_up(name, field):
    validator = Draft7Validator(field, format_checker=FormatChecker())
    types = field.get("type", "string")
    hints = [hint for hint in [form.part(field, "uihints").get("ui:placeholder")] if hint]
    known = [field["const"]] if "const" in field else field.get("enum", [])
    guesses = [guess for type in ([types] if isinstance(types, str) else types) for guess in CANDIDATES.get(type, [])]
    try:
        return next(
            value for value in [*known, *hints, *field.get("examples", []), *guesses] if validator.is_valid(value)
        )
    except StopIteration:
        why = "give it a 'ui:placeholder' that is valid"
    except Exception as error:  # jsonschema raises what it stumbles on, where the field is no schema
        why = f"it cannot be validated ({type(error).__name__}: {error})"
    raise Skip(f"no value can be made up for the required field '{name}': {why}")
