"""What a pipeline asks for, in the order in which it would run. It knows no place where nodes run."""

import fnmatch
import os
from dataclasses import dataclass
from pathlib import Path

from elyra_runtime_engine.attempt import copy
from elyra_runtime_engine.run import RUN_ID
from elyra_runtime_kit import PipelineError

WILDCARDS = frozenset("*?[")
LIMITS = ("cpu_limit", "memory_limit", "gpu_vendor")
GIGABYTE = 10**9

LONGEST_VARIABLE = 32 * os.sysconf("SC_PAGE_SIZE")
"""So many bytes may an environment variable take on Linux, with its name and two more (``MAX_ARG_STRLEN``)."""


@dataclass(frozen=True)
class PlannedNode:
    """One node of a run.

    ``number`` is its place in the plan, and ``parents`` are numbers. ``file`` is relative to the root directory;
    ``dependencies`` and ``outputs`` are relative to the folder of ``file``, and may hold wildcards. ``environment``
    holds names of variables, never their values. ``resources`` is what the node asks for:
    CPU and GPU in pieces, MEMORY in bytes. ``notes`` are sentences about properties that have no meaning here.
    """

    number: int
    id: str
    name: str
    kind: str
    file: str
    dependencies: list
    include_subdirectories: bool
    outputs: list
    environment: list
    parents: list
    resources: dict
    notes: list

    @property
    def facts(self):
        """The node as a dict that JSON can hold."""
        return dict(vars(self))  # asdict() copies each list, too, and takes longer than the rest of the plan


def plan(nodes, environment):
    """Return a ``PlannedNode`` for each of ``nodes``, the nodes of a job of the
    kit, parents first.

    ``environment`` is a function that returns the environment variables of a
    node, a dict. Raises ``PipelineError`` for an output that would lie outside
    the folder of its node, and for an environment variable that no system takes.
    """
    numbers = {node.id: number for number, node in enumerate(nodes)}
    for node in nodes:
        _check(node, environment(node))
    return [_planned(numbers[node.id], node, [numbers[id] for id in node.parents]) for node in nodes]


def _check(node, variables):
    for variable, value in variables.items():
        if "=" in variable or not is_taken(variable):
            raise PipelineError(
                f"Node {node.name!r} has the environment variable {variable!r}, which no system takes. Rename it."
            )
        if not is_taken(value):
            raise PipelineError(
                f"The environment variable {variable!r} of node {node.name!r} holds a character that no "
                "system takes, such as a zero byte. Enter its value anew."
            )
        length = len(os.fsencode(f"{variable}={value}\0"))
        if length > LONGEST_VARIABLE:
            raise PipelineError(
                f"The environment variable {variable!r} of node {node.name!r} is too long for a system: it "
                f"takes up to {LONGEST_VARIABLE} bytes, and the variable has {length}. Write the value to a file, and "
                "make the file a dependency of the node."
            )
    for path in node.outputs:
        if not is_taken(path):
            raise PipelineError(f"Node {node.name!r} declares the output {path!r}, which no system takes. Rename it.")
        if os.path.isabs(path) or ".." in Path(path).parts:
            raise PipelineError(
                f"Node {node.name!r} declares the output {path!r}, which is outside its folder. "
                "Let it write to its own folder, and declare the path from there."
            )


def is_taken(text):
    """Say whether the system takes ``text`` in an environment variable, or as a path."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:  # half of a surrogate pair
        return False


def _planned(number, node, parents):
    return PlannedNode(
        number=number,
        id=node.id,
        name=node.name,
        kind=node.kind,
        file=node.file,
        dependencies=node.dependencies,
        include_subdirectories=node.include_subdirectories,
        outputs=node.outputs,
        environment=node.environment_variables,
        parents=parents,
        resources=_resources(node.resources),
        notes=_notes(node),
    )


def _resources(asked):
    wanted = {"CPU": asked.get("cpu"), "GPU": asked.get("gpu"), "MEMORY": asked.get("memory")}
    units = {"CPU": 1, "GPU": 1, "MEMORY": GIGABYTE}
    return {name: float(value) * units[name] for name, value in wanted.items() if value}


def _notes(node):
    notes = [f"The runtime image {node.runtime_image!r} is not used: the node runs in a Python environment."]
    limits = [name for name in LIMITS if name in node.resources]
    if limits:
        notes.append(f"Not used, because nothing here sets such a limit: {', '.join(limits)}.")
    if node.ignored_properties:
        notes.append(f"Not used, because they are made for other runtimes: {', '.join(node.ignored_properties)}.")
    return notes


def copy_sources(node, root_dir, target):
    """Copy the files of ``node`` to the folder ``target``, which is made.

    A dependency means what it means to Elyra (4.1,
    ``elyra.util.archive.create_temp_archive``): a path from the folder of the
    file, in which a wildcard may stand for any text. A ``*`` is all files.
    Folders below come along only if the node includes subdirectories or a
    dependency names them; hidden ones never do. Two things are not as in
    Elyra: beside a ``*`` it passes over all other dependencies, missing ones
    too, and says nothing; and it would copy earlier runs, if their folder is
    below the folder of the file.

    Raises ``PipelineError`` for a dependency that matches no file.
    """
    folder = Path(root_dir, os.path.dirname(node.file))
    names = [os.path.basename(node.file), *node.dependencies]
    try:
        os.makedirs(target)
        for path in _selected(node, folder, names):
            if "/" in path:
                os.makedirs(os.path.dirname(os.path.join(target, path)), exist_ok=True)
            copy(folder / path, os.path.join(target, path))
    except OSError as error:
        raise PipelineError(f"The files of node {node.name!r} cannot be copied: {error}.") from error


def _selected(node, folder, names):
    plain = {name for name in names if not WILDCARDS & set(name)}
    patterns = set(names) - plain
    # A name without a wildcard needs no search: the folder may hold thousands of files.
    found = {name for name in plain if _is_inside(name) and (folder / name).is_file()}
    matched = set(found)
    if patterns:
        for path in _walk(folder, names, node.include_subdirectories):
            hits = {pattern for pattern in patterns if _matches(path, pattern, node.include_subdirectories)}
            if hits:
                found.add(path)
                matched |= hits
    missing = sorted(set(names) - matched - {"*"})
    if missing and not (len(names) == 2 and names[1] in ("*.py", "*.r")):  # Elyra's form fills these in by itself
        raise PipelineError(
            f"Node {node.name!r} depends on files that are not there: {', '.join(map(repr, missing))}, "
            f"looked for in {str(folder)!r}. Restore them, or remove them from the properties of the node."
        )
    return sorted(found)


def _is_inside(name):
    parts = name.split("/")
    return (
        os.path.normpath(name) == name
        and not os.path.isabs(name)
        and not any(part.startswith(".") for part in parts[:-1])
        and parts[0] != ".."
    )


def _walk(folder, names, recursive):
    for place, folders, files in os.walk(folder):
        here = os.path.relpath(place, folder)
        prefix = "" if here == os.curdir else f"{here}/"
        folders[:] = [
            name for name in folders if _is_entered(prefix + name, names, recursive) and not _is_run(place, name)
        ]
        yield from (prefix + name for name in files)


def _is_run(place, name):
    """Say whether a Run Folder is at ``place``, and ``name`` one of its runs."""
    return RUN_ID.fullmatch(name) and os.path.isfile(os.path.join(place, name, "token"))


def _is_entered(folder, names, recursive):
    if any(part.startswith(".") for part in folder.split("/")):
        return False
    named = (name for name in names if name != "*")
    return recursive or any(name.startswith(f"{folder}/") or fnmatch.fnmatch(folder, name) for name in named)


def _matches(path, pattern, recursive):
    if pattern == "*":
        return recursive or "/" not in path
    flat = "/" not in pattern.strip("/")
    return fnmatch.fnmatch(path, pattern) or (flat and fnmatch.fnmatch(os.path.basename(path), pattern))
