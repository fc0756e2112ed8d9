"""Measure how long runs on Dask and on this machine take, beside Elyra's local runtime and what no engine can beat.

Run it with ``make bench``. It prints three tables and takes about five minutes on an idle machine. The ratios compare
what ran by turns; on a busy machine, read nothing else.
"""

import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

RUNS = 3
TIMEOUT = 300
"""So many seconds a run gets."""
OUTSIDE = 2
"""So many workers of one thread each are started for the runs on a cluster."""

SLEEP = "import time\ntime.sleep({})\n"
BUSY = "import time\nwhile time.process_time() < 1:\n    pass\n"
CELLS = ["import sys", "total = sum(range(1000))", "print(total, sys.version)"]
FILES = {
    "nothing.py": ("", 0),
    "second.py": (SLEEP.format(1), 1),
    "three.py": (SLEEP.format(3), 3),
    "busy.py": (BUSY, 1),
    "notebook.ipynb": (None, None),
}
"""What nodes run: the text, and the seconds that it takes. Nobody can say that of a notebook before."""


class Case(NamedTuple):
    name: str
    graph: list
    """For each node a pair: the numbers of the nodes before it, and its file."""
    ways: tuple
    """So many nodes run at a time: one number for each way to run the pipeline, or ``cluster``."""
    runs: int = RUNS


class Times(NamedTuple):
    """What one run took, in seconds."""

    total: float
    """From the moment before ``process`` is called to the end of the run."""
    run: float
    """Without the start: from the moment when the cluster is there."""
    process: float
    first: float
    """From the moment before ``process`` is called to the moment when a node runs."""


def chain(size, file):
    return [([number - 1] if number else [], file) for number in range(size)]


def fan(size, file):
    return [([], file)] * size


def fan_and_join(size, file, join):
    return [*fan(size, file), (list(range(size)), join)]


CASES = (
    Case("4 in a row, empty", chain(4, "nothing.py"), (4,), 2 * RUNS),
    Case("4 in a row, 1 s", chain(4, "second.py"), (4,)),
    Case("8 side by side, 3 s, and 1", fan_and_join(8, "three.py", "nothing.py"), (4, 8), 1),
    Case("8 side by side, 1 s of CPU", fan(8, "busy.py"), (2,), 2),
    Case("4 notebooks side by side, and 1", fan_and_join(4, "notebook.ipynb", "notebook.ipynb"), (1, 2, "cluster"), 2),
)
MANY = (Case("100 empty", fan(100, "nothing.py"), (4,)), Case("1,000 empty", fan(1_000, "nothing.py"), (4,), 1))


def write_files(root):
    import nbformat

    for name, (text, _) in FILES.items():
        if text is None:
            notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
            notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python", "language": "python"}
            text = nbformat.writes(notebook)
        Path(root, name).write_text(text)


def pipeline_of(graph, configuration):
    """Return ``graph`` as Elyra's parser hands it over."""
    from elyra.pipeline.pipeline import GenericOperation, Pipeline

    pipeline = Pipeline(id="bench", name="bench", runtime="dask", runtime_config=configuration)
    for number, (parents, file) in enumerate(graph):
        pipeline.operations[str(number)] = GenericOperation(
            id=str(number),
            type="execution_node",
            name=f"node {number}",
            classifier=f"execute-{'notebook' if file.endswith('.ipynb') else 'python'}-node",
            parent_operation_ids=[str(parent) for parent in parents],
            component_props={"filename": file, "runtime_image": "example/image:1"},
        )
    return pipeline


def by_local(processor, graph):
    """Return the seconds that Elyra's local runtime takes. Its ``process`` returns when all is done."""
    pipeline = pipeline_of(graph, None)
    begin = time.perf_counter()
    processor.process(pipeline)
    return time.perf_counter() - begin


def by_engine(processor, graph, way):
    """Return the ``Times`` of one run. Return when its processes are gone, so that they do not slow what follows."""
    from elyra_runtime_engine.run import DONE, all_runs

    pipeline = pipeline_of(graph, f"{processor.type.name.lower()}-{way}")
    begin = time.time()
    processor.process(pipeline)
    returned = time.time()
    run = all_runs()[0]
    while run.has_driver():
        if time.time() > begin + TIMEOUT:
            run.cancel()
        time.sleep(0.1)
    if run.state()[0] != DONE:
        logs = [run.folder / "run.log", *sorted(run.folder.glob("nodes/*/log.txt"))]
        sys.exit("\n".join(["A run was not done:", *run.state(), *(log.read_text() for log in logs)]))
    events, _ = run.events()
    started = min(event["time"] for event in events if "run" in event)
    first = min(event["time"] for event in events if event.get("state") == "running")
    run.remove()
    ended = events[-1]["time"]
    return Times(ended - begin, ended - started, returned - begin, first - begin)


def measure(processors, case, names=("dask",)):
    """Return the best times: of the local runtime, and a dict of those of each runtime and way. All run by turns."""
    local, ours = [], {(name, way): [] for name in names for way in case.ways}
    for _ in range(case.runs):
        local.append(by_local(processors["local"], case.graph))
        for (name, way), times in ours.items():
            times.append(by_engine(processors[name], case.graph, way))
    return min(local), {which: Times(*map(min, zip(*times, strict=True))) for which, times in ours.items()}


def least(graph, at_a_time):
    """Return the seconds that no engine can beat, or ``None``: the longest path, or all work shared out evenly."""
    if any(FILES[file][1] is None for _, file in graph):
        return None
    ends = []
    for parents, file in graph:
        ends.append(FILES[file][1] + max((ends[parent] for parent in parents), default=0))
    return max(*ends, sum(FILES[file][1] for _, file in graph) / at_a_time)


def seconds(value):
    return f"{value:.2f}" if value else "-"


def compare(processors):
    """Print how long the pipelines take. Return how far each aim is met: (aim, measured, limit)."""
    print("Seconds for a pipeline, the best of its runs. local: Elyra's local runtime, one node after the other.")
    print(
        "total: from the submission to the end; run: without the start of the cluster; least: what no engine can beat."
    )
    print("local/total and local/run: above 1, Dask is faster; < marks the pipelines where it loses.\n")
    row = "{:<32} {:>9} {:>6} {:>6} {:>6} {:>6} {:>12} {:>10} {:>10}"
    names = "pipeline", "at a time", "least", "local", "total", "run", "local/total", "local/run", "run/least"
    print(row.format(*names))
    aims = []
    for case in CASES:
        local, dask = measure(processors, case)
        for (_, way), times in dask.items():
            limit = least(case.graph, OUTSIDE if way == "cluster" else way)
            loses = "< " if local < times.total else ""
            cells = case.name, way, *map(seconds, (limit, local, times.total, times.run))
            ratios = loses + seconds(local / times.total), seconds(local / times.run)
            print(row.format(*cells, *ratios, seconds(limit and times.run / limit)), flush=True)
            aims += aims_of(case, way, local, times, limit)
    return aims


def aims_of(case, way, local, times, limit):
    name = f"{case.name}, {way} at a time"
    if case.name == "4 in a row, empty":
        return [(f"{name}: seconds until the first node runs", times.first, 1)]
    if case.name == "4 in a row, 1 s":
        return [(f"{name}: total / local", times.total / local, 1.2)]
    if limit == 6:
        return [(f"{name}: run / least", times.run / limit, 1.1)]
    if limit is None:
        return [(f"{name}: {what} / local", getattr(times, what) / local, 1) for what in ("total", "run")]
    return []


def measure_many(processors):
    """Print what a node costs in small and in large pipelines. Return how far the aim is met."""
    print("\nMilliseconds for one empty node, all side by side. process: what the submission takes; run: the rest.\n")
    row = "{:<12} {:<8} {:>9} {:>6} {:>8} {:>6} {:>10}"
    print(row.format("pipeline", "runtime", "at a time", "local", "process", "run", "local/run"))
    costs = {}
    for case in MANY:
        local, ours = measure(processors, case, ("dask", "machine"))
        for (name, way), times in ours.items():
            costs.setdefault(name, []).append(times.run / len(case.graph))
            cells = (f"{value / len(case.graph) * 1e3:.1f}" for value in (local, times.process, times.run))
            print(row.format(case.name, name, way, *cells, seconds(local / times.run)), flush=True)
    return [(f"{name}: a node among 1,000 / among 100", many / few, 1.2) for name, (few, many) in costs.items()]


@contextmanager
def outside_cluster(folder):
    """Yield the address of a Dask scheduler of its own on the loopback, with its workers."""
    from distributed import Client

    where = Path(folder, "scheduler.json")
    common = ["--scheduler-file", where, "--no-dashboard", "--host", "127.0.0.1"]
    commands = [["scheduler", *common, "--port", "0"], *[["worker", *common, "--nthreads", "1"]] * OUTSIDE]
    processes = []
    with open(Path(folder, "cluster.log"), "wb") as log:
        try:
            for command in commands:
                command = [sys.executable, "-m", "dask", *command]
                processes.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=folder))
            while not where.exists() and processes[0].poll() is None:
                time.sleep(0.05)
            address = json.loads(where.read_text())["address"]
            with Client(address, set_as_default=False) as client:
                client.wait_for_workers(OUTSIDE, timeout=60)
            yield address
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait()


def write_configurations(cases, address):
    folder = Path(os.environ["JUPYTER_DATA_DIR"], "metadata", "runtimes")
    folder.mkdir(parents=True)
    for way in {way for case in cases for way in case.ways}:
        at_a_time = {} if way == "cluster" else {"parallel_nodes": way}
        place = {"api_endpoint": address if way == "cluster" else "local", "cos_endpoint": "default"}
        for name, fields in (("dask", {**place, **at_a_time}), ("machine", at_a_time)):
            facts = {"schema_name": name, "display_name": f"{name} {way}", "metadata": fields}
            (folder / f"{name}-{way}.json").write_text(json.dumps(facts))


@contextmanager
def ready(cases, address):
    """Yield the processors, a dict, in a Jupyter of their own that has all that ``cases`` need."""
    from elyra_runtime_doctor.host import own_jupyter

    with tempfile.TemporaryDirectory() as directory:
        os.environ.update(
            own_jupyter(directory), HOME=directory, ELYRA_PROCESSOR_RUNTIMES="local,dask,machine", TQDM_DISABLE="1"
        )
        root = Path(directory, "root")
        root.mkdir()
        os.chdir(root)
        write_files(root)
        write_configurations(cases, address)
        logging.basicConfig(handlers=[logging.NullHandler()])

        from elyra.pipeline.processor import PipelineProcessorManager
        from traitlets.log import get_logger

        get_logger().propagate = False
        get_logger().handlers = [logging.NullHandler()]
        manager = PipelineProcessorManager.instance(root_dir=str(root))
        yield {name: manager.get_processor_for_runtime(name) for name in ("local", "dask", "machine")}
        os.chdir("/")


def print_aims(aims):
    print("\nAims.\n")
    for aim, measured, limit in aims:
        print(f"{aim:<62} {measured:>6.2f}, at most {limit:g}: {'met' if measured <= limit else 'MISSED'}")


def main():
    cases = CASES + MANY
    with tempfile.TemporaryDirectory() as directory, outside_cluster(directory) as address:
        with ready(cases, address) as processors:
            # The first of each imports what the later ones need, papermill for one.
            by_local(processors["local"], fan(1, "notebook.ipynb"))
            by_engine(processors["dask"], fan(1, "notebook.ipynb"), CASES[0].ways[0])
            aims = compare(processors)
            aims += measure_many(processors)
            print_aims(aims)


if __name__ == "__main__":
    main()
