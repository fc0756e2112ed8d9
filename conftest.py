"""Run the chapters of the book as tests.

``pytest --nb-test-files`` runs each chapter that ``_toc.yml`` lists, and nothing else. ``pytest`` runs
them beside all other tests. A chapter passes if ``tests/expectations`` holds a notebook with the same
text and the same cells, and if the cells print again what that notebook shows.

``pytest --nb-test-files --nb-force-regen``, or ``make expectations``, writes these notebooks anew.
Nothing else writes them, and nothing here writes a chapter.

Where pytest is asked for everything, or for all chapters, pytest-xdist shares the tests out over some workers.

What reads notebooks is imported by the tests that need it: who runs one file of tests does not wait for it.
"""

import contextlib
import difflib
import io
import os
import re
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

import pytest

from elyra_runtime_engine.processors import processors

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parent
TOC = ROOT / "_toc.yml"
EXPECTATIONS = ROOT / "tests" / "expectations"


def _any_spelling(directory):
    """Return a pattern for ``directory`` as a path, as the path of a URL, and as macOS resolves it."""
    spellings = {str(directory), os.path.realpath(directory), quote(str(directory))}
    return "|".join(re.escape(spelling) for spelling in sorted(spellings, key=len, reverse=True))


VOLATILE = [
    (rf"({_any_spelling(sys.prefix)})(/lib/python3\.\d+)?", "<environment>"),
    (_any_spelling(ROOT), "<repository>"),
    (rf"({_any_spelling(tempfile.gettempdir())})/[^\s/'\",:)]+", "<temporary>"),
    (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:?\d\d)?", "<time>"),
    (r"\b\d+\.\d+ ?(s|secs|seconds)\b", "<seconds>"),
    (r"\b(elyra|jupyterlab|[Pp]ython)([ =]+)\d+\.\d+\.\d+\w*", r"\1\2<version>"),
    (r"\bat 0x[0-9a-f]+", "at <address>"),
]
"""What differs from run to run, or from machine to machine: (pattern, replacement), in the order in which they apply.

Each rule hides something, so there are few. They apply to the outputs of a run and to the expected outputs,
never to text or code.
"""

LONG = (
    "book/executor",
    "book/own",
    "book/troubleshooting",
    "book/running",
    "book/dask",
    "tests/expectations",
    "test_dask_cluster.py",
    "test_dask_runs.py",
    "test_dask_processes.py",
    "test_broken_browser.py",
    "test_pages.py",
    "test_browser.py",
    "test_lab_browser.py",
    "test_run_page_browser.py",
    "test_editor_browser.py",
    "test_run_page.py",
    "test_run_deletion.py",
    "book/result",
    "book/registration",
    "book/fields",
    "book/kit",
    "book/first",
    "test_broken.py",
)
"""The chapters and the files of tests that take longest, the longest first: whichever comes last must be short.

pytest-xdist gives each worker two to begin with. What waits behind the longest has to be short, too.
"""

SHARE_NOTHING = ("_toc.yml", "test_dask_runs.py", "test_engine_conformance.py", "test_broken_browser.py")
"""Here each test sets up all that it needs, so that any worker can run it."""

REPLACE = tuple(("/cells/*/outputs", pattern, replacement) for pattern, replacement in VOLATILE)


def pytest_configure(config):
    """Give kernels and servers Jupyter directories of their own: the user's are neither read nor written."""
    directories = tempfile.TemporaryDirectory(prefix="jupyter-")
    environment = pytest.MonkeyPatch()
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        environment.setenv(name, os.path.join(directories.name, name.lower()))
    for name in ("JUPYTER_CONFIG_PATH", "JUPYTER_PATH", "PYTEST_ADDOPTS"):  # a chapter runs pytest, too
        environment.delenv(name, raising=False)
    environment.setenv("WORKSHOP", "")  # what a chapter writes is removed with its kernel
    config.add_cleanup(directories.cleanup)
    config.add_cleanup(environment.undo)


def pytest_xdist_auto_num_workers(config):
    """Take a worker more than there are processors. Whoever names a file waits for its first test, not for workers.

    ``--numprocesses=logical`` takes them for files, too.
    """
    some = config.args_source is not pytest.Config.ArgsSource.TESTPATHS or config.getoption("nb_force_regen")
    if some and config.option.numprocesses == "auto":
        return 0
    return processors() + 1  # a third of its time, a test waits for a server, a browser, or a process


def pytest_xdist_make_scheduler(config, log):
    """Keep the tests of a file on one worker, because they share what they set up. ``SHARE_NOTHING`` has exceptions.

    The tests of one broken runtime in ``test_broken.py`` stay together, too. Whoever names files waits for these alone:
    then only the tests of a class stay together.
    (``--dist loadgroup`` of pytest-xdist 3.8 does nothing with pytest 9.2.)
    """
    from xdist.scheduler import LoadScopeScheduling

    named = config.args_source is pytest.Config.ArgsSource.ARGS

    class Scheduler(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file, _, test = nodeid.partition("::")
            if file.endswith("test_broken.py"):
                return file + test.partition("[")[2]
            alone = file.endswith(SHARE_NOTHING)
            if named and not alone and "::" in test:
                return nodeid.rpartition("::")[0]
            return nodeid if named or alone else file

    config.option.loadscopereorder = False  # the order of pytest_collection_modifyitems is the better one
    return Scheduler(config, log)


@pytest.hookimpl(tryfirst=True)  # a plugin that shuffles comes after it
def pytest_collection_modifyitems(items):
    """Begin with what takes longest."""
    items.sort(key=_rank)


def _rank(item):
    """Say where in the order ``item`` comes. Items of the same rank stay in theirs."""
    names = item.path.name, item.name
    return next((rank for rank, name in enumerate(LONG) if name in names), len(LONG))


def pytest_ignore_collect(collection_path, config):
    """With ``--nb-test-files``, leave everything but the chapters aside."""
    if config.getoption("nb_test_files") and collection_path not in (TOC, *TOC.parents):
        return True


def pytest_collect_file(file_path, parent):
    if file_path == TOC:
        return TableOfContents.from_parent(parent, path=file_path)


class TableOfContents(pytest.File):
    """``_toc.yml``: a test for each of its chapters, and one for the expectations."""

    def collect(self):
        from sphinx_external_toc.parsing import parse_toc_yaml

        chapters = list(parse_toc_yaml(self.path))
        for chapter in chapters:
            yield Chapter.from_parent(self, name=chapter)
        yield Leftovers.from_parent(self, name="tests/expectations", chapters=chapters)


class Failure(Exception):
    """Why a test of this file fails. The message is all that the user has to see."""


class Item(pytest.Item):
    def repr_failure(self, excinfo):
        from nbclient.exceptions import CellExecutionError

        if isinstance(excinfo.value, (Failure, CellExecutionError)):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self):
        return self.path, None, self.name


class Chapter(Item):
    """One chapter. Its name is its path, from the root and without ``.md``, as in ``_toc.yml``."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.chapter = ROOT / f"{self.name}.md"
        self.expectation = EXPECTATIONS / f"{self.name}.ipynb"

    def runtest(self):
        from book.kernels import sockets_in_files

        with sockets_in_files():
            self._run()

    def _run(self):
        from pytest_notebook.nb_regression import NBRegressionFixture
        from pytest_notebook.plugin import gather_config_options

        options, _ = gather_config_options(self.config)
        regenerate = options.pop("force_regen", False)
        options |= {"exec_cwd": str(self.chapter.parent), "diff_replace": REPLACE, "diff_use_color": False}
        fixture = NBRegressionFixture(**options)
        if regenerate:
            self._write_expectation(fixture)
        else:
            self._check(fixture)

    def _check(self, fixture):
        import jupytext
        import nbformat
        from pytest_notebook.nb_regression import NBRegressionError

        name = self.expectation.relative_to(ROOT)
        if not self.expectation.exists():
            raise Failure(f"{self.name} has no expectation. {self._advice}")
        expected = jupytext.writes(nbformat.read(self.expectation, as_version=4), fmt="md:myst").splitlines()
        found = jupytext.writes(_read(self.chapter), fmt="md:myst").splitlines()
        if found != expected:
            diff = difflib.unified_diff(expected, found, str(name), f"{self.name}.md", lineterm="")
            raise Failure("\n".join([f"{self.name} and {name} hold different text or cells. {self._advice}", *diff]))
        try:
            # After an error, check prints how all cells from there on differ. The error says enough.
            with contextlib.redirect_stderr(io.StringIO()):
                fixture.check(str(self.expectation))
        except NBRegressionError as error:
            raise Failure(f"{self.name} prints something else than {name} expects. {self._advice}\n{error}") from error

    def _write_expectation(self, fixture):
        import nbformat
        from pytest_notebook.execution import execute_notebook
        from pytest_notebook.notebook import regex_replace_nb
        from pytest_notebook.post_processors import coalesce_streams

        run = execute_notebook(_read(self.chapter), cwd=fixture.exec_cwd, timeout=fixture.exec_timeout)
        if run.exec_error:
            raise run.exec_error
        notebook, _ = coalesce_streams(run.notebook, {})
        self.expectation.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(_lasting(regex_replace_nb(notebook, REPLACE)), self.expectation)

    @property
    def _advice(self):
        return f"If the chapter is right, run 'make expectations CHAPTER={self.name}', and commit what that changes."


class Leftovers(Item):
    """Fails if an expectation has no chapter."""

    def __init__(self, chapters, **kwargs):
        super().__init__(**kwargs)
        self.chapters = chapters

    def runtest(self):
        expected = {EXPECTATIONS / f"{chapter}.ipynb" for chapter in self.chapters}
        leftovers = sorted(set(EXPECTATIONS.rglob("*.ipynb")) - expected)
        if self.config.getoption("nb_force_regen"):
            for leftover in leftovers:
                leftover.unlink()
        elif leftovers:
            raise Failure(
                f"_toc.yml has no chapter for: {', '.join(str(path.relative_to(ROOT)) for path in leftovers)}. "
                "Run 'make expectations' to remove them."
            )


def _read(path):
    """Return the chapter at ``path`` as a notebook."""
    import jupytext

    return _lasting(jupytext.read(path, fmt="md:myst"))


def _lasting(notebook):
    """Return ``notebook`` without what differs each time that it is read or run, whatever it prints."""
    notebook.metadata = {key: value for key, value in notebook.metadata.items() if key == "kernelspec"}
    # Cells have ids since format 4.5. They are random.
    notebook.nbformat_minor = 4
    for cell in notebook.cells:
        cell.pop("id", None)
        if cell.cell_type == "code":
            cell.execution_count = None
            for output in cell.outputs:
                if "execution_count" in output:
                    output.execution_count = None
                if "traceback" in output:
                    output.traceback = []
    return notebook
