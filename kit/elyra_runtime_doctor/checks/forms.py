"""Is the schema right by itself? Each check judges the dict alone, so that it can be asked before anything runs."""

from elyra_runtime_doctor import form
from elyra_runtime_doctor.rows import PANEL, SILENT, Skip, check, fail, warn


def _found(finds, runtime, problems):
    """Return the finding of all ``problems`` of the schema of ``runtime``, with its file, or nothing."""
    told = "; ".join(problems)
    if runtime.schema_place == runtime.fields_file:
        told = told.replace(f"{form.FIELDS}.", "")  # there, that is no part of the path
    return finds(f"{runtime.schema_place}: {told}") if told else None


@check(
    67,
    "The schema is no JSON Schema",
    seen=PANEL,
    symptom="A configuration cannot be saved: 500, with an error of `jsonschema` such as `UnknownType`. Or the rule "
    "that you meant has no effect.",
    cause="Elyra checks the frame of a schema only, and never the fields. It validates each configuration with draft 7 "
    "of JSON Schema.",
    way_out="Fix the place that is named.",
)
def schema_is_a_schema(runtime):
    """The whole schema, checked by the meta-schema of draft 7, and where its references lead."""
    return _found(fail, runtime, form.against_the_draft(runtime.schema))


@check(
    68,
    "A pattern cannot be read",
    seen=PANEL,
    symptom="The form cannot be saved, or every configuration is refused with 500.",
    cause="Two read the `pattern` of a field: Python on the server, and the browser, which reads regular expressions "
    "of JavaScript with the flag `u`.",
    way_out="Write what both read: no `(?P<name>...)`, no `\\A`, `\\Z` or `(?i)`, and no backslash before a letter "
    "or a sign that needs none.",
)
def patterns_can_be_read(runtime):
    """The `pattern` of each field, read by Python, and by the rules of the browser."""
    return _found(fail, runtime, form.unreadable_patterns(runtime.schema))


@check(
    69,
    "The schema gives a value that it refuses",
    seen=PANEL,
    symptom="The form is refused, although nobody has changed the field, or a choice that it offers is refused.",
    cause="A `default`, a `const`, an item of `enum` or an example does not satisfy the other rules of its field.",
    way_out="Change the value or the rule.",
)
def values_satisfy_their_field(runtime):
    """The values `default`, `const`, `enum` and `examples` of each field, checked by the rest of the field."""
    return _found(fail, runtime, form.refused_values(runtime.schema)) or _found(
        warn, runtime, form.refused_placeholders(runtime.schema)
    )


@check(
    70,
    "A field cannot be filled in",
    seen=PANEL,
    symptom="No configuration can be saved: the form or the command line asks for a field that is not there, or "
    "refuses whatever you enter.",
    cause="The list `required` names a field that the schema does not have or hides, or two rules of a field exclude "
    "each other.",
    way_out="Correct the name in `required`, show the field or give it a default, and leave room between its bounds.",
)
def fields_can_be_filled_in(runtime):
    """The list `required`, the hidden fields, the bounds and the choices of each field."""
    return _found(fail, runtime, form.unfillable_fields(runtime.schema))


@check(
    71,
    "The form cannot draw a field",
    seen=PANEL,
    symptom="In the place of the field stands `Unsupported field schema`, an empty line, or a plain text field.",
    cause="Elyra's form draws what has a type, and knows three fields of its own: for passwords, tags and code.",
    way_out="Give the field a `type`, an array its `items`, and spell `ui:field` as Elyra does.",
)
def fields_can_be_drawn(runtime):
    """The keys `type`, `items` and `uihints` of each field that is shown."""
    return _found(fail, runtime, form.undrawn_fields(runtime.schema))


@check(
    72,
    "A word of the schema is nearly right",
    seen=SILENT,
    symptom="A rule, a title or a hint of the schema has no effect.",
    cause="JSON Schema lets everybody add words of their own, so nobody complains about a misspelt one.",
    way_out="Correct the word, or give yours a name that is less like another one.",
)
def words_are_known(runtime):
    """The keys of the schema, of its fields and of their `uihints`, and the names of formats."""
    return _found(warn, runtime, form.misspelt_words(runtime.schema))


@check(
    73,
    "A key of the schema is there twice",
    seen=SILENT,
    symptom="A change of the schema has no effect.",
    cause="JSON takes the last of two equal keys, and nobody complains.",
    way_out="Remove one of the two.",
)
def keys_are_there_once(runtime):
    """The text of the JSON file that holds the schema."""
    if runtime.schema_file is None:
        raise Skip("its schema comes from no JSON file")
    return _found(fail, runtime, form.repeated_keys(runtime.schema_file.read_text(encoding="utf-8-sig")))
