"""Which functions of a package Elyra calls, and what it reads of its objects: seen while it happens."""

import asyncio
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def watched(package):
    """Yield a list. It gets each function of ``package`` that Elyra calls, and the function of Elyra that calls it.

    Both are text, such as ``processor.process``. The caller is ``a thread`` where Elyra has a thread for the call.
    """
    calls = []

    def watch(frame, event, _):
        if event == "call" and _is_of(frame, package) and not frame.f_code.co_name.startswith("<"):
            caller = frame.f_back
            while caller and not (_is_of(caller, package) or _is_of(caller, "elyra")):
                caller = caller.f_back
            if not (caller and _is_of(caller, package)):
                call = _name(frame).removeprefix(f"{package}."), _name(caller) if caller else "a thread"
                if call not in calls:
                    calls.append(call)

    threading.setprofile(watch)
    sys.setprofile(watch)
    try:
        yield calls
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


@contextmanager
def read(*kinds):
    """Yield a dict: for each class of ``kinds``, the names of the attributes that Elyra reads of its objects."""
    names = {kind: [] for kind in kinds}
    elyras = {kind: kind.__getattribute__ for kind in kinds}

    def of(kind):
        def get(self, name):
            if _is_of(sys._getframe(1), "elyra") and not name.startswith("__") and name not in names[kind]:
                names[kind].append(name)
            return elyras[kind](self, name)

        return get

    for kind in kinds:
        kind.__getattribute__ = of(kind)
    try:
        yield names
    finally:
        for kind in kinds:
            kind.__getattribute__ = elyras[kind]


def run(coroutine):
    """Run ``coroutine`` in an event loop of its own, whose threads are new: only such are watched."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def _is_of(frame, package):
    return frame.f_globals.get("__name__", "").split(".")[0] == package


def _name(frame):
    return f"{frame.f_globals.get('__name__', '')}.{frame.f_code.co_name}"
