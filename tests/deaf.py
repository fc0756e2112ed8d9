"""A place where a task goes on to its own end when it is cancelled."""

import asyncio
import json
from asyncio.subprocess import PIPE

from elyra_runtime_engine.executor import ENDED, EXIT, BlockingExecutor, Status


class DeafPlace(BlockingExecutor):
    """Starts a process for each task, and ends none."""

    async def open(self, run):
        self._run = run

    async def run(self, task, started):
        command = task.command(self._run.path)
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, start_new_session=True)
        process.stdin.write(json.dumps(task.secrets).encode() + b"\n")
        process.stdin.close()
        started("here", "here")
        await process.wait()
        return Status(ENDED, EXIT)
