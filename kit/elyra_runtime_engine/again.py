"""What of a run that has ended runs again, and why. What is done stays where it is: nothing of it is copied."""

import filecmp
import shutil

from elyra_runtime_engine.attempt import result_in
from elyra_runtime_engine.plan import copy_sources
from elyra_runtime_engine.run import CANCELLED, DONE, ENDED, FAILED

CHANGED = "Its file, or one that it depends on, has changed since."
GONE = "What it left is not there any more."
FOLLOWS = "It follows {name!r}, which runs again."
UNFINISHED = "It did not finish."
WHY = {FAILED: "It failed.", CANCELLED: "It was cancelled."}
"""Why a node runs again that has an attempt already: sentences for the page."""


def drafted(run, nodes, root):
    """Copy the files that ``nodes`` start from now, beside those of ``run``. Return the numbers of those that differ.

    Raises ``PipelineError`` for a file that is missing.
    """
    run.drop_drafts()
    changed = set()
    for node in nodes:
        draft = run.draft(node.number)
        copy_sources(node, root, draft)
        if _same(draft, run.sources(node.number)):
            shutil.rmtree(draft)
        else:
            changed.add(node.number)
    return changed


def reasons(run, nodes, changed):
    """Return why nodes run again: a dict of sentences by number. It is empty for a node that was never tried."""
    told = {}
    for node, before in zip(nodes, run.nodes(), strict=True):
        reason = _reason(run, node, before, changed, [nodes[parent] for parent in node.parents if parent in told])
        if reason is not None:
            told[node.number] = reason
    return told


def _reason(run, node, before, changed, earlier):
    if "attempt" not in before:
        return ""
    folder = run.node(node.number)
    if before["state"] not in ENDED:  # perhaps it did, and no driver was there to write that down
        before = result_in(folder) or before
    if before["state"] != DONE:
        return WHY.get(before["state"], UNFINISHED)
    if node.number in changed:
        return CHANGED
    if earlier:
        return FOLLOWS.format(name=earlier[0].name)
    return None if _has_left(folder, before) else GONE


def _has_left(folder, ended):
    """Say whether all files are in ``folder`` that a node has left there, as it ``ended``."""
    return folder.is_dir() and "files" in ended and all((folder / name).is_file() for name, _ in ended["files"])


def _same(folder, other):
    """Say whether two folders hold the same files."""
    return _files(folder) == _files(other) and all(
        filecmp.cmp(folder / name, other / name, shallow=False) for name in _files(folder)
    )


def _files(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
