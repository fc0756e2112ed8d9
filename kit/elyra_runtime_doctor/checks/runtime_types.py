"""Does the editor get a tile for the runtime's type?"""

from importlib.util import find_spec
from pathlib import Path

from elyra_runtime_doctor import icons
from elyra_runtime_doctor.checks.discovery import lacks_member
from elyra_runtime_doctor.rows import GONE, MISSING, REFUSED, RUN, SILENT, Skip, check, fail, warn


@check(
    9,
    "The type of the processor is no member of Elyra's enumeration",
    seen=GONE,
    symptom="Every tile is gone: `runtimes/types` answers 500. With `None` and a catalog of components for the "
    "runtime, every address of Elyra answers 404.",
    cause="`_type` is a text, as in Elyra 2, or `None`. Elyra asks it for `name`.",
    way_out="Extend the enumeration, and set `_type = RuntimeProcessorType[...]`.",
)
def type_is_a_member(runtime):
    """The attribute `_type` of the processor."""
    from elyra.pipeline.runtime_type import RuntimeProcessorType

    if not isinstance(runtime.processor._type, RuntimeProcessorType):
        return fail(f"_type is {runtime.processor._type!r}")


@check(
    10,
    "Elyra's enumeration lacks the type",
    seen=MISSING,
    symptom="The tile is missing. The log says no more than `Error registering ... - 'MY_TYPE'` or `- MY_TYPE`.",
    cause="The package asks `RuntimeProcessorType` for a member that nobody has added.",
    way_out="Add it before you ask for it: `aenum.extend_enum(RuntimeProcessorType, 'MY_TYPE', 'My Type')`.",
)
def enumeration_has_the_type(runtime):
    """The errors of importing the processor and the schemas provider."""
    for point in [runtime.entry_point, *runtime.providers]:
        if lacks_member(point):
            return fail(f"{point.value} asks for {point.error}: {point.origin[-1]}")


@check(
    11,
    "Elyra does not know the resources of the type",
    seen=GONE,
    symptom="Every tile is gone: `runtimes/types` answers 500, `Runtime type ... is not recognized`.",
    cause="The type is in the enumeration, but `RuntimeTypeResources.get_instance_by_type` is a closed chain of `if`, "
    "and raises an error for it.",
    way_out="Replace the method by one that answers for your type, and asks the old one for all others.",
)
def resources_are_known(runtime):
    """The answer of `RuntimeTypeResources.get_instance_by_type` for the type."""
    from elyra.pipeline.runtime_type import RuntimeTypeResources

    try:
        RuntimeTypeResources.get_instance_by_type(runtime.type)
    except Exception as error:
        if runtime.type.name not in {lost for point in runtime.survey.entry_points for lost in point.lost_types}:
            return fail(f"{type(error).__name__}: {error}")


@check(
    12,
    "The name of the type is not in capital letters",
    seen=REFUSED,
    symptom="The tile is there. A submission ends in `Pipeline validation FAILED` and no reason, or in 500.",
    cause="Elyra looks a type up by its name in capital letters.",
    way_out="Write the member of the enumeration, and `runtime_type` in the schema, in capital letters.",
)
def type_is_upper_case(runtime):
    """The name of the member of the enumeration."""
    if runtime.type.name != runtime.type.name.upper():
        return fail(f"the type is called {runtime.type.name!r}")


@check(
    13,
    "The schemas provider does not bring the type",
    seen=REFUSED,
    symptom="The command line, which loads schemas before processors, ends with a `KeyError`. A server works.",
    cause="The type is added to the enumeration by a module that only the processor imports.",
    way_out="Import that module in the module of the schemas provider, too.",
)
def provider_brings_the_type(runtime):
    """The enumeration after all schemas providers, and before any processor, have been loaded."""
    wanted = runtime.schema.get("runtime_type")
    if wanted == runtime.type.name and wanted not in runtime.survey.types_of_providers:
        return fail(f"without the processor, the enumeration lacks {wanted!r}")


@check(
    15,
    "The package hides the types of others",
    seen=GONE,
    symptom="Every tile is gone: `runtimes/types` answers 500 as soon as this and another runtime are installed.",
    cause="The package replaces `RuntimeTypeResources.get_instance_by_type` and does not ask the method that was "
    "there before.",
    way_out="Keep the old method, and call it for each type that is not yours.",
)
def other_types_are_kept(runtime):
    """The types for which Elyra finds the resources, before and after it has loaded this package."""
    lost = sorted({name for point in [*runtime.entry_points, *runtime.providers] for name in point.lost_types})
    if lost:
        return fail(f"after loading it, Elyra has no resources for {', '.join(lost)}")


@check(
    16,
    "The resources of the type are not complete",
    seen=GONE,
    symptom="Every tile is gone: `runtimes/types` answers 500, `... has no attribute 'icon_endpoint'`.",
    cause="Elyra lists all types in one answer, and needs `type`, `icon_endpoint` and `export_file_types` of each.",
    way_out="Set the three on your subclass of `RuntimeTypeResources`.",
)
def resources_are_complete(runtime):
    """The attributes of the type's resources."""
    try:
        told = runtime.resources.to_dict()
    except Skip:
        raise
    except Exception as error:
        return fail(f"{type(error).__name__}: {error}")
    told = told if isinstance(told, dict) else {}
    if not isinstance(told.get("icon"), str) or not told["icon"].strip():
        return fail(f"icon_endpoint is {told.get('icon')!r}, and no address")
    formats = told.get("export_file_types")
    texts = isinstance(formats, (list, tuple)) and all(_is_format(each) for each in formats)
    if formats is not None and not texts:
        return fail(
            f"export_file_types is {formats!r}, and no list of dicts with the texts 'id' and 'display_name'",
            fix='export_file_types = [{"id": "json", "display_name": "JSON"}]',
        )


def _is_format(value):
    return isinstance(value, dict) and all(isinstance(value.get(key), str) for key in ("id", "display_name"))


@check(
    60,
    "The resources are those of another type",
    seen=MISSING,
    symptom="The tile is missing, and another one is there twice.",
    cause="The editor takes the id and the name of a tile from the attribute `type` of the resources.",
    way_out="Set `type` on your subclass of `RuntimeTypeResources` to your own type.",
)
def resources_are_of_the_type(runtime):
    """The attribute `type` of the type's resources."""
    type = getattr(runtime.resources, "type", runtime.type)
    if type is not runtime.type:
        return fail(f"the processor has the type {runtime.type.name!r}, and its resources have {type!r}")


@check(
    17,
    "The icon is not there",
    seen=GONE,
    symptom="The editor is gone for every runtime: no tile, and `.pipeline` files open as text. JupyterLab starts with "
    "the dialog `Error making request`, and the browser's console shows a 404.",
    cause="The front end loads the icons of all types before anything else, and one missing icon ends it.",
    way_out="Serve the icon with a Jupyter Server extension that a file in `etc/jupyter/jupyter_server_config.d` "
    "enables, or take one of Elyra's: `static/elyra/...`.",
)
def icon_is_served(runtime):
    """The icon's address, the Jupyter Server extension that it names, and the file there."""
    kind, extension, file = _icon(runtime)
    if kind != "static":
        raise Skip(f"only a running server can tell whether it serves {kind}/{extension}: use --server")
    enabled = _enabled_extensions()
    likely = _static_folders(module for module in enabled if _holds(module, Path(file).name))
    if not any((Path(folder) / file).is_file() for folder in likely.get(extension, ())):
        folders = _static_folders(enabled).get(extension)
        if folders is None:
            return fail(f"static/{extension}/{file}: no Jupyter Server extension {extension!r} with files is enabled")
        return fail(f"static/{extension}/{file}: there is no {file!r} in {', '.join(map(str, folders))}")


@check(
    51,
    "The icon has the file name of another extension's",
    seen=GONE,
    symptom="As with a missing icon, but only beside another package: the server answers 403 for one of the two.",
    cause="Jupyter Server 2 remembers static files by their bare name, for all extensions together.",
    way_out="Give the file the name of your package: `my_runtime.svg`, not `icon.svg`.",
)
def icon_name_is_its_own(runtime):
    """The static files of all enabled Jupyter Server extensions."""
    _, extension, file = _icon(runtime)
    likely = _static_folders(module for module in _enabled_extensions() if _holds(module, Path(file).name))
    owners = sorted(name for name, folders in likely.items() if any((Path(f) / file).is_file() for f in folders))
    if len(owners) > 1 and extension in owners:
        return fail(f"{file!r} is a static file of {' and of '.join(owners)}")


@check(
    18,
    "The type is the first in the alphabet",
    seen=SILENT,
    symptom="An empty `.pipeline` file opens as one of this runtime, and is saved as one.",
    cause="Elyra takes the type whose id sorts first for the default.",
    way_out="Choose an id that sorts after those of Elyra, or live with it.",
)
def type_does_not_come_first(runtime):
    """The ids of all types, in order."""
    own = runtime.type
    elyras = {"APACHE_AIRFLOW", "ARGO", "KUBEFLOW_PIPELINES", "LOCAL"}
    processors = runtime.survey.registry.get_all_processors()
    types = {getattr(processor._type, "name", "LOCAL") for processor in processors} - {"LOCAL"}
    first = min(types, key=_place, default=own.name)
    if own.name not in elyras and first == own.name and len(types) > 1:
        return warn(f"{own.name!r} comes before {min(types - {own.name}, key=_place)!r}")


def _place(id):
    """Return a key that sorts type ids as a browser does: an underscore comes before all letters."""
    return id.replace("_", " ").casefold()


@check(
    39,
    "An export format has capital letters",
    seen=RUN,
    symptom="An export by command line ends with `Invalid value for --format`, whatever is given.",
    cause="Elyra writes the wanted format in small letters and compares it with the ids of `export_file_types`.",
    way_out="Write the ids in small letters. They are the suffixes of the exported files.",
)
def formats_are_lower_case(runtime):
    """The ids of `export_file_types`."""
    bad = [id for id in _formats(runtime) if isinstance(id, str) and id != id.lower()]
    if bad:
        return fail(f"the ids are {', '.join(map(repr, bad))}")


@check(
    78,
    "The display name makes the type another one",
    seen=MISSING,
    symptom="The tile is missing, and your runtime answers for another type, such as the local one.",
    cause="Two members of an enumeration with one value are one member: the second name is an alias of the first.",
    way_out="Give the type a display name that no other type has.",
)
def type_is_no_alias(runtime):
    """The enumeration of types: which member the name of the type leads to."""
    member = is_alias(runtime.schema.get("runtime_type"))
    if member:
        wanted = runtime.schema["runtime_type"]
        return fail(f"{wanted!r} is another name of {member.name!r}: both are called {member.value!r}")


def is_alias(name):
    """Return the runtime type that ``name`` leads to, if that has another name, else ``None``."""
    from elyra.pipeline.runtime_type import RuntimeProcessorType

    member = RuntimeProcessorType.__members__.get(name) if isinstance(name, str) else None
    return member if member is not None and member.name != name else None


@check(
    79,
    "The icon cannot be drawn",
    seen=GONE,
    symptom="The launcher of JupyterLab is empty, for every runtime, and the browser's console says `URIError: URI "
    "malformed`. Or the tile has no picture.",
    cause="JupyterLab decodes the text of the icon as a part of an address, and then reads it as SVG. A percent sign "
    'that is no escape ends it, as in `width="100%"`.',
    way_out="Write `&#37;` for each percent sign, or numbers without one, and save the icon as SVG.",
)
def icon_can_be_drawn(runtime):
    """The text of the icon's file."""
    declared = getattr(getattr(runtime.processor, "declaration", None), "icon", None)
    if isinstance(declared, Path):
        problem = icons.undrawn(declared) if declared.is_file() else "it is not there"
        if problem and not problem.startswith(icons.LONE_PERCENT):  # the kit escapes it
            return warn(f"{declared}: {problem}. The kit shows its own icon in its place")
        return None
    for file in _icon_files(runtime):
        problem = icons.undrawn(file)
        if problem:
            return fail(f"{file}: {problem}")


def _icon_files(runtime):
    kind, extension, name = _icon(runtime)
    if kind != "static":
        raise Skip("only a running server serves the icon")
    likely = _static_folders(module for module in _enabled_extensions() if _holds(module, Path(name).name))
    return [file for folder in likely.get(extension, ()) for file in [Path(folder) / name] if file.is_file()]


def _icon(runtime):
    """Return the parts of the icon's address: ``static``, the name of an extension, the file."""
    try:
        kind, _, rest = runtime.resources.icon_endpoint.lstrip("/").partition("/")
    except AttributeError as error:
        raise Skip("it has no icon") from error
    extension, _, file = rest.partition("/")
    return kind, extension, file


def _formats(runtime):
    try:
        return runtime.resources.get_export_extensions()
    except AttributeError as error:
        raise Skip("it has no export formats") from error


def _enabled_extensions():
    """Return the modules of the Jupyter Server extensions that the user has enabled."""
    from jupyter_core.paths import jupyter_config_path
    from jupyter_server.extension.config import ExtensionConfigManager

    enabled = {}
    for path in reversed(jupyter_config_path()):
        enabled |= ExtensionConfigManager(read_config_path=[path]).get_jpserver_extensions()
    return [module for module, is_enabled in enabled.items() if is_enabled]


def _holds(module, file):
    """Tell whether the package of ``module`` holds ``file`` somewhere. This imports nothing, so it is fast."""
    spec = find_spec(module.partition(".")[0])
    return any(any(Path(folder).rglob(file)) for folder in (spec and spec.submodule_search_locations) or ())


def _can_be_linked(point):
    """Tell whether Jupyter Server (2, ``ExtensionPoint``) can link the extension of this ``point``."""
    return callable(getattr(point.app, "_link_jupyter_server_extension", None))


def _static_folders(modules):
    """Return the folders with static files of Jupyter Server extensions, by the extension's name."""
    from jupyter_server.extension.manager import ExtensionPackage

    folders = {}
    for module in modules:
        try:
            points = ExtensionPackage(name=module, enabled=True).extension_points
            folders |= {name: list(point.app.static_paths) for name, point in points.items() if _can_be_linked(point)}
        except Exception:  # Jupyter Server says so when it starts; it then serves nothing of it
            continue
    return folders
