"""Measure whether runs on Dask have become slower than they were at an earlier commit, and what the journal costs.

``python benchmarks/bench_pairs.py COMMIT [PAIRS]`` runs the same pipelines with the code as it lies here, with the code
of the commit, and with a disk that nobody waits for. They run by turns, so that a busy machine is equally busy for all.
It prints medians and their ratios, and whether the aims are met. Five pairs take about ten minutes.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from bench_page import ROOT, checked_out, packages_in
from bench_runs import Case, chain, fan, fan_and_join, print_aims

PAIRS = 5
CASES = (
    Case("1 empty", chain(1, "nothing.py"), (4,)),
    Case("8 side by side, 3 s, and 1", fan_and_join(8, "three.py", "nothing.py"), (8,)),
    Case("1,000 empty", fan(1_000, "nothing.py"), (4,)),
)
LATER = 0.05
"""So many seconds later than at the commit may the first node begin."""
SLOWER = 1.05
"""So many times as long may a run take, and so many times as long as without waiting for the disk."""

NO_SYNC = "import os\nos.fsync = lambda file: None\n"

# It belongs to the code that is measured, and so do the benchmarks that it imports: they call what may have moved.
RUNNER = """
import json, resource, sys
sys.path.append(sys.argv[1])
import bench_pairs, bench_runs

def processor_seconds():
    all = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in all)

by_engine = getattr(bench_runs, "by_engine", None) or bench_runs.by_dask  # the name until 2026-11
with bench_runs.ready(bench_pairs.CASES, None) as processors:
    print(flush=True)
    for line in sys.stdin:
        case = bench_pairs.CASES[int(line)]
        before = processor_seconds()
        times = by_engine(processors["dask"], case.graph, case.ways[0])
        print(json.dumps([*times, processor_seconds() - before]), flush=True)
"""


class Seconds(NamedTuple):
    """What one run took: as ``bench_runs.Times``, and of processors."""

    total: float
    run: float
    process: float
    first: float
    processor: float


class Runner:
    """A process that runs pipelines with the code of the repository ``source``, and with what lies before it."""

    def __init__(self, source, before, stack):
        path = [*before, *packages_in(source)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUNNER, str(source / "benchmarks")],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))},
            **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True},
        )
        stack.enter_context(self.process)
        self.process.stdout.readline()
        self.run(0)  # imports what the later ones need

    def run(self, number):
        """Run a case. Return its ``Seconds``."""
        self.process.stdin.write(f"{number}\n")
        self.process.stdin.flush()
        return Seconds(*json.loads(self.process.stdout.readline()))


def measure(runners, pairs):
    """Print what runs take with each of ``runners``. Return the medians by case and runner."""
    row = "{:<28} {:<12} {:>7} {:>8} {:>7} {:>7} {:>10}"
    print("Medians, in seconds. first: until a node runs; run: without the start; processor: time of processors.\n")
    print(row.format("pipeline", "code", "first", "process", "run", "total", "processor"))
    medians = {}
    for number, case in enumerate(CASES):
        measured = {name: [] for name in runners}
        for _ in range(pairs):
            for name, runner in runners.items():
                measured[name].append(runner.run(number))
        for name, times in measured.items():
            middle = medians[case.name, name] = Seconds(*map(statistics.median, zip(*times, strict=True)))
            cells = middle.first, middle.process, middle.run, middle.total, middle.processor
            print(row.format(case.name, name, *(f"{value:.2f}" for value in cells)), flush=True)
    return medians


def aims(medians, commit):
    """Return how far each aim is met: (aim, measured, limit)."""
    one, long, many = ([medians[case.name, name] for name in ("this", commit, "no sync")] for case in CASES)
    return [
        (f"{CASES[0].name}: seconds until the first node runs, more", one[0].first - one[1].first, LATER),
        (f"{CASES[1].name}: run / least, this / {commit}", long[0].run / long[1].run, SLOWER),
        (f"{CASES[2].name}: seconds until the first node runs, more", many[0].first - many[1].first, LATER),
        (f"{CASES[2].name}: run, this / {commit}", many[0].run / many[1].run, SLOWER),
        (f"{CASES[2].name}: run, this / no sync", many[0].run / many[2].run, SLOWER),
    ]


def main(commit, pairs=PAIRS):
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        place = Path(directory)
        (place / "sitecustomize.py").write_text(NO_SYNC)
        trees = {"this": (ROOT, []), commit: (checked_out(commit, place / "source"), []), "no sync": (ROOT, [place])}
        runners = {name: Runner(*tree, stack) for name, tree in trees.items()}
        print_aims(aims(measure(runners, int(pairs)), commit))


if __name__ == "__main__":
    main(*sys.argv[1:])
