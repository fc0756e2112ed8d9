"""The facts about nodes that a runtime on the kit gets, in order, for every pipeline that could be drawn."""

import pytest
from graphs import ancestors, graphs
from hypothesis import assume, given
from pipelines import by_id, operation

from demo_runtime import description as demo
from elyra_runtime_kit import pipeline as kit
from elyra_runtime_kit.pipeline import PipelineError, nodes_of, repeated_names


@pytest.fixture(scope="module")
def describe(tmp_path_factory):
    """Describe operations, whose files are there."""
    root = tmp_path_factory.mktemp("root")
    (root / "work.py").touch()
    return lambda operations: nodes_of(operations, root)


def label(operations, id):
    """Return how a message names the node ``id``: with its id where its name is another's too."""
    name = operations[id].name
    return repr(f"{name} ({id})" if name in repeated_names(operations.values()) else name)


@given(operations=graphs())
def test_each_node_is_described_once_after_its_parents(describe, operations):
    ids = [node.id for node in describe(operations)]
    assert sorted(ids) == sorted(operations)
    for id in ids:
        assert all(ids.index(parent) < ids.index(id) for parent in operations[id].parent_operation_ids)


@given(operations=graphs())
def test_nodes_can_be_told_apart(describe, operations):
    nodes = describe(operations)
    assert [repr(node.label) for node in nodes] == [label(operations, node.id) for node in nodes]
    assert len({node.label for node in nodes}) == len(operations)
    assert all(node.parents == [*dict.fromkeys(operations[node.id].parent_operation_ids)] for node in nodes)


@given(operations=graphs())
def test_the_same_pipeline_is_described_the_same_each_time(describe, operations):
    assert describe(operations) == describe(operations)


@given(operations=graphs())
def test_the_facts_are_those_of_the_demo(describe, operations):
    nodes = describe(operations)
    files = [{**facts, "file": "work.py"} for facts in demo.describe(demo.in_order(operations), "")]
    assert [{**facts, "file": "work.py"} for facts in kit.describe(nodes, operations)] == files


@given(operations=graphs(cyclic=True))
def test_a_cycle_is_refused_and_named(describe, operations):
    assume(any(id in ancestors(operations, id) for id in operations))
    with pytest.raises(PipelineError) as refusal:
        describe(operations)
    named = str(refusal.value).removeprefix("The nodes ").split(" form a cycle")[0].split(" -> ")
    assert named[0] == named[-1]
    links = {
        (label(operations, parent), label(operations, child.id))
        for child in operations.values()
        for parent in child.parent_operation_ids
    }
    assert set(zip(named, named[1:], strict=False)) <= links


def test_a_node_that_follows_itself_is_a_cycle(describe):
    with pytest.raises(PipelineError, match="The nodes 'a' -> 'a' form a cycle.* remove one of the links"):
        describe(by_id(operation("a", ["a"])))


@given(operations=graphs())
def test_repeated_names_are_found_each_once(operations):
    names = [operation.name for operation in operations.values()]
    assert sorted(repeated_names(operations.values())) == sorted({name for name in names if names.count(name) > 1})
