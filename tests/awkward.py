"""A queue that is as awkward as queues are: each of its habits is one that a real one has had.

Its jobs are processes, so it outlives the driver. ``habits`` in the settings says what it does.
"""

import asyncio
import random
import time

from elyra_runtime_engine.executor import ABSENT, ENDED, Status, Unreachable
from elyra_runtime_engine.processes import Processes

SECONDS_LATE = 1.5
"""So long does a job not show up that was submitted."""

LATE, FORGETFUL, TWICE, SLOW, DOWN, LOST = "late", "forgetful", "twice", "slow", "down", "lost"
SHUT = "shut"
HABITS = LATE, FORGETFUL, TWICE, SLOW, DOWN, LOST


class AwkwardQueue(Processes):
    """Processes, and a place that is late to show a new job, forgets one that has ended, starts one twice, is slow, is
    down for a third of the questions, or loses each second answer to a submission. One that is shut takes nothing."""

    seconds_between_polls = 0.2

    def __init__(self, settings, limits):
        super().__init__(settings, limits)
        self.habits = settings["habits"]
        self._chance, self._submitted = random.Random(0), {}

    async def submit(self, tasks):
        await self._be_asked()
        if SHUT in self.habits:
            raise Unreachable
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
        if SLOW in self.habits:
            await asyncio.sleep(0.3)
        if DOWN in self.habits and self._chance.random() < 1 / 3:
            raise Unreachable

    def _told(self, key, status):
        late = LATE in self.habits and time.monotonic() - self._submitted.get(key, 0) < SECONDS_LATE
        forgotten = FORGETFUL in self.habits and status.phase == ENDED
        return Status(ABSENT) if late or forgotten else status
