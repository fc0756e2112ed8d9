"""Build the book as ``jupyter-book build . --all -W -n --keep-going`` does, with several chapters at a time.

Sphinx can do that, and the command of Jupyter Book 1 has no option for it.
"""

import os
import sys
from functools import partial
from pathlib import Path
from unittest import mock

import sphinx_multitoc_numbering
from docutils.nodes import literal_block
from jupyter_book.sphinx import build_sphinx
from jupyter_cache.executors import utils as executors
from kernels import sockets_in_files

from elyra_runtime_doctor import checks  # noqa: F401 - fills ROWS
from elyra_runtime_doctor.rows import ROWS
from elyra_runtime_engine.processors import processors

ROOT = Path(__file__).parents[1]

CHAPTERS_AT_A_TIME = 2 * processors()
"""A chapter waits for servers and commands about half of the time that it takes."""

_set_up_numbering = sphinx_multitoc_numbering.setup


def _set_up_numbering_for_parallel_reading(app):
    """Numbers are given after all chapters are read, in one process. The extension does not say so (0.1.3)."""
    _set_up_numbering(app)
    app.connect("env-updated", _let_links_find_the_rows)
    app.connect("env-updated", _let_links_find_the_terms)
    app.connect("doctree-resolved", _colour_changes)
    return {"parallel_read_safe": True}


def _let_links_find_the_rows(app, env):
    """A cell of the page of faults makes their anchors, and MyST knows those of headings only."""
    anchors = (f"row-{number}" for number in ROWS)
    env.metadata["book/faults"].setdefault("myst_slugs", {}).update({each: (0, each, "") for each in anchors})


def _let_links_find_the_terms(app, env):
    """A term of the glossary has a target of its own, which stays when its heading changes. MyST knows the headings."""
    labels = env.domaindata["std"]["anonlabels"]
    terms = {name: (0, anchor, "") for name, (page, anchor) in labels.items() if page == "book/glossary"}
    env.metadata["book/glossary"].setdefault("myst_slugs", {}).update(terms)


def _colour_changes(app, doctree, page):
    """A cell that changes a file holds a diff, and no Python."""
    for block in doctree.findall(literal_block):
        if block.astext().startswith("%%change "):
            block["language"] = "diff"


# What a command prints comes in pieces, and myst_nb 1.4 begins a new line at each of them, unless they are joined.
@mock.patch.object(executors, "executenb", partial(executors.executenb, coalesce_streams=True))
@sockets_in_files()
def build(builder="html"):
    """Build the book in ``_build/html``. Return true if it is complete, and nothing was warned of.

    With the builder ``singlehtml``, make one page of the book in ``_build/singlehtml``. Of a book that is there, no
    chapter runs, unless Sphinx finds that a file was written since.
    """
    os.environ["WORKSHOP"] = ""  # the reader's own files are neither read nor changed
    sphinx_multitoc_numbering.setup = _set_up_numbering_for_parallel_reading
    failed = build_sphinx(
        ROOT,
        ROOT / "_build" / builder,
        path_config=ROOT / "_config.yml",
        noconfig=True,
        confoverrides={"external_toc_path": "_toc.yml", "nitpicky": True, "latex_individualpages": False},
        builder=builder,
        freshenv=builder == "html",
        warningiserror=True,
        keep_going=True,
        jobs=CHAPTERS_AT_A_TIME,
    )
    if builder == "singlehtml" and not failed:
        # Sphinx puts the page where the first chapter is, with addresses as seen from the folder above.
        folder = ROOT / "_build" / builder
        (folder / "book" / "start.html").replace(folder / "index.html")
    return not failed


if __name__ == "__main__":
    sys.exit(not build(*sys.argv[1:]))
