"""What the driver writes down of a run, in the folder of the run and in words for people."""

from contextlib import suppress

from elyra_runtime_engine.run import CANCELLED, DONE, FAILED, RUNNING, SKIPPED, WAITING

SETTLED = DONE, FAILED, CANCELLED

NAMED = 3
"""So many nodes that were not run are named in the sentence that says why a run failed."""


class Journal:
    """Writes down what happens in ``run`` to the nodes of ``plan``.

    It knows which of them are ``done``, and why others have ``failed``.
    """

    def __init__(self, run, plan):
        self.run = run
        self.plan = plan
        self._read()
        self._remark = ""

    def _read(self):
        """Learn from what earlier drivers have written down.

        ``begun`` holds the attempts of which nobody knows how they ended: number and handle, by node. ``attempts``
        holds the number of the last attempt of each node that has one.
        """
        nodes = dict(enumerate(self.run.nodes()))
        self.done = {number for number, node in nodes.items() if node["state"] == DONE}
        ended = {number: node for number, node in nodes.items() if node["state"] in (FAILED, CANCELLED)}
        self.failed = {number: node.get("error") or node["state"] for number, node in ended.items()}
        self.begun, self.attempts = {}, {}
        for event in self.run.events()[0]:
            for number, _ in event.get("again", ()):
                self.begun.pop(number, None)
            for number, attempt in event.get("intends", ()):
                self.begun[number] = attempt, None
                self.attempts[number] = attempt
            for number, handle in event.get("handles", ()):
                self.begun[number] = self.begun[number][0], handle
            if "lost" in event or event.get("state") in SETTLED:
                self.begun.pop(event["node"], None)

    def go_on(self, again):
        """The nodes of ``again`` run again: pairs of their number and the reason for it. Raises ``OSError``."""
        self.run.append(again=again)
        self._read()

    def next_attempt(self, number):
        """Return the number of the next attempt to run the node: one that no attempt of the run has had."""
        return max(self.attempts.get(number, 0), self.run.last_attempt(number)) + 1

    def intends(self, attempts):
        """The nodes are about to be handed over: pairs of their number and their attempt. Raises ``OSError``."""
        self.run.append(intends=attempts)
        self.attempts |= dict(attempts)

    def handed_over(self, handles):
        """The place has taken the nodes: a dict of handles by number. Raises ``OSError``."""
        self.run.append(handles=list(handles.items()))

    def name(self, number):
        return repr(self.plan[number]["name"])

    def begin(self, executor):
        """The run begins in the place of ``executor``."""
        self.run.reserve()
        links = [list(link) for link in executor.links]
        self.run.append(run=RUNNING, links=links, outlives_driver=executor.outlives_driver)
        said = "".join(f"; {title}: {address}" for title, address, _ in executor.links)
        self.run.say(f"started on {executor.name}; nodes: {len(self.plan)}{said}")
        for number in sorted(self.done):
            self.run.say(f"node {self.name(number)} is done already")

    def remark(self, text):
        """Something is to be known of the place: ``text``, or nothing any more."""
        if text != self._remark:
            self._remark = text
            with suppress(OSError):
                self.run.append(waiting=text)
            if text:
                self.run.say(text)

    def running(self, number, attempt, attempts, status):
        """The node has begun to run, as ``status`` says. It is the attempt ``attempt``, and one of ``attempts``."""
        where = {"host": status.host, "worker": status.where}
        with suppress(OSError):  # of a full disk: nothing depends on it, and the end of the node will tell
            self.run.append(node=number, attempt=attempt, state=RUNNING, **where, attempts=attempts)
        place = f" on {status.host}" if status.host else ""
        self.run.say(f"node {self.name(number)} runs{place}{f' ({status.where})' if status.where else ''}")

    def lost(self, number, attempt, reason):
        """An attempt has come to nothing for that ``reason``, and another one follows."""
        with suppress(OSError):
            self.run.append(node=number, attempt=attempt, state=WAITING, lost=reason)
        self.run.say(f"node {self.name(number)} is tried again: {reason}")

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
            for number in skipped:
                self.run.append(node=number, state=CANCELLED if cancelled else SKIPPED)
        self.run.say(f"{state} {error}".rstrip())
        self.run.end(state, error)
        if state == DONE:
            self.run.forget_environment()

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
