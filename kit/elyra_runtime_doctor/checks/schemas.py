"""Can a runtime configuration be made, saved and loaded?"""

import ast
import json
import re

from elyra_runtime_doctor import form
from elyra_runtime_doctor.checks.code import syntax_tree, where_raised
from elyra_runtime_doctor.checks.discovery import lacks_member
from elyra_runtime_doctor.checks.runtime_types import is_alias
from elyra_runtime_doctor.rows import GONE, PANEL, REFUSED, SILENT, Skip, check, fail, warn

PASSWORD_FIELD = "@elyra/metadata-extension:plugin.password"
RUNTIMES = "runtimes", "130b8e00-de7c-4b32-b553-b4a52824a3b5"
"""The name and the id of the schemaspace of runtime configurations (Elyra 4.1, ``elyra.metadata.schemaspaces``)."""

SECRET = re.compile(r"(^|_)(password|passwd|secret|token|credential|api_?key|secret_?key)s?($|_)", re.IGNORECASE)


@check(
    19,
    "The schema has no `runtime_type`",
    seen=REFUSED,
    symptom="A submission ends with `Pipeline runtime platform is not compatible with selected runtime configuration`. "
    "The + menu of the Runtimes panel does not offer the runtime.",
    cause="Elyra compares the type of a configuration with the key `runtime_type` at the top of the schema.",
    way_out="Write `runtime_type` beside `name`, with the id of the type.",
)
def schema_has_its_type(runtime):
    """The key `runtime_type` at the top of the schema."""
    if "runtime_type" not in runtime.schema:
        type = runtime.fields.get("runtime_type", {}).get("const")
        return fail("the schema has no key 'runtime_type'", fix=f'"runtime_type": {json.dumps(type)},' if type else "")


@check(
    52,
    "The types of the runtime differ",
    seen=REFUSED,
    symptom="The tile is there. A submission is refused, or the + menu offers another runtime's form.",
    cause="The processor's `_type`, the schema's `runtime_type` and the field `runtime_type` of a configuration name "
    "different types.",
    way_out="Write one id in all three places.",
)
def types_agree(runtime):
    """The processor's `_type`, the schema's `runtime_type`, and the field `runtime_type`."""
    field = runtime.fields.get("runtime_type", {})
    if is_alias(runtime.schema.get("runtime_type")):
        raise Skip("the type is another one (row 78)")
    types = {
        "the processor": runtime.type.name,
        "the schema": runtime.schema.get("runtime_type"),
        "the field": field.get("const"),
        "the field's default": field.get("default"),
    }
    given = {what: type for what, type in types.items() if type is not None}
    if len(set(map(repr, given.values()))) > 1:
        return fail("; ".join(f"{what} says {type!r}" for what, type in given.items()))


@check(
    61,
    "A configuration gets the name of another schema",
    seen=PANEL,
    symptom="A configuration cannot be saved: 500, `KeyError('...')`, or Elyra asks for the fields of another runtime.",
    cause="When Elyra saves a configuration, it sets `schema_name` to the `const` that the schema gives for it.",
    way_out="Write the schema's own name into `properties.schema_name.const`.",
)
def schema_names_itself(runtime):
    """The name of the schema, and `properties.schema_name.const` in it."""
    name = form.part(runtime.schema, "properties", "schema_name")
    constant = name.get("const", runtime.schema.get("name"))
    if constant != runtime.schema.get("name"):
        return fail(
            f"the schema is called {runtime.schema.get('name')!r}, and the const is {constant!r}",
            fix=f'"const": {json.dumps(runtime.schema.get("name"))}',
        )


def _schemaspace_fault(schema):
    found = schema.get("schemaspace"), schema.get("schemaspace_id")
    if found != RUNTIMES:
        return f"schemaspace and schemaspace_id are {found}, and have to be {RUNTIMES}"


@check(
    20,
    "Elyra's meta-schema refuses the schema",
    seen=PANEL,
    symptom="The tile is there, and no configuration can be made. The log has one line: `Error loading schema`.",
    cause="Elyra checks each schema against its meta-schema, and drops one that breaks it. A `description` of the "
    "schema may have 80 characters, and its `name` must match `^[a-z][a-z0-9-_]*[a-z0-9]$`.",
    way_out="Fix what the log names.",
)
def schema_is_accepted(runtime):
    """The schema, checked by Elyra's meta-schema."""
    schema = runtime.schema
    if _schemaspace_fault(schema):
        raise Skip("its schemaspace is wrong (row 21)")
    start = f"Validation failed for schema '{schema.get('name')}'"
    line = next((line for line in runtime.survey.log if line.startswith(start)), None)
    if line:
        return fail(line.partition("with error: ")[2])


@check(
    21,
    "The schema names no schemaspace, or another one",
    seen=PANEL,
    symptom="The tile is there, and no configuration can be made. The log says `... that is not loaded!` or "
    "`'NoneType' object has no attribute 'lower'`.",
    cause="A schema belongs to a schemaspace, by name and by id.",
    way_out='Write `"schemaspace": "runtimes"` and `"schemaspace_id": "130b8e00-de7c-4b32-b553-b4a52824a3b5"`.',
)
def schemaspace_is_named(runtime):
    """The keys `schemaspace` and `schemaspace_id` of the schema."""
    fault = _schemaspace_fault(runtime.schema)
    if fault:
        space, id = RUNTIMES
        return fail(fault, fix=f'"schemaspace": "{space}",\n"schemaspace_id": "{id}",')


@check(
    53,
    "The schemas provider cannot be loaded",
    seen=PANEL,
    symptom="The tile is there, and no configuration can be made. The log has one line: `Error loading schemas for "
    "SchemasProvider`.",
    cause="Importing the provider, calling it, or its `get_schemas` raises an error. Elyra logs it and goes on.",
    way_out="Fix the error that the log names.",
)
def provider_is_loaded(runtime):
    """The import of the schemas provider, and the call of its `get_schemas`."""
    for line in runtime.provider_log:
        said = line.partition("' - ")[2]
        if said != runtime.error and not any(lacks_member(point) for point in runtime.providers):
            return fail(f"{line}{runtime.no_json}")


@check(
    54,
    "The runtime has no schema",
    seen=PANEL,
    symptom="The tile is there, and no configuration can be made: the + menu does not offer the runtime.",
    cause="No entry point of the package in the group `metadata.schemas_providers` gives a schema for it.",
    way_out="Add the entry point, and let `get_schemas` return a list with the schema.",
)
def schema_is_there(runtime):
    """The entry points in the group `metadata.schemas_providers`, and the schemas that they give."""
    runtime.remote_type  # noqa: B018 - raises Skip for the local runtime
    if runtime.provider_log:
        raise Skip("its schemas provider cannot be loaded (row 53)")
    if not runtime.own_schemas:
        return fail("no schemas provider of the package gives a schema")


@check(
    22,
    "The schema does not say which fields are required",
    seen=PANEL,
    symptom="`elyra-metadata create runtimes` ends in a traceback: `TypeError: 'NoneType' object is not iterable`.",
    cause="The command reads the list `required` of the fields without asking whether it is there.",
    way_out='Write `"required": [...]` beside the fields, `[]` if there is none.',
)
def required_is_listed(runtime):
    """The list `required` beside the fields of a configuration, and that of the schema."""
    if not isinstance(runtime.required, list):
        return fail("properties.metadata has no list 'required'", fix='"required": ["api_endpoint", "cos_endpoint"]')
    if not isinstance(runtime.schema.get("required"), list):
        names = '"required": ["schema_name", "display_name", "metadata"]'
        return fail("the schema has no list 'required', beside 'properties'", fix=names)


@check(
    23,
    "Configurations are saved without their `runtime_type`",
    seen=REFUSED,
    symptom="The Runtimes panel does not show the configuration, and the Run and Export dialogs do not offer it. By "
    "command line, a submission ends in `Pipeline validation FAILED` and no reason.",
    cause="The field `runtime_type` is a hidden `const`, as in Elyra's `kfp.json`. Neither form nor command line "
    "fills it in.",
    way_out='Write `"default"` beside `"const"`, and let `on_load` of a metadata class add it to files that lack it.',
)
def type_is_saved(runtime):
    """A made-up configuration whose file lacks the field `runtime_type`, loaded by Elyra."""
    if _load_without_type(runtime).metadata.get("runtime_type"):
        return None
    if "default" not in runtime.fields.get("runtime_type", {}):
        return fail("the field has no default, and a configuration without it is loaded as it is")
    return warn("a file without it, written by hand or by an earlier version, is loaded as it is")


@check(
    24,
    "The metadata class is Elyra's own",
    seen=PANEL,
    symptom="A configuration is refused with 400, `Unknown Runtimes schema name`; its file stays behind, and the next "
    "attempt is refused with 409.",
    cause="`RuntimesMetadata.on_load` knows the names of Elyra's runtimes, and raises an error for any other "
    "configuration without a `runtime_type`.",
    way_out="Name a subclass of `Metadata` in the schema, one that does not call this `on_load`.",
)
def metadata_class_is_its_own(runtime):
    """A made-up configuration whose file lacks the field `runtime_type`, loaded by Elyra."""
    try:
        _load_without_type(runtime)
    except Skip as reason:
        if "Unknown Runtimes schema name" not in str(reason):
            raise
        finds = warn if "default" in runtime.fields["runtime_type"] else fail
        return finds(str(reason))


def _load_without_type(runtime):
    """Return the configuration. Raises ``Skip`` where it cannot be loaded: that has rows of its own."""
    if runtime.fields.get("runtime_type") is None:
        raise Skip("configurations have no such field")
    try:
        runtime.metadata_class  # noqa: B018 - raises what importing it raises
    except Exception as error:
        raise Skip("the metadata class cannot be imported (row 25)") from error
    try:
        return runtime.load_configuration(without="runtime_type")
    except Skip:
        raise
    except Exception as error:
        raise Skip(f"a configuration without it is refused: {type(error).__name__}: {error}") from error


@check(
    25,
    "The metadata class cannot be imported",
    seen=PANEL,
    symptom="The configurations of the runtime vanish from every list, and a new one is refused with 500. The log says "
    "`No module named ...`. The files are still there.",
    cause="Elyra imports `metadata_class_name` each time that it loads a configuration. The value is a path with dots, "
    "not `module:Class`.",
    way_out="Write `package.module.Class`, the path of a subclass of `elyra.metadata.metadata.Metadata`.",
)
def metadata_class_is_there(runtime):
    """The import of `metadata_class_name`."""
    from elyra.metadata.metadata import Metadata

    name = runtime.schema.get("metadata_class_name")
    try:
        if not issubclass(runtime.metadata_class, Metadata):
            return fail(f"{name!r} is no subclass of elyra.metadata.metadata.Metadata")
    except Exception as error:
        return fail(f"{name!r}: {type(error).__name__}: {error}")


@check(
    81,
    "A configuration that the schema allows is refused",
    seen=PANEL,
    symptom="No configuration can be saved, or all that are saved vanish from the lists. The server's log names an "
    "error such as `AttributeError`.",
    cause="When Elyra loads a configuration, it calls `on_load` of the metadata class, and `validate` of what "
    "`get_validator` of the schemas provider returns. One of them raises an error.",
    way_out="Fix the line that is named. Let both accept what the schema accepts.",
)
def right_configurations_are_loaded(runtime):
    """A made-up configuration that the schema allows, loaded by Elyra."""
    from jsonschema import Draft7Validator, ValidationError

    try:
        runtime.metadata_class  # noqa: B018 - raises what importing it raises
        allowed = Draft7Validator(runtime.schema).is_valid(runtime.made_up)
    except Skip:
        raise
    except Exception as error:  # rows 25, 67 and 68 are about it
        raise Skip(f"nobody can tell what it allows: {type(error).__name__}") from error
    if not allowed:
        raise Skip("the schema refuses what was made up for it (rows 67 to 70)")
    try:
        runtime.load_configuration()
    except Skip:
        raise
    except Exception as error:
        # The made-up values may be refused for a reason that no schema can tell.
        finds = warn if isinstance(error, (ValueError, OSError, ValidationError)) else fail
        where = where_raised(error) or " and ".join(point.value for point in runtime.providers)
        return finds(f"{where}: {type(error).__name__}: {error}")


@check(
    26,
    "A constraint is checked in `pre_save` only",
    seen=SILENT,
    symptom="The command line saves a configuration that the form refuses.",
    cause="`elyra-metadata` builds a plain `Metadata`, so `pre_save` of your class is not called.",
    way_out="Write the constraint into the schema. What a schema cannot say, check in `on_load` or `process`, too.",
)
def constraints_are_in_the_schema(runtime):
    """The source of `pre_save` of the metadata class: does it raise errors?"""
    tree = _code_of(runtime, "pre_save")
    if tree is not None and any(isinstance(node, ast.Raise) for node in ast.walk(tree)):
        return warn("pre_save raises an error, and Elyra's command line does not call it")


def _code_of(runtime, method):
    """Return the syntax tree of ``method`` of the metadata class, ``None`` where it is Elyra's own."""
    from elyra.metadata.metadata import Metadata

    try:
        function = getattr(runtime.metadata_class, method)
    except Exception as error:
        raise Skip("the metadata class cannot be imported (row 25)") from error
    return None if function is getattr(Metadata, method) else syntax_tree(function)


@check(
    27,
    "`api_endpoint` or `cos_endpoint` may be missing",
    seen=PANEL,
    symptom="As soon as one configuration lacks one, the Runtimes panel is blank, for every runtime. The browser's "
    "console says `Cannot read properties of undefined (reading 'endsWith')`, or `(reading 'title')` where the schema "
    "does not declare the field.",
    cause="The panel shows value and title of both addresses, and does not ask whether they are there.",
    way_out="Declare both fields in the schema and require them, even if only one of them means something to you.",
)
def endpoints_are_required(runtime):
    """The fields `api_endpoint` and `cos_endpoint`, and the list `required`."""
    if not isinstance(runtime.required, list):
        raise Skip("the schema lists no required fields (row 22)")
    missing = [name for name in ("api_endpoint", "cos_endpoint") if name not in runtime.fields]
    optional = [name for name in ("api_endpoint", "cos_endpoint") if name not in [*runtime.required, *missing]]
    if missing:
        return fail(f"the schema has no field {' and no field '.join(map(repr, missing))}")
    if optional:
        names = json.dumps([*dict.fromkeys([*runtime.required, *optional])])
        return fail(f"not required: {', '.join(map(repr, optional))}", fix=f'"required": {names}')
    untitled = [name for name in ("api_endpoint", "cos_endpoint") if not runtime.fields[name].get("title")]
    if untitled:
        return warn(f"without a title, so without a heading in the panel: {', '.join(map(repr, untitled))}")


@check(
    28,
    "The schema has no title",
    seen=SILENT,
    symptom="The + menu offers a `New undefined runtime configuration`, "
    "the Run and Export dialogs an empty line, and the editor says "
    "`Runtime: Generic`. The tile has its name.",
    cause="The front end takes the name from `title`, beside `name`.",
    way_out="Write `title` beside `name`.",
)
def schema_has_a_title(runtime):
    """The key `title` at the top of the schema."""
    if not runtime.schema.get("title"):
        return warn("the schema has no key 'title'")


@check(
    29,
    "A hidden field has no default",
    seen=PANEL,
    symptom="The value of the field is lost each time that somebody edits the configuration in the form.",
    cause="The form sends what it shows, and nothing else.",
    way_out="Give the field a default, or show it.",
)
def hidden_fields_have_defaults(runtime):
    """The fields with the hint `hidden`. The field `runtime_type` has a row of its own."""
    bad = [
        name
        for name, field in runtime.fields.items()
        if name != "runtime_type" and form.hidden(field) and "default" not in field
    ]
    if bad:
        return warn(f"hidden, and without a default: {', '.join(map(repr, bad))}")


@check(
    30,
    "A secret is not masked",
    seen=SILENT,
    symptom="The form shows a password in clear text.",
    cause="Elyra masks a field only where its schema asks for it. It stores every field as plain text, in a file that "
    "only you can read.",
    way_out=f'Write `"uihints": {{"ui:field": "{PASSWORD_FIELD}"}}`. Keep the value out of logs and exports.',
)
def secrets_are_masked(runtime):
    """The fields whose names are those of secrets."""
    bad = [
        name
        for name, field in runtime.fields.items()
        if SECRET.search(name)
        and field.get("type", "string") == "string"
        and "enum" not in field
        and form.part(field, "uihints").get("ui:field") != PASSWORD_FIELD
    ]
    if bad:
        fix = f'"uihints": {{"ui:field": "{PASSWORD_FIELD}"}}'
        return warn(f"not masked: {', '.join(map(repr, bad))}", fix=fix)


@check(
    55,
    "The form's own copy of the display name is refused",
    seen=PANEL,
    symptom="The form cannot be saved: 400, `Additional properties are not allowed ('display_name' was unexpected)`. "
    "The command line saves the same configuration.",
    cause="Elyra's form repeats the display name among the fields, and the schema allows no field that it does "
    "not list.",
    way_out="Drop `display_name` from the fields in `pre_save` and in `on_load` of the metadata class, or do without "
    '`"additionalProperties": false`.',
)
def display_name_may_be_repeated(runtime):
    """The key `additionalProperties` beside the fields, and `pre_save` of the metadata class."""
    if runtime.container.get("additionalProperties") is False and "display_name" not in runtime.fields:
        if _code_of(runtime, "pre_save") is None:
            return fail("the schema allows no other field, and no pre_save drops the display name")


@check(
    46,
    "A catalog of components belongs to a runtime that is gone",
    seen=GONE,
    symptom="All of Elyra is gone: every address answers 404, and the log says `extension failed loading`.",
    cause="Elyra looks the runtime type of every component catalog up when it starts. The schema of the catalog is "
    "served, and the package that brings the type was uninstalled, is not enabled, or cannot be imported.",
    way_out="Fix or install the package, or delete the catalog's file. Import the module that adds the type in the "
    "provider of the catalog's schema, too.",
)
def catalogs_have_a_runtime(survey):
    """The component catalogs on disk, and the enumeration of types."""
    from elyra.pipeline.runtime_type import RuntimeProcessorType

    lost = [(path, type) for path, type in survey.catalogs if str(type).upper() not in RuntimeProcessorType.__members__]
    if lost:
        return fail("; ".join(f"{path} is for the type {type!r}, which nobody brings" for path, type in lost))
