"""The process that leads one run: ``python -m dask_runtime.driver FOLDER``.

It belongs to no server and to no browser. Dask orders, places, repeats and moves; the driver hands over each node as
soon as those before it are done, and writes down what happens. It ends with the run, or on SIGTERM.
"""

import asyncio
import io
import os
import runpy
import shutil
import signal
import sys
import tarfile
from collections import Counter
from concurrent.futures import CancelledError
from contextlib import suppress
from graphlib import TopologicalSorter
from pathlib import Path
from urllib.parse import urlsplit

from distributed import Client, KilledWorker

from dask_runtime.cluster import LOCAL, ClusterError, cluster, usable
from dask_runtime.run import CANCELLED, DONE, FAILED, RUNNING, SKIPPED, Run

SECONDS_TO_END = 5
"""So long may a node take to end after it was asked to. Then it is killed."""

SECONDS_WITHOUT_SCHEDULER = 20
"""So long may the scheduler be silent before the run fails."""

SECONDS_BETWEEN_LOOKS = 0.2
"""So often the driver looks whether the run was cancelled."""

NAMED = 3
"""So many nodes that were not run are named in the sentence that says why a run failed."""

MASKED_LENGTH = 6
"""Values of environment variables that are at least so long are masked in logs. Shorter ones are part of words."""

HERE = Path(__file__).parent
# Without a module of that name, Dask sends these functions by value: workers need not have this package.
ON_WORKER = runpy.run_path(str(HERE / "node.py"), run_name="node-of-a-pipeline")
TOOLS = {name: (HERE / name).read_text(encoding="utf-8") for name in ("guard.py", "notebook.py")}


class Driver:
    """Leads the run ``run``. ``drive`` returns when it is over."""

    def __init__(self, run):
        self.run = run
        facts = run.facts
        self.plan = facts["nodes"]
        self.settings = facts["settings"]
        self.environment = run.environment()
        self.token = (run.folder / "token").read_text(encoding="utf-8")
        self.topic = f"dask_runtime-{run.id}"
        self.done = {number for number, node in enumerate(run.nodes()) if node["state"] == DONE}
        self.failed = {}
        self.shared = True
        self.cancelled = False
        self.lost = None
        self.handed_down = {}
        self.attempts = Counter()
        self.futures = {}
        self.ended = asyncio.Queue()
        self.asides = set()

    async def drive(self):
        """Run all nodes. Raises ``ClusterError`` if the cluster cannot take the run."""
        scratch = self.run.folder / "scratch"
        try:
            async with cluster(self.settings, scratch) as (address, security, offers):
                self._place(offers)
                async with Client(address, security=security, asynchronous=True, set_as_default=False) as client:
                    self.client = client
                    self._begin()
                    await self._lead()
                    self._finish()
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _place(self, offers):
        self.held = []
        for node in self.plan:
            try:
                held, note = usable(node["resources"], offers)
            except ClusterError as error:
                raise ClusterError(f"Node {node['name']!r} {error}") from error
            self.held.append(held)
            if note and node["number"] not in self.done:
                self.run.append(node=node["number"], placing=note)

    def _begin(self):
        information = self.client.scheduler_info()
        address, port = self.settings["api_endpoint"], information["services"].get("dashboard")
        host = "127.0.0.1" if address == LOCAL else urlsplit(address).hostname
        dashboard = f"http://{host}:{port}/status" if port else None
        self.run.append(run=RUNNING, dashboard=dashboard)
        self.run.say(f"started on {address}; nodes: {len(self.plan)}; Dask dashboard: {dashboard}")
        for number in sorted(self.done):
            self.run.say(f"node {self._name(number)} is taken over from an earlier run")

    async def _lead(self):
        """Hand over each node as soon as those before it are done, until none is left that can run."""
        self.client.subscribe_topic(self.topic, self._hear)
        watchers = [asyncio.create_task(self._watch_for_end())]
        if self.settings["api_endpoint"] != LOCAL:
            watchers.append(asyncio.create_task(self._watch_scheduler()))
        left = [node for node in self.plan if node["number"] not in self.done]
        sorter = TopologicalSorter({node["number"]: set(node["parents"]) - self.done for node in left})
        sorter.prepare()
        tasks = set()
        try:
            while True:
                for number in sorter.get_ready():
                    if not self.cancelled and not self.lost:
                        tasks.add(asyncio.create_task(self._run_node(number)))
                if not tasks:
                    return
                number, task = await self.ended.get()
                tasks.discard(task)
                if number in self.done:
                    sorter.done(number)
        finally:
            for watcher in watchers:
                watcher.cancel()

    async def _run_node(self, number):
        try:
            result = await self._result(number)
        except KilledWorker:
            result = {"state": FAILED, "error": self._lost_workers(number)}
        except (asyncio.CancelledError, CancelledError):
            result = self._dropped(number)
        except Exception as error:  # of Dask: what the node itself raises comes as a result
            result = {"state": FAILED, "error": f"Dask could not run the node: {type(error).__name__}: {error}"}
        try:
            self._settle(number, result)
        except OSError as error:
            self._settle(number, {"state": FAILED, "error": f"What the node left cannot be kept: {error}"})
        finally:
            self.ended.put_nowait((number, asyncio.current_task()))

    async def _result(self, number):
        if self.shared:
            result = await self._submit(number, None)
            if result["state"] != "elsewhere":
                return result
            if self.shared:
                self.run.say("the workers do not see the folder of the run: files travel through Dask")
            self.shared = False
        archive = await asyncio.to_thread(self._archive, number)
        if self.cancelled:
            return {"state": CANCELLED}
        return await self._submit(number, archive)

    def _submit(self, number, archive):
        future = self.futures[number] = self.client.submit(
            ON_WORKER["run_node"],
            self._order(number, archive is None),
            archive,
            # Dask keeps accounts of each word that keys begin with, so all begin with the same one.
            key=f"elyra-node-{self.run.id}-{number}-{'shared' if archive is None else 'archive'}",
            priority=-number,
            resources=self.held[number] or None,
            pure=False,
        )
        return future.result()

    def _order(self, number, shared):
        node, environment = self.plan[number], self.environment[number]
        file = os.path.basename(node["file"])
        return {
            "run": self.run.id,
            "run_folder": str(self.run.folder),
            "token": self.token,
            "topic": self.topic,
            "number": number,
            "target": str(self.run.node(number)),
            "folders": [str(folder) for folder in self._folders(number)] if shared else [],
            "tools": TOOLS,
            "file": file,
            "executed": f"{Path(file).stem}-output.ipynb" if node["kind"] == "notebook" else None,
            "outputs": node["outputs"],
            "environment": ON_WORKER["Environment"](environment),
            "masked": [name for name in node["environment"] if len(environment[name]) >= MASKED_LENGTH],
            "grace": SECONDS_TO_END,
        }

    def _folders(self, number):
        """Return the folders that a node starts from: its own files, and what all nodes before it left."""
        ancestors = set()
        for parent in self.plan[number]["parents"]:
            ancestors |= self.handed_down.get(parent, set())
            if (self.run.node(parent) / "outputs").is_dir():
                ancestors.add(parent)
        self.handed_down[number] = ancestors
        return [self.run.sources(number), *(self.run.node(ancestor) / "outputs" for ancestor in sorted(ancestors))]

    def _archive(self, number):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as tar:
            for folder in self._folders(number):
                tar.add(folder, arcname="")
        return data.getvalue()

    def _hear(self, event):
        """Take in what a worker says while a node runs. It may come late, when the node is over."""
        news = event[1]
        number, attempt = news["node"], news["attempt"]
        if number in self.done or number in self.failed:
            return
        if "log" in news:
            folder = self.run.attempt(number, attempt)
            folder.mkdir(exist_ok=True)
            with open(folder / "log.txt", "a", encoding="utf-8") as file:
                file.write(news["log"])
            return
        self.attempts[number] += 1
        if self.attempts[number] > self.settings["retries"] + 1:
            self._take_back([number])
            return
        self.run.append(**news, attempts=self.attempts[number])
        self.run.say(f"node {self._name(number)} runs on {news['host']} ({news['worker']})")

    def _settle(self, number, result):
        state, attempt = result["state"], result.pop("attempt", None)
        archive, log = result.pop("archive", None), result.pop("log", None)
        if attempt:
            made = self.run.attempt(number, attempt)
            made.mkdir(exist_ok=True)
            if archive:
                with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
                    ON_WORKER["extract"](tar, made)
            if log is not None:
                (made / "log.txt").write_text(log, encoding="utf-8")
            os.rename(made, self.run.node(number))
        if state == DONE:
            self.done.add(number)
        else:
            self.failed[number] = result.get("error", state)
        self.run.append(node=number, **result)
        told = f": {result['error']}" if result.get("error") else ""
        self.run.say(f"node {self._name(number)} {state}{told}")

    async def _watch_for_end(self):
        """When the run is cancelled, end the nodes that run, and take back those that wait for a worker."""
        while not self.run.is_cancelled():
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        self.cancelled = True
        self.run.say("cancelled")
        self._take_back([number for number in self.futures if not self.attempts[number]])
        deadline = asyncio.get_running_loop().time() + 2 * SECONDS_TO_END
        while asyncio.get_running_loop().time() < deadline:
            await self.client.run(ON_WORKER["stop_nodes"], self.run.id, on_error="ignore")
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        self._drop("The worker did not answer.")

    async def _watch_scheduler(self):
        """Notice a scheduler that is gone, or silent."""
        while True:
            try:
                await asyncio.wait_for(self.client.scheduler.identity(), SECONDS_WITHOUT_SCHEDULER)
            except Exception as error:  # whatever a lost connection leads to
                self._drop(f"The Dask scheduler at {self.settings['api_endpoint']} is lost ({type(error).__name__}).")
                return
            await asyncio.sleep(SECONDS_WITHOUT_SCHEDULER / 4)

    def _drop(self, reason):
        self.lost = self.lost or reason
        self._take_back([number for number in self.futures if number not in self.done and number not in self.failed])

    def _take_back(self, numbers):
        """Let Dask forget the nodes ``numbers``. Their futures end as cancelled."""
        task = asyncio.create_task(self.client.cancel([self.futures[number] for number in numbers]))
        self.asides.add(task)
        task.add_done_callback(self.asides.discard)

    def _dropped(self, number):
        """Return the result of a node whose future was cancelled: by us, or because the scheduler is gone."""
        if self.cancelled:
            return {"state": CANCELLED}
        if self.attempts[number] > self.settings["retries"] + 1:
            return {"state": FAILED, "error": self._lost_workers(number)}
        self.lost = self.lost or f"The Dask scheduler at {self.settings['api_endpoint']} is lost."
        return {"state": FAILED, "error": self.lost}

    def _lost_workers(self, number):
        tries, ours = self.attempts[number], self.settings["retries"] + 1
        limit = "Retries in the runtime configuration" if tries >= ours else "allowed-failures of the Dask scheduler"
        return (
            f"Its worker was lost {min(tries, ours)} times while it ran. Maybe the node needs more memory than the "
            f"worker has. If not, raise {limit}."
        )

    def _finish(self):
        if self.cancelled:
            state, error = CANCELLED, ""
        elif len(self.done) == len(self.plan):
            state, error = DONE, ""
        else:
            state, error = FAILED, self._summary()
        for attempt in (self.run.folder / "nodes").glob("*.*"):  # on a worker that was lost
            shutil.rmtree(attempt, ignore_errors=True)
        skipped = set(range(len(self.plan))) - self.done - set(self.failed)
        for number in sorted(skipped):
            self.run.append(node=number, state=CANCELLED if self.cancelled else SKIPPED)
        if state == DONE:
            self.run.forget_environment()
        self.run.say(f"{state} {error}".rstrip())
        self.run.append(run=state, error=error)

    def _summary(self):
        if self.lost:
            return f"{self.lost} {len(self.done)} of {len(self.plan)} nodes were done by then, and are kept."
        first = min(self.failed)
        told = self.failed[first].rstrip(".")
        more = f" So did {len(self.failed) - 1} more." if len(self.failed) > 1 else ""
        skipped = [number for number in range(len(self.plan)) if number not in self.done | self.failed.keys()]
        named = ", ".join(map(self._name, skipped[:NAMED])) + (
            f" and {len(skipped) - NAMED} more" * (len(skipped) > NAMED)
        )
        rest = f" Not run, because they follow: {named}." if skipped else ""
        return f"Node {self._name(first)} failed. {told}.{more}{rest}"

    def _name(self, number):
        return repr(self.plan[number]["name"])


async def _drive(run):
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, run.cancel)
    await Driver(run).drive()


def main(folder):
    """Lead the run in ``folder`` to its end, and write down what ended it."""
    run = Run(folder)
    lock = run.lock()
    try:
        asyncio.run(_drive(run))
    except ClusterError as error:
        run.append(run=FAILED, refused=True, error=str(error))
    except BaseException as error:
        with suppress(OSError):
            run.append(run=FAILED, error=f"The run was given up: {type(error).__name__}: {error}")
        raise
    finally:
        lock.close()


if __name__ == "__main__":
    main(sys.argv[1])
