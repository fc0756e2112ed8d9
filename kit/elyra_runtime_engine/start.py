"""Start a run, or start one again. It returns as soon as the run is accepted."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from functools import partial

from elyra.metadata.manager import MetadataManager
from elyra.metadata.schemaspaces import Runtimes

from elyra_runtime_engine.again import drafted, reasons
from elyra_runtime_engine.journal import Journal
from elyra_runtime_engine.limits import Limits
from elyra_runtime_engine.plan import PlannedNode, copy_sources
from elyra_runtime_engine.run import CANCELLED, ENDED, FAILED, FolderError, Run, all_runs
from elyra_runtime_kit import PipelineError

LIMITS = Limits()
SECONDS_TO_ACCEPT = 60
SECONDS_TO_END = 5
SECONDS_TO_ANSWER = 5
"""So long may a Run Folder take to say whether it is there."""


def start(facts, environment):
    """Make a run, and start its driver. Returns the ``Run`` as soon as it is accepted.

    ``facts`` is what the run records: the ``pipeline``, the name and the ``settings`` of the ``configuration``, the
    ``root`` directory and the ``nodes``. ``environment`` holds the variables of each node.

    Raises ``RuntimeError`` with a sentence for the user, and leaves nothing.
    """
    folder = _run_folder(facts["settings"])
    _expect_answer(folder)
    try:
        run, lock = Run.create_locked(facts, environment, folder)
    except OSError as error:
        raise RuntimeError(
            f"The Run Folder {folder!r} cannot be used: {error}. Correct it in the runtime configuration."
        ) from error
    with lock:
        try:
            with _in_words(facts["pipeline"]):
                _lead(run, lock, partial(_copy_sources, run, facts))
        except BaseException:
            run.remove()
            raise
    return run


def follow_up(run):
    """Lead on a run whose driver has gone without a word, where its nodes outlive it. Else do nothing."""
    if run.is_abandoned() and (lock := run.lock_if_free()):
        with lock:
            if run.state()[0] not in ENDED:
                _begin(_start_driver(run, lock))


def follow_up_all():
    """Follow up all runs that need it. One that cannot be read is no reason to leave out the others."""
    for run in all_runs():
        with suppress(Exception):
            follow_up(run)


def _run_folder(settings):
    """Return the path of the Run Folder, or ``None`` if the files of the nodes belong into the folder of the run."""
    folder = settings.get("cos_endpoint") or ""
    return folder if os.path.isabs(folder) else None


def again(run, times=None):
    """Run again what ``run`` has not done, with the files and the configuration as they are now. Returns ``run``.

    It stays the same run. What is done stays, as long as nothing before it has changed, and the rest gets another
    attempt. Until the run is accepted, nothing changes. Who has seen it run so many ``times``, and asks for the same as
    somebody before, gets the same.

    Raises ``RuntimeError`` with a sentence for the user.
    """
    with run.continued():
        if times is not None and run.times() > times:
            return run
        state, _ = run.state()
        if state not in (FAILED, CANCELLED):
            raise RuntimeError(
                f"Run {run.id} is {state}. Only a run that failed or was cancelled can be run again from here."
            )
        with run.lock() as lock:
            _run_again(run, lock)
    return run


def _run_again(run, lock):
    facts = run.facts
    settings = _settings_of(facts["configuration"]) or facts["settings"]
    try:
        run.environment()
    except LookupError as error:
        raise RuntimeError(str(error)) from error
    _expect_answer(_run_folder(settings))
    _expect_answer(os.path.dirname(run.place))
    try:
        with _in_words(facts["pipeline"]):
            _lead(run, lock, partial(_prepare, run, facts, settings))
    except BaseException:
        with suppress(OSError):
            run.drop_drafts()
        raise


def _prepare(run, facts, settings):
    """Copy the files from which nodes start now, and return what is run again, as ``Driver`` takes it."""
    try:
        with run.held():
            run.renew_format()
    except FolderError as error:
        run.say(f"nothing is taken over: {error}")
        run.renew_place(_run_folder(settings))
    nodes = [PlannedNode(**node) for node in facts["nodes"]]
    with run.held():
        told = reasons(run, nodes, drafted(run, nodes, facts["root"]))
    return {"nodes": [*told.items()], "settings": settings}


@contextmanager
def _in_words(pipeline):
    """Raise a ``RuntimeError`` for the user where the files of ``pipeline`` are at fault, or the disk."""
    try:
        yield
    except PipelineError as error:
        raise RuntimeError(f"Pipeline {pipeline!r}: {error}") from error
    except OSError as error:
        raise RuntimeError(f"The run cannot start: {error}") from error


def _settings_of(name):
    """Return the values of the runtime configuration ``name``, or ``None`` if it is gone."""
    try:
        return MetadataManager(schemaspace=Runtimes.RUNTIMES_SCHEMASPACE_ID).get(name).values()
    except Exception:  # Elyra raises whatever a broken file leads to
        return None


def _copy_sources(run, facts):
    """Copy the files that ``run`` starts from. Raises ``_Cancelled`` if it was cancelled meanwhile: it is over then."""
    with run.held():
        for node in facts["nodes"]:
            if run.is_cancelled():
                Journal(run, facts["nodes"]).finish(cancelled=True, lost=None)
                raise _Cancelled
            copy_sources(PlannedNode(**node), facts["root"], run.sources(node["number"]))


class _Cancelled(Exception):
    """The run was cancelled before its driver had begun."""


def _expect_answer(folder):
    """Raise ``RuntimeError`` if the Run Folder ``folder`` does not answer in time.

    Whoever touches it may never come back, and Jupyter has few threads.
    """
    if folder is None:
        return
    look = threading.Thread(target=os.path.exists, args=(folder,), daemon=True)
    look.start()
    look.join(SECONDS_TO_ANSWER)
    if look.is_alive():
        raise RuntimeError(
            f"The Run Folder {folder!r} does not answer: maybe the server of its files is gone. Try again when it is "
            "back, or enter another folder in the runtime configuration."
        )


def _lead(run, lock, prepare):
    """Let ``prepare`` make the files of ``run`` ready while its driver starts, which takes a second.

    Wait until the driver has accepted what ``prepare`` returns.
    """
    driver = _start_driver(run, lock)
    try:
        order = prepare()
        _wait_until_accepted(run, driver, order)
    except _Cancelled:
        _end(driver)
    except BaseException:
        _end(driver)
        raise


def _start_driver(run, lock):
    """Start the driver of ``run``, which goes on when this process ends.

    It inherits the lock, and waits for a word that the files are there.
    """
    with open(run.folder / "driver.log", "ab") as log:
        driver = subprocess.Popen(
            [sys.executable, "-m", "elyra_runtime_engine.driver", run.folder, str(lock.fileno()), *map(str, LIMITS)],
            cwd=run.folder,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=[lock.fileno()],
            start_new_session=True,
        )
    # Without somebody who waits for it, its end would leave a zombie.
    threading.Thread(target=driver.wait, daemon=True).start()
    return driver


def _begin(driver, again=None):
    """Say what the driver waits for. If whoever has started it dies before, it hears that, too, and ends."""
    with suppress(BrokenPipeError), driver.stdin:  # it may have ended already
        driver.stdin.write(json.dumps(again).encode() + b"\n")


def _wait_until_accepted(run, driver, again):
    """Let ``driver`` begin, and wait until it has accepted the run.

    Raises ``RuntimeError`` if it refuses it, or ends.
    """
    _, position = run.events()
    _begin(driver, again)
    deadline = time.monotonic() + SECONDS_TO_ACCEPT
    while time.monotonic() < deadline:
        ended = driver.poll() is not None  # first: what it says comes before its end
        events, position = run.events(position)
        for event in events:
            if event.get("refused"):
                raise RuntimeError(event["refused"])
            if "run" in event:
                return
        if ended:
            said = (run.folder / "driver.log").read_text(encoding="utf-8", errors="replace").split("\n")
            status = driver.returncode
            ended = f"it was killed by signal {-status}." if status < 0 else f"its exit status is {status}."
            raise RuntimeError(f"The driver has ended: {''.join(said[-2:]) or ended}")
        time.sleep(0.01)
    raise RuntimeError(f"The run was not accepted within {SECONDS_TO_ACCEPT} s. Try again.")


def _end(driver):
    if not driver.stdin.closed:  # it has not begun
        driver.stdin.close()
        driver.kill()
    try:
        driver.wait(timeout=SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        os.killpg(driver.pid, signal.SIGKILL)
        driver.wait()
