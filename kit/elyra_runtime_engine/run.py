"""One run, and the folders that hold it. Whoever may read them knows all that is known of the run.

=====================  ==========================================================================================
``run.json``           what was submitted, and the configuration with which it was run last
``events.jsonl``       what happened, one line for each event; ``last`` is room for the last one on a full disk
                       each driver makes the file anew, so that an earlier one cannot write to it
``run.log``            the same, for people
``cancel``             there as soon as somebody asked for the run to end
``lock``               locked for as long as somebody starts or leads the run
``again``              locked for as long as somebody runs the run again
``delete``             locked for as long as somebody deletes the run
``driver.log``         what the driver and its executor said; ``scratch/`` is for what lies on this machine only
``sources/<n>/``       the files that node ``n`` starts from; ``<n>.new`` those of a run again that is not accepted yet
``nodes/<n>/<a>/``     what attempt ``a`` of node ``n`` was to do (``order.json``), and what it left: ``log.txt``,
                       ``outputs/``, the executed notebook, and how it ended (``result.json``)
``token``              a word by which a worker knows the folder
=====================  ==========================================================================================

The folder of a run that is deleted is moved aside first: ``deletion`` says how.

``format`` in ``run.json`` says which of these there are. Runs without it had a folder for each node, and none for an
attempt: those that came to nothing were beside it, such as ``nodes/<n>.<a>``. Such a run went on as another one, whose
id was in ``again``.

The folder lies among the user's Jupyter data, where nobody else can write. With a Run Folder, ``sources``, ``nodes``
and ``token`` lie there, and ``place`` leads there. Others may be able to move that part away and to put another in its
place. So it is used only as long as it is the one that the run made, and it never says which code runs.

No value of an environment variable is in there. These lie in a folder beside those of the runs, each in a file that
only the user may read, for as long as the run can be run again.
"""

import errno
import fcntl
import json
import os
import re
import secrets
import shutil
import stat
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir

from elyra_runtime_engine.events import Events

FORMAT = 2
"""What is written into ``run.json`` of new runs. The runs of 1 can be read, and run again."""

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

SECONDS_TO_HAND_OVER = 60
"""So long does a click on "Run again" wait for one that came before it."""

GONE = errno.ENOENT, errno.ENOTDIR, errno.ESTALE
OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


class FolderError(OSError):
    """The folder with the files of a run is not the one that the run made."""


HOME = "elyra_runtime_engine"

_homes = {HOME: {}}


def had_home(name, **facts):
    """Let runs be found that lie in the folder ``name`` of the Jupyter data: there, a runtime had its own.

    ``facts`` are what their ``run.json`` does not say.
    """
    _homes[name] = facts


def runs_folder():
    """Return the folder that holds a folder for each run."""
    return _home() / "runs"


def _values_folder():
    return _home() / "values"


def home_folders():
    """Return the folders in which the folder of the runs lies, and the earlier ones."""
    return [_home(name) for name in _homes]


def _home(name=HOME):
    return Path(jupyter_data_dir(), name)


def folder_of(id):
    """Return the folder of the run ``id``, or where it would be."""
    folders = [_home(name) / "runs" / id for name in _homes]
    return next((folder for folder in folders if folder.exists()), folders[0])


def new_id():
    """Return the id of a new run: the time in UTC, parts of a second included, and what no other run has."""
    now = time.time()
    part = int(now % 1 * 0x10000)
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}-{part:04x}{secrets.token_hex(2)}"


def run_ids():
    """Return the ids of all runs, the newest first. Touches no folder of a run, so some may be none.

    Forgets the values of runs whose folder somebody has deleted.
    """
    found = set()
    for home in home_folders():
        valued = _ids(home / "values")  # first: a run that is being made has a folder before it has values
        names = _ids(home / "runs")
        for id in valued - names:
            (home / "values" / f"{id}.json").unlink(missing_ok=True)
        found |= names
    return sorted(found, reverse=True)


def all_runs():
    """Return all runs, the newest first."""
    return [Run(folder_of(id)) for id in run_ids() if _is_run(id)]


def find_run(id):
    """Return the run ``id``. Raises ``LookupError`` if there is none."""
    if RUN_ID.fullmatch(id) and _is_run(id):
        return Run(folder_of(id))
    raise LookupError(f"There is no run {id!r}.")


def _ids(folder):
    with suppress(FileNotFoundError):
        return {name for entry in os.listdir(folder) if RUN_ID.fullmatch(name := entry.removesuffix(".json"))}
    return set()


def _is_run(id):
    folder = folder_of(id)
    return not folder.is_symlink() and (folder / "run.json").is_file()


def _sweep():
    """Remove the values that no run needs any more, and what a crash has left of a run that was being made."""
    for id in _ids(runs_folder()):
        if not _is_run(id):
            shutil.rmtree(runs_folder() / id, ignore_errors=True)
    for id in _ids(_values_folder()):
        try:
            needed = find_run(id).needs_values()
        except LookupError:
            needed = False
        if not needed:
            (_values_folder() / f"{id}.json").unlink(missing_ok=True)


@contextmanager
def _alone():
    """Let no other process make a run."""
    for folder in (runs_folder(), _values_folder()):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(_home() / "lock", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Run:
    """One run. It reads and writes the files of its folders, and keeps nothing else.

    ``folder`` is its folder, and ``place`` the one where the files of its nodes lie. Often it is the same.
    """

    def __init__(self, folder):
        self.folder = Path(folder).resolve()
        self.id = self.folder.name
        self._events = Events(self.folder / "events.jsonl")
        self._held = None
        try:
            self.place = Path(os.readlink(self.folder / "place"))
        except OSError:
            self.place = self.folder

    @classmethod
    def create(cls, facts, environment, home=None):
        """Make a new run that nobody leads, as ``create_locked`` does."""
        run, lock = cls.create_locked(facts, environment, home)
        lock.close()
        return run

    @classmethod
    def create_locked(cls, facts, environment, home=None):
        """Make a new run. The files of its nodes go to a folder below ``home``, by default to its own.

        ``facts`` is a dict, to which the id and the time are added. ``environment`` holds the values of the
        variables of each node: a list of dicts. Returns the run and its lock, which was there before others could find
        the run. Raises ``OSError`` if a folder cannot be made.
        """
        run = cls(runs_folder() / new_id())
        token = secrets.token_hex()
        try:
            if home:
                run._make_place(home, run.id, token)
            with _alone():  # what is in the Run Folder is not: it may hang
                _sweep()
                lock = run._make(facts, environment, token)
        except BaseException:
            run.remove()
            raise
        return run, lock

    def _make_place(self, home, name, token):
        os.makedirs(home, exist_ok=True)
        place = Path(home).resolve() / name
        place.mkdir(mode=0o700)
        self.place = place
        _fill(place, token)

    def _make(self, facts, environment, token):
        self.folder.mkdir(mode=0o700)
        if self.place == self.folder:
            _fill(self.folder, token)
        else:
            (self.folder / "token").write_text(token, encoding="utf-8")
            (self.folder / "place").symlink_to(self.place)
        with open(self._values, "w", encoding="utf-8", opener=_private) as file:
            json.dump(environment, file)
        facts = {"id": self.id, "format": FORMAT, "submitted": time.time(), **facts}
        lock = self.lock()
        self._write("run.json", json.dumps(facts, ensure_ascii=False))
        return lock

    def renew_place(self, home):
        """Take a new folder below ``home`` for the files of the nodes, because the one of before is not the run's.

        Where ``home`` is ``None``, it is the folder of the run. Raises ``OSError``.
        """
        if home is None:
            self.place = self.folder
            _fill(self.folder, self.token)
            (self.folder / "place").unlink()
            return
        self._make_place(home, new_id(), self.token)
        (self.folder / ".place").symlink_to(self.place)
        os.replace(self.folder / ".place", self.folder / "place")

    @contextmanager
    def held(self):
        """Hold on to the folder with the files of the nodes: whatever is put in its place, ``place`` stays the same.

        Raises ``FolderError`` if it is not the one that the run made.
        """
        place = self.place
        gone = f"The folder {str(place)!r} of run {self.id} is gone, or somebody has put another in its place."
        try:
            folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError as error:
            raise FolderError(gone) from error
        try:
            held = Path(f"/proc/{os.getpid()}/fd/{folder}")
            if not self._is_ours(folder, held):
                raise FolderError(gone)
            self._held, self.place = (place, folder), held
            yield
        finally:
            self._held, self.place = None, place
            os.close(folder)

    def _is_ours(self, folder, held):
        status = os.fstat(folder)
        if status.st_uid != os.geteuid() or status.st_mode & OTHERS_MAY_WRITE:
            return False
        with suppress(OSError):
            return (held / "token").read_text(encoding="utf-8") == self.token
        return False

    @property
    def token(self):
        """A word that only the run and its own folders hold."""
        return (self.folder / "token").read_text(encoding="utf-8")

    def environment(self):
        """Return the values of the environment variables of each node. Raises ``LookupError`` if they are gone."""
        try:
            return json.loads(self._values.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise LookupError(
                f"The values of the environment variables of run {self.id} are gone: somebody has tidied up, or a "
                "later run has taken them over. Submit the pipeline again, or run the latest run again."
            ) from None

    def forget_environment(self):
        """Remove the values of the environment variables."""
        self._values.unlink(missing_ok=True)

    @property
    def facts(self):
        """What was submitted, a dict."""
        facts = json.loads((self.folder / "run.json").read_text(encoding="utf-8"))
        return {**self._missing_facts, **facts}

    def renew_settings(self, settings):
        """Let the run go on with these values of the runtime configuration."""
        self._write("run.json", json.dumps({**self.facts, "settings": settings}, ensure_ascii=False))

    @property
    def head(self):
        """What was submitted, without what takes long to read where there are many: the nodes."""
        with open(self.folder / "run.json", "rb") as file:
            # In a string, the quotes would be escaped.
            head, nodes, _ = file.read(HEAD).partition(b', "nodes": [')
            file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
            is_whole = file.read() == b"}"
        return {**self._missing_facts, **json.loads(head + b"}")} if nodes and is_whole else self.facts

    @property
    def _missing_facts(self):
        return _homes.get(self.folder.parent.parent.name, {})

    @property
    def _values(self):
        return self.folder.parent.parent / "values" / f"{self.id}.json"

    def remove(self):
        """Remove all that belongs to the run."""
        self.forget_environment()
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def real_place(self):
        """``place`` as others see it."""
        return self._held[0] if self._held else self.place

    def scratch(self):
        """Return the folder in which nodes run on this machine: one that nobody else can replace while they run."""
        place = self.real_place
        return (place if _is_only_ours(place) else self.folder) / "scratch"

    def sources(self, number):
        return self.place / "sources" / str(number)

    def draft(self, number):
        """Return the folder for the files that node ``number`` starts from once a run again is accepted."""
        return self.place / "sources" / f"{number}.new"

    def drop_drafts(self):
        for draft in self._drafts():
            shutil.rmtree(draft)

    def take_drafts(self):
        """Let nodes start from the drafts."""
        for draft in self._drafts():
            shutil.rmtree(draft.with_suffix(""), ignore_errors=True)
            os.rename(draft, draft.with_suffix(""))

    def _drafts(self):
        return list((self.place / "sources").glob("*.new"))

    def node(self, number):
        """Return the folder with what node ``number`` left: that of its last attempt."""
        last = self.last_attempt(number)
        folder = self.place / "nodes" / str(number)
        return folder / str(last) if last else folder

    def attempt(self, number, attempt):
        """Return the folder of an attempt to run node ``number``."""
        if isinstance(attempt, int):
            return self.place / "nodes" / str(number) / str(attempt)
        return self.place / "nodes" / f"{number}.{attempt}"

    def last_attempt(self, number):
        """Return the number of the last attempt to run node ``number``, 0 if there is none."""
        with suppress(FileNotFoundError, NotADirectoryError):
            names = os.listdir(self.place / "nodes" / str(number))
            return max((int(name) for name in names if name.isdecimal()), default=0)
        return 0

    def append(self, **event):
        """Append an event, which is on the disk then. Raises ``OSError``, for example when it is full."""
        self._events.append(**event)

    def take_over(self):
        """Let count from now on only what this process writes of the run, whoever leads it besides."""
        self._events.take_over()

    def is_superseded(self):
        """Say whether another process has taken the run over from this one."""
        return self._events.are_superseded()

    def reserve(self):
        """Keep room for the end of the run. Raises ``OSError`` if there is none."""
        self._events.reserve()

    def end(self, state, error="", **event):
        """Write down how the run ended, also on a full disk."""
        self._events.append_last(run=state, error=error, **event)

    def refuse(self, reason):
        """Write down that the run cannot begin, for that ``reason``. One that goes on stays as it had ended."""
        last = self._last_word()
        state, error = (last["run"], last.get("error", "")) if last.get("run") in ENDED else (FAILED, reason)
        self.end(state, error, refused=reason)

    def _last_word(self):
        """Return the last event that says how the run is."""
        last = self._events.last()
        return last if "run" in last else next((event for event in reversed(self.events()[0]) if "run" in event), {})

    def events(self, start=0):
        """Return the events from the byte ``start`` on, and the byte to go on from."""
        return self._events.read(start)

    def say(self, text):
        """Append a line to the log of the run. It is for people: all of it is in the events, too."""
        with suppress(OSError):
            with open(self.folder / "run.log", "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")

    def lock(self):
        """Lock the run for as long as the file that is returned is open, in this process or in one that inherits it."""
        file = open(self.folder / "lock", "a")
        fcntl.flock(file, fcntl.LOCK_EX)
        return file

    def lock_if_free(self):
        """Lock the run as ``lock`` does, or return ``None`` if somebody else has."""
        file = open(self.folder / "lock", "a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        return file

    def has_driver(self):
        """Say whether a process leads the run, or is about to start it."""
        try:
            with open(self.folder / "lock") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
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
        last = self._events.last()
        if last.get("run") in ENDED:
            return last["run"], last.get("error", "")
        if alive:
            return (STARTING if not last or {"again", "taken_over", "placing"} & set(last) else RUNNING), ""
        if self.is_abandoned():
            return RUNNING, ""
        return FAILED, (
            "The driver has ended without a word: it was killed, its disk was full, or the "
            "machine was restarted. What was finished by then is kept. Run it again from here."
        )

    def is_abandoned(self):
        """Say whether the driver has gone without a word, and the nodes go on: somebody has to follow it up."""
        return not self.has_driver() and self._outlives_driver()  # in this order: the second may read all events

    def is_over(self):
        """Say, to who has locked the run, whether it is over: nobody else leads it, and no node of it goes on."""
        return self._events.last().get("run") in ENDED or not self._outlives_driver()

    def _outlives_driver(self):
        last = self._last_word()
        return last.get("run") == RUNNING and last.get("outlives_driver", False) and self._values.exists()

    def changed(self):
        """Return when something last happened in the run: a time, in seconds."""
        with suppress(FileNotFoundError):
            return (self.folder / "events.jsonl").stat().st_mtime
        return (self.folder / "run.json").stat().st_mtime

    def is_gone(self, lock):
        """Say whether somebody has removed the run, whose ``lock`` is this open file, or put another in its place."""
        pairs = (self.folder / "lock", lock), self._held
        try:
            return not all(os.path.samestat(os.stat(path), os.fstat(number)) for path, number in pairs)
        except OSError as error:
            return error.errno in GONE

    @contextmanager
    def continued(self):
        """Let nobody else run the run again. Raises ``RuntimeError`` if somebody else just does."""
        with open(self.folder / "again", "a") as file:
            deadline = time.monotonic() + SECONDS_TO_HAND_OVER
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise RuntimeError(f"Run {self.id} is being run again just now.") from None
                    time.sleep(0.05)
            yield

    def times(self):
        """Return how many times the run was run: once, and again."""
        return 1 + sum("again" in event for event in self.events()[0])

    def needs_values(self):
        """Say whether the run may still need the values of its variables."""
        return self.state()[0] != DONE

    def nodes(self):
        """Return the state of each node, a list of dicts with what the last events said of it."""
        nodes = [{"state": WAITING} for _ in self.facts["nodes"]]
        for event in self.events()[0]:
            for number, reason in event.get("again", ()):
                tried = {"attempt": nodes[number]["attempt"]} if "attempt" in nodes[number] else {}
                nodes[number] = {"state": WAITING, "because": reason, **tried}
            for number, attempt in event.get("intends", ()):
                nodes[number]["attempt"] = attempt
            if "node" in event:
                nodes[event["node"]].update(event)
        return nodes

    def cancel(self):
        """Ask the driver to end the run."""
        (self.folder / "cancel").touch()

    def is_cancelled(self):
        return (self.folder / "cancel").exists()

    def forget_cancel(self):
        """Run again what was cancelled."""
        (self.folder / "cancel").unlink(missing_ok=True)

    def renew_format(self):
        """Give a run of format 1 the folders of today's. Its journal stays as it is."""
        facts = self.facts
        if facts.get("format", 1) == FORMAT:
            return
        for number in range(len(facts["nodes"])):
            folder, away = self.place / "nodes" / str(number), self.place / "nodes" / f"{number}.away"
            if folder.exists() and not (folder / "1").exists():
                os.rename(folder, away)
            if away.exists():
                folder.mkdir(exist_ok=True)
                os.rename(away, folder / "1")
        self._write("run.json", json.dumps({**facts, "format": FORMAT}, ensure_ascii=False))

    def _write(self, name, text):
        draft = self.folder / f".{name}"
        draft.write_text(text, encoding="utf-8", errors="backslashreplace")
        os.replace(draft, self.folder / name)


def _fill(place, token):
    """Make what belongs to the place where the files of the nodes lie."""
    (place / "token").write_text(token, encoding="utf-8")
    for name in ("sources", "nodes"):
        (place / name).mkdir()


def _is_only_ours(path):
    """Say whether nobody but the user, and root, can put another folder in the place of the one at ``path``."""
    for folder in (path, *path.parents):
        status = os.stat(folder)
        others = status.st_mode & OTHERS_MAY_WRITE and not status.st_mode & stat.S_ISVTX
        if others or status.st_uid not in (0, os.geteuid()):
            return False
    return True


def _private(path, flags):
    return os.open(path, flags | os.O_EXCL, 0o600)
