"""Measure what it costs the Jupyter server to show runs on Dask: pages that follow a log, and the list of all runs.

``python benchmarks/bench_page.py [COMMIT]`` makes the folders of runs, runs nothing, and asks as the pages do. With an
earlier commit, it measures that one by turns, and prints the ratios. It takes about a minute.
"""

import io
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psutil
import requests

ROOT = Path(__file__).parent.parent
NODES = 5_000
PAGES = 50
ROUNDS = 5
"""So often all pages ask, each after the node has printed a line and another one has ended."""
LISTED = 100
NODES_OF_LISTED = 2_000
LINE = "The node has printed this line.\n"
AT_MOST = 0.1
"""So much of the processor time of the earlier commit may the pages take."""

# It belongs to the code that is measured, as the folders of its runs do.
WRITER = """
import sys
from elyra_runtime_engine.run import Run

def made(size):
    nodes = [
        {"number": n, "id": str(n), "name": f"node {n}", "kind": "Python script", "file": f"folder/node-{n}.py",
         "dependencies": [], "include_subdirectories": False, "outputs": ["*.csv"], "environment": ["KEY"],
         "parents": [n - 1] if n else [], "resources": {}, "notes": ["The runtime image is not used."]}
        for n in range(size)
    ]
    settings = {"api_endpoint": "local", "cos_endpoint": "default"}
    facts = {"pipeline": f"{size} nodes", "configuration": "dask", "settings": settings, "root": "/", "nodes": nodes}
    run = Run.create(facts, [{} for _ in nodes])
    run.append(run="running", dashboard=None)
    return run

def end(number):
    files = [["outputs/a.csv", 1000], ["outputs/b.csv", 1000]]
    where = {"worker": "tcp://127.0.0.1:40000", "host": "here", "attempt": "0000000a"}
    run.append(node=number, state="running", attempts=1, **where)
    run.append(node=number, state="done", seconds=1.5, exit=0, files=files, **where)

line, (nodes, listed, nodes_of_listed) = sys.argv[1], map(int, sys.argv[2:])
for _ in range(listed):
    made(nodes_of_listed).append(run="failed", error="")
run = made(nodes)
lock = run.lock()
for number in range(nodes // 2):
    end(number)
last = nodes - 1
run.append(node=last, state="running", attempt="0000000a", attempts=1)
log = run.attempt(last, "0000000a")
log.mkdir()
print(run.id, flush=True)
for number, _ in enumerate(sys.stdin, nodes // 2):
    end(number)
    with open(log / "log.txt", "a") as file:
        file.write(line)
    print(flush=True)
"""


class Tree:
    """A Jupyter server with the package as it lies in the folder ``source``, with its runs and with its pages."""

    def __init__(self, name, source, place, stack):
        from elyra_runtime_doctor.host import Server, environment, own_jupyter

        place.mkdir()
        self.name = name
        directories = own_jupyter(place)
        own = {"HOME": str(place), "PYTHONPATH": os.pathsep.join(map(str, packages_in(source)))}
        sizes = map(str, (NODES, LISTED, NODES_OF_LISTED))
        self.writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, LINE, *sizes],
            env=environment(**directories, **own),
            **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": place},
        )
        stack.enter_context(self.writer)
        self.run = self.writer.stdout.readline().strip()
        self.server = stack.enter_context(Server(place, directories=directories, **own))
        (noted,) = Path(directories["JUPYTER_RUNTIME_DIR"]).glob("jpserver-*.json")
        self.process = psutil.Process(int(noted.stem.rpartition("-")[2]))
        with ThreadPoolExecutor(8) as browsers:
            self.pages = list(browsers.map(lambda _: Page(self.server, self.run), range(PAGES)))

    def processor_seconds(self):
        times = self.process.cpu_times()
        return times.user + times.system

    def follow(self):
        """Let something happen, and each page learn it. Return the processor time of the server, in seconds."""
        self.writer.stdin.write("\n")
        self.writer.stdin.flush()
        self.writer.stdout.readline()
        begin = self.processor_seconds()
        with ThreadPoolExecutor(8) as browsers:
            learnt = list(browsers.map(Page.follow, self.pages))
        if set(learnt) != {(2, len(LINE))}:
            sys.exit(f"The pages have not learnt what is new: {set(learnt)}")
        return self.processor_seconds() - begin

    def list(self):
        """Return the seconds until the list of all runs is there."""
        begin = time.perf_counter()
        rows = self.server.get("elyra_runtime_engine/api/runs").json()["runs"]
        if len(rows) != min(100, LISTED + 1):
            sys.exit(f"The list holds {len(rows)} runs.")
        return time.perf_counter() - begin


class Page:
    """Asks what the page of a run asks for while somebody looks at the log of its last node."""

    def __init__(self, server, run):
        self.url = f"{server.url}elyra_runtime_engine/api/runs/{run}"
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"token {server.token}"
        self.after = self.ask("")["next"]
        self.start = self.log("")["next"]

    def ask(self, query):
        answer = self.session.get(self.url + query)
        answer.raise_for_status()
        return answer.json()

    def log(self, query):
        return self.ask(f"/nodes/{NODES - 1}/log{query}")

    def follow(self):
        """Ask what is new. Return how many events that are, and how many letters of the log."""
        told, log = self.ask(f"?after={self.after}"), self.log(f"?from={self.start}")
        self.after, self.start = told["next"], log["next"]
        return len(told["events"]), len(log["text"])


def packages_in(source):
    """Return the folders of the repository ``source`` that hold packages."""
    return [source, source / "dask", source / "kit"]


def checked_out(commit, place):
    """Return the folder ``place``, with the files of ``commit`` in it."""
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(place)
    return place


def measure(trees):
    """Print what the pages and the lists cost. Return the medians of each tree, a dict by its name."""
    lists = {tree.name: [tree.list()] for tree in trees}
    follows = {tree.name: [] for tree in trees}
    for _ in range(ROUNDS):
        for tree in trees:
            follows[tree.name].append(tree.follow())
            lists[tree.name].append(tree.list())
    print(
        f"{PAGES} pages follow the log of a run of {NODES} nodes. Processor milliseconds of the server for each look."
    )
    print(f"The list of {LISTED} runs of {NODES_OF_LISTED} nodes. Milliseconds, the first time and after that.\n")
    row = "{:<12} {:>8} {:>10} {:>10}"
    print(row.format("code", "a look", "list first", "list later"))
    medians = {}
    for name, times in follows.items():
        medians[name] = statistics.median(times) / PAGES
        cells = medians[name], lists[name][0], statistics.median(lists[name][1:])
        print(row.format(name, *(f"{seconds * 1e3:.1f}" for seconds in cells)), flush=True)
    return medians


def main(commit=None):
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        place = Path(directory)
        sources = {"this": ROOT}
        if commit:
            sources[commit] = checked_out(commit, place / "source")
        trees = [Tree(name, source, place / name, stack) for name, source in sources.items()]
        medians = measure(trees)
        if commit:
            ratio = medians["this"] / medians[commit]
            print(f"\nthis / {commit}: {ratio:.3f}, at most {AT_MOST}: {'met' if ratio <= AT_MOST else 'MISSED'}")


if __name__ == "__main__":
    main(*sys.argv[1:])
