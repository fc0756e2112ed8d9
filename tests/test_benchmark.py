"""The benchmark measures what it says it does. How fast that is, only its own table tells."""

from pathlib import Path

import pytest
from elyra.metadata.manager import MetadataManager
from elyra.metadata.metadata import Metadata
from host import FIELDS


@pytest.fixture
def bench(monkeypatch, processor):
    """The benchmark as a module, for a few nodes, with the runtime configuration that it uses."""
    monkeypatch.syspath_prepend(Path(__file__).parent.parent / "benchmarks")
    import bench

    metadata = Metadata(schema_name="demoruntime", display_name="Bench", metadata=dict(FIELDS))
    MetadataManager(schemaspace="runtimes").create("bench", metadata)
    monkeypatch.setattr(bench, "SIZES", (10, 20))
    monkeypatch.setattr(bench, "RUNS", 1)
    return bench


def test_it_prints_a_row_for_each_shape_and_size(bench, processor, capsys):
    bench.measure_nodes(processor)
    rows = capsys.readouterr().out.split("\n\n")[1].splitlines()[1:]
    shapes = ["chain", "chain with outputs", "fan out", "fan in", "layers"]
    assert [row[:27].split() for row in rows] == [[*shape.split(), str(size)] for shape in shapes for size in (10, 20)]


def test_it_draws_every_node_of_a_shape_and_nothing_else(bench):
    for shape in (bench.chain, bench.chain_with_outputs, bench.fan_out, bench.fan_in, bench.layers):
        graph = shape(25)
        assert list(graph) == list(range(25))
        assert {parent for parents, _ in graph.values() for parent in parents} < set(graph)
        assert all(parent < number for number, (parents, _) in graph.items() for parent in parents)


def test_it_says_why_elyra_does_not_end(bench):
    def overflow(pipeline):
        raise RecursionError

    assert bench.microseconds(overflow, bench.chain(3)) == "RecursionError"


def test_its_pages_learn_what_is_new_and_nothing_else(bench, tmp_path, monkeypatch, capsys):
    import bench_page

    for name, size in {"NODES": 8, "PAGES": 2, "ROUNDS": 2, "LISTED": 2, "NODES_OF_LISTED": 3}.items():
        monkeypatch.setattr(bench_page, name, size)
    bench_page.main()
    head, row = capsys.readouterr().out.split("\n\n")[1].splitlines()
    assert (head.split()[0], row.split()[0], len(row.split())) == ("code", "this", 4)
