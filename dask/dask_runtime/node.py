"""On a worker: run one node in a directory of its own.

The driver sends the functions of this module by value: a worker needs dask, for notebooks nbclient and ipykernel, for
R scripts Rscript, and nothing of this package. So the module imports only what each worker has.
"""

import collections
import contextlib
import errno
import glob
import io
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import uuid

LOG_LIMIT = 20_000_000
"""So many bytes of a node's log are kept."""

ARCHIVE_LIMIT = 100_000_000
"""So many bytes of files may travel through Dask to a node, and from it. The scheduler takes five times it."""

PIECE = 1_000_000
"""At most so many bytes of a file are in memory where it is copied."""

SECONDS_BETWEEN_NEWS = 0.5

LETTERS_READ = 1_000_000
"""So many of the last letters of a log are searched for the reason why a node failed."""

MARK = "DASK_RUNTIME_ATTEMPT"
"""The variable by which the processes of a node are found when somebody has killed what guards them."""

COLOURING = "FORCE_COLOR", "CLICOLOR_FORCE", "PYTHON_COLORS"
"""Variables that make programs write escape codes even to a file. A kernel sets the first for all that it starts."""

ESCAPE_CODE = re.compile(r"\x1b\[[0-9;]*m")

IN_A_THREAD = "executing", "long-running", "cancelled", "resumed"
"""States of a task, as a Dask worker names them, in which a thread has it."""

SAID_LENGTH = 1_000
"""So many letters of what a node said last are in the sentence that tells why it failed."""


class Environment(dict):
    """Environment variables. Dask logs the arguments of a task now and then, and would log their values."""

    def __repr__(self):
        return f"<the variables {', '.join(self)}>"


class NodeError(Exception):
    """Why a node failed, in words for the user."""


def run_node(order, archive=None):
    """Run the node that ``order``, a dict, describes. Return what came of it, a dict; raise nothing.

    The files come from the folders ``order["folders"]``, or out of ``archive``, the bytes of a tar file, and the
    outputs go back in the same way. Without an archive, and where the folder of the run is not there, the answer is
    the state ``elsewhere``, and nothing was run.
    """
    from distributed import get_worker

    worker = get_worker()
    if archive is not None:
        return _run_attempt(order, archive, worker)
    folder = _open_run_folder(order)
    if folder is None:
        return {"state": "elsewhere"}
    try:
        # Whatever is put in its place from now on, this stays the same folder.
        held = f"/proc/{os.getpid()}/fd/{folder}"
        folders = [os.path.join(held, path) for path in order["folders"]]
        return _run_attempt({**order, "folders": folders, "target": os.path.join(held, order["target"])}, None, worker)
    finally:
        os.close(folder)


def _run_attempt(order, archive, worker):
    # Dask starts a node again with the same order, maybe while the first attempt still runs on a worker without
    # a connection. So each has a target of its own.
    attempt = uuid.uuid4().hex[:8]
    order = {
        **order,
        "attempt": attempt,
        "target": f"{order['target']}.{attempt}",
        "key": worker.get_current_task(),
        "mask": _mask(order, worker),
    }
    _tell(worker, order, state="running", worker=worker.address, host=socket.gethostname())
    begin = time.monotonic()
    try:
        if archive is None:
            os.makedirs(order["target"])
        place = os.path.realpath(tempfile.mkdtemp(prefix="node-", dir=worker.local_directory))
    except OSError as error:
        return {"state": "failed", "error": f"The worker cannot make a directory for the node: {error}"}
    work = os.path.join(place, "work")
    try:
        log = NodeLog(worker, order, work, None if archive is not None else os.path.join(order["target"], "log.txt"))
    except OSError as error:
        shutil.rmtree(place, ignore_errors=True)
        return {"state": "failed", "error": f"The worker cannot write the log of the node: {error}"}
    try:
        result = _run_in(place, work, order, archive, worker, log)
    except NodeError as error:
        result = {"state": "failed", "error": str(error)}
    except Exception as error:  # a full disk, a file that cannot be read: the run goes on, so Dask must not see it
        result = {"state": "failed", "error": f"{type(error).__name__} on the worker: {error}"}
    finally:
        shutil.rmtree(place, ignore_errors=True)
        log.close()
    if "error" in result:
        result["error"] = order["mask"].text(result["error"])
    if log.whole is not None:  # the pieces may arrive after the result
        result["log"] = "".join(log.whole)
    where = {"worker": worker.address, "host": socket.gethostname()}
    return {"attempt": attempt, **where, "seconds": round(time.monotonic() - begin, 3), **result}


def stop_nodes(run, dask_worker):
    """End the nodes of ``run`` that run on this worker. Dask calls it on each worker, beside what runs there.

    Return how many are left by now. Dask may have forgotten some of them, but their threads go on.
    """
    for (id, _), process in list(vars(dask_worker).get("dask_runtime_nodes", {}).items()):
        if id == run:
            process.cancelled = True
            process.stdin.close()
    return sum(run in str(task.key) and task.state in IN_A_THREAD for task in dask_worker.state.tasks.values())


def clear_news(topic, dask_scheduler):
    """Forget what workers have said under ``topic``. Dask calls it on the scheduler, which has passed it on."""
    dask_scheduler._broker.truncate(topic)


def expect_to_travel(size, what):
    """Raise ``NodeError`` if ``what``, with ``size`` bytes, is too large to travel through Dask."""
    if size > ARCHIVE_LIMIT:
        raise NodeError(
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


def _tell(dask_worker, order, **news):
    """Let the driver know. A worker without a connection will be replaced, and so will this node."""
    try:
        dask_worker.log_event(order["topic"], {"node": order["number"], "attempt": order["attempt"], **news})
    except Exception:
        pass


def _mask(order, worker):
    """Return what hides the values of the node. Its code, which a notebook needs, too, is read once on a worker."""
    known = vars(worker).setdefault("dask_runtime_masks", {})
    code = order["tools"]["mask.py"]
    if code not in known:
        module = {"__name__": "mask"}
        exec(code, module)
        known[code] = module
    return known[code]["Mask"](order["environment"][name] for name in order["masked"])


class NodeLog:
    """What a node prints: to the file at ``path``, or in pieces to the driver.

    Values of variables are masked, and files of the node's directory ``work`` are named from there.
    """

    def __init__(self, worker, order, work, path):
        self._worker, self._order = worker, order
        self._stream = order["mask"].stream(work)
        self._file = open(path, "wb", buffering=0) if path else None
        self._unsent, self._size = [], 0
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._last, self._letters = collections.deque(), 0
        self.whole = None if path else []
        if not path:
            threading.Thread(target=self._send_now_and_then, daemon=True).start()

    def write(self, data):
        """Take in ``data``, bytes. Nothing of them, ``b""``, means that the node prints no more."""
        text = self._stream.write(data, last=not data)
        self._remember(text)
        if not text or self._size > LOG_LIMIT:
            return
        self._size += len(text.encode("utf-8"))
        if self._size > LOG_LIMIT:
            text += f"\n[The log ends here: it is longer than {LOG_LIMIT} bytes.]\n"
        if self._file:
            left = text.encode("utf-8")
            while left:
                left = left[self._file.write(left) :]
        else:
            with self._lock:
                self._unsent.append(text)
                self.whole.append(text)

    def last(self):
        """Return the last that the node has printed."""
        return "".join(self._last)

    def _remember(self, text):
        self._last.append(text)
        self._letters += len(text)
        while self._letters - len(self._last[0]) > LETTERS_READ:
            self._letters -= len(self._last.popleft())

    def close(self):
        self._ended.set()
        if self._file:
            self._file.close()
        else:
            self._send()

    def _send_now_and_then(self):
        while not self._ended.wait(SECONDS_BETWEEN_NEWS):
            self._send()

    def _send(self):
        with self._lock:
            if self._unsent:
                _tell(self._worker, self._order, log="".join(self._unsent))
            self._unsent = []


def _run_in(place, work, order, archive, worker, log):
    tools = os.path.join(place, "tools")
    os.mkdir(work)
    os.mkdir(tools)
    for name, text in order["tools"].items():
        with open(os.path.join(tools, name), "w", encoding="utf-8") as file:
            file.write(text)
    if archive is None:
        for folder in order["folders"]:
            shutil.copytree(folder, work, dirs_exist_ok=True, copy_function=copy)
    else:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            extract(tar, work)
    executed = os.path.join(place, order["executed"]) if order["executed"] else None
    status, cancelled = _execute(_command(order, tools, executed), work, tools, order, worker, log)
    found = {pattern: _found(work, pattern) for pattern in order["outputs"]}
    missing = [pattern for pattern in order["outputs"] if not found[pattern]]
    # A node that failed has no outputs.
    outputs = [] if status else _files_in(work, found.values())
    files = {path: os.path.join("outputs", os.path.relpath(path, work)) for path in outputs}
    if executed and os.path.exists(executed):
        files[executed] = order["executed"]
    kept, data = _kept(files, order, archive is not None)
    result = {"files": kept, "archive": data, "exit": status}
    if cancelled:
        return {**result, "state": "cancelled"}
    if status:
        return {**result, "state": "failed", "error": _reason(status, order, log.last())}
    if missing:
        names = ", ".join(map(repr, missing))
        return {**result, "state": "failed", "error": f"The node ended well, but did not write its output: {names}."}
    return {**result, "state": "done"}


def extract(tar, target):
    """Extract ``tar`` to the folder ``target``, and nothing outside it."""
    if hasattr(tarfile, "data_filter"):
        tar.extractall(target, filter="data")
    else:  # Python before 3.10.12; the archive is our own
        tar.extractall(target)


def _command(order, tools, executed):
    if executed:
        return [sys.executable, os.path.join(tools, "notebook.py"), order["file"], executed, *order["masked"]]
    file = os.path.join(os.curdir, order["file"]) if order["file"].startswith("-") else order["file"]  # no option
    if file.lower().endswith(".py"):
        return [sys.executable, file]
    program = shutil.which("Rscript")
    if program is None:
        raise NodeError(f"Rscript is not installed on the worker {socket.gethostname()!r}, and the node needs it.")
    return [program, file]


def _execute(command, work, tools, order, worker, log):
    """Run ``command`` in ``work``. Return its exit status, and whether it was told to end."""
    guarded = [sys.executable, "-I", "-S", os.path.join(tools, "guard.py"), str(order["grace"]), *command]
    process = subprocess.Popen(
        guarded,
        cwd=work,
        env={**_inherited(), "PYTHONUNBUFFERED": "1", **order["environment"], MARK: order["attempt"]},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    process.cancelled = False
    watch = threading.Thread(target=_watch, args=(worker, order, process), daemon=True)
    watch.start()
    key = (order["run"], order["attempt"])
    vars(worker).setdefault("dask_runtime_nodes", {})[key] = process
    try:
        with process.stdout:
            while data := process.stdout.read1(65536):
                log.write(data)
        log.write(b"")
        return process.wait(), process.cancelled
    finally:
        del worker.dask_runtime_nodes[key]
        if not process.stdin.closed:
            process.stdin.close()
        process.wait()


def _inherited():
    """Return the environment variables that a node gets from its worker. A log is a file, and no terminal."""
    return {name: value for name, value in os.environ.items() if name not in COLOURING}


def _watch(worker, order, process):
    """End the node if Dask does not wait for it any more, and what is left of it if somebody has killed its guard."""
    while process.poll() is None:
        task = worker.state.tasks.get(order["key"])
        if task is None or task.state not in ("executing", "long-running"):  # the driver is gone, or has given it up
            process.cancelled = True
            process.stdin.close()
            return
        time.sleep(SECONDS_BETWEEN_NEWS)
    deadline = time.monotonic() + order["grace"]
    while process.returncode < 0 and (marked := _marked(order["attempt"])):
        if time.monotonic() > deadline:
            for pid in marked:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(SECONDS_BETWEEN_NEWS)


def _marked(attempt):
    """Return the ids of the processes that an attempt has started: all of them inherit its mark."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):  # it has ended, or belongs to somebody else
            with open(f"/proc/{name}/environ", "rb") as file:
                if f"{MARK}={attempt}".encode() in file.read().split(b"\0"):
                    found.append(int(name))
    return found


def _found(work, pattern):
    """Return the files and folders that ``pattern`` stands for.

    As in Elyra (4.1, ``elyra.kfp.bootstrapper.FileOpBase.process_output_file``), brackets alone are part of a name.
    """
    pattern = pattern if {"*", "?"} & set(pattern) else glob.escape(pattern)
    found = glob.glob(os.path.join(glob.escape(work), pattern), recursive=True)
    return [os.path.normpath(path) for path in found if os.path.isfile(path) or os.path.isdir(path)]


def _files_in(work, matched):
    """Return the files in ``work`` among the paths of the lists ``matched``, those in matched folders included.

    Raises ``NodeError`` for one that leads outside.
    """
    return sorted({file for paths in matched for path in paths for file in _files_at(path, work)})


def _files_at(path, work, above=()):
    """Yield the file at ``path``, or those below it. A link stands for what it leads to, but not to a folder above."""
    if not os.path.isfile(path) and not os.path.isdir(path):  # a pipe, say, or a link to nothing
        return
    real = os.path.realpath(path)
    if real != work and not real.startswith(work + os.sep):
        raise NodeError(f"The output {os.path.relpath(path, work)!r} leads outside the folder of the node.")
    if os.path.isfile(path):
        yield path
    elif real not in above:
        for name in os.listdir(path):
            yield from _files_at(os.path.join(path, name), work, (*above, real))


def _kept(files, order, by_archive):
    """Keep ``files``, a dict from paths to the names under which they are kept.

    Return a list of (name, bytes), and the bytes of an archive if they travel in one.
    """
    kept = [[name, os.path.getsize(path)] for path, name in files.items()]
    if not by_archive:
        links = {path for path in files if os.path.realpath(path) != path}
        # These first: what they lead to may be moved away after that.
        for path in sorted(files, key=lambda path: path not in links):
            target = os.path.join(order["target"], files[path])
            os.makedirs(os.path.dirname(target), exist_ok=True)
            copy(path, target) if path in links else shutil.move(path, target, copy_function=copy)
        return kept, None
    expect_to_travel(sum(size for _, size in kept), "outputs")
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", dereference=True) as tar:
        for path, name in files.items():
            tar.add(path, arcname=name)
    return kept, data.getvalue()


def copy(source, target):
    """Copy a file as ``shutil.copy2`` does. Where nothing was written, the copy takes no space, either."""
    state = os.stat(source)
    if state.st_blocks * 512 >= state.st_size:
        return shutil.copy2(source, target)
    with open(source, "rb") as read, open(target, "wb") as written:
        for begin, end in _written_parts(read.fileno(), state.st_size):
            read.seek(begin)
            written.seek(begin)
            while begin < end and (data := read.read(min(PIECE, end - begin))):
                begin += written.write(data)
        written.truncate(state.st_size)
    shutil.copystat(source, target)
    return target


def _written_parts(file, size):
    end = 0
    while end < size:
        try:
            begin = os.lseek(file, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole is left
                return
            raise
        end = os.lseek(file, begin, os.SEEK_HOLE)
        yield begin, end


def _reason(status, order, last):
    """Say in a sentence why the node failed: which line, and what it said."""
    last = order["mask"].text(ESCAPE_CODE.sub("", last))
    lines = [line.rstrip() for line in last.splitlines() if line.strip()]
    ends = [line for line in lines if order["executed"] and line.startswith(order["file"])] or lines
    said = ends[-1][:SAID_LENGTH] if ends else ""
    if status < 0:
        status = 128 - status
    if status > 128 and not said.startswith(order["file"]):
        hint = " That is what happens where memory is short." if status == 137 else ""
        return f"{order['file']} was ended by signal {status - 128}.{hint}"
    at = [match for line in lines for match in re.findall(r'File "(?:[^"]*/)?([^"/]+)", line (\d+)', line)]
    mine = [number for name, number in at if name == os.path.basename(order["file"])]
    where = f"{order['file']}, line {mine[-1]}" if mine else order["file"]
    if said.startswith(order["file"]):
        return said
    return f"{where}: {said}" if said else f"{order['file']} ended with the exit status {status}."
