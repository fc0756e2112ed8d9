"""On a worker: run one task in a directory of its own.

The functions of this module are sent by value: a worker needs dask, for notebooks nbclient and ipykernel, for R
scripts Rscript, and nothing of these packages. So the module imports only what each worker has.
"""

import io
import os
import shutil
import socket
import stat
import tarfile
import tempfile
import threading
import time

attempt = globals().get("attempt", {})
"""What ``attempt.py`` of the engine defines, by name: the executor gives it to this module."""

ARCHIVE_LIMIT = 100_000_000
"""So many bytes of files may travel through Dask to a node, and from it. The scheduler takes five times it."""

SECONDS_BETWEEN_NEWS = 0.5

IN_A_THREAD = "executing", "long-running", "cancelled", "resumed"
"""States of a task, as a Dask worker names them, in which a thread has it."""


class Environment(dict):
    """Environment variables. Dask logs the arguments of a task now and then, and would log their values."""

    def __repr__(self):
        return f"<the variables {', '.join(self)}>"


def run_packed(packed, *arguments):
    """Call the function in ``packed``, the bytes of a pickle, which is read once on a worker."""
    import pickle

    from distributed import get_worker

    known = vars(get_worker()).setdefault("elyra_functions", {})
    if packed not in known:
        known[packed] = pickle.loads(packed)
    return known[packed](*arguments)


def run_task(tools, order, environment, archive=None):
    """Run the task that ``order``, a dict, describes. Return a dict: the worker, and what the node left.

    ``tools`` holds the texts of the modules that the node is run with, by the names of their files.

    Without ``archive``, that is in the folder of the run. Where the folder is not there, the answer is ``elsewhere``,
    and where somebody has claimed the attempt, ``claimed``: then nothing was run. Else the files come out of
    ``archive``, the bytes of a tar file, and go back in the same way.
    """
    from distributed import get_worker

    worker, order = get_worker(), {**order, "tools": tools}
    if archive is not None:
        return _run_with(archive, order, environment, worker)
    folder = _open_run_folder(order)
    if folder is None:
        return "elsewhere"
    try:
        # Whatever is put in its place from now on, this stays the same folder.
        return _run_in(f"/proc/{os.getpid()}/fd/{folder}", order, environment, worker)
    finally:
        os.close(folder)


def _run_with(archive, order, environment, worker):
    run = tempfile.mkdtemp(prefix="run-", dir=worker.local_directory)
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            extract(tar, run)
        place = os.path.join(run, order["place"])
        os.makedirs(place)
        answer = _run_in(run, order, environment, worker, by_archive=True)
        return {**answer, "archive": _packed(place)}
    finally:
        shutil.rmtree(run, ignore_errors=True)


def _packed(place):
    """Return the bytes of an archive of the attempt in the folder ``place``: without outputs that are too large."""
    outputs = os.path.join(place, "outputs")
    files = [os.path.join(folder, name) for folder, _, names in os.walk(outputs) for name in names]
    try:
        expect_to_travel(sum(map(os.path.getsize, files)), "outputs")
    except attempt["NodeError"] as error:
        shutil.rmtree(outputs)
        attempt["write_result"](
            place, {**attempt["result_in"](place), "state": "failed", "error": str(error), "files": []}
        )
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        tar.add(place, arcname="")
    return data.getvalue()


def _run_in(run, order, environment, worker, by_archive=False):
    place = os.path.join(run, order["place"])
    here = tempfile.mkdtemp(prefix="attempt-", dir=worker.local_directory)
    teller = Teller(worker, order, by_archive)
    try:
        for name, text in order["tools"].items():
            with open(os.path.join(here, name), "w", encoding="utf-8") as file:
                file.write(text)
        mask = _mask(order, environment, worker)
        made = attempt["Attempt"](
            order["task"], run, place, environment, mask, here, here, started=teller.begin, tell=teller.write
        )
        key = order["task"]["key"]
        vars(worker).setdefault("elyra_attempts", {})[key] = made
        threading.Thread(target=_watch, args=(worker, made, worker.get_current_task()), daemon=True).start()
        try:
            result = made.run()
        finally:
            del worker.elyra_attempts[key]
        if result is None:
            return "claimed"
        return {"worker": worker.address, "host": socket.gethostname(), "archive": None}
    finally:
        teller.close()
        shutil.rmtree(here, ignore_errors=True)


def stop_tasks(run, dask_worker):
    """End the tasks of ``run`` that run on this worker. Dask calls it on each worker, beside what runs there.

    Return how many are left by now. Dask may have forgotten some of them, but their threads go on.
    """
    for key, made in list(vars(dask_worker).get("elyra_attempts", {}).items()):
        if key.startswith(run):
            made.stop()
    return sum(run in str(task.key) and task.state in IN_A_THREAD for task in dask_worker.state.tasks.values())


def clear_news(topic, dask_scheduler):
    """Forget what workers have said under ``topic``. Dask calls it on the scheduler, which has passed it on."""
    dask_scheduler._broker.truncate(topic)


def extract(tar, target):
    """Extract ``tar`` to the folder ``target``, and nothing outside it."""
    if hasattr(tarfile, "data_filter"):
        tar.extractall(target, filter="data")
    else:  # Python before 3.10.12; the archive is our own
        tar.extractall(target)


def expect_to_travel(size, what):
    """Raise ``NodeError`` if ``what``, with ``size`` bytes, is too large to travel through Dask."""
    if size > ARCHIVE_LIMIT:
        raise attempt["NodeError"](
            f"The {what} hold {size} bytes. Up to {ARCHIVE_LIMIT} travel through Dask: for more, set the Run "
            "Folder of the runtime configuration to a folder that the workers share with this machine."
        )


def _open_run_folder(order):
    """Return the folder of the run, opened, or ``None`` if this worker does not see it.

    Others may be able to put a folder of theirs in its place. So it counts only if it belongs to the user who made
    the run, if nobody else may write there, and if it holds the word of the run.
    """
    try:
        folder = os.open(order["run_folder"], os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        status = os.fstat(folder)
        if status.st_uid == order["owner"] and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            with open(f"/proc/{os.getpid()}/fd/{folder}/token", encoding="utf-8") as file:
                if file.read() == order["token"]:
                    return folder
    except OSError:
        pass
    os.close(folder)
    return None


def _mask(order, environment, worker):
    """Return what hides the values of the node. Its code, which a notebook needs, too, is read once on a worker."""
    known = vars(worker).setdefault("elyra_masks", {})
    code = order["tools"]["mask.py"]
    if code not in known:
        module = {"__name__": "mask"}
        exec(code, module)
        known[code] = module
    return known[code]["Mask"](environment[name] for name in order["task"]["masked"])


def _watch(worker, made, key):
    """End the node if Dask does not wait for it any more."""
    while not made.over:
        task = worker.state.tasks.get(key)
        if task is None or task.state not in ("executing", "long-running"):  # the driver is gone, or has given it up
            made.stop()
            return
        time.sleep(SECONDS_BETWEEN_NEWS)


class Teller:
    """Tells the driver that the node runs, and what it prints, where that is not in a folder which both see."""

    def __init__(self, worker, order, tells_log):
        self._worker, self._order, self._tells_log = worker, order, tells_log
        self._unsent, self._lock, self._ended = [], threading.Lock(), threading.Event()
        if tells_log:
            threading.Thread(target=self._send_now_and_then, daemon=True).start()

    def say(self, **news):
        """Let the driver know. A worker without a connection will be replaced, and so will this node."""
        news = {"task": self._order["task"]["key"], "place": self._order["place"], **news}
        try:
            self._worker.log_event(self._order["topic"], news)
        except Exception:
            pass

    def begin(self):
        self.say(worker=self._worker.address, host=socket.gethostname())

    def write(self, text):
        if self._tells_log:
            with self._lock:
                self._unsent.append(text)

    def close(self):
        self._ended.set()
        self._send()

    def _send_now_and_then(self):
        while not self._ended.wait(SECONDS_BETWEEN_NEWS):
            self._send()

    def _send(self):
        with self._lock:
            if self._unsent:
                self.say(log="".join(self._unsent), worker=self._worker.address)
            self._unsent = []
