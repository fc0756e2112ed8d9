"""Pipelines of any shape, drawn by Hypothesis."""

from hypothesis import strategies as st
from pipelines import by_id, operation

FILES = st.lists(st.sampled_from(["a.csv", "b.csv", "c/d.csv", "날씨.csv"]), max_size=3)


@st.composite
def graphs(draw, cyclic=False):
    """Draw operations by id. They come in any order, and a link may be drawn twice."""
    size = draw(st.integers(2 if cyclic else 1, 12))
    links = draw(st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), max_size=3 * size))
    if not cyclic:
        links = [(min(link), max(link)) for link in links if link[0] != link[1]]
    nodes = [
        operation(
            f"n{number}",
            [f"n{parent}" for parent, child in links if child == number],
            name=draw(st.sampled_from([f"node {number}", "the same"])),
            inputs=draw(FILES),
            outputs=draw(FILES),
        )
        for number in range(size)
    ]
    return by_id(*draw(st.permutations(nodes)))


def ancestors(operations, id):
    """Return the ids of all nodes before the node ``id``, however far."""
    found, left = set(), list(operations[id].parent_operation_ids)
    while left:
        parent = left.pop()
        if parent not in found:
            found.add(parent)
            left += operations[parent].parent_operation_ids
    return found
