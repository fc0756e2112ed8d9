"""What the nodes of a run have left for the page: logs and files. Reading costs what is new, not what is old."""

import codecs
import json
import os
import re
import stat
from functools import lru_cache
from pathlib import PurePosixPath
from urllib.parse import quote

PIECE = 1_000_000
"""At most so many bytes of a log are in one answer, and of a file in memory."""

RUNS_REMEMBERED = 16
"""Of so many runs the server remembers what it has read of their events."""

IMAGES = {".gif": "image/gif", ".jpeg": "image/jpeg", ".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}
TEXTS = ".csv", ".json", ".log", ".md", ".py", ".r", ".toml", ".tsv", ".txt", ".yaml", ".yml"
OPENED = {**IMAGES, **dict.fromkeys(TEXTS, "text/plain; charset=utf-8")}
"""What a browser may show, and as which type. Other files are only downloaded: they may hold scripts."""

ATTEMPT_LOG = re.compile(r"attempts/([0-9]{1,9})/log\.txt")
"""The name by which a page asks for the log of any attempt of a node."""

CONTINUATIONS = bytes(range(0x80, 0xC0))
"""The bytes of UTF-8 with which no character begins."""


class Nodes:
    """What the events of one run tell of its nodes: what is needed to find their files. Each event is read once."""

    def __init__(self):
        self._forget(None)

    def _forget(self, journal):
        self.journal, self.position = journal, 0
        self.attempts, self.files = {}, {}

    def learn(self, run):
        """Read what is new. Events that are not those of the last time are read from the first one on."""
        try:
            status = (run.folder / "events.jsonl").stat()
            journal, size = (status.st_dev, status.st_ino), status.st_size
        except FileNotFoundError:
            journal, size = None, 0
        if journal != self.journal or size < self.position:
            self._forget(journal)
        events, self.position = run.events(self.position)
        for event in events:
            if "attempt" in event:
                self.attempts[event["node"]] = event["attempt"]
            if "files" in event:
                self.files.setdefault(event["node"], set()).update(name for name, _ in event["files"])
        return self


@lru_cache(maxsize=RUNS_REMEMBERED)
def _nodes(folder):
    return Nodes()


def log(run, number, start):
    """Tell a piece of the log of a node from the byte ``start`` on, as JSON. ``None`` is near its end.

    ``attempt`` tells apart the logs of a node that started again; ``from`` and ``next`` are bytes of the log.
    """
    attempt = _nodes(run.folder).learn(run).attempts.get(number, "")
    try:
        file = _open_log(run, number, attempt)
    except OSError:
        return json.dumps({"text": "", "from": 0, "next": 0, "attempt": attempt})
    with file:
        size = os.fstat(file.fileno()).st_size
        if start is None or start > size:
            start = _near_end(file, size)
        file.seek(start)
        read = file.read(PIECE)
    # A character may be written only in part by now.
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(read)
    end = start + len(read) - len(decoder.getstate()[0])
    return json.dumps({"text": text, "from": start, "next": end, "attempt": attempt})


def _near_end(file, size):
    """Return where the last piece of a log begins: with a line, or where no line begins in it, with a character."""
    start = max(0, size - PIECE)
    file.seek(start)
    piece = file.read(PIECE) if start else b""
    line = piece.find(b"\n", 0, -1) + 1
    return start + (line or len(piece[:3]) - len(piece[:3].lstrip(CONTINUATIONS)))


def _open_log(run, number, attempt):
    folder = run.attempt(number, attempt) if isinstance(attempt, int) else run.node(number)
    try:
        return _open_inside(run, folder / "log.txt")
    except FileNotFoundError:
        return _open_inside(run, run.attempt(number, attempt) / "log.txt")


def open_file(run, number, name):
    """Open a file that a node left, or a log of it. Returns the file and its size, or ``None`` if there is no such."""
    nodes = _nodes(run.folder).learn(run)
    try:
        if of_attempt := ATTEMPT_LOG.fullmatch(name):
            file = _open_inside(run, run.attempt(number, int(of_attempt[1])) / "log.txt")
        elif name == "log.txt":
            file = _open_log(run, number, nodes.attempts.get(number, ""))
        elif name in nodes.files.get(number, ()):
            file = _open_inside(run, run.node(number) / name)
        else:
            return None
    except (OSError, ValueError):
        return None
    return file, os.fstat(file.fileno()).st_size


def _open_inside(run, path):
    """Open a file that a node of ``run`` left. Raises ``OSError`` if it is no file, or a link that leads away."""
    real = path.resolve(strict=True)
    if not real.is_relative_to(run.place / "nodes"):
        raise PermissionError(path)
    # The node may still live, and put a link or a pipe in the place of what was looked at.
    file = open(os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise PermissionError(path)
    return file


def described(name, wants_to_open):
    """Return the content type of the file ``name``, and its content disposition."""
    path = PurePosixPath(name)
    shown = OPENED.get(path.suffix.lower()) if wants_to_open else None
    # A name on disk may be no text at all.
    saved = quote(os.fsencode(path.name).decode("utf-8", errors="replace"), safe="")
    disposition = "inline" if shown else "attachment"
    return shown or "application/octet-stream", f"{disposition}; filename*=UTF-8''{saved}"
