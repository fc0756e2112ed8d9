"""The fields of a runtime configuration, as their author writes them: read, and checked before Elyra sees them."""

import json
import re
from difflib import get_close_matches
from pathlib import Path

from jsonschema import Draft7Validator, FormatChecker, SchemaError

RESERVED = ("runtime_type", "display_name", "schema_name", "tags", "description")
"""The fields that each runtime configuration has. The kit and Elyra bring them."""

ADDRESSES = ("api_endpoint", "cos_endpoint")
"""The fields that the Runtimes panel reads of every runtime configuration (Elyra 4.1)."""

WORDS = {"title", "description", "default", "type", "enum", "const", "format", "pattern", "minLength", "maxLength"}
WORDS |= {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "items", "uniqueItems"}
WORDS |= {"minItems", "maxItems", "examples", "uihints", "secret", "required"}
"""What a field may say: what the form or the validator of Elyra makes something of, and the two words of the kit."""

BOUNDS = (("minLength", "maxLength"), ("minimum", "maximum"), ("minItems", "maxItems"))

LIKE_A_SECRET = re.compile("password|passwd|passphrase|secret|token|credential|api_?key|private_?key", re.IGNORECASE)


def read(fields):
    """Return the fields: ``fields`` itself, or what the JSON file at this ``Path`` holds.

    Raises ``ValueError`` with the line, if it holds no JSON, or one key twice.
    """
    if isinstance(fields, Path):
        try:
            fields = json.loads(fields.read_text(encoding="utf-8"), object_pairs_hook=_once)
        except OSError as error:
            raise ValueError(f"the file cannot be read: {error.strerror}") from error
    if not isinstance(fields, dict):
        raise ValueError(f"{fields!r} is no dict of fields by name")
    return fields


def _once(pairs):
    keys = [key for key, _ in pairs]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise ValueError(f"{', '.join(map(repr, twice))} is there twice. Remove one")
    return dict(pairs)


def checked(fields):
    """Yield what is wrong with ``fields``, a dict: the place, the value and the way out."""
    for name, field in fields.items():
        if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            yield f"{name!r}: a field's name has small letters, digits and underscores, with a letter first"
        elif name in RESERVED:
            yield f"{name}: each runtime configuration has this field already. Choose another name"
        elif not isinstance(field, dict):
            yield f"{name}: {field!r} is no description of a field. Write a dict, such as {{'type': 'string'}}"
        else:
            yield from (f"{name}{problem}" for problem in _problems(name, field))


def _problems(name, field):
    for word in sorted(set(field) - WORDS):
        close = get_close_matches(word, WORDS, 1)
        yield f".{word}: no such word" + (f". Do you mean {close[0]!r}?" if close else "")
    for word in ("secret", "required"):
        if not isinstance(field.get(word, False), bool):
            yield f".{word}: {field[word]!r} is neither true nor false"
    if "type" not in field:
        yield ": it has no type. Write, for example, 'type': 'string'"
    try:
        Draft7Validator.check_schema(without_words_of_the_kit(field))
    except SchemaError as error:
        yield f".{'.'.join(map(str, error.path))}: {error.message}"
        return
    if field.get("enum") == []:
        yield ".enum: there is nothing to choose"
    for least, most in BOUNDS:
        if least in field and most in field and field[least] > field[most]:
            yield f": {least} is {field[least]}, and {most} is {field[most]}"
    if "default" in field and not _valid(field, field["default"]):
        yield f".default: {field['default']!r} is not what the field itself allows"
    if name in ADDRESSES and field.get("type") != "string":
        yield f".type: the Runtimes panel reads it as a text, and this is {field.get('type')!r}"
    yield from _secret_problems(name, field)
    hints = field.get("uihints", {})
    if not isinstance(hints, dict):
        yield f".uihints: {hints!r} is no dict"
    elif hints.get("hidden") and "default" not in field and "const" not in field:
        yield ": it is hidden and has no default, so each edit in the form would lose it. Give it one"


def _secret_problems(name, field):
    secret = field.get("secret")
    if secret is None and LIKE_A_SECRET.search(name):
        yield ": is it a secret? Write 'secret': true, or 'secret': false if everybody may read it"
    if secret and field.get("type") != "string":
        yield f".type: a secret is a string, and this is {field.get('type')!r}"
    if secret and {"default", "const", "enum"} & set(field):
        yield ": a secret has no value of its own. Remove its default, const or enum"


def _valid(field, value):
    return Draft7Validator(without_words_of_the_kit(field), format_checker=FormatChecker()).is_valid(value)


def without_words_of_the_kit(field):
    """Return ``field`` as JSON Schema has it."""
    return {word: value for word, value in field.items() if word not in ("secret", "required")}
