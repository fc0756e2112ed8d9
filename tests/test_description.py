"""Step 2, the engine: order and inputs, for every pipeline that could be drawn."""

import pytest
from graphs import graphs
from hypothesis import assume, given
from pipelines import by_id, operation

from demo_runtime.description import PipelineError, describe, repeated_names


def ancestors(operations, id):
    """Return the ids of all nodes before the node ``id``, however far."""
    found, left = set(), list(operations[id].parent_operation_ids)
    while left:
        parent = left.pop()
        if parent not in found:
            found.add(parent)
            left += operations[parent].parent_operation_ids
    return found


def label(operations, id):
    """Return how a message names the node ``id``: with its id where its name is another's too."""
    name = operations[id].name
    return repr(f"{name} ({id})" if name in repeated_names(operations) else name)


@given(graphs())
def test_each_node_is_described_once_after_its_parents(operations):
    ids = [node.id for node in describe(operations)]
    assert sorted(ids) == sorted(operations)
    for id in ids:
        assert all(ids.index(parent) < ids.index(id) for parent in operations[id].parent_operation_ids)


@given(graphs())
def test_inputs_are_those_of_the_node_and_all_files_of_its_ancestors(operations):
    for node in describe(operations):
        expected = set(operations[node.id].inputs)
        for ancestor in ancestors(operations, node.id):
            expected |= {*operations[ancestor].inputs, *operations[ancestor].outputs}
        assert set(node.inputs) == expected
        assert len(node.inputs) == len(list(node.inputs)) == len(expected)


@given(graphs())
def test_the_parents_of_a_node_can_be_told_apart(operations):
    for node in describe(operations):
        ids = dict.fromkeys(operations[node.id].parent_operation_ids)
        assert [repr(parent) for parent in node.parents] == [label(operations, id) for id in ids]
        assert len(set(node.parents)) == len(ids)


@given(graphs())
def test_the_same_pipeline_is_described_the_same_each_time(operations):
    def facts():
        return [{**vars(node), "inputs": list(node.inputs)} for node in describe(operations)]

    assert facts() == facts()


@given(graphs(cyclic=True))
def test_a_circle_is_refused_and_named(operations):
    assume(any(id in ancestors(operations, id) for id in operations))
    with pytest.raises(PipelineError) as refusal:
        list(describe(operations))
    named = str(refusal.value).removeprefix("The nodes ").split(" form a circle")[0].split(" -> ")
    assert named[0] == named[-1]
    links = {
        (label(operations, parent), label(operations, child.id))
        for child in operations.values()
        for parent in child.parent_operation_ids
    }
    assert set(zip(named, named[1:], strict=False)) <= links


def test_a_node_that_follows_itself_is_a_circle():
    with pytest.raises(PipelineError, match="The nodes 'a' -> 'a' form a circle.* remove one of the links"):
        list(describe(by_id(operation("a", ["a"]))))


@given(graphs())
def test_repeated_names_are_found_each_once(operations):
    names = [operation.name for operation in operations.values()]
    assert sorted(repeated_names(operations)) == sorted({name for name in names if names.count(name) > 1})
