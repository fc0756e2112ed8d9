"""Step 2, the engine: what a pipeline consists of, in the order of a run.

This module imports nothing of Elyra. It reads operations, which is Elyra's
word for parsed nodes: any objects with the attributes of
``elyra.pipeline.pipeline.GenericOperation`` (Elyra 4.1) will do.
"""

from collections import Counter
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

KINDS = {
    "execute-notebook-node": "notebook",
    "execute-python-node": "Python script",
    "execute-r-node": "R script",
}
"""The kinds of node that Elyra calls generic, by the ``classifier`` of their
operation."""

RESOURCES = (
    "cpu",
    "cpu_limit",
    "memory",
    "memory_limit",
    "gpu",
    "gpu_vendor",
)


class PipelineError(ValueError):
    """A pipeline that cannot be described.

    The message names the node and the way out.
    """


@dataclass(frozen=True)
class FileNames:
    """An ordered set of file names, cheap to unite.

    Bit ``i`` of ``bits`` stands for ``names[i]``. Files are handed down from
    node to node, so on a chain of n nodes that each write one there are n * n
    / 2 names to hand down. As bits they fit; as lists they fill the memory.
    """

    names: list
    bits: int = 0

    def __len__(self):
        return self.bits.bit_count()

    def __iter__(self):
        bits = self.bits
        while bits:
            lowest = bits & -bits
            yield self.names[lowest.bit_length() - 1]
            bits ^= lowest


@dataclass(frozen=True)
class Node:
    """The facts about one node, for people to read.

    No value of an environment variable is among them. ``inputs`` holds the
    files that the node declares, and all that its parents hand down: their
    outputs and their own inputs, as in
    ``PipelineProcessor._propagate_operation_inputs_outputs``. ``parents``
    holds the names of the nodes that come before, ``name (id)`` where nodes
    share a name. Code that links nodes asks the operation of this ``id`` for
    ``parent_operation_ids``. ``ignored_properties`` names the node properties
    that are set for other runtimes, such as Kubernetes secrets: the editor
    offers them all.
    """

    name: str
    kind: str
    file: str
    runtime_image: str
    dependencies: list
    include_subdirectories: bool
    inputs: FileNames
    outputs: list
    environment_variables: list
    parents: list
    resources: dict
    ignored_properties: list
    id: str


def describe(operations):
    """Yield a ``Node`` for each of ``operations``, parents first.

    ``operations`` is a dict by id.
    The same operations come in the same order each time. The time for a node
    does not depend on the number of nodes.

    Raises ``PipelineError``: no nodes, a link to a node that is not there, a
    cycle, or a component that is no notebook, Python script or R script.
    """
    if not operations:
        raise PipelineError(
            "The pipeline has no nodes. Drag a notebook or a script onto it, "
            "and save it."
        )
    in_order = _in_order(operations)
    labels = _labels(operations)
    handed_down = _handed_down(in_order)
    for operation in in_order:
        yield _node(operation, labels, handed_down[operation.id])


def repeated_names(operations):
    """Return the names that two or more of ``operations`` carry, in order.

    ``operations`` is a dict by id.
    """
    counts = Counter(operation.name for operation in operations.values())
    return [name for name, count in counts.items() if count > 1]


def _in_order(operations):
    for operation in operations.values():
        for parent in operation.parent_operation_ids:
            if parent not in operations:
                raise PipelineError(
                    f"Node {operation.name!r} follows a node that the "
                    f"pipeline does not hold (id {parent!r}). Open the "
                    "pipeline in the editor, remove the link and draw it "
                    "again."
                )
    parents = {
        operation.id: operation.parent_operation_ids
        for operation in operations.values()
    }
    try:
        return [
            operations[id] for id in TopologicalSorter(parents).static_order()
        ]
    except CycleError as error:
        labels = _labels(operations)
        nodes = " -> ".join(repr(labels[id]) for id in error.args[1])
        raise PipelineError(
            f"The nodes {nodes} form a circle, so none of them can be the "
            "first. Open the pipeline in the editor and remove one of the "
            "links between them."
        ) from error


def _labels(operations):
    """Name each node so that no two are the same.

    Where a name is repeated, the id is added.
    """
    repeated = set(repeated_names(operations))
    return {
        id: f"{operation.name} ({id})"
        if operation.name in repeated
        else operation.name
        for id, operation in operations.items()
    }


def _handed_down(in_order):
    numbers, names, received, passed_on = {}, [], {}, {}

    def bits(files):
        result = 0
        for file in files or ():
            if file not in numbers:
                numbers[file] = len(names)
                names.append(file)
            result |= 1 << numbers[file]
        return result

    for operation in in_order:
        inputs = bits(operation.inputs)
        for parent in operation.parent_operation_ids:
            inputs |= passed_on[parent]
        received[operation.id] = FileNames(names, inputs)
        passed_on[operation.id] = inputs | bits(operation.outputs)
    return received


def _node(operation, labels, inputs):
    if operation.classifier not in KINDS:
        raise PipelineError(
            f"Node {operation.name!r} is a component of the kind "
            f"{operation.classifier!r}. This runtime takes notebooks, Python "
            "scripts and R scripts: replace the node by one of these."
        )
    return Node(
        name=operation.name,
        kind=KINDS[operation.classifier],
        file=operation.filename,
        runtime_image=operation.runtime_image,
        dependencies=list(operation.dependencies),
        include_subdirectories=bool(operation.include_subdirectories),
        inputs=inputs,
        outputs=list(operation.outputs),
        environment_variables=[
            variable.env_var for variable in operation.env_vars
        ],
        parents=[
            labels[parent]
            for parent in dict.fromkeys(operation.parent_operation_ids)
        ],
        resources={
            name: getattr(operation, name)
            for name in RESOURCES
            if getattr(operation, name)
        },
        ignored_properties=sorted(
            name
            for name, set_to in operation.elyra_props.items()
            if set_to and name != "env_vars"
        ),
        id=operation.id,
    )
