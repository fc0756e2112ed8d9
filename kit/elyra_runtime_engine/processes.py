"""The executor that runs nodes as processes on this machine.

It is the one to read, and to begin your own with. Each task is a process.
Its handle is what tells it apart from all others that this machine has had:
its id, when it started, and the id of this start of the machine. So it is found
again when the process that has started it is gone.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

from elyra_runtime_engine.attempt import marked
from elyra_runtime_engine.executor import ABSENT, ENDED, EXIT, RUNNING, SIGNAL, Executor, Status
from elyra_runtime_engine.processors import processors

WORDLESS = "Its process ended without a word: see attempt.log in its folder."


class Processes(Executor):
    """Processes on this machine.

    As many at a time as ``parallel_nodes`` says, or else as there are
    processors.
    """

    outlives_driver = True
    seconds_between_polls = 1

    name = "this machine"

    def __init__(self, settings, limits):
        super().__init__(settings, limits)
        self.slots = settings.get("parallel_nodes") or processors()
        self._children, self._watched = {}, {}

    async def open(self, run):
        self._run = run
        self._boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()

    async def submit(self, tasks):
        handles = {task.key: await asyncio.to_thread(self._start, task) for task in tasks}
        for handle in handles.values():
            self._watch(handle)
        self.changed.set()
        return handles

    def _start(self, task):
        with open(self._run.held / task.place / "attempt.log", "wb") as log:
            process = subprocess.Popen(
                task.command(self._run.path),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        handle = f"{process.pid} {_started(process.pid)} {self._boot}"
        self._children[handle] = process
        with suppress(BrokenPipeError), process.stdin:
            process.stdin.write(json.dumps(task.secrets).encode() + b"\n")
        return handle

    async def poll(self, handles):
        return {key: self._status(key, handle or self._found(key)) for key, handle in handles.items()}

    def _status(self, key, handle):
        if handle is None:
            return Status(ABSENT)
        child = self._children.get(handle)
        code = child.poll() if child else None
        if code is None and self._is_alive(handle):
            self._watch(handle)  # one that an earlier process has started
            return Status(RUNNING, host=socket.gethostname())
        if code == 0:
            return Status(ENDED, EXIT, WORDLESS)
        # What it has started may be there still, and is being ended.
        if self._found(key) or marked(key):
            return Status(RUNNING, host=socket.gethostname())
        if code is not None and code < 0:
            return Status(
                ENDED,
                SIGNAL,
                f"The process of the node was ended by signal {-code}.",
                sure=True,
            )
        return Status(ENDED, EXIT, WORDLESS, sure=True)

    async def cancel(self, handles):
        for key, handle in handles.items():
            handle = handle or self._found(key)
            if handle and self._is_alive(handle):
                with suppress(ProcessLookupError):
                    os.kill(_pid(handle), signal.SIGTERM)

    async def close(self):
        for watched in self._watched.values():
            asyncio.get_running_loop().remove_reader(watched)
            os.close(watched)

    def _watch(self, handle):
        """Set ``changed`` as soon as the process ends."""
        if handle in self._watched:
            return
        with suppress(OSError):  # it has ended: the next look tells
            file = self._watched[handle] = os.pidfd_open(_pid(handle))
            asyncio.get_running_loop().add_reader(file, self._ended, handle)

    def _ended(self, handle):
        file = self._watched.pop(handle)
        asyncio.get_running_loop().remove_reader(file)
        os.close(file)
        self.changed.set()

    def _is_alive(self, handle):
        pid, started, boot = handle.split()
        return boot == self._boot and started == _started(pid)

    def _found(self, key):
        """Return the handle of the task ``key``, or ``None`` if there is none.

        The command line of its process holds the key.
        """
        for pid in filter(str.isdecimal, os.listdir("/proc")):
            with suppress(OSError):
                if key.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                    return f"{pid} {_started(pid)} {self._boot}"
        return None


def _pid(handle):
    return int(handle.split()[0])


def _started(pid):
    """Return when the process ``pid`` started, in the clock's ticks.

    It is "" if there is none, or nothing left of it.
    """
    with suppress(OSError):
        # The name of the program, in brackets, may hold anything.
        state, *fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return "" if state == "Z" else fields[18]
    return ""
