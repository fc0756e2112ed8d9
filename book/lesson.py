"""What the chapters share: a place to try things, and ways to show code, figures and errors."""

import atexit
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from contextlib import contextmanager
from html import escape
from pathlib import Path
from zipfile import ZipFile

import requests
from IPython.display import HTML, Markdown

from elyra_runtime_doctor import host
from elyra_runtime_doctor.host import JUPYTER_DIRECTORIES, own_jupyter
from elyra_runtime_engine.run import ENDED

COLUMNS = 78
"""So many characters of code fit on a page at 1280 pixels."""

WEATHER = {
    "collect": {"file": "collect.py", "outputs": ["clean.csv"]},
    "mean": {"file": "mean.py", "after": ["collect"], "outputs": ["mean.txt"]},
    "extremes": {"file": "extremes.py", "after": ["collect"], "outputs": ["extremes.txt"]},
    "report": {"file": "report.py", "after": ["mean", "extremes"], "outputs": ["report.txt"]},
}
"""The nodes of a pipeline, as ``draw`` takes them. Their scripts lie in ``book/dask``."""


def sandbox():
    """Point Jupyter, and so Elyra, to a temporary directory. Return it, a ``Path``.

    It is removed when the chapter's kernel ends. Your own configurations are neither read nor changed.
    The commands of this Python's environment, such as ``elyra-pipeline``, come first from now on.
    """
    directory = Path(tempfile.mkdtemp(prefix="chapter-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    os.environ.update(own_jupyter(directory))
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return directory


def supported_versions():
    """Show what ``make matrix`` has found: the versions with which the runtimes of this book were tried."""
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    return Markdown(readme.partition("<!-- What make matrix has found, from here -->")[2].partition("<!--")[0])


@contextmanager
def expected(error, but=None):
    """Expect that the block raises ``error``, an exception class, and print the first line of its message.

    ``but`` is a pattern for what is not the same with every Python, or in every run. An ellipsis stands for it.
    Raises ``AssertionError`` if the block raises nothing. Every other error passes through, subclasses too.
    """
    try:
        yield
    except error as raised:
        if type(raised) is not error:
            raise
        message = str(raised).splitlines()[0]
        print(f"{error.__name__}: {re.sub(but, '…', message) if but else message}")
    else:
        raise AssertionError(f"{error.__name__} was expected, and nothing was raised")


def source(thing):
    """Show the source of ``thing``, a class, function, method or module, as it is installed.

    Only its lines are broken as the width of a page asks for.
    """
    path = Path(inspect.getsourcefile(thing))
    code = _narrow(textwrap.dedent(inspect.getsource(thing)))
    return Markdown(f"`{path.parent.name}/{path.name}`\n\n```python\n{code}\n```")


def _narrow(code):
    command = [host.COMMANDS / "ruff", "format", "--isolated", "--no-cache", "--line-length", str(COLUMNS), "-"]
    return subprocess.run(command, input=code, capture_output=True, text=True, check=True).stdout.rstrip()


def table(head, rows):
    """Show ``rows``, lists of text, as a table under ``head``."""
    lines = [head, ["---"] * len(head), *rows]
    return Markdown("\n".join(f"| {' | '.join(map(str, line))} |" for line in lines))


def faults(rows, found_by):
    """Show ``rows`` of the doctor in full, each with an anchor. ``found_by`` returns what finds the fault of a row."""
    return HTML("\n".join(_fault(row, found_by(row)) for row in rows))


def _fault(row, found_by):
    facts = {
        "Cause": row.cause,
        "Way out": row.way_out,
        "The doctor looks at": row.looks_at,
        "On a server, at": row.live.__doc__ if row.live else "",
        "No check, because": row.undetected,
        "Found by": ", ".join(found_by),
        "Fault of": row.fault_of,
    }
    listed = "".join(f"<dt>{name}</dt><dd>{_inline(text)}</dd>" for name, text in facts.items() if text)
    title = f'<h3><a href="#row-{row.number}">{row.number}</a> {_inline(row.title)}</h3>'
    more = f"<details><summary>Cause and way out</summary><dl>{listed}</dl></details>"
    return f'<section class="fault" id="row-{row.number}">{title}<p>{_inline(row.symptom)}</p>{more}</section>'


def _inline(markdown):
    """Return ``markdown``, a text that may hold code, as HTML."""
    return re.sub("`(.+?)`", r"<code>\1</code>", escape(markdown))


def stack(caption, boxes):
    """Draw ``boxes`` from top to bottom, an arrow between each two, with ``caption`` under them.

    A box is ``(title, detail, ours)``: two lines of text, and whether this repository brings it.
    """
    width, height, gap = 380, 52, 22
    parts = []
    for number, (title, detail, ours) in enumerate(boxes):
        top = number * (height + gap) + 4
        kind, fill, line = ("ours", "#d7f2ee", "#00796b") if ours else ("others", "#f1f3f5", "#868e96")
        place = f'x="4" y="{top}" width="{width - 8}" height="{height}" rx="8"'
        parts.append(
            f'<rect class="{kind}" {place} fill="{fill}" stroke="{line}"/>'
            f'<text x="{width / 2}" y="{top + 22}" font-weight="600">{escape(title)}</text>'
            f'<text x="{width / 2}" y="{top + 41}" font-size="12">{escape(detail)}</text>'
        )
        if number:
            arrow = f"M{width / 2} {top - gap + 2}v{gap - 9}m-5 0l5 6l5 -6z"
            parts.append(f'<path class="arrow" d="{arrow}" stroke="#495057" fill="#495057"/>')
    total = len(boxes) * (height + gap) - gap + 8
    steps = ", then ".join(f"{title} ({detail})" for title, detail, _ in boxes)
    return HTML(
        f'<figure class="stack"><svg role="img" aria-label="{escape(steps)}" viewBox="0 0 {width} {total}" '
        f'style="max-width: {width}px; width: 100%; background: white; border-radius: 8px" text-anchor="middle" '
        f'font-family="system-ui, sans-serif" font-size="14" fill="#212529">{"".join(parts)}</svg>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def small_wheel(directory, version, entry_points):
    """Write a wheel of the package ``editor`` to ``directory``. Return its path.

    It holds nothing but ``entry_points``, the text of its ``entry_points.txt``.
    """
    info = f"editor-{version}.dist-info"
    files = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: editor\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: chapter\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": entry_points,
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    wheel = Path(directory, f"editor-{version}-py3-none-any.whl")
    with ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return wheel


def draw(path, nodes):
    """Write a pipeline with ``nodes`` to ``path``, as the editor saves it."""
    from elyra_runtime_kit.testing import document  # not for every chapter: it takes a while to import

    path = Path(path)
    path.write_text(json.dumps(document(nodes, path.stem), indent=2), encoding="utf-8")


def weather(folder):
    """Write the pipeline ``weather`` and its scripts to ``folder``. Return its nodes, by name."""
    Path(folder).mkdir(exist_ok=True)
    for node in WEATHER.values():
        shutil.copy(Path(__file__).with_name("dask") / node["file"], folder)
    draw(Path(folder, "weather.pipeline"), WEATHER)
    return WEATHER


class JupyterLab(host.Server):
    command = "jupyter-lab"


class WholeJupyterLab(JupyterLab):
    without = ()  # a browser would miss them


class Server:
    """A JupyterLab server of your own, in ``directory``, without a browser, on a free port.

    It ends with ``stop``, or with the chapter. Raises ``RuntimeError`` if it does not start. Extensions that have
    nothing to do with Elyra are left aside, unless it is a ``WholeJupyterLab``.
    """

    def __init__(self, directory, jupyterlab=JupyterLab):
        directories = {name: os.environ[name] for name in JUPYTER_DIRECTORIES}
        self._server = jupyterlab(directories["JUPYTER_RUNTIME_DIR"], root=directory, directories=directories)
        self.root = self._server.root
        atexit.register(self.stop)

    def log(self):
        """Return the lines of the server's log, without time and origin."""
        return [re.sub(r"^\[\w [^]]*\] ", "", line).rstrip() for line in self._server.log.splitlines()]

    @property
    def lab_url(self):
        """The address to open in a browser. It holds the token."""
        return f"{self._server.url}lab?token={self._server.token}"

    def get(self, path):
        """Return the answer to GET ``path``, as JSON."""
        return self._request("GET", path).json()

    def get_text(self, path):
        """Return the answer to GET ``path``, as text."""
        return self._request("GET", path).text

    def post(self, path, content, expect=None):
        """Return the answer to POST ``content`` to ``path``, as JSON. ``expect`` is an error code to expect."""
        return self._request("POST", path, content, expect).json()

    def stop(self):
        """Stop the server, and wait for its end."""
        self._server.stop()

    def _request(self, method, path, content=None, expect=None):
        answer = self._server.request(method, path, content)
        if answer.status_code != expect:
            answer.raise_for_status()
        return answer


def wait_until(true, seconds=120):
    """Wait until the function ``true`` returns something that is true. Raises ``TimeoutError``."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Nothing happened within {seconds} s.")
        time.sleep(0.05)


def ended(run):
    """Wait until ``run`` is over. Return its state, and in words what went wrong."""
    wait_until(lambda: run.state()[0] in ENDED)
    return run.state()


def answer_without_token(server, path):
    """Return the answer to GET ``path`` of ``server``, for somebody who is not logged in: its status, and where to."""
    with requests.Session() as session:
        session.trust_env = False  # a proxy does not know this machine's servers
        address = server.lab_url.partition("lab?")[0] + path.lstrip("/")
        answer = session.get(address, allow_redirects=False, timeout=60)
    place = answer.headers.get("Location", "").partition("?")[0]
    return f"{answer.status_code} {answer.reason} {place}".rstrip()


class Cluster:
    """A Dask scheduler and two workers with one thread each: three processes, which only this machine reaches.

    Their files lie in ``directory``, their logs too. They end with ``stop``, or with the chapter. Raises
    ``TimeoutError`` if they do not start.
    """

    def __init__(self, directory):
        from distributed import Client  # not for every chapter: it takes a while to import

        self._directory = Path(directory)
        self._directory.mkdir()
        self._processes = {}
        atexit.register(self.stop)
        file = self._directory / "scheduler.json"
        common = ("--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", file)
        self._start("scheduler", "scheduler", *common, "--port", "0")
        alone = ("--no-nanny", "--nthreads", "1", "--memory-limit", "0", "--local-directory", self._directory)
        for name in ("first", "second"):
            self._start(name, "worker", *common, *alone, "--name", name)
        wait_until(lambda: file.exists() and file.read_text().endswith("}"))
        self.address = json.loads(file.read_text())["address"]
        with Client(self.address) as client:
            client.wait_for_workers(2, timeout=60)
            workers = client.scheduler_info()["workers"]
        self.names = {address: worker["name"] for address, worker in workers.items()}

    def kill(self, name):
        """Kill the worker called ``name``, so that it has no time to say goodbye."""
        self._processes[name].kill()
        self._processes[name].wait()

    def stop(self):
        """Stop the scheduler and the workers, and wait for their end."""
        for process in self._processes.values():
            process.kill()
            process.wait()

    def _start(self, name, *command):
        with open(self._directory / f"{name}.log", "wb") as log:
            self._processes[name] = subprocess.Popen(
                [host.COMMANDS / "dask", *command], cwd=self._directory, stdout=log, stderr=subprocess.STDOUT
            )
