"""Where nodes run: what the engine asks of a place, and what it is told.

An executor knows one place: this machine, a cluster, a queue. It takes tasks, says how they are, and ends them. All
else is the engine's: the order of the nodes, their files, attempts, logs, results, and the page.

- The engine names each task by a key, and writes down that it is going to submit it, before it does so, and the handle
  after that. If the engine submits a key a second time, the executor must treat it as the same task.
- An attempt claims its folder before it begins, so a task that a place starts twice runs once.
- How a node has ended is in the result in the attempt's folder. A status counts only where there is no result.
- If a task is not in the answer, or if the place raises ``Unreachable``, nobody knows its state, and nothing changes.
- ``cancel`` only asks the place to end a task. A later answer of ``poll`` says that it has ended.
"""

import asyncio
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

QUEUED, RUNNING, ENDED, ABSENT = "queued", "running", "ended", "absent"
"""The phases of a task. ``ABSENT``: the place knows of no such task."""

EXIT, SIGNAL, MEMORY, TIME = "exit", "signal", "memory", "time"
STOPPED, PREEMPTED, PLACE = "cancelled", "preempted", "place"
"""Why a task has ended. What was preempted, and what the place itself is to blame for, is tried again."""


class ExecutorError(Exception):
    """A place that cannot take a run, or has lost it. The message is a sentence for the user."""


class Unreachable(Exception):
    """The place does not answer. What it was asked to do may have happened, or not."""


class Secrets(dict):
    """Values of environment variables. What logs them shows their names."""

    def __repr__(self):
        return f"<the variables {', '.join(self)}>"


@dataclass(frozen=True)
class RunFolder:
    """The folder of a run, for an executor.

    ``path`` is where others find it, ``held`` where this process does, whatever is put in its place. It counts as this
    run's only where it holds the word ``token``. ``scratch`` is a folder for whatever lies on this machine only, and
    ``say`` writes a line to the log of the run.
    """

    id: str
    path: Path
    held: Path
    token: str
    scratch: Path
    say: Callable


@dataclass(frozen=True)
class Task:
    """One attempt to run one node.

    ``place`` is its folder, and ``reads`` are the folders that it needs, all as paths below the folder of the run. It
    writes to ``place`` only. ``order`` is what ``attempt.Attempt`` takes; it lies in ``place``, too. ``needs`` is what
    the node asks for: CPU and GPU in pieces, MEMORY in bytes. ``secrets`` must be on no command line and in no log.
    """

    key: str
    place: str
    reads: list
    order: dict
    needs: dict
    secrets: Secrets = field(repr=False)

    def command(self, run):
        """Return the command that does it, on a machine that has this environment, and the folder ``run`` of the run.

        It reads the secrets from its standard input, as one line of JSON, and ends the node on SIGTERM.
        """
        tool = Path(__file__).with_name("attempt.py")
        return [sys.executable, "-I", "-S", str(tool), str(run), str(Path(run) / self.place), self.key]


@dataclass(frozen=True)
class Refused:
    """The place refuses a task for good, for the reason ``said``, a sentence."""

    said: str


@dataclass(frozen=True)
class Verdict:
    """Whether a task that needs so much fits. ``refused`` and ``note`` are sentences, or empty."""

    note: str = ""
    refused: str = ""


@dataclass(frozen=True)
class Status:
    """How a task is. ``said`` is a sentence in the words of the place, ``where`` what in the place runs it.

    ``sure``: nothing of the task runs anywhere, and nothing will. Else the engine waits for a while whether a task that
    has ended, or is absent, shows that it goes on.
    """

    phase: str
    cause: str | None = None
    said: str = ""
    host: str = ""
    where: str = ""
    sure: bool = False


class Executor(ABC):
    """A place where nodes run, for one run. ``settings`` are the values of the runtime configuration.

    ``limits`` is the ``Limits`` of the run. All methods are called from one event loop.
    """

    outlives_driver = False
    """Whether tasks go on when the process ends that has submitted them."""

    slots: int | None = None
    """How many tasks the engine may submit at a time. ``None``: the place counts for itself."""

    seconds_between_polls: float | None = None
    """So often the engine asks how tasks are. ``None``: whenever ``changed`` is set, and only then."""

    name = "here"
    """What the place is called in the log of the run."""

    links = ()
    """Pages about the place: a title, an address, and a note for each."""

    remark = ""
    """What the user should know of the place just now, a sentence."""

    def __init__(self, settings, limits):
        self.settings, self.limits = settings, limits
        self.changed = asyncio.Event()

    @abstractmethod
    async def open(self, run):
        """Connect to the place, for the run in the ``RunFolder`` ``run``. Raises ``ExecutorError``."""

    async def examine(self, needs):
        """Return a ``Verdict`` for each dict of ``needs``, before the run is accepted."""
        return [Verdict() for _ in needs]

    @abstractmethod
    async def submit(self, tasks):
        """Take ``tasks``. Return for each key a handle, or ``Refused``.

        A handle is a text without a secret, which is enough to find the task again. A key that is missing, like
        ``Unreachable``, means that nobody knows whether the place has taken the task.
        """

    @abstractmethod
    async def poll(self, handles):
        """Return a dict with the ``Status`` of tasks, by key.

        ``handles`` has the handle of each task, or ``None`` for one that nobody knows to be submitted. A task that is
        missing is as it was. Raises ``Unreachable``, or ``ExecutorError`` where the place has lost all tasks for good.
        """

    @abstractmethod
    async def cancel(self, handles):
        """Ask the place to end the tasks of ``handles``, as ``poll`` takes them. That they ended, ``poll`` says."""

    @abstractmethod
    async def close(self):
        """Disconnect. It ends nothing that outlives the driver."""


class BlockingExecutor(Executor):
    """A place where a task is one call that returns when it has ended. A subclass has ``open``, ``run`` and ``close``.

    Its tasks end with the driver.
    """

    def __init__(self, settings, limits):
        super().__init__(settings, limits)
        self._calls, self._news = {}, {}

    @abstractmethod
    async def run(self, task, started):
        """Run ``task`` to its end. Return its last ``Status``.

        Call ``started(host, where)`` as soon as it runs. It may be cancelled at any time: then end the task.
        """

    async def submit(self, tasks):
        for task in tasks:
            self._calls[task.key] = asyncio.create_task(self._call(task))
        return {task.key: task.key for task in tasks}

    async def poll(self, handles):
        news = {key: self._news.pop(key) for key in [*self._news] if key in handles}
        unknown = {key: Status(ABSENT) for key in handles.keys() - self._calls.keys() - news.keys()}
        return {**news, **unknown}

    async def cancel(self, handles):
        for key in handles:
            if key in self._calls:
                self._calls[key].cancel()

    async def close(self):
        calls = list(self._calls.values())
        for call in calls:
            call.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*calls, return_exceptions=True)

    def tell(self, key, status):
        """Let the next ``poll`` say of the task ``key`` that its status is this."""
        self._news[key] = status
        self.changed.set()

    async def _call(self, task):
        def started(host, where):
            self.tell(task.key, Status(RUNNING, host=host, where=where))

        try:
            status = await self.run(task, started)
        except asyncio.CancelledError:
            status = Status(ENDED, STOPPED)
        except ExecutorError as error:
            status = Status(ENDED, EXIT, str(error))
        except Exception as error:
            status = Status(ENDED, EXIT, f"The place could not run the node: {type(error).__name__}: {error}")
        del self._calls[task.key]
        self.tell(task.key, status)
