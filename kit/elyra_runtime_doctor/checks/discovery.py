"""Does Elyra find the runtime, and can it build the processor?"""

import json
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from elyra_runtime_doctor.form import nearly
from elyra_runtime_doctor.rows import (
    ENVIRONMENT,
    GONE,
    MISSING,
    REFUSED,
    RUN,
    SILENT,
    Skip,
    check,
    fail,
    warn,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROCESSORS = "elyra.pipeline.processors"
PROVIDERS = "metadata.schemas_providers"
GROUPS = PROCESSORS, PROVIDERS
OTHER_GROUPS = "metadata.schemaspaces", "elyra.component.catalog_types"
"""Groups that Elyra 4.1 reads, too, for what is no runtime."""


@check(
    1,
    "The names of the runtime differ",
    seen=REFUSED,
    symptom="The tile is there. A submission ends with `Unsupported pipeline runtime` or `No such instance`.",
    cause="Elyra keeps a processor under its `_name`, and looks for it under the name of the schema.",
    way_out="Give the entry point, the schema (`name`) and the processor (`_name`) one name, from one constant.",
)
def names_agree(runtime):
    """The entry point's name, the processor's `_name` and the schema's `name`."""
    names = {"the entry point": runtime.name, "the processor": runtime.processor._name}
    try:
        names["the schema"] = runtime.schema.get("name")
    except Skip:
        pass
    if len(set(names.values())) > 1:
        return fail("; ".join(f"{what} is called {name!r}" for what, name in names.items()))


@check(
    2,
    "The runtime is not enabled",
    seen=MISSING,
    symptom="The tile is missing. A submission ends with `Unsupported pipeline runtime`.",
    cause="The environment variable `ELYRA_PROCESSOR_RUNTIMES` lists the runtimes to load, by entry point, and this "
    "one is not among them.",
    way_out="Add the runtime to the variable, or unset the variable.",
    fault_of=ENVIRONMENT,
)
def is_enabled(runtime):
    """The environment variable `ELYRA_PROCESSOR_RUNTIMES`."""
    if enabled := _without(runtime.name):
        return fail(f"ELYRA_PROCESSOR_RUNTIMES is {enabled!r}, and {runtime.name!r} is not in it")


def _without(name):
    """Return the variable that lists the enabled runtimes, if it is set and leaves ``name`` out, else ``None``."""
    enabled = os.environ.get("ELYRA_PROCESSOR_RUNTIMES", "").replace(" ", "")
    return enabled if enabled and name not in enabled.split(",") else None


def lacks_member(point):
    """Tell whether loading ``point`` has failed because Elyra's enumeration of types lacks a member."""
    error = point.error
    about_types = any("RuntimeProcessorType" in line for line in point.origin[-1:] + point.origin[-2:-1])
    return isinstance(error, (KeyError, AttributeError)) and about_types


@check(
    3,
    "The processor cannot be loaded",
    seen=MISSING,
    symptom="The tile is missing. The server's log has one line: `Error registering ... processor`. The command line "
    "shows nothing.",
    cause="Importing the module of the processor, or calling its class, raises an error. Elyra logs it and goes on.",
    way_out="Fix the error. Import what may be missing inside `process`, and write the constructor, if there is one, "
    "as `def __init__(self, **kwargs): super().__init__(**kwargs)`.",
)
def processor_is_built(runtime):
    """The import of the processor's class, and the call `cls(root_dir=..., parent=...)`."""
    point = runtime.entry_point
    if point.ends_the_process:
        raise Skip("importing it ends the process (row 59)")
    if runtime.error is not None and not lacks_member(point):
        where = "" if point.error is None or not point.origin else f" (at: {point.origin[-1]})"
        return fail(f"{point.value}: {runtime.error}{point.no_json(point.error)}{where}")


@check(
    4,
    "The processor does not know its root directory",
    seen=RUN,
    symptom="A run does not find the files of the pipeline, or takes files of the same name from elsewhere.",
    cause="The constructor does not hand `root_dir` on to `PipelineProcessor`. Files are then looked for in the "
    "directory in which the server was started.",
    way_out="Hand all keyword arguments on: `super().__init__(**kwargs)`.",
)
def root_is_known(runtime):
    """The attribute `root_dir` of the processor."""
    if runtime.processor.root_dir != runtime.survey.root:
        return fail(f"Elyra gave the root directory, and the processor has root_dir={runtime.processor.root_dir!r}")


@check(
    5,
    "Two distributions register one name",
    seen=SILENT,
    symptom="Another processor than yours gets the pipeline. Elyra logs nothing about it.",
    cause="The distribution that comes last on `sys.path` wins.",
    way_out="Uninstall one of the two, or rename its runtime.",
)
def name_is_unique(runtime):
    """The entry points of this name, in all distributions."""
    if len(runtime.entry_points) > 1:
        where = ", ".join(f"{point.file.distribution} ({point.value})" for point in runtime.entry_points)
        return fail(f"{runtime.name!r} is registered by: {where}. Elyra takes the last")


@check(
    6,
    "An `entry_points.txt` cannot be read",
    seen=GONE,
    symptom="Every runtime and every schema is gone, those of Elyra too: its commands end in a "
    "traceback, and all its addresses may answer 404.",
    cause="Elyra reads the file of every installed distribution, and one that is malformed ends the whole search: a "
    "key that is there twice, or a lone `%` in one of Elyra's groups. pip does not complain.",
    way_out="Repair the file, or uninstall the distribution that it belongs to.",
)
def entry_points_are_readable(survey):
    """The file `entry_points.txt` of every installed distribution."""
    bad = [file for file in survey.visible_files if file.error is not None]
    if bad:
        return fail("; ".join(f"{file.distribution}, {file.path}: {file.error}" for file in bad))


@check(
    7,
    "One distribution hides the entry points of another",
    seen=GONE,
    symptom="Schemas or runtimes vanish, as if they were not installed.",
    cause="Elyra takes for a distribution's name what stands before the first dash of its `.dist-info` folder, and "
    "reads the first distribution of each name only. `elyra-foo-1.0.dist-info` counts as `elyra`.",
    way_out="Build the distribution anew with a current tool, which writes underscores: `elyra_foo-1.0.dist-info`.",
)
def nothing_is_hidden(survey):
    """The folders `.dist-info` and `.egg-info` of all distributions with entry points for Elyra."""
    hidden = [(file, other) for file, other in survey.shadowed_files if file.groups or other.groups]
    if hidden:
        return fail("; ".join(f"{other.path.parent} hides {file.path.parent}" for file, other in hidden))


@check(
    8,
    "The entry points that are installed are not those of the source",
    seen=MISSING,
    symptom="A changed or new entry point has no effect.",
    cause="`pip install -e` copies the entry points once. Elyra reads the copy, or an old `.egg-info` beside it.",
    way_out="Install again, with `pip install -e .` in the folder of the package. Delete an `.egg-info` folder that "
    "is left over.",
)
def entry_points_are_fresh(runtime):
    """The entry points of the distribution, and the `pyproject.toml` that it was installed from."""
    file = runtime.entry_point.file
    for other in runtime.survey.files:
        if (
            other is not file
            and other.distribution == file.distribution
            and _elyras(other.groups) != _elyras(file.groups)
        ):
            return fail(f"{file.path} and {other.path} differ, and Elyra reads the first")
    source = source_of(file)
    if source is None:
        raise Skip("it is not installed as editable, from a pyproject.toml with entry points")
    declared = tomllib.loads(source.read_text(encoding="utf-8")).get("project", {}).get("entry-points", {})
    if _elyras(declared) != _elyras(file.groups):
        return fail(f"{source} declares {_elyras(declared)}, and installed are {_elyras(file.groups)}")


def _elyras(groups):
    return {group: groups[group] for group in GROUPS if groups.get(group)}


def group_meant_by(name):
    """Return the group of ``GROUPS`` that ``name`` is nearly, or ``None``."""
    return None if name in (*GROUPS, *OTHER_GROUPS) else nearly(name, GROUPS)


def source_of(file):
    """Return the ``pyproject.toml`` that an editable distribution was installed from, or ``None``."""
    direct = file.path.parent / "direct_url.json"
    if not direct.exists():
        return None
    facts = json.loads(direct.read_text(encoding="utf-8"))
    source = Path(url2pathname(urlsplit(facts["url"]).path), "pyproject.toml")
    return source if facts.get("dir_info", {}).get("editable") and source.exists() else None


@check(
    48,
    "The entry point is not written as `module:Class`",
    seen=MISSING,
    symptom="The tile is missing, and the log has no line about it.",
    cause="Elyra turns an entry point that it cannot parse into a warning of Python, which a server does not log.",
    way_out="Write it as `name = package.module:Class`, with dots, without a path and without a suffix.",
)
def entry_point_is_written_well(runtime):
    """The text of the entry point."""
    import entrypoints

    for point in runtime.entry_points:
        if not entrypoints.entry_point_pattern.match(point.value):
            return fail(f"{point.file.path}: {point.name} = {point.value}")


@check(
    59,
    "Importing the package ends the process",
    seen=GONE,
    symptom="JupyterLab does not start, or ends. So does every command of Elyra.",
    cause="The package calls `sys.exit` when it is imported, or is interrupted there. Elyra goes on after an error, "
    "and `sys.exit` is none.",
    way_out="Raise an error instead, and raise it in `process`, not where the module is imported.",
)
def import_comes_back(runtime):
    """The import of the processor and of the schemas provider."""
    for point in [*runtime.entry_points, *runtime.providers]:
        if point.ends_the_process:
            return fail(f"{point.value}: {type(point.error).__name__} (at: {point.origin[-1]})")


@check(
    80,
    "A group of entry points is nearly one of Elyra's",
    seen=MISSING,
    symptom="The tile is missing, or no configuration can be made, and the log has no line about it.",
    cause="Elyra reads the entry points of its own groups, by their names. Nobody reads another group.",
    way_out="Correct the name of the group in `pyproject.toml`, and install again.",
)
def groups_are_elyras(survey):
    """The groups in the file `entry_points.txt` of every installed distribution."""
    near = {
        f"{file.path}: [{group}]; do you mean [{close}]?": f'[project.entry-points."{close}"]'
        for file in survey.visible_files
        for group in file.other_groups
        for close in [group_meant_by(group)]
        if close
    }
    if near:
        return fail("; ".join(near), fix="\n".join(near.values()))


@check(
    49,
    "Both editions of Elyra are installed",
    seen=GONE,
    symptom="Errors of every kind: the files of two versions of Elyra lie in one folder.",
    cause="`elyra` and `odh-elyra` both bring the package `elyra`, and each overwrites the other.",
    way_out="Uninstall both, and install one of them again.",
    fault_of=ENVIRONMENT,
)
def one_elyra(survey):
    """The distributions `elyra` and `odh-elyra`."""
    found = sorted({file.distribution.replace("_", "-") for file in survey.files} & {"elyra", "odh-elyra"})
    if len(found) > 1:
        return fail(f"installed are {' and '.join(found)}")
    if found:
        return None
    return warn("neither is found among the distributions, although the package elyra is there")


@check(
    50,
    "The runtime `local` is not enabled",
    seen=RUN,
    symptom="`elyra-pipeline run` ends with `Unsupported pipeline runtime`, and no generic pipeline runs locally.",
    cause="`ELYRA_PROCESSOR_RUNTIMES` lists the runtimes to load, and `local` is not among them.",
    way_out="Add `local` to the variable.",
    fault_of=ENVIRONMENT,
)
def local_is_enabled(survey):
    """The environment variable `ELYRA_PROCESSOR_RUNTIMES`."""
    if enabled := _without("local"):
        return warn(f"ELYRA_PROCESSOR_RUNTIMES is {enabled!r}")
