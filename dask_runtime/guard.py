"""On a worker: run a command, and let none of its processes outlive it, nor the worker.

``python guard.py SECONDS FOLDER COMMAND...`` runs the command. As soon as its standard input ends, because the worker
closes it or is gone, the guard ends all processes that the command has started: it asks, and kills what is left after
``SECONDS``. It does the same to those that the command leaves behind. ``FOLDER`` is where psutil lies.

It ends as the command did: with its exit status, or with 128 and the number of the signal that ended it.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

PR_SET_CHILD_SUBREAPER = 36


def main(seconds, folder, *command):
    sys.path.append(folder)
    if sys.platform == "linux":  # so that no process gets away by losing its parent
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=_end_with_input, args=(float(seconds),), daemon=True).start()
    status = child.wait()
    if _has_children():
        _end_all(float(seconds))
    sys.stdout.flush()
    os._exit(128 - status if status < 0 else status)


def _has_children():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _end_with_input(seconds):
    while os.read(0, 1024):
        pass
    _end_all(seconds)


def _end_all(seconds):
    import psutil

    myself = psutil.Process()
    deadline = time.monotonic() + seconds
    asked = set()
    while processes := [process for process in myself.children(recursive=True) if _is_alive(process)]:
        late = time.monotonic() > deadline
        for process in processes:
            if late or process.pid not in asked:
                asked.add(process.pid)
                try:
                    process.send_signal(signal.SIGKILL if late else signal.SIGTERM)
                except psutil.NoSuchProcess:
                    pass
        time.sleep(0.02)


def _is_alive(process):
    import psutil

    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    main(*sys.argv[1:])
