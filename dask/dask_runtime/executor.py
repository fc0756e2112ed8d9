"""How the engine reaches Dask. Dask orders, places and moves the tasks; one that it starts again is another attempt."""

import asyncio
import io
import os
import runpy
import tarfile
import time
from concurrent.futures import CancelledError
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import cloudpickle
from distributed import Client, KilledWorker

import elyra_runtime_engine
from dask_runtime.cluster import LOCAL, cluster, expect_usable_workers, usable
from elyra_runtime_engine.executor import (
    ENDED,
    EXIT,
    PLACE,
    STOPPED,
    BlockingExecutor,
    ExecutorError,
    Status,
    Verdict,
)

SECONDS_BETWEEN_CLEARINGS = 1
"""So often the scheduler is told to forget what this process has heard by now."""

SECONDS_BETWEEN_STOPS = 0.2
"""So often the workers are told to end the tasks of a run."""

LOOKS_AT_SCHEDULER = 4
"""So many times the scheduler is asked within the time that it may be silent."""

TRIALS = 4
"""So many times a node is handed over that never ran, because each worker on which it waited was lost."""

ENGINE = Path(elyra_runtime_engine.__file__).parent
TOOLS = {name: (ENGINE / name).read_text(encoding="utf-8") for name in ("guard.py", "mask.py", "notebook.py")}
# Without a module of that name, Dask sends these functions by value: workers need not have these packages.
_ATTEMPT = runpy.run_path(str(ENGINE / "attempt.py"), run_name="attempt-of-a-node")
ON_WORKER = runpy.run_path(
    str(Path(__file__).with_name("worker.py")),
    {"attempt": {name: _ATTEMPT[name] for name in ("Attempt", "NodeError", "result_in", "write_result")}},
    "worker-of-a-run",
)
RUN_TASK = cloudpickle.dumps(partial(ON_WORKER["run_task"], TOOLS))
"""What a worker needs to run tasks. Dask would pickle it anew for each task, and read it."""


class DaskExecutor(BlockingExecutor):
    """A Dask cluster, or one that lives in this process."""

    def __init__(self, settings, limits):
        super().__init__(settings, limits)
        self.name = settings["api_endpoint"]
        self.shared = True
        self.lost = None
        self.heard = False
        self.futures, self.waiting, self.logs = {}, {}, {}
        self.submitted = 0
        self.give_up_at = None
        self.stopping = None
        self.watchers, self.asides = [], set()

    async def open(self, run):
        self.folder = run
        self.order = {"run_folder": str(run.path), "owner": os.geteuid(), "token": run.token}
        self.stack = AsyncExitStack()
        address, security, self.offers = await self.stack.enter_async_context(
            cluster(self.settings, run.scratch, self.limits.answer)
        )
        self.client = await self.stack.enter_async_context(
            Client(address, security=security, asynchronous=True, set_as_default=False)
        )
        self.topic = self.client.id  # the scheduler forgets it after the client, however that ends
        self.client.subscribe_topic(self.topic, self._hear)
        self._link()
        if self.settings["api_endpoint"] != LOCAL:
            self.watchers = [
                asyncio.create_task(self._watch_scheduler()),
                asyncio.create_task(self._clear_now_and_then()),
            ]

    def _link(self):
        port = self.client.scheduler_info()["services"].get("dashboard")
        if port:
            host = urlsplit(self.settings["api_endpoint"]).netloc.rpartition(":")[0]
            self.links = [("Dask dashboard", f"http://{host}:{port}/status", "Its charts need the package bokeh.")]

    async def examine(self, needs):
        return [self._verdict(each) for each in needs]

    def _verdict(self, needs):
        try:
            return Verdict(note=usable(needs, self.offers)[1])
        except ExecutorError as error:
            return Verdict(refused=str(error))

    async def run(self, task, started):
        self.waiting[task.key] = started
        try:
            return await self._ended(task)
        except KilledWorker:
            return Status(ENDED, PLACE, LOST)
        except (asyncio.CancelledError, CancelledError) as error:
            if self.stopping:  # it may have begun, and the word of it is still on its way
                await asyncio.wait([self.stopping])
            return self._status_of_cancelled(task, error)
        except _ATTEMPT["NodeError"] as error:
            return Status(ENDED, EXIT, str(error))
        except Exception as error:  # of Dask: what the node itself raises comes as a result
            return Status(ENDED, EXIT, f"Dask could not run the node: {type(error).__name__}: {error}")
        finally:
            self.waiting.pop(task.key, None)
            self.logs.pop(task.key, None)

    async def _ended(self, task):
        if self.shared:
            answer = await self._submitted(task, None)
            if answer != "elsewhere":
                return answer
            if self.shared:
                self.folder.say("workers do not see the run's folder: files travel through Dask")
            self.shared = False
        return await self._submitted(task, await asyncio.to_thread(self._packed, task.reads))

    async def _submitted(self, task, archive):
        """Return the status of ``task`` when it has ended. Once it is here, Dask may forget the task."""
        held, _ = usable(task.needs, self.offers)
        self.submitted += 1
        priority = -self.submitted
        for trial in range(TRIALS):
            if self.lost:
                raise asyncio.CancelledError
            future = self.futures[task.key] = self.client.submit(
                ON_WORKER["run_packed"],
                RUN_TASK,
                {**self.order, "topic": self.topic, "task": task.order, "place": task.place},
                ON_WORKER["Environment"](task.secrets),
                archive,
                # Dask keeps accounts of each word that keys begin with, so all begin with the same one.
                key=f"elyra-node-{task.key}-{'shared' if archive is None else 'archive'}-{trial}",
                priority=priority,
                resources=held or None,
                pure=False,
            )
            try:
                return await self._kept(task, await future.result())
            except KilledWorker:
                # It was in the queue of workers that other nodes have killed.
                if task.key not in self.waiting or trial == TRIALS - 1:
                    raise
            finally:
                del self.futures[task.key]

    async def _kept(self, task, answer):
        if answer == "elsewhere":
            return answer
        if answer == "claimed":  # Dask has started it again, because the worker that has claimed it is lost
            return Status(ENDED, PLACE, LOST)
        if answer["archive"] is not None:
            try:
                await asyncio.to_thread(_unpack, answer["archive"], self.folder.held / task.place)
            except Exception as error:  # a full disk, an archive that is none
                return Status(ENDED, EXIT, f"What the node left cannot be kept: {error}")
        return Status(ENDED, EXIT, host=answer["host"], where=answer["worker"])

    def _packed(self, folders):
        """Return the bytes of an archive with ``folders`` of the run."""
        size = sum(_size(self.folder.held / folder) for folder in folders)
        ON_WORKER["expect_to_travel"](size, "files that the node starts from")
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as tar:
            for folder in folders:
                tar.add(self.folder.held / folder, arcname=folder)
        return data.getvalue()

    def _hear(self, event):
        """Take in what a worker says while a node runs. It may come late, when the node is over."""
        news = event[1]
        if "task" not in news:  # the scheduler itself says something of the client
            return
        self.heard = True
        key = news["task"]
        if key not in self.futures:
            return
        if "log" in news:
            self._log(key, news)
        elif started := self.waiting.pop(key, None):
            started(news["host"], news["worker"])
            self.logs[key] = news["worker"]
        else:  # Dask has started it again, because its worker is lost
            self.logs.pop(key, None)
            self._cancel([key])

    def _log(self, key, news):
        if self.logs.get(key) == news["worker"]:
            with suppress(OSError):
                with open(self.folder.held / news["place"] / "log.txt", "a", encoding="utf-8") as file:
                    file.write(news["log"])

    async def poll(self, handles):
        if self.give_up_at and time.monotonic() > self.give_up_at and self._calls:
            self._give_up("A worker did not answer. What it runs may go on there.")
        if self.lost:
            raise ExecutorError(self.lost)
        return await super().poll(handles)

    async def cancel(self, handles):
        """Take back what waits for a worker, and tell the workers to end what runs."""
        self.give_up_at = self.give_up_at or time.monotonic() + self.limits.ending
        self._cancel([key for key in handles if key in self.waiting])
        self.stopping = self.stopping or asyncio.create_task(self._stop())

    async def _stop(self):
        """Tell the workers to end the tasks of this run, until none is left, or the time is over."""
        while time.monotonic() < self.give_up_at:
            with suppress(Exception):  # a worker that hangs, or is about to go
                stopping = self.client.run(ON_WORKER["stop_tasks"], self.folder.id, on_error="ignore")
                left = await asyncio.wait_for(stopping, self.limits.ending / 2)
                if not any(left.values()):
                    return
            await asyncio.sleep(SECONDS_BETWEEN_STOPS)

    async def _watch_scheduler(self):
        """Notice a scheduler that is gone, or silent, one that has lost its workers, and a worker that is of no use."""
        known = set()
        while True:
            try:
                identity = await asyncio.wait_for(self.client.scheduler.identity(), self.limits.silence)
            except Exception as error:  # whatever a lost connection leads to
                self._give_up(f"{self._scheduler} is lost ({type(error).__name__}).")
                return
            if identity["workers"].keys() - known:
                try:
                    await expect_usable_workers(self.client.scheduler, self.limits.answer)
                except ExecutorError as error:
                    self._give_up(str(error))
                    return
            known = identity["workers"].keys()
            remark = "" if known else f"{self._scheduler} has no workers. The run waits for one."
            if remark != self.remark:
                self.remark = remark
                self.changed.set()
            await asyncio.sleep(self.limits.silence / LOOKS_AT_SCHEDULER)

    async def _clear_now_and_then(self):
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_CLEARINGS)
            await self._clear_news()

    async def _clear_news(self):
        """Let the scheduler forget what it has passed on: it would keep all logs for whoever subscribes later."""
        if self.heard and not self.lost:
            self.heard = False
            with suppress(Exception):  # a scheduler that is gone, or that runs no functions
                clearing = self.client.run_on_scheduler(ON_WORKER["clear_news"], self.topic)
                await asyncio.wait_for(clearing, self.limits.ending / 2)

    async def close(self):
        for watcher in [*self.watchers, *filter(None, [self.stopping])]:
            watcher.cancel()
        await self._clear_news()
        await super().close()
        await self.stack.aclose()

    @property
    def _scheduler(self):
        return f"The Dask scheduler at {self.settings['api_endpoint']}"

    def _give_up(self, reason):
        self.lost = self.lost or reason
        self._cancel(list(self.futures))
        self.changed.set()

    def _cancel(self, keys):
        """Let Dask forget the tasks ``keys``, as far as they are still waited for."""
        futures = [self.futures[key] for key in keys if key in self.futures]
        if futures:
            aside = asyncio.create_task(self.client.cancel(futures))
            self.asides.add(aside)
            aside.add_done_callback(self.asides.discard)

    def _status_of_cancelled(self, task, error):
        """Return the status of a task whose future was cancelled: by us, or because the scheduler is gone."""
        if self.give_up_at:
            return Status(ENDED, STOPPED)
        if self.client.status != "running" or "scheduler-connection-lost" in str(error):
            self._give_up(f"{self._scheduler} is lost.")
        if task.key in self.logs or task.key in self.waiting:
            return Status(ENDED, EXIT, "Dask gave the node up: somebody has restarted the cluster.")
        return Status(ENDED, PLACE, LOST)


LOST = "Its worker was lost while it ran. Maybe the node needs more memory than the worker has."


def _size(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _unpack(archive, folder):
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        ON_WORKER["extract"](tar, folder)
