"""What the chapters share: a place to try things, and ways to show code, figures and errors."""

import atexit
import inspect
import os
import re
import secrets
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
from jupyter_server.serverapp import list_running_servers

JUPYTER_DIRECTORIES = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")


def sandbox():
    """Point Jupyter, and so Elyra, to a temporary directory. Return it, a ``Path``.

    It is removed when the chapter's kernel ends. Your own configurations are neither read nor changed.
    The commands of this Python's environment, such as ``elyra-pipeline``, come first from now on.
    """
    directory = Path(tempfile.mkdtemp(prefix="chapter-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    for name in JUPYTER_DIRECTORIES:
        os.environ[name] = str(directory / name.lower())
        Path(os.environ[name]).mkdir()
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return directory


@contextmanager
def expected(error, about=None):
    """Expect that the block raises ``error``, an exception class, and print the first line of its message.

    Where the message differs between versions of Python, ``about`` names the part to expect and to print.
    Raises ``AssertionError`` if the block raises nothing. Every other error passes through, subclasses too.
    """
    try:
        yield
    except error as raised:
        if type(raised) is not error or (about or "") not in str(raised):
            raise
        print(f"{error.__name__}: {about or str(raised).splitlines()[0]}")
    else:
        raise AssertionError(f"{error.__name__} was expected, and nothing was raised")


def source(thing):
    """Show the source of ``thing``, a class, function, method or module, as it is installed."""
    path = Path(inspect.getsourcefile(thing))
    code = textwrap.dedent(inspect.getsource(thing)).rstrip()
    return Markdown(f"`{path.parent.name}/{path.name}`\n\n```python\n{code}\n```")


def table(head, rows):
    """Show ``rows``, lists of text, as a table under ``head``."""
    lines = [head, ["---"] * len(head), *rows]
    return Markdown("\n".join(f"| {' | '.join(map(str, line))} |" for line in lines))


def stack(caption, boxes):
    """Draw ``boxes`` from top to bottom, an arrow between each two, with ``caption`` under them.

    A box is ``(title, detail, ours)``: two lines of text, and whether this repository brings it.
    """
    width, height, gap = 380, 52, 22
    parts = []
    for number, (title, detail, ours) in enumerate(boxes):
        top = number * (height + gap) + 4
        fill, line = ("#d7f2ee", "#00796b") if ours else ("#f1f3f5", "#868e96")
        parts.append(
            f'<rect x="4" y="{top}" width="{width - 8}" height="{height}" rx="8" fill="{fill}" stroke="{line}"/>'
            f'<text x="{width / 2}" y="{top + 22}" font-weight="600">{escape(title)}</text>'
            f'<text x="{width / 2}" y="{top + 41}" font-size="12">{escape(detail)}</text>'
        )
        if number:
            arrow = f"M{width / 2} {top - gap + 2}v{gap - 9}m-5 0l5 6l5 -6z"
            parts.append(f'<path d="{arrow}" stroke="#495057" fill="#495057"/>')
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


class Server:
    """A JupyterLab server of your own, in ``directory``, without a browser, on a free port.

    It ends with ``stop``, or with the chapter. Raises ``RuntimeError`` if it does not start.
    """

    def __init__(self, directory):
        self.root = Path(directory)
        self._token = secrets.token_hex()
        self._log = Path(tempfile.mkstemp(suffix=".log", dir=os.environ["JUPYTER_RUNTIME_DIR"])[1])
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jupyterlab", "--no-browser", "--port=0", "--allow-root"],
                cwd=directory,
                env={**os.environ, "JUPYTER_TOKEN": self._token},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        atexit.register(self.stop)
        self._url = self._wait_for_url(seconds=120)

    def log(self):
        """Return the lines of the server's log, without time and origin."""
        lines = self._log.read_text(encoding="utf-8").splitlines()
        return [re.sub(r"^\[\w [^]]*\] ", "", line).rstrip() for line in lines]

    @property
    def lab_url(self):
        """The address to open in a browser. It holds the token."""
        return f"{self._url}lab?token={self._token}"

    def get(self, path):
        """Return the answer to GET ``path``, as JSON."""
        return self._request("GET", path).json()

    def get_text(self, path):
        """Return the answer to GET ``path``, as text."""
        return self._request("GET", path).text

    def post(self, path, content, expect=None):
        """Return the answer to POST ``content`` to ``path``, as JSON. ``expect`` is an error code to expect."""
        return self._request("POST", path, json=content, expect=expect).json()

    def stop(self):
        """Stop the server, and wait for its end."""
        self._process.terminate()
        self._process.wait()

    def _request(self, method, path, expect=None, **options):
        headers = {"Authorization": f"token {self._token}"}
        answer = requests.request(method, self._url + path.lstrip("/"), headers=headers, timeout=60, **options)
        if answer.status_code != expect:
            answer.raise_for_status()
        return answer

    def _wait_for_url(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._process.poll() is None:
            for server in list_running_servers(os.environ["JUPYTER_RUNTIME_DIR"]):
                if server["pid"] == self._process.pid and "is running at" in self._log.read_text(encoding="utf-8"):
                    return server["url"]
            time.sleep(0.1)
        raise RuntimeError(f"JupyterLab did not start:\n{self._log.read_text(encoding='utf-8')}")
