"""The file that holds what happened in a run. It survives the death of its writer, and a full disk.

Each event is one line of JSON. A line that was written in part costs itself, and no line beside it.
"""

import json
import os
import time
from contextlib import nullcontext, suppress

RESERVED = 4096
"""So many bytes of the disk are kept free for the last event of a run, which must not be lost."""

LONGEST_ERROR = 1_000
"""So many letters of an error fit there, whatever they are."""


class Superseded(Exception):
    """Another process writes the events now. What this one writes counts for nothing."""


class Events:
    """The events in the file at ``path``. One process writes, and others may read at any time.

    Who writes them for long takes them over first. Then an earlier writer may still be there, and write at any moment:
    it writes to a file that nobody reads any more, and hears of it by ``Superseded``.
    """

    def __init__(self, path):
        self._path = path
        self._reserve = path.with_name("last")
        self._latest = None
        self._file = self._room = None

    def take_over(self):
        """Let nobody else's events count from now on. Raises ``OSError``."""
        draft = self._path.with_name(f".events-{os.getpid()}")
        file = open(draft, "w+b", buffering=0)
        os.set_inheritable(file.fileno(), False)
        with suppress(FileNotFoundError):
            whole = self._path.read_bytes().rpartition(b"\n")
            _write(file, b"".join(whole[:2]))
        os.fsync(file.fileno())
        os.replace(draft, self._path)
        _sync_folder(self._path.parent)
        self._file = file

    def are_superseded(self):
        """Say whether somebody else has taken over what this process writes."""
        with suppress(OSError):  # of a folder that is gone, which is another matter
            return bool(self._file) and not os.path.samestat(os.stat(self._path), os.fstat(self._file.fileno()))
        return False

    def append(self, **event):
        """Write an event, and return when it is on the disk. Raises ``OSError``: then no part of it counts.

        Raises ``Superseded`` if it counts for nothing, because somebody else has taken over.

        Its time is never before that of the event before it, also when the clock is set back.
        """
        with nullcontext(self._file) if self._file else open(self._path, "a+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            line = _line(self._timed(event))
            if size and os.pread(file.fileno(), 1, size - 1) != b"\n":  # its writer was killed, or had no room
                line = b"\n" + line
            try:
                _write(file, line)
            except OSError:
                with suppress(OSError):
                    file.truncate(size)
                raise
            os.fsync(file.fileno())
        os.stat(self._path)  # an event in a folder that is gone is lost
        if self.are_superseded():
            raise Superseded
        if not size:
            _sync_folder(self._path.parent)

    def reserve(self):
        """Keep room for the last event. Raises ``OSError`` if there is none."""
        self._reserve.unlink(missing_ok=True)  # an earlier writer may have it open
        self._room = open(self._reserve, "w+b", buffering=0)
        os.posix_fallocate(self._room.fileno(), 0, RESERVED)

    def append_last(self, **event):
        """Write the event with which the run ends: where the disk is full, in the room that was kept for it."""
        try:
            self.append(**event)
        except OSError:
            if "error" in event:
                event["error"] = event["error"][:LONGEST_ERROR]
            with nullcontext(self._room) if self._room else open(self._reserve, "r+b", buffering=0) as file:
                file.write(_line(self._timed(event)))
                os.fsync(file.fileno())

    def read(self, start=0):
        """Return the events from the byte ``start`` on, and the byte to go on from."""
        try:
            with open(self._path, "rb") as file:
                start = min(start, file.seek(0, os.SEEK_END))
                file.seek(start)
                read = file.read()
        except FileNotFoundError:
            return [], 0
        whole = read[: read.rfind(b"\n") + 1]
        events = [event for line in whole.splitlines() if (event := _event(line))]
        return events, start + len(whole)

    def last(self):
        """Return the last event, an empty dict if there is none."""
        with suppress(FileNotFoundError):
            with open(self._reserve, "rb") as file:
                if event := _event(file.readline()):
                    return event
        with suppress(FileNotFoundError):
            with open(self._path, "rb") as file:
                return _last(file)
        return {}

    def _timed(self, event):
        if self._latest is None:
            self._latest = self.last().get("time", 0)
        self._latest = max(self._latest, round(time.time(), 3))
        return {"time": self._latest, **event}


def _write(file, data):
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def _sync_folder(path):
    """Let the disk know which files the folder at ``path`` holds."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _line(event):
    return (json.dumps(event, ensure_ascii=False) + "\n").encode("utf-8", errors="backslashreplace")


def _event(line):
    """Return the event in ``line``, or ``None`` if it was written in part."""
    with suppress(ValueError):
        event = json.loads(line)
        return event if isinstance(event, dict) else None


def _last(file):
    size = file.seek(0, os.SEEK_END)
    window = 4096
    while True:
        file.seek(max(0, size - window))
        lines = file.read().split(b"\n")[:-1]  # what follows the last end of a line is not whole
        whole = lines if window >= size else lines[1:]
        for line in reversed(whole):
            if event := _event(line):
                return event
        if window >= size:
            return {}
        window *= 4
