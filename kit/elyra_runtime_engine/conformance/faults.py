"""What befalls the driver of a run in the conformance suite: one fault, once, at one boundary of its journal.

A boundary is the moment before, or after, the driver writes down an event: so there is one on both sides of all that
it intends, hands over, and learns. Which events there are, a run without a fault tells.

The driver is the real one. It loads ``faulty`` as its executor, which is the real one, too, until the fault comes.
"""

import asyncio
import fcntl
import json
import os
import resource
import signal
import time
from pathlib import Path
from typing import NamedTuple

from elyra_runtime_engine.driver import executor_class
from elyra_runtime_engine.events import Events
from elyra_runtime_engine.executor import Unreachable

SETTING = "conformance"
"""In the settings of a run: the name of its executor, and the path of the file with its ``Fault``."""

SECONDS_AWAY = 1.5
"""So long does a place not answer."""

ROOM = 10
"""So many bytes more does a full disk take: not the whole of an event."""


class Boundary(NamedTuple):
    """The moment ``when``, before or after, the driver writes the event of a ``kind`` that is the ``number``-th."""

    when: str
    kind: str
    number: int


class Fault(NamedTuple):
    """At ``boundary``, what ``what`` names happens: names of methods of ``Fate``."""

    what: list
    boundary: Boundary

    def __str__(self):
        return f"{' and '.join(self.what)} {' '.join(map(str, self.boundary))}"


def kind(event):
    """Say in a word or two what ``event`` tells."""
    if "run" in event:
        return f"run {event['run']}"
    return f"node {event['state']}" if "state" in event else next(name for name in event if name != "time")


def boundaries(events):
    """Return each ``Boundary`` of a run that has written these events, from the moment on when it is accepted.

    Before that, who submits it hears that it failed, and nothing is left of it.
    """
    kinds = [kind(event) for event in events]
    counted = [(each, kinds[: place + 1].count(each)) for place, each in enumerate(kinds)]
    all_of_them = [Boundary(when, *each) for each in counted for when in ("before", "after")]
    return all_of_them[all_of_them.index(Boundary("after", "run running", 1)) :]


def faulty(settings, limits):
    """Return the executor of a run, and let its fault befall this process, which is its driver."""
    executor = executor_class(settings[SETTING]["executor"])(settings, limits)
    file = Path(settings[SETTING]["fault"])
    if file.exists():
        what, boundary = json.loads(file.read_text())
        fate = Fate(executor)

        def strike():
            file.unlink()
            for name in what:
                getattr(fate, name)()

        Events.append = _struck(Events.append, Boundary(*boundary), strike)
    return executor


def _struck(append, boundary, strike):
    met = 0

    def appended(self, **event):
        nonlocal met
        met += kind(event) == boundary.kind
        here = kind(event) == boundary.kind and met == boundary.number
        if here and boundary.when == "before":
            strike()
        append(self, **event)
        if here and boundary.when == "after":
            strike()

    return appended


class Fate:
    """What can happen to the driver that this process is, and to its way to ``executor``."""

    def __init__(self, executor):
        self._run = Path.cwd()
        self._back = 0
        self._loses, self._dies_in = set(), None
        for name in ("submit", "poll", "cancel"):
            setattr(executor, name, self._way_to(getattr(executor, name), name))

    def kill(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def kill_halfway(self):
        """The driver is killed when the next tasks are submitted, after the first half."""
        self._dies_in = "submit"

    def cancel(self):
        """Somebody cancels the run."""
        (self._run / "cancel").touch()

    def away(self):
        """The place cannot be reached for a while."""
        self._back = time.monotonic() + SECONDS_AWAY

    def answer_lost(self):
        """The place does what it is asked next, and nobody hears that it did."""
        self._loses = {"submit", "cancel"}

    def lock_lost(self):
        """Others may lead the run, too, and this driver does not know it."""
        for name in os.listdir("/proc/self/fd"):
            path = Path("/proc/self/fd", name)
            if path.exists() and path.samefile(self._run / "lock"):
                fcntl.flock(int(name), fcntl.LOCK_UN)

    def disk_full(self):
        """The journal grows no more."""
        size = (self._run / "events.jsonl").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + ROOM, resource.RLIM_INFINITY))

    def _way_to(self, method, name):
        async def asked(what):
            if time.monotonic() < self._back:
                await asyncio.sleep(0)
                raise Unreachable
            if self._dies_in == name:
                try:
                    await method(what[: len(what) // 2])
                finally:
                    self.kill()
            answer = await method(what)
            if name in self._loses:
                self._loses.remove(name)
                raise Unreachable
            return answer

        return asked
