"""Step 2, the engine: order and inputs, for every pipeline that could be drawn."""

from collections import Counter
from graphlib import CycleError
from pathlib import Path

import pytest
from graphs import ancestors, graphs
from hypothesis import assume, given
from pipelines import by_id, operation

import demo_runtime
from demo_runtime.description import describe, in_order


def test_the_runtime_is_small_enough_to_be_read():
    modules = Path(demo_runtime.__file__).parent.glob("*.py")
    lines = [line for module in modules for line in module.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert 0 < len(lines) <= 250


def facts(operations):
    return list(describe(in_order(operations), "."))


@given(graphs())
def test_each_node_is_described_once_after_its_parents(operations):
    ids = [node["id"] for node in facts(operations)]
    assert sorted(ids) == sorted(operations)
    for id in ids:
        assert all(ids.index(parent) < ids.index(id) for parent in operations[id].parent_operation_ids)


@given(graphs())
def test_inputs_are_those_of_the_node_and_all_files_of_its_ancestors(operations):
    for node in facts(operations):
        expected = set(operations[node["id"]].inputs)
        for ancestor in ancestors(operations, node["id"]):
            expected |= {*operations[ancestor].inputs, *operations[ancestor].outputs}
        assert sorted(node["inputs"]) == sorted(expected)


@given(graphs())
def test_the_parents_of_a_node_can_be_told_apart(operations):
    counts = Counter(operation.name for operation in operations.values())
    for node in facts(operations):
        ids = dict.fromkeys(operations[node["id"]].parent_operation_ids)
        names = {id: operations[id].name for id in ids}
        assert node["parents"] == [f"{name} ({id})" if counts[name] > 1 else name for id, name in names.items()]
        assert len(set(node["parents"])) == len(ids)


@given(graphs())
def test_the_same_pipeline_is_described_the_same_each_time(operations):
    assert facts(operations) == facts(operations)


@given(graphs(cyclic=True))
def test_a_cycle_which_elyra_refuses_before_is_no_order(operations):
    assume(any(id in ancestors(operations, id) for id in operations))
    with pytest.raises(CycleError):
        in_order(operations)


def test_a_link_to_nothing_is_refused_and_named():
    with pytest.raises(RuntimeError, match=r"Node 'b' follows a node that is not there \(id 'gone'\)\. Open .* remove"):
        in_order(by_id(operation("a"), operation("b", ["gone"])))
