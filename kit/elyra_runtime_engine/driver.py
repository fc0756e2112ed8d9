"""The process that drives one run: ``python -m elyra_runtime_engine.driver FOLDER``.

It belongs to no server and to no browser. It hands each node to the executor as soon as those before it are done, and
keeps a journal. It ends with the run, or on SIGTERM.
"""

import asyncio
import json
import os
import pkgutil
import shutil
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from graphlib import TopologicalSorter
from pathlib import Path

from elyra_runtime_engine.attempt import ORDER, STOP, beat_in, forbid, result_in
from elyra_runtime_engine.events import Superseded
from elyra_runtime_engine.executor import (
    ABSENT,
    ENDED,
    PLACE,
    PREEMPTED,
    RUNNING,
    ExecutorError,
    Refused,
    RunFolder,
    Secrets,
    Task,
    Unreachable,
)
from elyra_runtime_engine.journal import Journal
from elyra_runtime_engine.limits import Limits
from elyra_runtime_engine.run import CANCELLED, FAILED, FolderError, Run

SECONDS_BETWEEN_LOOKS = 0.2
"""So often the driver looks whether the run was cancelled."""

NODES_AT_A_TIME = 32
"""So many nodes are submitted at once. The first begin while the folders of the next are made."""

SECONDS_FOR_THE_FIRST, SECONDS_FOR_MORE = 0.3, 0.02
"""So long an executor has for them, until one runs, and then: unless it says earlier that something has changed."""

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30
"""So many seconds pass at most until a place that does not answer is asked again."""

TRIALS_TO_BEGIN = 6
"""So many times a node is handed over that never begins."""

TRIED_AGAIN = PLACE, PREEMPTED


NEVER_BEGUN = "It has not begun, and its place does not know of it."


class Driver:
    """Leads the run ``run``, as long as it is ``held`` and its ``lock`` too. ``drive`` returns when it is over.

    ``again`` is a dict where one is run again that was over: the ``nodes``, as ``Journal.go_on`` takes them, and the
    ``settings``. From here on, no other driver of the run counts.
    """

    def __init__(self, run, lock, limits, again=None):
        self.run = run
        self.again = again
        self.lock = lock
        self.limits = limits
        facts = run.facts
        self.plan = facts["nodes"]
        settings = again["settings"] if again else facts["settings"]
        self.retries = settings.get("retries") or 0
        run.take_over()
        self.journal = Journal(run, self.plan)
        self.environment = run.environment()
        self.executor = executor_class(facts["executor"])(settings, limits)
        self.scratch = run.scratch()
        self.told_to_end = False
        self.cancelled = False
        self.lost = None
        self.over = False
        self.inherits_from = _inheritance(self.plan)
        self.ready = []
        self.handles, self.numbers, self.tasks = {}, {}, {}
        self.tries, self.seen = Counter(), set()
        self.silent, self.never_begun = {}, Counter()
        self.unanswered, self.polls_unanswered = {}, 0

    async def drive(self):
        """Run all nodes. Raises ``ExecutorError`` if the place cannot take the run.

        Raises ``Superseded`` if another driver leads the run now: whatever runs is that one's.
        """
        run = self.run
        folder = RunFolder(run.id, Path(run.real_place), Path(run.place), run.token, self.scratch, run.say)
        try:
            await self.executor.open(folder)
            try:
                await self._examine()
                self.journal.begin(self.executor)
                await self._lead()
                self.journal.finish(self.cancelled, self.lost)
                self.over = True
            finally:
                if self.handles and not self.over and not self.run.is_superseded():
                    with suppress(Exception):
                        await self.executor.cancel(self.handles)
                await self.executor.close()
        finally:
            if not self.run.is_superseded():
                shutil.rmtree(self.scratch, ignore_errors=True)

    async def _examine(self):
        verdicts = await self.executor.examine([node["resources"] for node in self.plan])
        for node, verdict in zip(self.plan, verdicts, strict=True):
            if verdict.refused:
                raise ExecutorError(f"Node {node['name']!r} {verdict.refused}")
        self._go_on()
        for node, verdict in zip(self.plan, verdicts, strict=True):
            if verdict.note and node["number"] not in self.journal.done:
                self.run.append(node=node["number"], placing=verdict.note)

    def _go_on(self):
        """Begin to run again what was over. From here on, it is as if the run had never ended."""
        if self.again:
            self.run.forget_cancel()
            self.run.renew_settings(self.again["settings"])
            self.journal.go_on(self.again["nodes"])
            for number, _ in self.again["nodes"]:
                self._give_up_attempt(number)
            self.run.take_drafts()

    def _give_up_attempt(self, number):
        """Forbid the last attempt of the node ``number`` to begin, or ask it to end if nobody has heard that it did."""
        place = self.run.node(number)
        with suppress(OSError):
            if self.run.last_attempt(number) and not forbid(place) and not result_in(place):
                (place / STOP).touch()

    async def _lead(self):
        """Hand over each node as soon as those before it are done.

        Return when none is left that can run.
        """
        done = self.journal.done
        left = [node for node in self.plan if node["number"] not in done]
        self.sorter = TopologicalSorter({node["number"]: set(node["parents"]) - done for node in left})
        self.sorter.prepare()
        known = self._take_up() | set(self.journal.failed)
        watcher = asyncio.create_task(self._watch_for_end())
        try:
            while True:
                self.ready += [number for number in self.sorter.get_ready() if number not in known]
                ending = self._must_end()
                if not ending:
                    await self._submit(self._next())
                if not self.handles and (ending or not self.ready):
                    return
                more = not ending and self._free()
                if self.handles:
                    first = SECONDS_FOR_MORE if self.seen else SECONDS_FOR_THE_FIRST
                    await self._wait(first if more else self.executor.seconds_between_polls)
                if self.handles and not (more and self.executor.seconds_between_polls):
                    await self._learn()
        finally:
            watcher.cancel()

    def _take_up(self):
        """Go on with the attempts that an earlier driver has begun. Return the numbers of their nodes."""
        begun = self.journal.begun | ({} if self.again else self._not_written_down())
        for number, (attempt, handle) in begun.items():
            key = self._key(number, attempt)
            self.numbers[key], self.handles[key] = (number, attempt), handle
        if self.handles:
            self.executor.changed.set()
        return set(begun)

    def _not_written_down(self):
        """Return the attempts that run, of which an earlier driver could not tell any more. Forbid all others."""
        found = {}
        for node in self.plan:
            number = node["number"]
            last = self.run.last_attempt(number)
            is_known = last <= self.journal.attempts.get(number, 0)
            if not is_known and number not in self.journal.done | set(self.journal.failed):
                if not forbid(self.run.attempt(number, last)):
                    found[number] = last, None
        return found

    def _key(self, number, attempt):
        return f"{self.run.id}-{number}-{attempt}"

    def _next(self):
        """Return the numbers of the nodes to submit now."""
        many = min(self._free(), NODES_AT_A_TIME)
        now, self.ready = self.ready[:many], self.ready[many:]
        return now

    def _free(self):
        """Return how many nodes that are ready the place has room for."""
        slots = self.executor.slots
        return min(len(self.ready), max(0, slots - len(self.handles))) if slots is not None else len(self.ready)

    async def _submit(self, numbers):
        if not numbers:
            return
        tasks = [task for task in map(self._task, numbers) if task]
        for task in tasks:
            self.handles[task.key] = None
        if not tasks or not self._write_down(self.journal.intends, [self.numbers[task.key] for task in tasks]):
            return
        answers = await self._ask("submit", tasks) or {}
        for key, answer in answers.items():
            if isinstance(answer, Refused):
                self._settle(key, {"state": FAILED, "error": answer.said})
            else:
                self.handles[key] = answer
        taken = {self.numbers[key][0]: self.handles[key] for key in answers if key in self.handles}
        self._write_down(self.journal.handed_over, taken)

    async def _ask(self, question, what):
        """Return the answer of the executor, or ``None`` if the place cannot be reached."""
        try:
            answer = await getattr(self.executor, question)(what)
        except Unreachable:
            self.unanswered.setdefault(question, time.monotonic())
            self.polls_unanswered += question == "poll"
            return None
        self.unanswered.pop(question, None)
        self.polls_unanswered *= question != "poll"
        return answer

    def _remark(self):
        """Return what the user should know of the place just now."""
        waited = max((time.monotonic() - since for since in self.unanswered.values()), default=0)
        if waited < self.limits.answer:
            return self.executor.remark
        return f"No answer comes from {self.executor.name}. The run waits for it. Nodes that run there may go on."

    def _write_down(self, write, *what):
        """Return whether that is on the disk. Else the run has to end."""
        try:
            write(*what)
        except OSError as error:
            self.lost = self.lost or f"The folder of the run takes no more: {error}. Make room, and run it again."
            return False
        return True

    def _task(self, number):
        """Make the folder of a new attempt of node ``number``. Return its ``Task``, or ``None`` if that cannot be."""
        attempt = self.journal.next_attempt(number)
        key = self._key(number, attempt)
        self.numbers[key] = number, attempt
        node, folder = self.plan[number], self.run.attempt(number, attempt)
        reads = [self._below(path) for path in self._folders(number)]
        order = self._order(key, node, reads)
        try:
            folder.mkdir(parents=True)
            with open(folder / ORDER, "w", encoding="utf-8", errors="surrogateescape") as file:
                json.dump(order, file)
        except OSError as error:
            self.handles[key] = None
            self._settle(key, {"state": FAILED, "error": f"The folder of the node cannot be made: {error}"})
            return None
        needs, secrets = node["resources"], Secrets(self.environment[number])
        self.tasks[key] = Task(key, self._below(folder), reads, order, needs, secrets)
        return self.tasks[key]

    def _order(self, key, node, folders):
        file = os.path.basename(node["file"])
        return {
            "key": key,
            "folders": folders,
            "file": file,
            "executed": f"{Path(file).stem}-output.ipynb" if node["kind"] == "notebook" else None,
            "outputs": node["outputs"],
            "masked": node["environment"],
            "grace": self.limits.node,
        }

    def _folders(self, number):
        """Return the folders that a node starts from.

        They hold its own files, and what all nodes before it left.
        """
        left = (self.run.node(ancestor) / "outputs" for ancestor in sorted(self.inherits_from[number]))
        return [self.run.sources(number), *(folder for folder in left if folder.is_dir())]

    def _below(self, path):
        """Return ``path`` as seen from the folder with the files of the nodes. Elsewhere, that may be elsewhere."""
        return str(path.relative_to(self.run.place))

    async def _wait(self, seconds):
        """Wait until it makes sense to ask the executor, ``seconds`` at most. A place that is away gets more time."""
        changed = self.executor.changed
        if self.unanswered:
            seconds = min(LONGEST_PAUSE, (seconds or FIRST_PAUSE) * 2 ** min(self.polls_unanswered, LONGEST_PAUSE))
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(changed.wait(), seconds)
        changed.clear()

    async def _learn(self):
        try:
            statuses = await self._ask("poll", self.handles)
        except ExecutorError as error:
            self._give_up(str(error))
            return
        self.journal.remark(self._remark())
        for key, status in (statuses or {}).items():
            if key not in self.handles:
                continue
            if status.phase == RUNNING:
                self.silent.pop(key, None)
                if key not in self.seen:
                    self.seen.add(key)
                    self.journal.running(*self.numbers[key], self._tried(key) + 1, status)
            elif status.phase in (ENDED, ABSENT):
                await self._end(key, status)

    async def _end(self, key, status):
        """Take in that a task has ended: its result says how, and the ``status`` only where there is none."""
        place = self.run.attempt(*self.numbers[key])
        result = await asyncio.to_thread(result_in, place)
        if result:
            self._settle(key, result, status)
        elif (self.executor.outlives_driver or self.cancelled) and not status.sure and self._may_go_on(key, place):
            return
        elif self.cancelled:
            self._settle(key, {"state": CANCELLED})
        elif self.lost:
            self._settle(key, {"state": FAILED, "error": self.lost})
        elif status.phase == ABSENT or status.cause in TRIED_AGAIN:
            self._try_again(key, status)
        else:
            self._settle(key, {"state": FAILED, "error": status.said or "It has ended without a result."})

    def _may_go_on(self, key, place):
        """Say whether a task may run, or begin, though its place says that it does not.

        The place may be late to show it or its result, or may have started it twice and tell of the other one. So an
        attempt that has begun is over when it shows nothing for a while. One that has not, is forbidden to begin.
        """
        now, beat = time.monotonic(), beat_in(place)
        since, known = self.silent.get(key, (now, beat))
        if beat != known:
            since = now
        self.silent[key] = since, beat
        number, _ = self.numbers[key]
        settling = 0 if self._must_end() else self.limits.settling * 2 ** self.never_begun[number]
        patience = self.limits.beat if beat else settling
        if now < since + patience:
            return True
        if beat:
            return False
        return not forbid(place)  # it may have begun just now

    def _try_again(self, key, status):
        number, attempt = self.numbers[key]
        has_begun = key in self.seen or not forbid(self.run.attempt(number, attempt))
        (self.tries if has_begun else self.never_begun)[number] += 1
        said = status.said or ("What ran it has ended without a word." if has_begun else NEVER_BEGUN)
        if self.never_begun[number] == TRIALS_TO_BEGIN:
            more = f"It was handed over {TRIALS_TO_BEGIN} times to {self.executor.name}, and has never begun."
            self._settle(key, {"state": FAILED, "error": f"{said} {more}"})
            return
        if self.tries[number] > self.retries:
            more = f"Attempts: {self.tries[number]}. To allow more, raise Retries in the runtime configuration."
            self._settle(key, {"state": FAILED, "error": f"{said} {more}"})
            return
        self.journal.lost(*self.numbers[key], said)
        self._forget(key)
        self.ready.insert(0, number)

    def _tried(self, key):
        return self.tries[self.numbers[key][0]]

    def _settle(self, key, result, status=None):
        number, attempt = self.numbers[key]
        self._forget(key)
        where = {"worker": status.where} if status and status.where else {}
        try:
            self.journal.settle(number, {"attempt": attempt, **where, **result})
        except OSError:
            self.lost = self.lost or self.journal.failed[number]
        if number in self.journal.done:
            self.sorter.done(number)

    def _forget(self, key):
        for table in (self.handles, self.tasks, self.silent):
            table.pop(key, None)

    async def _watch_for_end(self):
        """When the run has to end, let the executor end its tasks."""
        try:
            while not self._must_end():
                await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        except Superseded:  # whoever waits will find it out
            self.executor.changed.set()
            return
        self.run.say(self.lost or "cancelled")
        while True:
            for key in self.handles:
                with suppress(OSError):  # it tells an attempt that its place does not reach
                    (self.run.attempt(*self.numbers[key]) / STOP).touch()
            with suppress(Unreachable):
                await self.executor.cancel(self.handles)
            self.executor.changed.set()
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    def _must_end(self):
        """Say whether the run was cancelled, has lost its folder, or can write down nothing more."""
        if self.run.is_superseded():
            raise Superseded
        if self.run.is_gone(self.lock):
            self.lost = self.lost or "The folder of the run was removed while it ran, or somebody has replaced it."
        elif self.told_to_end or self.run.is_cancelled():
            self.cancelled = True
        return self.cancelled or self.lost

    def end(self):
        """End the run as soon as possible, as if it was cancelled."""
        self.told_to_end = True

    def _give_up(self, reason):
        """Start no more nodes, and wait for none."""
        self.lost = self.lost or reason
        for key in [*self.handles]:
            state = {"state": CANCELLED} if self.cancelled else {"state": FAILED, "error": self.lost}
            self._settle(key, state)


def executor_class(name):
    """Return the class ``name``, such as ``package.module:Class``. Raises ``ExecutorError`` if there is none."""
    try:
        return pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ExecutorError(f"The executor {name!r} cannot be loaded: {error}. Install its package.") from error


def _inheritance(plan):
    """Return for each node the numbers of the nodes before it that declare outputs, near and far: a list of sets."""
    inherits_from = []
    for node in plan:
        near = {parent for parent in node["parents"] if plan[parent]["outputs"]}
        inherits_from.append(near.union(*(inherits_from[parent] for parent in node["parents"])))
    return inherits_from


async def _drive(driver):
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, driver.end)
    await driver.drive()


def main(folder, lock, *limits, again=None):
    """Lead the run in ``folder`` to its end, and write down what ended it.

    ``lock`` is the number of an open file: the lock of the run, from the process that has started this one. It stays
    open until this process is gone. ``limits`` is a ``Limits``, number by number, and ``again`` as ``Driver`` takes it.
    """
    run, lock = Run(folder), int(lock)
    os.set_inheritable(lock, False)
    driver = None
    try:
        with run.held():
            driver = Driver(run, lock, Limits(*map(float, limits)), again)
            asyncio.run(_drive(driver))
    except (ExecutorError, FolderError) as error:
        run.refuse(str(error))
    except Superseded:
        run.say("another process leads the run now")
    except BaseException as error:
        if driver is None or not driver.over:  # it may be over: an executor cannot always tidy up
            with suppress(OSError):
                run.end(FAILED, f"The run was given up: {type(error).__name__}: {error}")
        raise
    finally:
        if not run.folder.exists():
            run.forget_environment()


if __name__ == "__main__":
    with suppress(Exception):  # it takes time, while the files are copied; what is wrong, the driver says later
        executor_class(Run(sys.argv[1]).facts["executor"])
    if (line := sys.stdin.readline()).endswith("\n"):  # the files of the run are there
        main(*sys.argv[1:], again=json.loads(line))
