"""What a pipeline consists of, in the order of a run. This module imports nothing of Elyra.

It reads operations, which is Elyra's word for parsed nodes: any objects with the attributes of
``elyra.pipeline.pipeline.GenericOperation`` (Elyra 4.1) will do.
"""

import os
from collections import Counter
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import compress
from pathlib import Path

KINDS = {
    "execute-notebook-node": "notebook",
    "execute-python-node": "Python script",
    "execute-r-node": "R script",
}
"""The kinds of node that Elyra calls generic, by the ``classifier`` of their operation."""

RESOURCES = "cpu", "cpu_limit", "memory", "memory_limit", "gpu", "gpu_vendor"


class PipelineError(ValueError):
    """A pipeline that cannot be run or exported. The message, for the user, names the node and the way out."""


@dataclass(frozen=True)
class Node:
    """The facts about one node. No value of an environment variable is among them.

    ``label`` is the name, and where nodes share a name, ``name (id)``. ``kind`` is one of ``KINDS``. ``file`` is
    relative to the root directory; ``dependencies`` and ``outputs`` are relative to the folder of ``file``, and may
    hold wildcards. ``parents`` holds the ids of the nodes that come before. ``resources`` holds what is asked of those
    in ``RESOURCES``. ``ignored_properties`` names the node properties that are set for other runtimes, such as
    Kubernetes secrets: the editor offers them all.
    """

    id: str
    name: str
    label: str
    kind: str
    file: str
    runtime_image: str
    dependencies: list
    include_subdirectories: bool
    outputs: list
    environment_variables: list
    parents: list
    resources: dict
    ignored_properties: list


def nodes_of(operations, root):
    """Return a list with a ``Node`` for each of ``operations``, a dict by id; parents come first.

    The same operations come in the same order each time. The time for a node does not depend on the number of nodes.

    Raises ``PipelineError``: no nodes, a link to a node that is not there, a cycle, a component that is no notebook,
    Python script or R script, or a file that does not exist below ``root``.
    """
    if not operations:
        raise PipelineError("The pipeline has no nodes. Drag a notebook or a script onto it, and save it.")
    labels = _labels(operations)
    root = os.path.abspath(root)
    return [_node(operation, labels[operation.id], root) for operation in _in_order(operations, labels)]


def describe(nodes, operations):
    """Yield the facts about each of ``nodes``, a dict that JSON can hold, in their order.

    Beside what a ``Node`` has there are ``inputs``: the files that come from ``operations``, a dict by id, above it.
    ``parents`` holds the labels of the parents.
    """
    labels, passed_on, numbers = {node.id: node.label for node in nodes}, {}, {}

    def bits(names):  # of many names: lists of them would fill the memory
        return sum(1 << number for number in {numbers.setdefault(name, len(numbers)) for name in names or ()})

    for node in nodes:
        inputs = bits(operations[node.id].inputs)
        for parent in node.parents:
            inputs |= passed_on[parent]
        passed_on[node.id] = inputs | bits(node.outputs)
        chosen = f"{inputs:b}"[::-1].replace("0", "\0").encode()
        yield {
            "name": node.name,
            "kind": node.kind,
            "file": node.file,
            "runtime_image": node.runtime_image,
            "dependencies": node.dependencies,
            "include_subdirectories": node.include_subdirectories,
            "inputs": [*compress(numbers, chosen)],
            "outputs": node.outputs,
            "environment_variables": node.environment_variables,
            "parents": [labels[parent] for parent in node.parents],
            "resources": node.resources,
            "ignored_properties": node.ignored_properties,
            "id": node.id,
        }


def repeated_names(nodes):
    """Return the names that two or more of ``nodes``, or of operations, carry, in order."""
    counts = Counter(node.name for node in nodes)
    return [name for name, count in counts.items() if count > 1]


def _labels(operations):
    repeated = set(repeated_names(operations.values()))
    return {
        id: f"{operation.name} ({id})" if operation.name in repeated else operation.name
        for id, operation in operations.items()
    }


def _in_order(operations, labels):
    parents = {operation.id: operation.parent_operation_ids for operation in operations.values()}
    for id, above in parents.items():
        for parent in above:
            if parent not in operations:
                raise PipelineError(
                    f"Node {operations[id].name!r} follows a node that the pipeline does not hold (id {parent!r}). "
                    "Open the pipeline in the editor, remove the link and draw it again."
                )
    try:
        return [operations[id] for id in TopologicalSorter(parents).static_order()]
    except CycleError as error:
        nodes = " -> ".join(repr(labels[id]) for id in error.args[1])
        raise PipelineError(
            f"The nodes {nodes} form a cycle, so none of them can be the first. Open the pipeline in the editor and "
            "remove one of the links between them."
        ) from error


def _node(operation, label, root):
    if operation.classifier not in KINDS:
        raise PipelineError(
            f"Node {operation.name!r} is a component of the kind {operation.classifier!r}. This runtime takes "
            "notebooks, Python scripts and R scripts: replace the node by one of these."
        )
    path = os.path.abspath(os.path.join(root, operation.filename))
    if not os.path.isfile(path):
        raise PipelineError(
            f"Node {operation.name!r} has no file: {path!r} does not exist. Restore the file, or choose another one in "
            "the properties of the node."
        )
    return Node(
        id=operation.id,
        name=operation.name,
        label=label,
        kind=KINDS[operation.classifier],
        file=Path(os.path.relpath(path, root)).as_posix(),
        runtime_image=operation.runtime_image,
        dependencies=list(operation.dependencies),
        include_subdirectories=bool(operation.include_subdirectories),
        outputs=list(operation.outputs),
        environment_variables=[variable.env_var for variable in operation.env_vars],
        parents=list(dict.fromkeys(operation.parent_operation_ids)),
        resources={name: getattr(operation, name) for name in RESOURCES if getattr(operation, name)},
        ignored_properties=sorted(
            name for name, set_to in operation.elyra_props.items() if set_to and name != "env_vars"
        ),
    )
