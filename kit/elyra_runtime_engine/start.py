"""Start a run, or start one again. It returns as soon as the run is accepted."""

import filecmp
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

from elyra.metadata.manager import MetadataManager
from elyra.metadata.schemaspaces import Runtimes

from elyra_runtime_engine.attempt import copy
from elyra_runtime_engine.journal import Journal
from elyra_runtime_engine.limits import Limits
from elyra_runtime_engine.plan import PlannedNode, copy_sources
from elyra_runtime_engine.run import CANCELLED, DONE, ENDED, FAILED, FolderError, Run, all_runs
from elyra_runtime_kit import PipelineError

BEGIN = b"\n"
"""What the driver waits for. If whoever has started it dies before, it hears that, too, and ends."""

LIMITS = Limits()
SECONDS_TO_ACCEPT = 60
SECONDS_TO_END = 5
SECONDS_TO_ANSWER = 5
"""So long may a Run Folder take to say whether it is there."""


def start(facts, environment, earlier=None):
    """Make a run, and start the process that leads it. Returns the ``Run`` as soon as it is accepted.

    ``facts`` is what the run records: the ``pipeline``, the name and the ``settings`` of the ``configuration``, the
    ``root`` directory and the ``nodes``. ``environment`` holds the variables of each node. What the run ``earlier``
    has done is taken over, as far as nothing before it has changed.

    Raises ``RuntimeError`` with a sentence for the user, and leaves nothing.
    """
    folder = _run_folder(facts["settings"])
    if folder and not _answers(folder):
        raise RuntimeError(
            f"The Run Folder {folder!r} does not answer: maybe the server of its files is gone. Try again when it is "
            "back, or enter another folder in the runtime configuration."
        )
    try:
        run = Run.create(facts, environment, folder)
    except OSError as error:
        raise RuntimeError(
            f"The Run Folder {folder!r} cannot be used: {error}. Correct it in the runtime configuration."
        ) from error
    with run.lock() as lock:
        try:
            if earlier:
                earlier.hand_over(run)
            _lead(run, lock, facts, earlier)
        except BaseException as error:
            run.remove()
            if isinstance(error, PipelineError):
                raise RuntimeError(f"Pipeline {facts['pipeline']!r}: {error}") from error
            if isinstance(error, OSError):
                raise RuntimeError(f"The run cannot start: {error}") from error
            raise
    return run


def follow_up(run):
    """Lead on a run whose driver has gone without a word, where its nodes outlive it. Else do nothing."""
    if run.is_abandoned() and (lock := run.lock_if_free()):
        with lock:
            if run.state()[0] not in ENDED:
                with suppress(BrokenPipeError), _start_driver(run, lock).stdin as begin:
                    begin.write(BEGIN)


def follow_up_all():
    """Follow up all runs that need it. One that cannot be read is no reason to leave out the others."""
    for run in all_runs():
        with suppress(Exception):
            follow_up(run)


def _run_folder(settings):
    """Return the path of the Run Folder, or ``None`` if the files of the nodes belong into the folder of the run."""
    folder = settings.get("cos_endpoint") or ""
    return folder if os.path.isabs(folder) else None


def again(run):
    """Run again what ``run`` has not done, with the files and the configuration as they are now.

    Returns the new ``Run``, which takes over the values of the environment variables. Whoever asks for the same at
    the same time gets the same run.

    Raises ``RuntimeError`` with a sentence for the user.
    """
    state, _ = run.state()
    if state not in (FAILED, CANCELLED):
        raise RuntimeError(
            f"Run {run.id} is {state}. Only a run that failed or was cancelled can be run again from here."
        )
    with run.continued():
        if later := run.later():
            return _continued_by(later, run)
        facts = {name: value for name, value in run.facts.items() if name not in ("id", "format", "submitted")}
        facts["settings"] = _settings_of(facts["configuration"]) or facts["settings"]
        try:
            new = start({**facts, "again": run.id}, run.environment(), run)
        except LookupError as error:
            raise RuntimeError(str(error)) from error
        run.forget_environment()
        return new


def _settings_of(name):
    """Return the values of the runtime configuration ``name``, or ``None`` if it is gone."""
    try:
        return MetadataManager(schemaspace=Runtimes.RUNTIMES_SCHEMASPACE_ID).get(name).values()
    except Exception:  # Elyra raises whatever a broken file leads to
        return None


def _continued_by(later, run):
    state, _ = later.state()
    if state in ENDED:
        raise RuntimeError(f"Run {run.id} was run again already, as {later.id}, which is {state}. Go on from there.")
    return later


def _has_files(run, facts, earlier):
    """Copy the files that ``run`` starts from. Return false if it was cancelled meanwhile: then it is over."""
    nodes = [PlannedNode(**node) for node in facts["nodes"]]
    with run.held():
        for node in nodes:
            if run.is_cancelled():
                Journal(run, facts["nodes"]).finish(cancelled=True, lost=None)
                return False
            copy_sources(node, facts["root"], run.sources(node.number))
        if earlier:
            try:
                with earlier.held():
                    _take_over(earlier, run, nodes)
            except FolderError as error:
                run.say(f"nothing is taken over: {error}")
    return True


def _answers(folder):
    """Say whether ``folder`` answers in time. Whoever touches it may never come back, and Jupyter has few threads."""
    look = threading.Thread(target=os.path.exists, args=(folder,), daemon=True)
    look.start()
    look.join(SECONDS_TO_ANSWER)
    return not look.is_alive()


def _take_over(earlier, run, nodes):
    """Take over what ``earlier`` has done and still holds, if unchanged."""
    kept = set()
    before = earlier.nodes()
    for node in nodes:
        number = node.number
        unchanged = kept.issuperset(node.parents) and _same(earlier.sources(number), run.sources(number))
        if before[number]["state"] == DONE and unchanged and _has_left(earlier.node(number), before[number]):
            kept.add(number)
            try:
                attempt = run.next_attempt(number)
                shutil.copytree(earlier.node(number), run.attempt(number, attempt), copy_function=copy)
                known = "files", "seconds", "host", "worker"
                news = {name: before[number][name] for name in known if name in before[number]}
                run.append(node=number, attempt=attempt, state=DONE, taken_over=earlier.id, **news)
            except (OSError, LookupError) as error:
                raise RuntimeError(
                    f"Run {earlier.id} cannot be taken over. What node "
                    f"{node.name!r} has left is not whole, or there is no "
                    f"room for a copy: {_first(error)}. Make room, or "
                    "submit the pipeline again."
                ) from error


def _first(error):
    """Return the first reason in ``error``: ``shutil.copytree`` goes on after an error, and lists them all."""
    return error.args[0][0][2] if isinstance(error, shutil.Error) else error


def _has_left(folder, node):
    """Say whether all files are in ``folder`` that ``node``, its last event, left there."""
    return folder.is_dir() and "files" in node and all((folder / name).is_file() for name, _ in node["files"])


def _same(folder, other):
    """Say whether two folders hold the same files."""
    return _files(folder) == _files(other) and all(
        filecmp.cmp(folder / name, other / name, shallow=False) for name in _files(folder)
    )


def _files(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def _lead(run, lock, facts, earlier):
    """Copy the files of ``run`` while its driver starts, which takes a second. Wait until it has accepted the run."""
    driver = _start_driver(run, lock)
    try:
        if _has_files(run, facts, earlier):
            _wait_until_accepted(run, driver)
        else:
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


def _wait_until_accepted(run, driver):
    """Let ``driver`` begin, and wait until it has accepted the run.

    Raises ``RuntimeError`` if it refuses it, or ends.
    """
    with suppress(BrokenPipeError), driver.stdin:  # it may have ended already
        driver.stdin.write(BEGIN)
    position = 0
    deadline = time.monotonic() + SECONDS_TO_ACCEPT
    while time.monotonic() < deadline:
        ended = driver.poll() is not None  # first: what it says comes before its end
        events, position = run.events(position)
        for event in events:
            if event.get("refused"):
                raise RuntimeError(event["error"])
            if "run" in event:
                return
        if ended:
            said = (run.folder / "driver.log").read_text(encoding="utf-8", errors="replace").split("\n")
            raise RuntimeError(f"The process that leads the run has ended: {''.join(said[-2:]) or driver.returncode}")
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
