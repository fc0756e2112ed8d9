"""How a run goes away: it is moved aside in one step, and nobody finds it any more. Then what it holds is removed.

Whoever is cut off in between leaves the rest to ``clear``, which can be called again. What lies beside the run, such as
the pipeline and the files that it started from, belongs to the user and stays.
"""

import fcntl
import os
import shutil
import stat
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from elyra_runtime_engine.run import ENDED, FolderError, Run, all_runs, home_folders

SECONDS_TO_END = 5
"""So long does a deletion wait for the driver of a run that has said its last word."""

ASIDE = ".deleted"

DELETE = "delete"
"""The file of a run that is locked for as long as somebody deletes it."""


def delete(run, until=None):
    """Take ``run`` away from all others, and the values of its variables for good. Return the folder to ``clear``.

    Raises ``RuntimeError`` if it is not over, or was not yet at the time ``until``, and ``FileNotFoundError`` if
    somebody else has deleted it.
    """
    with _alone(run), _locked(run) as lock:
        _expect_same(lock, run, "lock")
        if not _is_over(run):
            raise RuntimeError(_is_not_over(run))
        if until is not None and run.changed() > until:
            raise RuntimeError(f"Run {run.id} has run again since you looked, and is kept.")
        aside = run.folder.with_name(run.id + ASIDE)
        os.rename(run.folder, aside)
        run.forget_environment()
    return aside


def over_by(until):
    """Return the runs that were over at the time ``until``. Those that cannot be read are not among them."""
    return [run for run in all_runs() if _was_over(run, until)]


def left_aside():
    """Return the folders of deleted runs that are not cleared yet."""
    return [folder for home in home_folders() for folder in Path(home, "runs").glob(f"*{ASIDE}")]


def clear(folder):
    """Remove what is left of a deleted run in ``folder``, and in its Run Folder. No link is followed out of them.

    Returns a sentence about what could not be found any more, or "". Raises ``OSError`` for what cannot be removed.
    """
    run = Run(folder)
    run.id = run.id.removesuffix(ASIDE)
    run.forget_environment()
    missing = ""
    if run.place != run.folder:
        try:
            with run.held():
                _empty(run.place)
            with suppress(FileNotFoundError):
                os.rmdir(run.place)
                os.unlink(run.folder / "place")
        except FolderError as error:
            try:
                os.rmdir(run.place)  # it was emptied by somebody who was cut off then
            except OSError:
                missing = f"{error} Nothing was removed there."
    _remove(run.folder)
    return missing


@contextmanager
def _alone(run):
    """Let nobody else delete ``run`` meanwhile: who does so holds its lock for a moment, as its driver does."""
    try:
        file = open(run.folder / DELETE, "a")
    except FileNotFoundError:
        raise _gone(run) from None
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        _expect_same(file, run, DELETE)
        yield


def _locked(run):
    deadline = time.monotonic() + SECONDS_TO_END
    while not (lock := run.lock_if_free()):
        if run.state()[0] not in ENDED or time.monotonic() > deadline:
            raise RuntimeError(_is_not_over(run))
        time.sleep(0.05)
    return lock


def _is_not_over(run):
    return f"Run {run.id} is not over, and is kept. Cancel it, wait for its end, and delete it then."


def _gone(run):
    return FileNotFoundError(f"There is no run {run.id!r}.")


def _expect_same(file, run, name):
    """Raise ``FileNotFoundError`` if the open ``file`` is not ``name`` of ``run`` any more: somebody has deleted it."""
    try:
        if os.path.samestat(os.fstat(file.fileno()), os.stat(run.folder / name)):
            return
    except FileNotFoundError:
        pass
    raise _gone(run)


def _is_over(run):
    try:
        return run.is_over()
    except OSError:
        raise
    except Exception:  # of damaged files: nobody can lead it on
        return True


def _was_over(run, until):
    try:
        return bool(run.head) and run.state()[0] in ENDED and run.changed() <= until
    except Exception:  # there is no end to what damaged files can lead to
        return False


def _empty(place):
    """Remove all in ``place``. The word by which it is known goes last: so it is found again after a crash."""
    for name in sorted(os.listdir(place), key="token".__eq__):
        _remove(place / name)


def _remove(path):
    """Remove a file, a link, or a folder with all that is in it. Somebody else may do so, too."""
    while os.path.lexists(path):
        with suppress(FileNotFoundError):
            if stat.S_ISDIR(os.lstat(path).st_mode):
                _remove_folder(path)
            else:
                os.unlink(path)


def _remove_folder(path):
    try:
        shutil.rmtree(path)
    except PermissionError:  # a node may leave folders in which nothing may be removed
        for _, _, _, folder in os.fwalk(path):
            os.fchmod(folder, stat.S_IRWXU)
        shutil.rmtree(path)
