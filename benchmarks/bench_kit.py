"""Measure what a node costs on the kit, beside the hand-written Demo Runtime that does the same, in pairs.

Run it with ``make bench``. It prints one table, and fails where the kit is slower.
"""

import logging
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench import chain, chain_with_outputs, fan_out, layers, pipeline_of

NODES = 10_000
PAIRS = 5
AT_MOST = 1.1
"""So many times the Demo Runtime's time a node may take on the kit. A busy machine differs by a tenth."""


def describe(self, job):
    """Log what the Demo Runtime logs: a line for the configuration, and one for each node."""
    from elyra_runtime_kit import line

    job.log(f"runtime configuration: {line(job.configuration.visible())}")
    for node in job.nodes:
        job.log(line(vars(node)), node)


def seconds(runtime, graph, configuration):
    """Return the processor seconds of one call of ``process``."""
    pipeline = pipeline_of(graph)
    pipeline._runtime_config = configuration
    begin = time.process_time()
    runtime.process(pipeline)
    return time.process_time() - begin


def measure(demo, demos_configuration, kit):
    """Print the microseconds of a node for both. Return the largest ratio."""
    from elyra_runtime_kit.testing import configure

    kits_configuration = configure(kit)
    print(f"process on {NODES} nodes, microseconds for one node, the median of {PAIRS} pairs. The log goes nowhere.\n")
    row = "{:<20} {:>6} {:>6} {:>6}"
    print(row.format("shape", "demo", "kit", "ratio"))
    ratios = []
    for shape in (chain, chain_with_outputs, fan_out, layers):
        graph = shape(NODES)
        pairs = [
            (seconds(demo, graph, demos_configuration), seconds(kit, graph, kits_configuration)) for _ in range(PAIRS)
        ]
        ratios.append(statistics.median(ours / theirs for theirs, ours in pairs))
        theirs, ours = (statistics.median(times) / NODES * 1e6 for times in zip(*pairs, strict=True))
        cells = f"{theirs:.1f}", f"{ours:.1f}", f"{ratios[-1]:.2f}"
        print(row.format(shape.__name__.replace("_", " "), *cells), flush=True)
    return max(ratios)


def main():
    with tempfile.TemporaryDirectory() as directory:
        os.environ.update({name: directory for name in ("HOME", "JUPYTER_DATA_DIR")})
        os.chdir(directory)
        Path("work.py").touch()

        from elyra.metadata.manager import MetadataManager
        from elyra.metadata.metadata import Metadata

        from demo_runtime.processor import DemoPipelineProcessor
        from elyra_runtime_kit.testing import in_memory

        for name in ("demo_runtime", "elyra_runtime_kit.testing"):
            log = logging.getLogger(name)
            log.addHandler(logging.NullHandler())
            log.propagate = False
        fields = {"api_endpoint": "https://x.example", "cos_endpoint": "https://x.example", "cos_bucket": "bench"}
        saved = Metadata(schema_name="demoruntime", display_name="Bench", metadata=fields)
        configuration = MetadataManager(schemaspace="runtimes").create("bench", saved).name
        names = {"name": "bench", "type_id": "BENCH", "display_name": "Bench"}
        with in_memory(directory, run=describe, **names) as kit:
            ratio = measure(DemoPipelineProcessor(root_dir=directory), configuration, kit)
    if ratio > AT_MOST:
        sys.exit(f"A node takes {ratio:.2f} times as long on the kit, and may take {AT_MOST} times.")


if __name__ == "__main__":
    main()
