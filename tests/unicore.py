"""A runtime for UNICORE, on the engine: a site takes jobs over REST, and sees the Run Folder under the same path."""

import asyncio
import json

import requests

from elyra_runtime_engine.executor import (
    ABSENT,
    ENDED,
    EXIT,
    QUEUED,
    RUNNING,
    STOPPED,
    Executor,
    ExecutorError,
    Refused,
    Status,
    Unreachable,
)
from elyra_runtime_engine.runtime import RunningRuntime
from elyra_runtime_kit import Declaration

PHASES = {"QUEUED": QUEUED, "RUNNING": RUNNING, "SUCCESSFUL": ENDED, "FAILED": ENDED, "ABORTED": ENDED}
CAUSES = {"FAILED": EXIT, "ABORTED": STOPPED}


class UnicorePipelineProcessor(RunningRuntime):
    """Runs the nodes of a pipeline as jobs of a UNICORE site."""

    declaration = Declaration(
        name="unicore",
        type_id="UNICORE",
        display_name="UNICORE",
        fields={
            "api_endpoint": {"title": "Site", "type": "string", "format": "uri", "required": True},
            "api_username": {"title": "User Name", "type": "string", "required": True},
            "api_password": {"title": "Password", "type": "string", "secret": True},
            "cos_endpoint": {"title": "Run Folder", "type": "string", "pattern": "^/", "required": True},
        },
    )
    executor = "unicore:UnicoreExecutor"


class UnicoreExecutor(Executor):
    """A UNICORE site: the handle of a task is the address of its job."""

    outlives_driver = True
    seconds_between_polls = 0.5
    name = "UNICORE"

    async def open(self, run):
        self._run, self._session = run, requests.Session()
        self._session.auth = self.settings["api_username"], self.settings["api_password"]
        self._jobs = self.settings["api_endpoint"].rstrip("/") + "/jobs"
        try:
            answer = await self._ask("GET", self._jobs)
        except Unreachable as error:
            raise ExecutorError(f"No UNICORE site answers at {self._jobs!r}. Correct Site.") from error
        if answer.status_code == 401:
            raise ExecutorError(f"The site {self._jobs!r} refuses the user. Correct User Name and Password.")

    async def submit(self, tasks):
        return {task.key: await self._submit(task) for task in tasks}

    async def _submit(self, task):
        program, *arguments = task.command(self._run.path)
        job = {
            "Name": task.key,
            "Executable": program,
            "Arguments": arguments,
            "Stdin": "values",
            "Imports": [{"From": "inline://values", "To": "values", "Data": json.dumps(task.secrets) + "\n"}],
        }
        answer = await self._ask("POST", self._jobs, json=job)
        return answer.headers["Location"] if answer.ok else Refused(f"The site refuses the job: {answer.reason}.")

    async def poll(self, handles):
        return {key: await self._status(handle) for key, handle in handles.items() if handle}

    async def _status(self, handle):
        answer = await self._ask("GET", handle)
        if answer.status_code == 404:
            return Status(ABSENT)
        told = answer.json()
        return Status(PHASES.get(told["status"], QUEUED), CAUSES.get(told["status"]), told.get("statusMessage", ""))

    async def cancel(self, handles):
        for handle in filter(None, handles.values()):
            await self._ask("POST", f"{handle}/actions/abort", json={})

    async def close(self):
        self._session.close()

    async def _ask(self, method, address, **options):
        try:
            return await asyncio.to_thread(self._session.request, method, address, timeout=5, **options)
        except requests.RequestException as error:
            raise Unreachable from error
