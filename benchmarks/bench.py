"""Measure what a node costs, beside Elyra's own ordering, and what the package adds to the start of Elyra.

Run it with ``make bench``. It prints two tables and takes about a minute.
"""

import json
import logging
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIZES = (100, 1_000, 10_000)
RUNS = 3
LIMIT = 5
"""So many seconds a pipeline gets."""
MAY_ADD = 50
"""So many milliseconds the package may add to the start of Elyra."""

START = """
import time
begin = time.perf_counter()
from elyra.pipeline.registry import PipelineProcessorRegistry
PipelineProcessorRegistry.instance()
middle = time.perf_counter()
import demo_runtime.processor, demo_runtime.schema, demo_runtime.server
print(middle - begin, time.perf_counter() - middle)
"""
STOCK = "local,kfp,airflow,argo"
"""The runtimes that Elyra brings itself, as names of entry points."""


def chain(size):
    return {number: ([number - 1] if number else [], []) for number in range(size)}


def chain_with_outputs(size):
    return {number: (parents, [f"{number}.csv"]) for number, (parents, _) in chain(size).items()}


def fan_out(size):
    return {number: ([0] if number else [], []) for number in range(size)}


def fan_in(size):
    return {number: (list(range(size - 1)) if number == size - 1 else [], [f"{number}.csv"]) for number in range(size)}


def layers(size):
    """Ten nodes in each layer, and each follows all ten of the layer before. Each writes a file."""
    return {
        number: (list(range(number // 10 * 10 - 10, number // 10 * 10)) if number >= 10 else [], [f"{number}.csv"])
        for number in range(size)
    }


def pipeline_of(graph):
    """Return ``graph`` as Elyra's parser hands it over. The nodes come shuffled: the editor saves them as drawn."""
    from elyra.pipeline.pipeline import GenericOperation, Pipeline

    pipeline = Pipeline(id="bench", name="bench", runtime="demoruntime", runtime_config="bench")
    for number in random.Random(0).sample(sorted(graph), len(graph)):
        parents, outputs = graph[number]
        pipeline.operations[str(number)] = GenericOperation(
            id=str(number),
            type="execution_node",
            name=f"node {number}",
            classifier="execute-python-node",
            parent_operation_ids=[str(parent) for parent in parents],
            component_props={"filename": "work.py", "runtime_image": "example/image:1", "outputs": outputs},
        )
    return pipeline


def by_describe(pipeline):
    from demo_runtime.description import describe, in_order

    for _ in describe(in_order(pipeline.operations), "."):
        pass


def by_elyra(pipeline):
    from elyra.pipeline.processor import PipelineProcessor

    ordered = PipelineProcessor._sort_operations(pipeline.operations)
    PipelineProcessor._propagate_operation_inputs_outputs(pipeline, ordered)


def microseconds(function, graph):
    """Return how many microseconds ``function`` takes for one node of ``graph``, or in words why it does not end."""

    def too_long(*_):
        raise TimeoutError

    signal.signal(signal.SIGALRM, too_long)
    times = []
    for _ in range(max(RUNS, SIZES[-1] // len(graph) // 2)):  # short runs vary more
        pipeline = pipeline_of(graph)
        signal.alarm(LIMIT)
        begin = time.perf_counter()
        try:
            function(pipeline)
        except RecursionError:
            return "RecursionError"
        except TimeoutError:
            return f"> {LIMIT} s"
        finally:
            signal.alarm(0)
        times.append((time.perf_counter() - begin) / len(graph) * 1e6)
    return min(times)


def cell(value):
    return f"{value:.1f}" if isinstance(value, float) else value


def measure_nodes(processor):
    print("Microseconds for one node, the best of", RUNS, "runs or more. The log goes to a null handler.")
    print("Elyra: PipelineProcessor._sort_operations and _propagate_operation_inputs_outputs.\n")
    row = "{:<20} {:>6} {:>9} {:>8} {:>15} {:>15} {:>17}"
    print(row.format("shape", "nodes", "describe", "process", "process to 100", "Elyra", "Elyra / describe"))
    for shape in (chain, chain_with_outputs, fan_out, fan_in, layers):
        for size in SIZES:
            graph = shape(size)
            described, processed = microseconds(by_describe, graph), microseconds(processor.process, graph)
            elyra = microseconds(by_elyra, graph)
            if size == SIZES[0]:
                of_hundred = processed
            ratio = elyra / described if isinstance(elyra, float) else "-"
            cells = described, processed, processed / of_hundred, elyra, ratio
            print(row.format(shape.__name__.replace("_", " "), size, *map(cell, cells)), flush=True)


def measure_start():
    runs = [
        tuple(map(float, subprocess.check_output([sys.executable, "-c", START], text=True).split()))
        for _ in range(2 * RUNS + 1)
    ]
    elyra, added = (statistics.median(times) * 1e3 for times in zip(*runs, strict=True))
    print(f"\nStart, the median of {len(runs)} new processes: Elyra lists its processors after {elyra:.0f} ms.")
    print(f"This package adds {added:.1f} ms to that, {added / elyra:.1%}.")
    if added > MAY_ADD:
        sys.exit(f"That is too much: it may add {MAY_ADD} ms.")


def main():
    with tempfile.TemporaryDirectory() as directory:
        os.environ.update({name: directory for name in ("HOME", "JUPYTER_DATA_DIR")}, ELYRA_PROCESSOR_RUNTIMES=STOCK)
        os.chdir(directory)
        Path("work.py").touch()
        fields = {"api_endpoint": "https://x.example", "cos_endpoint": "https://x.example", "cos_bucket": "bench"}
        configuration = Path("metadata", "runtimes", "bench.json")
        configuration.parent.mkdir(parents=True)
        configuration.write_text(
            json.dumps({"schema_name": "demoruntime", "display_name": "Bench", "metadata": fields})
        )

        from demo_runtime.processor import DemoPipelineProcessor

        log = logging.getLogger("demo_runtime")
        log.addHandler(logging.NullHandler())
        log.propagate = False
        measure_nodes(DemoPipelineProcessor(root_dir=directory))
        measure_start()


if __name__ == "__main__":
    main()
