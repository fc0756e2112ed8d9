"""The engine: what the driver writes down of a run, in the folder of the run and in words for people."""

import io
import os
import shutil
import tarfile
from collections import Counter
from contextlib import suppress

from dask_runtime.node import extract
from dask_runtime.run import CANCELLED, DONE, FAILED, RUNNING, SKIPPED

NAMED = 3
"""So many nodes that were not run are named in the sentence that says why a run failed."""


class Journal:
    """Writes down what happens in ``run`` to the nodes of ``plan``.

    It knows which of them are ``done``, and why others have ``failed``.
    """

    def __init__(self, run, plan):
        self.run = run
        self.plan = plan
        self.done = {number for number, node in enumerate(run.nodes()) if node["state"] == DONE}
        self.failed = {}
        self.attempts = Counter()

    def name(self, number):
        return repr(self.plan[number]["name"])

    def begin(self, address, dashboard):
        """The run begins on the scheduler at ``address``."""
        self.run.reserve()
        self.run.append(run=RUNNING, dashboard=dashboard)
        charts = f"; Dask dashboard: {dashboard}" if dashboard else ""
        self.run.say(f"started on {address}; nodes: {len(self.plan)}{charts}")
        for number in sorted(self.done):
            self.run.say(f"node {self.name(number)} is taken over from an earlier run")

    def is_over(self, number):
        return number in self.done or number in self.failed

    def running(self, number, news):
        """A worker has begun to run the node."""
        with suppress(OSError):  # of a full disk: nothing depends on it, and the end of the node will tell
            self.run.append(**news, attempts=self.attempts[number])
        self.run.say(f"node {self.name(number)} runs on {news['host']} ({news['worker']})")

    def log(self, number, attempt, text):
        """A node has printed ``text``, on a worker that does not see the folder of the run."""
        folder = self.run.attempt(number, attempt)
        folder.mkdir(exist_ok=True)
        with open(folder / "log.txt", "a", encoding="utf-8") as file:
            file.write(text)

    def keep(self, number, result):
        """Put what the node left where it belongs. Raises whatever a full disk or a damaged archive leads to."""
        archive, log = result.pop("archive", None), result.pop("log", None)
        if "attempt" not in result:
            return
        made = self.run.attempt(number, result.pop("attempt"))
        made.mkdir(exist_ok=True)
        if archive:
            with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
                extract(tar, made)
        if log is not None:
            (made / "log.txt").write_text(log, encoding="utf-8")
        os.rename(made, self.run.node(number))

    def settle(self, number, result):
        """The node has ended. Raises ``OSError`` if that cannot be written down: then it has failed."""
        state, error = result["state"], result.get("error")
        try:
            self.run.append(node=number, **result)
            self.run.say(f"node {self.name(number)} {state}{f': {error}' if error else ''}")
        except OSError as full:
            self.failed[number] = f"The folder of the run takes no more: {full}. Make room, and run it again from here."
            raise
        if state == DONE:
            self.done.add(number)
        else:
            self.failed[number] = error or state

    def finish(self, cancelled, lost):
        """The run has ended: because it was ``cancelled``, for the reason ``lost``, or because no node is left.

        Raises ``OSError`` if that cannot be written down. Then the run can be run again.
        """
        skipped = sorted(set(range(len(self.plan))) - self.done - set(self.failed))
        if len(self.done) == len(self.plan):
            state, error = DONE, ""
        elif cancelled:
            state, error = CANCELLED, lost or ""
        else:
            state, error = FAILED, self._summary(skipped, lost)
        with suppress(OSError):  # of a full disk; the last word has its room
            self._tidy_up()
            for number in skipped:
                self.run.append(node=number, state=CANCELLED if cancelled else SKIPPED)
        self.run.say(f"{state} {error}".rstrip())
        self.run.end(state, error)
        if state == DONE:
            self.run.forget_environment()

    def _tidy_up(self):
        """Remove what attempts left whose worker was lost. Where there is nothing else of a node, keep its log."""
        for attempt in (self.run.place / "nodes").glob("*.*"):
            if attempt.with_suffix("").exists():
                shutil.rmtree(attempt, ignore_errors=True)
            else:
                attempt.rename(attempt.with_suffix(""))

    def _summary(self, skipped, lost):
        if lost:
            return f"{lost} {len(self.done)} of {len(self.plan)} nodes were done by then, and are kept."
        first = min(self.failed)
        told = self.failed[first].rstrip(".")
        more = f" So did {len(self.failed) - 1} more." if len(self.failed) > 1 else ""
        named = ", ".join(map(self.name, skipped[:NAMED]))
        others = f" and {len(skipped) - NAMED} more" if len(skipped) > NAMED else ""
        rest = f" Not run, because they follow: {named}{others}." if skipped else ""
        return f"Node {self.name(first)} failed. {told}.{more}{rest}"
