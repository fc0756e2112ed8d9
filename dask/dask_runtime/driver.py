"""The process that leads one run: ``python -m dask_runtime.driver FOLDER``.

It belongs to no server and to no browser. Dask orders, places, repeats and moves; the driver hands over each node as
soon as those before it are done, and keeps a journal. It ends with the run, or on SIGTERM.
"""

import asyncio
import io
import os
import runpy
import shutil
import signal
import sys
import tarfile
from concurrent.futures import CancelledError
from contextlib import suppress
from graphlib import TopologicalSorter
from pathlib import Path
from urllib.parse import urlsplit

from distributed import Client, KilledWorker

from dask_runtime.cluster import LOCAL, ClusterError, cluster, expect_usable_workers, usable
from dask_runtime.journal import Journal
from dask_runtime.patience import Patience
from dask_runtime.run import CANCELLED, FAILED, FolderError, Run

SECONDS_BETWEEN_CLEARINGS = 1
"""So often the scheduler is told to forget what the driver has heard by now."""

SECONDS_BETWEEN_LOOKS = 0.2
"""So often the driver looks whether the run was cancelled."""

LOOKS_AT_SCHEDULER = 4
"""So many times the driver asks the scheduler while its patience with it lasts."""

TRIALS = 4
"""So many times a node is handed over that never ran, because each worker on which it waited was lost."""

HERE = Path(__file__).parent
# Without a module of that name, Dask sends these functions by value: workers need not have this package.
ON_WORKER = runpy.run_path(str(HERE / "node.py"), run_name="node-of-a-pipeline")
TOOLS = {name: (HERE / name).read_text(encoding="utf-8") for name in ("guard.py", "mask.py", "notebook.py")}


class Driver:
    """Leads the run ``run``, as long as it is ``held`` and its ``lock`` too. ``drive`` returns when it is over."""

    def __init__(self, run, lock, patience):
        self.run = run
        self.lock = lock
        self.patience = patience
        facts = run.facts
        self.plan = facts["nodes"]
        self.journal = Journal(run, self.plan)
        self.settings = facts["settings"]
        self.environment = run.environment()
        self.run_folder, self.token = str(run.real_place), run.token
        self.scratch = run.scratch()
        self.shared = True
        self.told_to_end = False
        self.cancelled = False
        self.lost = None
        self.heard = False
        self.over = False
        self.inherits_from = _inheritance(self.plan)
        self.futures = {}
        self.asides = set()

    async def drive(self):
        """Run all nodes. Raises ``ClusterError`` if the cluster cannot take the run."""
        try:
            async with cluster(self.settings, self.scratch, self.patience.answer) as (address, security, offers):
                self._place(offers)
                async with Client(address, security=security, asynchronous=True, set_as_default=False) as client:
                    self.client = client
                    self.topic = client.id  # the scheduler forgets it after the client, however that ends
                    self._begin()
                    await self._lead()
                    if self.cancelled and not self.lost:
                        await self._stop_nodes()  # one may have begun, and the word of it is still on its way
                    await self._clear_news()
                    self.journal.finish(self.cancelled, self.lost)
                    self.over = True
        finally:
            shutil.rmtree(self.scratch, ignore_errors=True)

    def _place(self, offers):
        self.held = []
        for node in self.plan:
            try:
                held, note = usable(node["resources"], offers)
            except ClusterError as error:
                raise ClusterError(f"Node {node['name']!r} {error}") from error
            self.held.append(held)
            if note and node["number"] not in self.journal.done:
                self.run.append(node=node["number"], placing=note)

    def _begin(self):
        information = self.client.scheduler_info()
        address, port = self.settings["api_endpoint"], information["services"].get("dashboard")
        host = urlsplit(address).netloc.rpartition(":")[0]
        dashboard = f"http://{host}:{port}/status" if port else None
        self.journal.begin(address, dashboard)

    async def _lead(self):
        """Hand over each node as soon as those before it are done.

        It ends when none is left that can run.
        """
        self.ended = asyncio.Queue()
        self.client.subscribe_topic(self.topic, self._hear)
        watchers = [asyncio.create_task(self._watch_for_end())]
        if self.settings["api_endpoint"] != LOCAL:
            watchers.append(asyncio.create_task(self._watch_scheduler()))
            watchers.append(asyncio.create_task(self._clear_now_and_then()))
        done = self.journal.done
        left = [node for node in self.plan if node["number"] not in done]
        sorter = TopologicalSorter({node["number"]: set(node["parents"]) - done for node in left})
        sorter.prepare()
        tasks = set()
        try:
            while True:
                for number in sorter.get_ready():
                    if not self.cancelled and not self.lost:
                        tasks.add(asyncio.create_task(self._run_node(number)))
                        # Let it begin before all others are handed over.
                        await asyncio.sleep(0)
                if not tasks:
                    return
                number, task = await self.ended.get()
                tasks.discard(task)
                if number in done:
                    sorter.done(number)
        finally:
            for watcher in watchers:
                watcher.cancel()

    async def _run_node(self, number):
        try:
            result = await self._result(number)
        except KilledWorker:
            result = {"state": FAILED, "error": self._lost_workers(number)}
        except (asyncio.CancelledError, CancelledError) as error:
            result = self._result_of_cancelled(number, error)
        except ON_WORKER["NodeError"] as error:
            result = {"state": FAILED, "error": str(error)}
        except Exception as error:  # of Dask: what the node itself raises comes as a result
            result = {"state": FAILED, "error": f"Dask could not run the node: {type(error).__name__}: {error}"}
        try:
            await asyncio.to_thread(self.journal.keep, number, result)
        except Exception as error:  # a full disk, an archive that is none
            result = {"state": FAILED, "error": f"What the node left cannot be kept: {error}"}
        try:
            self.journal.settle(number, result)
        except OSError:
            self.lost = self.lost or self.journal.failed[number]
        finally:
            self.ended.put_nowait((number, asyncio.current_task()))

    async def _result(self, number):
        if self.shared:
            result = await self._submit(number, None)
            if result["state"] != "elsewhere":
                return result
            if self.shared:
                self.run.say("workers do not see the run's folder: files travel through Dask")
            self.shared = False
        return await self._submit(number, await asyncio.to_thread(self._archive, number))

    async def _submit(self, number, archive):
        """Return what came of node ``number``. Once it is here, Dask may forget it, and never runs it again."""
        for trial in range(TRIALS):
            if self.cancelled or self.lost:
                raise asyncio.CancelledError
            self.futures[number] = self.client.submit(
                ON_WORKER["run_node"],
                self._order(number, archive is None),
                archive,
                # Dask keeps accounts of each word that keys begin with, so all begin with the same one.
                key=f"elyra-node-{self.run.id}-{number}-{'shared' if archive is None else 'archive'}-{trial}",
                priority=-number,
                resources=self.held[number] or None,
                pure=False,
            )
            try:
                return await self.futures[number].result()
            except KilledWorker:
                # It was in the queue of workers that other nodes have killed.
                if self.journal.attempts[number] or trial == TRIALS - 1:
                    raise
            finally:
                del self.futures[number]

    def _order(self, number, shared):
        node, environment = self.plan[number], self.environment[number]
        file = os.path.basename(node["file"])
        return {
            "run": self.run.id,
            "run_folder": self.run_folder,
            "owner": os.geteuid(),
            "token": self.token,
            "topic": self.topic,
            "number": number,
            "target": self._below(self.run.node(number)),
            "folders": [self._below(folder) for folder in self._folders(number)] if shared else [],
            "tools": TOOLS,
            "file": file,
            "executed": f"{Path(file).stem}-output.ipynb" if node["kind"] == "notebook" else None,
            "outputs": node["outputs"],
            "environment": ON_WORKER["Environment"](environment),
            "masked": node["environment"],
            "grace": self.patience.node,
        }

    def _folders(self, number):
        """Return the folders that a node starts from.

        They hold its own files, and what all nodes before it left.
        """
        left = (self.run.node(ancestor) / "outputs" for ancestor in sorted(self.inherits_from[number]))
        return [self.run.sources(number), *(folder for folder in left if folder.is_dir())]

    def _below(self, path):
        """Return ``path`` as seen from the folder with the files of the nodes. On a worker, that may be elsewhere."""
        return str(path.relative_to(self.run.place))

    def _archive(self, number):
        folders = self._folders(number)
        ON_WORKER["expect_to_travel"](sum(_size(folder) for folder in folders), "files that the node starts from")
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as tar:
            for folder in folders:
                tar.add(folder, arcname="")
        return data.getvalue()

    def _hear(self, event):
        """Take in what a worker says while a node runs. It may come late, when the node is over."""
        news = event[1]
        if "node" not in news:  # the scheduler itself says something of the client
            return
        self.heard = True
        number, attempt = news["node"], news["attempt"]
        if self.journal.is_over(number):
            return
        if "log" in news:
            self.journal.log(number, attempt, news["log"])
            return
        self.journal.attempts[number] += 1
        if self._tried_too_often(number):
            self._cancel([number])
        else:
            self.journal.running(number, news)

    def _tried_too_often(self, number):
        return self.journal.attempts[number] > self.settings["retries"] + 1

    async def _watch_for_end(self):
        """When the run has to end, end the nodes that run, and take back those that wait for a worker."""
        while not self._must_end():
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        self.run.say(self.lost or "cancelled")
        self._cancel([number for number in self.futures if not self.journal.attempts[number]])
        await self._stop_nodes()

    async def _stop_nodes(self):
        """Tell the workers to end the nodes of this run, until none is left, or the patience."""
        deadline = asyncio.get_running_loop().time() + self.patience.worker
        while asyncio.get_running_loop().time() < deadline:
            with suppress(Exception):  # a worker that hangs, or is about to go
                stopping = self.client.run(ON_WORKER["stop_nodes"], self.run.id, on_error="ignore")
                left = await asyncio.wait_for(stopping, self.patience.worker / 2)
                if not self.futures and not any(left.values()):
                    return
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        self._give_up("A worker did not answer. What it runs may go on there.")

    def _must_end(self):
        """Say whether the run was cancelled, has lost its folder, or can write down nothing more."""
        if self.run.is_gone(self.lock):
            self.lost = self.lost or "The folder of the run was removed while it ran, or somebody has replaced it."
        elif self.told_to_end or self.run.is_cancelled():
            self.cancelled = True
        return self.cancelled or self.lost

    def end(self):
        """End the run as soon as possible, as if it was cancelled."""
        self.told_to_end = True

    async def _watch_scheduler(self):
        """Notice a scheduler that is gone, or silent, one that has lost its workers, and a worker that is of no use."""
        waiting, known = False, set()
        while True:
            try:
                identity = await asyncio.wait_for(self.client.scheduler.identity(), self.patience.scheduler)
            except Exception as error:  # whatever a lost connection leads to
                self._give_up(f"{self._scheduler} is lost ({type(error).__name__}).")
                return
            if identity["workers"].keys() - known:
                try:
                    await expect_usable_workers(self.client.scheduler, self.patience.answer)
                except ClusterError as error:
                    self._give_up(str(error))
                    return
            known = identity["workers"].keys()
            if not identity["workers"] and not waiting:
                self.run.append(waiting=f"{self._scheduler} has no workers. The run waits for one.")
                self.run.say("the scheduler has no workers; the run waits for one")
            waiting = not identity["workers"]
            await asyncio.sleep(self.patience.scheduler / LOOKS_AT_SCHEDULER)

    async def _clear_now_and_then(self):
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_CLEARINGS)
            await self._clear_news()

    async def _clear_news(self):
        """Let the scheduler forget what the driver has heard: it would keep all logs for whoever subscribes later."""
        if self.heard and not self.lost:
            self.heard = False
            with suppress(Exception):  # a scheduler that is gone, or that runs no functions
                clearing = self.client.run_on_scheduler(ON_WORKER["clear_news"], self.topic)
                await asyncio.wait_for(clearing, self.patience.worker / 2)

    @property
    def _scheduler(self):
        return f"The Dask scheduler at {self.settings['api_endpoint']}"

    def _give_up(self, reason):
        """Start no more nodes, and wait for none."""
        self.lost = self.lost or reason
        self._cancel(list(self.futures))

    def _cancel(self, numbers):
        """Let Dask forget the nodes ``numbers``, as far as they are still waited for."""
        futures = [self.futures[number] for number in numbers if number in self.futures]
        task = asyncio.create_task(self.client.cancel(futures))
        self.asides.add(task)
        task.add_done_callback(self.asides.discard)

    def _result_of_cancelled(self, number, error):
        """Return the result of a node whose future was cancelled: by us, or because the scheduler is gone."""
        if self.cancelled:
            return {"state": CANCELLED}
        if self._tried_too_often(number):
            return {"state": FAILED, "error": self._lost_workers(number)}
        if self.client.status != "running" or "scheduler-connection-lost" in str(error):
            self.lost = self.lost or f"{self._scheduler} is lost."
        return {"state": FAILED, "error": self.lost or "Dask gave the node up: somebody has restarted the cluster."}

    def _lost_workers(self, number):
        tries, ours = self.journal.attempts[number], self.settings["retries"] + 1
        limit = "Retries in the runtime configuration" if tries >= ours else "allowed-failures of the Dask scheduler"
        return (
            f"Its worker was lost {min(tries, ours)} times while it ran. Maybe the node needs more memory than the "
            f"worker has. If not, raise {limit}."
        )


def _inheritance(plan):
    """Return for each node the numbers of the nodes before it that declare outputs, near and far: a list of sets."""
    inherits_from = []
    for node in plan:
        near = {parent for parent in node["parents"] if plan[parent]["outputs"]}
        inherits_from.append(near.union(*(inherits_from[parent] for parent in node["parents"])))
    return inherits_from


def _size(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


async def _drive(driver):
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, driver.end)
    await driver.drive()


def main(folder, lock, *patience):
    """Lead the run in ``folder`` to its end, and write down what ended it.

    ``lock`` is the number of an open file: the lock of the run, from the process that has started this one. It stays
    open until this process is gone. ``patience`` is a ``Patience``, number by number.
    """
    run, lock = Run(folder), int(lock)
    os.set_inheritable(lock, False)
    driver = None
    try:
        with run.held():
            driver = Driver(run, lock, Patience(*map(float, patience)))
            asyncio.run(_drive(driver))
    except (ClusterError, FolderError) as error:
        run.end(FAILED, str(error), refused=True)
    except BaseException as error:
        if driver is None or not driver.over:  # it may be over: Dask cannot always tidy up
            with suppress(OSError):
                run.end(FAILED, f"The run was given up: {type(error).__name__}: {error}")
        raise
    finally:
        if not run.folder.exists():
            run.forget_environment()


if __name__ == "__main__":
    if sys.stdin.readline():  # the files of the run are there
        main(*sys.argv[1:])
