"""What is wrong with a schema, a dict, by itself: before Elyra, a browser or a user meets it.

Each function yields texts that name the place, the value and the way out. A schema may be any rubbish that JSON can
hold: what one function cannot judge is named by another one, and none raises an error.
"""

import json
import re
from difflib import get_close_matches

from elyra_runtime_doctor.patterns import refused_by_python, refused_by_the_browser

FIELDS = "properties.metadata.properties"
TOP = {"$schema", "$id", "title", "name", "display_name", "schemaspace", "schemaspace_id", "description"}
TOP |= {"metadata_class_name", "runtime_type", "deprecated", "uihints", "type", "properties", "required"}
KEYWORDS = set("$id $schema $ref $comment title description default readOnly writeOnly examples multipleOf".split())
KEYWORDS |= set("maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern".split())
KEYWORDS |= set("additionalItems items maxItems minItems uniqueItems contains maxProperties minProperties".split())
KEYWORDS |= set("required additionalProperties definitions properties patternProperties dependencies".split())
KEYWORDS |= set("propertyNames const enum type format contentMediaType contentEncoding if then else".split())
KEYWORDS |= set("allOf anyOf oneOf not uihints".split())
HINTS = {"hidden", "category", "title", "icon", "reference_url", "ui:field", "ui:placeholder", "ui:widget"}
HINTS |= {"ui:options", "ui:help", "ui:order", "ui:disabled", "ui:readonly", "ui:autofocus", "ui:title"}
RULES = set("type enum const pattern format default minLength maxLength minimum maximum uniqueItems items".split())
FORMATS = set("date time date-time duration uri uri-reference uri-template iri iri-reference url email".split())
FORMATS |= set("idn-email hostname idn-hostname ipv4 ipv6 regex uuid json-pointer relative-json-pointer".split())
FORMATS |= set("password byte int32 int64 float double binary color data-url alt-date".split())
OF_ELYRA_3 = {"field_type": "ui:field", "secure": "ui:field", "placeholder": "ui:placeholder"}
WIDGET = "@elyra/metadata-extension:plugin."
WIDGETS = {WIDGET + name for name in ("password", "tags", "code")}
TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
BOUNDS = (("minLength", "maxLength"), ("minimum", "maximum"), ("minItems", "maxItems"))


def part(value, *keys):
    """Return what lies at ``keys`` below ``value``, if it is a dict, else an empty one."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def fields(schema):
    """Return the fields of a runtime configuration, dicts by name."""
    return {name: field for name, field in part(schema, *FIELDS.split(".")).items() if isinstance(field, dict)}


class OfSchema:
    """What a runtime with a ``schema`` asks of its runtime configurations."""

    @property
    def container(self):
        """The part of the schema that is about the fields: ``properties.metadata``."""
        return part(self.schema, "properties", "metadata")

    @property
    def fields(self):
        """The fields of its runtime configurations, by name. What is no dict is no field."""
        return fields(self.schema)

    @property
    def required(self):
        """The names of the fields that a runtime configuration must have."""
        return self.container.get("required")


def holds_fields_alone(document):
    """Tell whether ``document`` is no schema, but a dict of fields, as runtimes on the kit declare them."""
    described = isinstance(document, dict) and all(isinstance(each, dict) for each in document.values())
    return described and any({"title", "type"} <= set(each) for each in document.values())


def hidden(field):
    """Tell whether the form does not show ``field``."""
    return bool(part(field, "uihints").get("hidden"))


def required(schema):
    """Return the names of the fields that are required: a list of texts."""
    names = part(schema, "properties", "metadata").get("required")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def meant(word, words):
    """Return ``; do you mean '...'?`` if ``word`` is nearly one of ``words``, else nothing."""
    close = nearly(word, words)
    return f"; do you mean {close!r}?" if close else ""


def nearly(word, words):
    """Return the one of ``words`` that ``word`` nearly is, or ``None``."""
    plain = {_plain(each): each for each in words}
    if _plain(word) in plain:
        return plain[_plain(word)]
    close = get_close_matches(word, words, 1, 0.8)
    return close[0] if close else None


def _plain(word):
    return re.sub(r"[\W_]", "", word).lower()


def against_the_draft(schema):
    """Yield what is no JSON Schema, draft 7, which Elyra validates configurations with."""
    from jsonschema import Draft7Validator

    for error in sorted(
        Draft7Validator(Draft7Validator.META_SCHEMA).iter_errors(schema), key=lambda each: each.json_path
    ):
        place = ".".join(map(str, error.absolute_path)) or "the schema"
        word = error.absolute_path[-1] if error.absolute_path else ""
        # Neither Elyra nor the browser minds a name that is required twice, and nobody reads the other words.
        harmless = (word == "required" and error.validator == "uniqueItems") or word in ("$schema", "$comment")
        if error.validator != "format" and not harmless:
            yield f"{place}: {_short(error.message)}{_meant_type(error)}"
    for place, reference in _references(schema):
        yield f"{place}: {reference!r} leads nowhere"


def _meant_type(error):
    return meant(error.instance, TYPES) if error.path and error.path[-1] == "type" and _is_text(error.instance) else ""


def _references(schema):
    for place, value in _below(schema):
        reference = value.get("$ref")
        if _is_text(reference) and reference.startswith("#") and not _resolves(schema, reference):
            yield f"{place}.$ref", reference


def _resolves(schema, reference):
    for key in reference.lstrip("#").split("/")[1:]:
        key = key.replace("~1", "/").replace("~0", "~")
        if isinstance(schema, list) and key.isdigit() and int(key) < len(schema):
            schema = schema[int(key)]
        elif isinstance(schema, dict) and key in schema:
            schema = schema[key]
        else:
            return False
    return True


def _below(value, place=""):
    """Yield each dict in ``value``, with its place."""
    if isinstance(value, dict):
        yield place, value
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in pairs:
        yield from _below(each, f"{place}.{key}".lstrip("."))


def unreadable_patterns(schema):
    """Yield the regular expressions that Python or a browser cannot read."""
    for name, field in fields(schema).items():
        pattern = field.get("pattern")
        if _is_text(pattern):
            python = refused_by_python(pattern)
            browser = None if python else refused_by_the_browser(pattern)
            if python or browser:
                who = "Python" if python else "a browser"
                yield f"{FIELDS}.{name}.pattern: {who} cannot read {pattern!r}: {python or browser}"


def refused_values(schema):
    """Yield the values that the schema gives for a field, and that the field itself refuses."""
    for name, field in fields(schema).items():
        if name == "runtime_type":  # the types have a row of their own
            continue
        values = [(key, field[key]) for key in ("default", "const") if key in field]
        for key in ("enum", "examples"):
            values += [(f"{key}.{number}", each) for number, each in enumerate(_list(field.get(key)))]
        for key, value in values:
            word = key.partition(".")[0]
            besides = {"const", word} if word == "enum" else {word}
            why = _refusal({each: rule for each, rule in field.items() if each not in besides}, value)
            if why:
                yield f"{FIELDS}.{name}.{key}: {why}"


def refused_placeholders(schema):
    """Yield the placeholders that break the pattern of their field: who follows the example is refused."""
    for name, field in fields(schema).items():
        placeholder = part(field, "uihints").get("ui:placeholder")
        why = _refusal({"pattern": field.get("pattern", "")}, placeholder)
        if _is_text(placeholder) and why:
            yield f"{FIELDS}.{name}.uihints.ui:placeholder: {why}"


def _refusal(field, value):
    """Say why ``field`` refuses ``value``, or return ``None``, also where the field cannot be judged."""
    from jsonschema import Draft7Validator, FormatChecker  # it takes longer to import than all the rest here

    try:
        error = next(Draft7Validator(field, format_checker=FormatChecker()).iter_errors(value), None)
    except Exception:  # the field is no schema, which is named for itself
        return None
    return error and _short(error.message)


def unfillable_fields(schema):
    """Yield the required fields that nobody can give a value, and the fields that take none."""
    known, all_known = fields(schema), part(schema, *FIELDS.split("."))
    for name in required(schema):
        if name not in all_known:
            yield f"properties.metadata.required: there is no field {name!r}{meant(name, list(known))}"
        elif name in known and hidden(known[name]) and not {"default", "const"} & set(known[name]):
            yield f"{FIELDS}.{name}: it is required and hidden, and has no default"
    described = part(schema, "properties")
    for name in _list(part(schema).get("required")):
        if _is_text(name) and name not in described:
            yield f"required: there is no {name!r} in properties{meant(name, list(described))}"
    for name, field in known.items():
        if field.get("enum") == []:
            yield f"{FIELDS}.{name}.enum: there is nothing to choose"
        for least, most in BOUNDS:
            if _is_number(field.get(least)) and _is_number(field.get(most)) and field[least] > field[most]:
                yield f"{FIELDS}.{name}: {least} is {field[least]}, and {most} is {field[most]}"


def undrawn_fields(schema):
    """Yield the fields that Elyra's form cannot draw (rjsf 5, Elyra 4.1)."""
    for name, field in fields(schema).items():
        widget = part(field, "uihints").get("ui:field")
        if hidden(field):
            continue
        if widget is not None and widget not in WIDGETS:
            yield f"{FIELDS}.{name}.uihints.ui:field: Elyra has no {widget!r}{meant(str(widget), WIDGETS)}"
        elif not {"type", "enum", "const", "$ref", "oneOf", "anyOf", "allOf"} & set(field) and widget is None:
            yield f'{FIELDS}.{name}: it has no type. Write, for example, "type": "string"'
        elif _of(field, "array") and not isinstance(field.get("items"), (dict, list)):
            yield f'{FIELDS}.{name}: it is an array without items. Write, for example, "items": {{"type": "string"}}'
        if not isinstance(field.get("uihints", {}), dict):
            yield f'{FIELDS}.{name}.uihints: {field["uihints"]!r} is no dict. Write, for example, {{"hidden": true}}'


def repeated_keys(text):
    """Yield the keys that ``text``, which is JSON, gives twice to one object."""
    found = []

    def note(pairs):
        keys = [key for key, _ in pairs]
        found.extend(f"the key {key!r} is there twice" for key in dict.fromkeys(keys) if keys.count(key) > 1)
        return dict(pairs)

    json.loads(text, object_pairs_hook=note)
    yield from found


def misspelt_words(schema):
    """Yield the keys and the formats that nobody knows, and that are nearly ones that somebody does."""
    for place, word, close in misspelt_keys(schema):
        yield f"{'.'.join([*place, word])}: nobody reads this word; do you mean {close!r}?"
    for place, field in places_of_fields(schema):
        for word in part(field, "uihints"):
            if word in OF_ELYRA_3:
                yield f"{'.'.join([*place, 'uihints', word])}: only Elyra 3 reads this word; see {OF_ELYRA_3[word]!r}"
    for place, word, home in misplaced_keys(schema):
        yield f"{'.'.join([*place, word])}: nobody reads this word there; it belongs into {'.'.join(home)}"
    for name, field in fields(schema).items():
        if _is_text(field.get("format")) and field["format"] not in FORMATS:
            yield f"{FIELDS}.{name}.format: nobody checks {field['format']!r}{meant(field['format'], FORMATS)}"


def misspelt_keys(schema):
    """Yield the place, a tuple, of each key that is nearly a word of the schema, the key, and the word."""
    places = [((), part(schema), TOP), (("uihints",), part(schema, "uihints"), HINTS)]
    properties = part(schema, "properties")
    places += [(("properties",), properties, {"schema_name", "display_name", "metadata"})]
    places += [(("properties", name), each, KEYWORDS) for name, each in properties.items() if isinstance(each, dict)]
    for place, field in places_of_fields(schema):
        places += [(place, field, KEYWORDS), ((*place, "uihints"), part(field, "uihints"), HINTS)]
    for place, words, known in places:
        for word in words:
            close = None if word in known or word in OF_ELYRA_3 else nearly(word, known - set(words))
            if close:
                yield place, word, close


def misplaced_keys(schema):
    """Yield the place, a tuple, of each hint that is a rule, or rule that is a hint, the key, and where it belongs."""
    for place, field in places_of_fields(schema):
        hints = part(field, "uihints")
        yield from ((place, word, (*place, "uihints")) for word in field if word.startswith("ui:"))
        yield from (((*place, "uihints"), word, place) for word in hints if word in RULES - set(field))


def places_of_fields(schema):
    """Return the place, a tuple, of each field, and the field."""
    return [((*FIELDS.split("."), name), field) for name, field in fields(schema).items()]


def _of(field, type):
    return field.get("type") == type or (isinstance(field.get("type"), list) and type in field["type"])


def _list(value):
    return value if isinstance(value, list) else []


def _is_text(value):
    return isinstance(value, str)


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _short(text):
    return text if len(text) <= 160 else f"{text[:157]}..."
