"""A queue that is as awkward as queues are: each of its habits is one that a real one has had.

Its jobs are processes, so it outlives the driver. ``habits`` in the settings says what it does.
"""

import asyncio
import os
import time
from pathlib import Path

from elyra_runtime_engine.executor import ABSENT, ENDED, Status, Unreachable
from elyra_runtime_engine.processes import Processes

SECONDS_LATE = 1.5
"""So long does a job not show up that was submitted."""

LATE, FORGETFUL, TWICE, SLOW, DOWN, LOST = "late", "forgetful", "twice", "slow", "down", "lost"
HABITS = LATE, FORGETFUL, TWICE, SLOW, DOWN, LOST


class AwkwardQueue(Processes):
    """Processes, and a place that is late to show a new job, forgets one that has ended, starts one twice, is slow, is
    down for each third question, or loses each second answer to a submission."""

    seconds_between_polls = 0.2

    def __init__(self, settings, limits):
        super().__init__(settings, limits)
        self.habits = settings["habits"]
        self._asked, self._submitted = 0, {}

    async def submit(self, tasks):
        await self._be_asked()
        if TWICE in self.habits:
            await super().submit(tasks)
        handles = await super().submit(tasks)
        self._submitted |= dict.fromkeys(handles, time.monotonic())
        if LOST in self.habits and len(self._submitted) % 2:
            raise Unreachable
        return handles

    async def poll(self, handles):
        await self._be_asked()
        return {key: self._told(key, status) for key, status in (await super().poll(handles)).items()}

    async def cancel(self, handles):
        await self._be_asked()
        await super().cancel(handles)

    async def _be_asked(self):
        self._asked += 1
        if SLOW in self.habits:
            await asyncio.sleep(0.3)
        out = self.settings.get("out")
        if DOWN in self.habits and self._asked % 3 == 1 or out and os.path.exists(out):
            if out:
                self._come_back(Path(out))
            raise Unreachable

    def _come_back(self, out):
        """Be reachable again after some questions: one letter of the file for each."""
        left = out.read_text()[1:]
        out.write_text(left) if left else out.unlink()

    def _told(self, key, status):
        late = LATE in self.habits and time.monotonic() - self._submitted.get(key, 0) < SECONDS_LATE
        forgotten = FORGETFUL in self.habits and status.phase == ENDED
        return Status(ABSENT) if late or forgotten else status
