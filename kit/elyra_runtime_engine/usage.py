"""How much room the folders of a run take on the disk. What is over is measured once, and what runs now and then."""

import os
import time
from contextlib import suppress

from elyra_runtime_engine.run import ENDED, FolderError

SECONDS_BETWEEN_MEASUREMENTS = 10
SHARE = 20
"""A run that goes on is measured again after so many times as long as it took, and not before the seconds above."""

BLOCK = 512

_known = {}


def usage(run):
    """Return how many bytes ``run`` takes, a folder of its files elsewhere included. Remembers it."""
    version, measured, until = _known.get(run.folder, (None, 0, 0))
    if version == _version(run) and time.monotonic() < until:
        return measured
    version, begin = _version(run), time.monotonic()
    is_final = run.state()[0] in ENDED and not run.has_driver()  # which tidies up after its last word
    measured = _measure(run)
    end = time.monotonic()
    pause = max(SECONDS_BETWEEN_MEASUREMENTS, SHARE * (end - begin))
    _known[run.folder] = version, measured, float("inf") if is_final else end + pause
    return measured


def forget_usage(run):
    """Forget what is known of a run that is deleted."""
    _known.pop(run.folder, None)


def _version(run):
    """Return what changes when something happens in a run that was over."""
    with suppress(FileNotFoundError):
        status = (run.folder / "events.jsonl").stat()
        return status.st_mtime_ns, status.st_size


def _measure(run):
    measured = _taken_by(run.folder)
    if run.place != run.folder:
        with suppress(FolderError), run.held():
            measured += _taken_by(run.place)
    return measured


def _taken_by(top):
    """Return how many bytes the folder ``top`` takes with all that is in it. Follows no link."""
    taken, folders = 0, [top]
    while folders:
        with suppress(OSError), os.scandir(folders.pop()) as entries:  # it may go away just now
            for entry in entries:
                taken += entry.stat(follow_symlinks=False).st_blocks * BLOCK
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
    return taken
