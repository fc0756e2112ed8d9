"""The answers to what the pages ask about runs. All of it touches the folders of runs, and may take its time.

A folder that others may write to can hold anything, and so can one that a full disk or a crash has left. Whatever is
wrong with it becomes an ``UnreadableError``.
"""

import calendar
import json
import time
from contextlib import suppress
from datetime import datetime, timezone

from elyra_runtime_engine.deletion import delete
from elyra_runtime_engine.files import OPENED
from elyra_runtime_engine.run import ENDED, find_run, folder_of
from elyra_runtime_engine.start import again, follow_up
from elyra_runtime_engine.usage import forget_usage
from elyra_runtime_kit.schema import NOT_USED

UNREADABLE = "unreadable"
"""The state of a run of which nothing is known, in the list of all runs."""

SHOWN_OF_NODE = "name", "kind", "file", "environment", "parents", "resources", "notes"


class UnreadableError(Exception):
    """Why a run cannot be read, in a sentence for the user."""


class UnknownRunError(Exception):
    """There is no run of this id, in a sentence for the user."""


def of_run(id, tell, *arguments):
    """Return what ``tell`` says of the run ``id``.

    Raises ``UnknownRunError``, ``UnreadableError``, and the ``RuntimeError`` of ``tell``, which says that the run does
    not allow what is asked.
    """
    try:
        run = find_run(id)
    except LookupError as error:
        raise UnknownRunError(str(error)) from error
    except OSError as error:
        raise unreadable(id, error.strerror or error) from error
    try:
        return tell(run, *arguments)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not run.folder.exists():  # somebody deletes it just now
            raise UnknownRunError(f"There is no run {id!r}.") from error
        raise unreadable(id, error) from error
    except Exception as error:
        if isinstance(error, RuntimeError) and not isinstance(error, RecursionError):
            raise
        # There is no end to what other people's JSON, or half of one, can lead to.
        damage = f"its files are damaged ({type(error).__name__}: {error}), and if you do not need it, delete it"
        raise unreadable(id, damage) from error


def unreadable(id, reason):
    return UnreadableError(f"Run {id} cannot be read: {reason}. Its folder is {folder_of(id)}.")


def nothing(run):
    """Tell nothing but that there is this run."""


def in_list(run):
    """Tell what the list shows of a run."""
    state, error = run.state()
    facts = run.head
    submitted = float(facts["submitted"])
    datetime.fromtimestamp(submitted, timezone.utc)  # raises for what is no time to a browser either
    return {
        **{"id": run.id, "pipeline": str(facts["pipeline"]), "configuration": str(facts["configuration"])},
        **{"submitted": submitted, "state": state, "error": str(error), "ended": _ended(run, state)},
    }


def in_list_unread(id, error):
    """Tell what the list shows of a run that cannot be read: its id has the time."""
    with suppress(ValueError):
        submitted = calendar.timegm(time.strptime(id[:15], "%Y%m%d-%H%M%S"))
        return {"id": id, "submitted": submitted, "state": UNREADABLE, "error": error}
    return {"id": id, "submitted": None, "state": UNREADABLE, "error": error}


def _ended(run, state):
    return run.changed() if state in ENDED else None


def page(run, after):
    """Tell the state of a run, and what happened from the byte ``after`` of its events on, as JSON.

    Where that is ``None``, it is all that happened, and what was submitted.
    """
    follow_up(run)
    state, error = run.state()  # first: so the events of a run that has ended are all there
    events, position = run.events(after or 0)
    told = {"state": state, "error": error, "cancelling": run.is_cancelled(), "events": events, "next": position}
    if after is None:
        facts = run.facts
        told |= {name: facts[name] for name in ("id", "pipeline", "configuration", "submitted")}
        told |= {"again": facts.get("again"), "place": _address(facts["settings"])}
        told["nodes"] = [{name: node[name] for name in SHOWN_OF_NODE} for node in facts["nodes"]]
        told["opened"] = sorted(OPENED)
    # JSON for Python may hold NaN, and a browser would not read the rest either.
    return json.dumps({**told, "now": time.time()}, allow_nan=False)


def _address(settings):
    """Return the address of the place where a run's nodes run, "" where the runtime asks for none."""
    address = settings.get("api_endpoint", "")
    return "" if address == NOT_USED else address


def cancelled(run):
    """Cancel a run. Raises ``RuntimeError`` if it is over."""
    follow_up(run)
    state, _ = run.state()
    if state in ENDED:
        raise RuntimeError(f"Run {run.id} is {state}, and cannot be cancelled any more.")
    run.cancel()
    return json.dumps({"id": run.id})


def run_again(run, times):
    """Run again what a run has not done, which somebody has seen run so many ``times``.

    Raises ``RuntimeError`` if that cannot be.
    """
    return json.dumps({"id": again(run, times).id})


def deleted(run, until=None):
    """Delete a run that was over at the time ``until``. Returns the folder to ``clear``, as ``delete`` does."""
    aside = delete(run, until)
    forget_usage(run)
    return aside
