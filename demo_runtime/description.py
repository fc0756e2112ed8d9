"""The facts about each node, in an order in which the nodes can run."""

import os
from collections import Counter
from graphlib import TopologicalSorter
from itertools import compress
from pathlib import Path

KINDS = {"notebook": "notebook", "python": "Python script", "r": "R script"}
RESOURCES = "cpu cpu_limit memory memory_limit gpu gpu_vendor".split()


def in_order(operations):
    """Return ``operations``, a dict by id, as a list, parents first."""
    for node in operations.values():
        for id in node.parent_operation_ids:
            if id not in operations:
                raise RuntimeError(
                    f"Node {node.name!r} follows a node that is not there "
                    f"(id {id!r}). Open the pipeline in the editor, remove "
                    "the link and draw it again."
                ) from KeyError(id)
    parents = {id: operations[id].parent_operation_ids for id in operations}
    order = TopologicalSorter(parents).static_order()
    return [operations[id] for id in order]


def describe(order, root):
    """Yield the facts about each node, a dict, with its file below ``root``."""
    counts = Counter(node.name for node in order)
    labels, passed_on, numbers = {}, {}, {}

    def bits(names):  # of many names: lists of them would fill the memory
        numbered = {numbers.setdefault(n, len(numbers)) for n in names or ()}
        return sum(1 << number for number in numbered)

    for node in order:
        label = f"{node.name} ({node.id})"
        labels[node.id] = label if counts[node.name] > 1 else node.name
        parents = dict.fromkeys(node.parent_operation_ids)
        inputs = bits(node.inputs)
        for parent in parents:
            inputs |= passed_on[parent]
        passed_on[node.id] = inputs | bits(node.outputs)
        chosen = f"{inputs:b}"[::-1].replace("0", "\0").encode()
        path = os.path.join(root, node.filename)
        others = {**node.elyra_props, "env_vars": None}
        yield {
            "name": node.name,
            "kind": KINDS[node.classifier.split("-")[1]],
            "file": Path(os.path.relpath(path, root)).as_posix(),
            "runtime_image": node.runtime_image,
            "dependencies": list(node.dependencies),
            "include_subdirectories": bool(node.include_subdirectories),
            "inputs": [*compress(numbers, chosen)],
            "outputs": list(node.outputs),
            "environment_variables": [each.env_var for each in node.env_vars],
            "parents": [labels[parent] for parent in parents],
            "resources": {k: v for k in RESOURCES if (v := getattr(node, k))},
            "ignored_properties": sorted(k for k in others if others[k]),
            "id": node.id,
        }


def line(facts):
    """Return ``facts``, a dict, as one line for the log."""
    return ", ".join(f"{key}={_text(value)}" for key, value in facts.items())


def _text(value):
    if not isinstance(value, list) or len(value) <= 20:
        return repr(value)
    return f"{repr(value[:20])[:-1]}, and {len(value) - 20} more]"
