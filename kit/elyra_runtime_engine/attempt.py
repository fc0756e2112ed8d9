"""One attempt to run a node, from the files that it starts from to the word how it ended.

``python attempt.py RUN PLACE KEY`` does it as a process of its own, whose standard input holds the values of the
environment variables. SIGTERM ends the node. An executor that has processes of its own uses an ``Attempt``.

The module may be sent to another machine without the rest of the package, so it imports only what each Python has.
"""

import collections
import contextlib
import errno
import glob
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time

LOG_LIMIT = 20_000_000
"""So many bytes of a node's log are kept."""

CUT = f"\n[The log ends here: it is longer than {LOG_LIMIT} bytes.]\n"

PIECE = 1_000_000
"""At most so many bytes of a file are in memory where it is copied."""

SECONDS_BETWEEN_LOOKS = 0.5
"""So often what guards a node is looked at."""

SECONDS_BETWEEN_BEATS = 1
"""So often an attempt shows that it runs."""

LETTERS_READ = 1_000_000
"""So many of the last letters of a log are searched for the reason why a node failed."""

MARK = "ELYRA_RUNTIME_ATTEMPT"
"""The variable by which the processes of a node are found when somebody has killed what guards them."""

COLOURING = "FORCE_COLOR", "CLICOLOR_FORCE", "PYTHON_COLORS"
"""Variables that make programs write escape codes even to a file. A kernel sets the first for all that it starts."""

ESCAPE_CODE = re.compile(r"\x1b\[[0-9;]*m")

SAID_LENGTH = 1_000
"""So many letters of what a node said last are in the sentence that tells why it failed."""

ORDER, RESULT, CLAIM, STOP, LOG = "order.json", "result.json", "claim", "stop", "log.txt"
"""The files of an attempt: what is to be done, how it ended, who does it, that it shall end, what the node printed."""


class NodeError(Exception):
    """Why a node failed, in words for the user."""


def claimed(place):
    """Claim the attempt in the folder ``place``. Return false if somebody has: it runs once, or never."""
    try:
        os.close(os.open(os.path.join(place, CLAIM), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return False
    return True


def forbid(place):
    """Let the attempt in the folder ``place`` never begin. Return false if it has."""
    try:
        os.mkdir(os.path.join(place, CLAIM))  # no attempt makes a folder of it
    except FileExistsError:
        return os.path.isdir(os.path.join(place, CLAIM))
    return True


def beat_in(place):
    """Return what changes for as long as the attempt in the folder ``place`` runs, or ``None`` if nobody runs it."""
    with contextlib.suppress(OSError):
        claim = os.stat(os.path.join(place, CLAIM))
        return None if stat.S_ISDIR(claim.st_mode) else claim.st_mtime_ns


def result_in(place):
    """Return the result of the attempt in the folder ``place``, a dict, or ``None`` if there is none yet."""
    with contextlib.suppress(OSError, ValueError):
        with open(os.path.join(place, RESULT), encoding="utf-8") as file:
            return json.load(file)


def write_result(place, result):
    """Write the ``result``, a dict, of the attempt in the folder ``place``: all of it, or nothing."""
    draft = os.path.join(place, f".{RESULT}")
    with open(draft, "w", encoding="utf-8") as file:
        json.dump(result, file)
    os.replace(draft, os.path.join(place, RESULT))


class Attempt:
    """One attempt to do what ``order``, a dict that JSON can hold, asks for.

    ``place`` is its folder, in which the files appear that the node leaves, and ``run`` the folder of the run, to
    which the paths in the order are relative. ``environment`` holds the values of the variables, and ``mask`` hides
    them. The node itself runs in a new folder in ``scratch``. ``tools`` is the folder with ``guard.py``,
    ``notebook.py`` and ``mask.py``. ``started`` is called as the attempt begins, and ``tell`` with what the node
    prints, without the values.
    """

    def __init__(self, order, run, place, environment, mask, scratch, tools, started=None, tell=None):
        self.order, self.run_folder, self.place = order, run, place
        self.environment, self.mask = environment, mask
        self.scratch, self.tools, self.started, self.tell = scratch, tools, started, tell
        self.stopped = self.over = False
        self._ended = threading.Event()
        self._process = None

    def run(self):
        """Run the node, and write down the result. Return it, a dict, or ``None`` if somebody has claimed the attempt.

        It raises ``OSError`` where not even the result can be written.
        """
        if not claimed(self.place):
            return None
        if self.started:
            self.started()
        begin = time.monotonic()
        threading.Thread(target=self._beat, daemon=True).start()
        try:
            return self._result(begin)
        finally:
            self.over = True
            self._ended.set()

    def _beat(self):
        while not self._ended.wait(SECONDS_BETWEEN_BEATS):
            with contextlib.suppress(OSError):
                os.utime(os.path.join(self.place, CLAIM))
            if not self.stopped and os.path.exists(os.path.join(self.place, STOP)):
                self.stop()

    def _result(self, begin):
        result = {**self._tried(), "host": os.uname().nodename, "seconds": round(time.monotonic() - begin, 3)}
        if "error" in result:
            result["error"] = self.mask.text(result["error"])
        write_result(self.place, result)
        return result

    def stop(self):
        """End the node. ``run`` returns as soon as nothing of it is left."""
        self.stopped = True
        if self._process:
            self._process.stdin.close()

    def _tried(self):
        try:
            folder = os.path.realpath(tempfile.mkdtemp(prefix="node-", dir=self.scratch))
        except OSError as error:
            return {"state": "failed", "error": f"A directory for the node cannot be made: {error}"}
        try:
            work = os.path.join(folder, "work")
            with Log(os.path.join(self.place, LOG), self.mask.stream(work), self.tell) as log:
                return self._run_in(folder, work, log)
        except NodeError as error:
            return {"state": "failed", "error": str(error)}
        except Exception as error:  # a full disk, a file that cannot be read: the run goes on
            return {"state": "failed", "error": f"{type(error).__name__} where the node runs: {error}"}
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _run_in(self, folder, work, log):
        order = self.order
        os.mkdir(work)
        for path in order["folders"]:
            shutil.copytree(os.path.join(self.run_folder, path), work, dirs_exist_ok=True, copy_function=copy)
        executed = os.path.join(folder, order["executed"]) if order["executed"] else None
        status = self._execute(_command(order, self.tools, executed), work, log)
        found = {pattern: _found(work, pattern) for pattern in order["outputs"]}
        missing = [pattern for pattern in order["outputs"] if not found[pattern]]
        # A node that failed has no outputs.
        outputs = [] if status else _files_in(work, found.values())
        files = {path: os.path.join("outputs", os.path.relpath(path, work)) for path in outputs}
        if executed and os.path.exists(executed):
            files[executed] = order["executed"]
        result = {"files": _kept(files, self.place), "exit": status}
        if self.stopped:
            return {**result, "state": "cancelled"}
        if status:
            return {**result, "state": "failed", "error": _reason(status, order, self.mask, log.last())}
        if missing:
            names = ", ".join(map(repr, missing))
            return {
                **result,
                "state": "failed",
                "error": f"The node ended well, but did not write its output: {names}.",
            }
        return {**result, "state": "done"}

    def _execute(self, command, work, log):
        """Run ``command`` in ``work``. Return its exit status."""
        guard = os.path.join(self.tools, "guard.py")
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", guard, str(self.order["grace"]), *command],
            cwd=work,
            env={**_inherited(), "PYTHONUNBUFFERED": "1", **self.environment, MARK: self.order["key"]},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._process = process
        if self.stopped:
            process.stdin.close()
        threading.Thread(target=self._end_what_is_left, daemon=True).start()
        try:
            with process.stdout:
                while data := process.stdout.read1(65536):
                    log.write(data)
            log.write(b"")
            return process.wait()
        finally:
            if not process.stdin.closed:
                process.stdin.close()
            process.wait()

    def _end_what_is_left(self):
        """End what is left of the node if somebody has killed its guard."""
        status = self._process.wait()
        deadline = time.monotonic() + self.order["grace"]
        while status < 0 and (left := marked(self.order["key"])):
            if time.monotonic() > deadline:
                for pid in left:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            time.sleep(SECONDS_BETWEEN_LOOKS)


class Log:
    """What a node prints, in the file at ``path``. ``stream`` makes text of it, and ``tell`` is called with that."""

    def __init__(self, path, stream, tell=None):
        self._stream, self._tell = stream, tell
        self._file = open(path, "wb", buffering=0)
        self._size = 0
        self._last, self._letters = collections.deque(), 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.close()

    def write(self, data):
        """Take in ``data``, bytes. Nothing of them, ``b""``, means that the node prints no more."""
        text = self._stream.write(data, last=not data)
        self._remember(text)
        if not text or self._size > LOG_LIMIT:
            return
        self._size += len(text.encode("utf-8"))
        if self._size > LOG_LIMIT:
            text += CUT
        left = text.encode("utf-8")
        while left:
            left = left[self._file.write(left) :]
        if self._tell:
            self._tell(text)

    def last(self):
        """Return the last that the node has printed."""
        return "".join(self._last)

    def _remember(self, text):
        self._last.append(text)
        self._letters += len(text)
        while self._letters - len(self._last[0]) > LETTERS_READ:
            self._letters -= len(self._last.popleft())


def _command(order, tools, executed):
    if executed:
        return [sys.executable, os.path.join(tools, "notebook.py"), order["file"], executed, *order["masked"]]
    file = os.path.join(os.curdir, order["file"]) if order["file"].startswith("-") else order["file"]  # no option
    if file.lower().endswith(".py"):
        return [sys.executable, file]
    program = shutil.which("Rscript")
    if program is None:
        raise NodeError(f"Rscript is not installed on {os.uname().nodename!r}, and the node needs it.")
    return [program, file]


def _inherited():
    """Return the environment variables that a node gets from its worker. A log is a file, and no terminal."""
    return {name: value for name, value in os.environ.items() if name not in COLOURING}


def marked(attempt):
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


def _kept(files, place):
    """Move ``files``, a dict from paths to names, to the folder ``place``. Return a list of (name, bytes)."""
    kept = [[name, os.path.getsize(path)] for path, name in files.items()]
    links = {path for path in files if os.path.realpath(path) != path}
    # These first: what they lead to may be moved away after that.
    for path in sorted(files, key=lambda path: path not in links):
        target = os.path.join(place, files[path])
        os.makedirs(os.path.dirname(target), exist_ok=True)
        copy(path, target) if path in links else shutil.move(path, target, copy_function=copy)
    return kept


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


def _reason(status, order, mask, last):
    """Say in a sentence why the node failed: which line, and what it said."""
    last = mask.text(ESCAPE_CODE.sub("", last))
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


def main(run, place, key):
    """Run the attempt ``key`` in the folder ``place`` of the run in the folder ``run``."""
    environment = json.loads(sys.stdin.buffer.readline() or "null")
    if environment is None:  # who starts it has ended before it said what to do
        return
    with open(os.path.join(place, ORDER), encoding="utf-8") as file:
        order = json.load(file)
    tools = os.path.dirname(os.path.abspath(__file__))
    sys.path.append(tools)  # this process knows no packages: it starts the faster
    from mask import Mask

    mask = Mask(environment[name] for name in order["masked"])
    attempt = Attempt(order, run, place, environment, mask, place, tools)
    signal.signal(signal.SIGTERM, lambda number, frame: attempt.stop())
    attempt.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
