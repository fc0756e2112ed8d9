"""Where a node runs: run a command, and let none of its processes outlive it, nor the worker.

``python guard.py SECONDS COMMAND...`` runs the command. As soon as its standard input ends, because the worker closes
it or is gone, or on SIGTERM, the guard ends all processes that the command has started: it asks, and kills what is
left after ``SECONDS``. It does the same to those that the command leaves behind.

The guard is two processes. The inner one starts the command, and the outer one the inner one. If somebody kills one of
them, the other ends the command. Both adopt what has lost its parent (Linux, ``PR_SET_CHILD_SUBREAPER``): so there is
something left for as long as one of them has a child, and no process gets away.

It ends as the command did: with its exit status, or with 128 and the number of the signal that ended it.
"""

import ctypes
import os
import select
import signal
import sys
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

HAS_CHILDREN = os.path.exists(f"/proc/self/task/{os.getpid()}/children")

LONGEST_PAUSE = 0.02
"""So many seconds pass at most between two looks at what is left of a command that was asked to end."""

MORE_PATIENCE = 2
"""So many times as long as the command does the inner guard get to end, before it is killed."""


def main(seconds, *command):
    seconds = float(seconds)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    woken = _wake_on_signals()
    outer = os.getpid()
    inner = _fork()
    if inner:
        status = _wait(inner, woken, 0)
        if status is None:
            os.kill(inner, signal.SIGTERM)
            status = _wait_for(inner, seconds * MORE_PATIENCE)
        _end_children(0)  # nothing is left, unless somebody has killed the inner guard
    else:
        os.setsid()
        _prctl(PR_SET_CHILD_SUBREAPER, 1)
        _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != outer:
            os._exit(1)
        woken = _wake_on_signals()
        _take_signals()
        child = _start(command)
        status = _wait(child, woken, None)
        left = _end_children(seconds, child)
        status = left if status is None else status
    os._exit(128 + signal.SIGKILL if status is None else status)


def _prctl(option, value):
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, int(value), 0, 0, 0)


def _wake_on_signals():
    """Return an open file that tells when a child has ended, by an empty byte, or when this process has to end."""
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    signal.set_wakeup_fd(writes, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda number, frame: None)
    return reads


def _fork():
    """Fork. The child has SIGTERM wait until it calls ``_take_signals``: what it inherits would not hear of it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    child = os.fork()
    if child:
        _take_signals()
    return child


def _take_signals():
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def _start(command):
    """Start ``command`` in a session of its own. It dies with this process."""
    child = _fork()
    if child:
        return child
    try:
        os.setsid()
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        _take_signals()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]} cannot be started: {error}\n".encode())
    os._exit(127)


def _wait(child, woken, stdin):
    """Wait until ``child`` has ended. Return its exit status, or ``None`` if this process was told to end before."""
    watched = [woken] if stdin is None else [woken, stdin]
    while True:
        ready = select.select(watched, [], [])[0]
        told = (woken in ready and signal.SIGTERM in os.read(woken, 1024)) or (
            stdin in ready and not os.read(stdin, 1024)
        )
        status, _ = _reap(child)
        if status is not None or told:
            return status


def _wait_for(child, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status, left = _reap(child)
        if status is not None or not left:
            return status
        time.sleep(LONGEST_PAUSE)
    return None


def _reap(child=None):
    """Take note of all children that have ended. Return the exit status of ``child`` if it did, and if any is left."""
    status = None
    try:
        while True:
            pid, ended = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return status, True
            if pid == child:
                status = os.waitstatus_to_exitcode(ended)
                status = 128 - status if status < 0 else status
    except ChildProcessError:
        return status, False


def _end_children(seconds, child=None):
    """End all that lives below this process: ask, and kill what is left after ``seconds``.

    Return the exit status of ``child`` if it was among them.
    """
    deadline = time.monotonic() + seconds
    asked = set()
    result = None
    pause = 0.001
    while True:
        status, left = _reap(child)
        result = status if result is None else result
        if not left:
            return result
        late = time.monotonic() >= deadline
        for pid in _below(os.getpid()):
            if late or pid not in asked:
                asked.add(pid)
                _send(pid, signal.SIGKILL if late else signal.SIGTERM)
        if not late:
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


def _send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _below(pid):
    """Yield the ids of all processes below ``pid``, parents first."""
    for child in _children(pid):
        yield child
        yield from _below(child)


def _children(pid):
    children = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                children += map(int, file.read().split())
    except OSError:  # it has ended; or this Linux has no such file
        return children if HAS_CHILDREN else _searched_children(pid)
    return children


def _searched_children(pid):
    children = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                parent = file.read().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if int(parent) == pid:
            children.append(int(name))
    return children


if __name__ == "__main__":
    main(*sys.argv[1:])
