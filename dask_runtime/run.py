"""The engine: the folder of one run. Whoever may read it knows all that is known of the run.

=====================  ==========================================================================================
``run.json``           what was submitted; written once
``sources/<n>/``       the files that node ``n`` starts from
``events.jsonl``       what happened, one line for each event; the driver appends to it
``run.log``            the same, for people
``nodes/<n>/``         what node ``n`` left: ``log.txt``, ``outputs/``, and the executed notebook
``cancel``             there as soon as somebody asked for the run to end
``lock``               locked for as long as the driver lives
``driver.log``         what the driver and Dask said; ``scratch/`` is where nodes run on this machine
``token``              a word by which a worker knows that it sees this folder
=====================  ==========================================================================================

No value of an environment variable is in there. These lie in Jupyter's runtime directory, as its own keys do, in a
file that only the user may read and that goes when the run ends well.
"""

import fcntl
import json
import os
import re
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir, jupyter_runtime_dir

RUN_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{8}")

STARTING = "starting"
RUNNING = "running"
DONE = "done"
FAILED = "failed"
CANCELLED = "cancelled"
WAITING = "waiting"
SKIPPED = "skipped"
ENDED = frozenset({DONE, FAILED, CANCELLED})
"""The states in which a run is over. A node may also be skipped, because a node before it failed."""

HEAD = 65_536
"""In so many bytes of ``run.json`` all is expected that comes before the nodes."""

SECONDS_TO_START = 60
"""So long may pass from the start of the driver to its first event, before a run counts as failed."""

SECONDS_TO_COPY = 3600
"""So long may pass from the submission to the start of the driver."""


def runs_folder():
    """Return the folder that lists all runs: the runs themselves, or links to those that lie elsewhere."""
    return Path(jupyter_data_dir(), "dask_runtime", "runs")


def new_id():
    """Return the id of a new run: the time in UTC, parts of a second included, and what no other run has."""
    now = time.time()
    part = int(now % 1 * 0x10000)
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}-{part:04x}{secrets.token_hex(2)}"


def run_ids():
    """Return the ids of all that is listed, the newest first. Touches no folder of a run, so some may be none."""
    try:
        return sorted((name for name in os.listdir(runs_folder()) if RUN_ID.fullmatch(name)), reverse=True)
    except FileNotFoundError:
        return []


def all_runs():
    """Return all runs, the newest first."""
    return [Run(runs_folder() / id) for id in run_ids() if (runs_folder() / id / "run.json").is_file()]


def find_run(id):
    """Return the run ``id``. Raises ``LookupError`` if there is none."""
    if RUN_ID.fullmatch(id) and (runs_folder() / id / "run.json").is_file():
        return Run(runs_folder() / id)
    raise LookupError(f"There is no run {id!r}.")


class Run:
    """One run. It reads and writes the files of its folder, and keeps nothing else."""

    def __init__(self, folder):
        self.folder = Path(folder).resolve()
        self.id = self.folder.name

    @classmethod
    def create(cls, facts, environment, home=None):
        """Make the folder of a new run below ``home``, by default among the user's Jupyter data.

        ``facts`` is a dict, to which the id and the time are added. ``environment`` holds the values of the
        variables of each node: a list of dicts. Raises ``OSError`` if the folder cannot be made.
        """
        id = new_id()
        listed = runs_folder() / id
        folder = Path(home, id) if home else listed
        runs_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
        if folder != listed:
            listed.symlink_to(folder)
        run = cls(folder)
        try:
            for name in ("sources", "nodes"):
                (run.folder / name).mkdir()
            (run.folder / "token").write_text(secrets.token_hex(), encoding="utf-8")
            with open(run._values, "w", encoding="utf-8", opener=_private) as file:
                json.dump(environment, file)
            run._write("run.json", json.dumps({"id": id, "submitted": time.time(), **facts}, ensure_ascii=False))
        except BaseException:
            run.remove()
            raise
        return run

    @property
    def _values(self):
        directory = Path(jupyter_runtime_dir())
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return directory / f"dask_runtime-{self.id}.json"

    def environment(self):
        """Return the values of the environment variables of each node. Raises ``LookupError`` if they are gone."""
        try:
            return json.loads(self._values.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise LookupError(
                f"The values of the environment variables of run {self.id} are gone: a later run has taken them over, "
                "or somebody has tidied up. Run the latest run again, or submit the pipeline again."
            ) from None

    def forget_environment(self):
        """Remove the values of the environment variables."""
        self._values.unlink(missing_ok=True)

    @property
    def facts(self):
        """What was submitted, a dict."""
        return json.loads((self.folder / "run.json").read_text(encoding="utf-8"))

    @property
    def head(self):
        """What was submitted, without what takes long to read where there are many: the nodes."""
        with open(self.folder / "run.json", "rb") as file:
            # In a string, the quotes would be escaped.
            head, nodes, _ = file.read(HEAD).partition(b', "nodes": [')
            file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
            is_whole = file.read() == b"}"
        return json.loads(head + b"}") if nodes and is_whole else self.facts

    def remove(self):
        """Remove all that belongs to the run."""
        self.forget_environment()
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):
            (runs_folder() / self.id).unlink()

    def sources(self, number):
        return self.folder / "sources" / str(number)

    def node(self, number):
        return self.folder / "nodes" / str(number)

    def attempt(self, number, attempt):
        """Return the folder of an attempt to run node ``number``. It becomes that of the node when it ends."""
        return self.folder / "nodes" / f"{number}.{attempt}"

    def append(self, **event):
        """Append an event. Each is one line, so that a reader sees all of it or nothing."""
        line = json.dumps({"time": round(time.time(), 3), **event}, ensure_ascii=False) + "\n"
        with open(self.folder / "events.jsonl", "ab", buffering=0) as file:
            file.write(line.encode("utf-8", errors="backslashreplace"))

    def events(self, start=0):
        """Return the events from the byte ``start`` on, and the byte to go on from."""
        try:
            with open(self.folder / "events.jsonl", "rb") as file:
                file.seek(start)
                read = file.read()
        except FileNotFoundError:
            return [], 0
        whole = read[: read.rfind(b"\n") + 1]
        events = [event for line in whole.splitlines() if (event := _read_event(line))]
        return events, start + len(whole)

    def say(self, text):
        """Append a line to the log of the run."""
        with open(self.folder / "run.log", "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")

    def lock(self):
        """Lock the run for as long as this process lives. Return an open file, to be kept."""
        file = open(self.folder / "lock", "w")
        fcntl.lockf(file, fcntl.LOCK_EX)
        return file

    def has_driver(self):
        """Say whether the driver lives. The driver itself must not ask: that would take its lock away."""
        try:
            with open(self.folder / "lock") as file:
                fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def state(self):
        """Return the state of the run, and in words what went wrong: a pair.

        A run whose driver ended without a word has failed.
        """
        alive = self.has_driver()  # first: the last event comes before the end of the driver
        last = self._last_event()
        if last.get("run") in ENDED:
            return last["run"], last.get("error", "")
        if alive:
            return RUNNING, ""
        if (not last or "taken_over" in last) and time.time() < self._start_is_due():
            return STARTING, ""
        return FAILED, (
            "The process that leads the run has ended without a word: it was killed, or the machine was restarted. "
            "What was finished by then is kept. Run it again from here."
        )

    def _start_is_due(self):
        """Return until when a driver must be there. Before it starts, files are copied."""
        try:
            return (self.folder / "driver.log").stat().st_mtime + SECONDS_TO_START
        except FileNotFoundError:
            return self.head["submitted"] + SECONDS_TO_COPY

    def _last_event(self):
        try:
            with open(self.folder / "events.jsonl", "rb") as file:
                size = file.seek(0, os.SEEK_END)
                window = 4096
                while True:
                    file.seek(max(0, size - window))
                    read = file.read().rpartition(b"\n")[0]
                    if b"\n" in read or window >= size:  # all of the last line is there
                        return _read_event(read.rpartition(b"\n")[2]) or {}
                    window *= 4
        except FileNotFoundError:
            return {}

    def nodes(self):
        """Return the state of each node, a list of dicts with what the last events said of it."""
        nodes = [{"state": WAITING} for _ in self.facts["nodes"]]
        for event in self.events()[0]:
            if "node" in event:
                nodes[event["node"]].update(event)
        return nodes

    def cancel(self):
        """Ask the driver to end the run."""
        (self.folder / "cancel").touch()

    def is_cancelled(self):
        return (self.folder / "cancel").exists()

    def _write(self, name, text):
        draft = self.folder / f".{name}"
        draft.write_text(text, encoding="utf-8", errors="backslashreplace")
        os.replace(draft, self.folder / name)


def _read_event(line):
    """Return the event in ``line``, or ``None``: a disk that is full may have taken only a part of it."""
    with suppress(ValueError):
        return json.loads(line)


def _private(path, flags):
    return os.open(path, flags | os.O_EXCL, 0o600)
