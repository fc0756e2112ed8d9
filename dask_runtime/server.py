"""The Jupyter Server extension: the pages of the runs, and what they ask the server for.

Both pages are files of ``static/``, the same for each run. What they show comes as JSON from below ``api/``.
"""

import asyncio
import codecs
import os
import re
import stat
import time
from contextlib import suppress
from functools import wraps
from html import escape
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from string import Template
from urllib.parse import quote
from urllib.request import ProxyHandler, build_opener

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.serverapp import list_running_servers
from jupyter_server.utils import url_path_join
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, authenticated

from dask_runtime.run import ENDED, all_runs, find_run
from dask_runtime.start import again

STATIC = Path(__file__).parent / "static"

RUNS_LISTED = 100
"""So many runs are listed, the newest ones."""

PIECE = 1_000_000
"""At most so many bytes of a log are in one answer, and of a file in memory."""

SECONDS_TO_ANSWER = 1
"""So long may a running server take to say that it has this extension."""

IMAGES = {".gif": "image/gif", ".jpeg": "image/jpeg", ".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}
TEXTS = ".csv", ".json", ".log", ".md", ".py", ".r", ".toml", ".tsv", ".txt", ".yaml", ".yml"
OPENED = {**IMAGES, **dict.fromkeys(TEXTS, "text/plain; charset=utf-8")}
"""What a browser may show, and as which type. Other files are only downloaded: they may hold scripts."""

SHOWN_OF_RUN = "id", "pipeline", "configuration", "submitted"
SHOWN_OF_NODE = "name", "kind", "file", "environment", "parents", "resources", "notes"


class DaskRuntimeExtension(ExtensionApp):
    """Serves ``static/``, and under ``<base url>/dask_runtime/`` the pages of the runs.

    As with ``demo_runtime``, each file of ``static/`` carries the package's name.
    """

    name = "dask_runtime"
    static_paths = [str(STATIC)]

    def initialize_handlers(self):
        run, node = r"dask_runtime/api/runs/([^/]+)", r"/nodes/(\d{1,9})"
        self.handlers += [
            (r"dask_runtime/runs/?", PageHandler),
            (r"dask_runtime/runs/([^/]+)", PageHandler),
            (r"dask_runtime/api/runs", RunsHandler),
            (run, RunHandler),
            (f"{run}/(cancel|again)", ActionHandler),
            (f"{run}{node}/log", LogHandler),
            (f"{run}/files/(\\d{{1,9}})/(.+)", FileHandler),
        ]


def run_url(run, serverapp=None):
    """Return where a browser finds the page of ``run``: on ``serverapp``, or on a server of the user that runs.

    Elyra's command line knows no server. If none runs, it is the address of the run's log.
    """
    if serverapp is not None:
        return url_path_join(serverapp.base_url, "dask_runtime", "runs", run.id)
    for server in list_running_servers():
        if _has_pages(server["url"]):
            return url_path_join(server["url"], "dask_runtime", "runs", run.id)
    return (run.folder / "run.log").as_uri()


def _has_pages(url):
    """Say whether the server at ``url`` answers, and has this extension. It is not told the user's token."""
    ask = build_opener(ProxyHandler({})).open  # a proxy does not know this machine's servers
    with suppress(OSError, ValueError, HTTPException):
        with ask(url_path_join(url, "static/dask_runtime/dask_runtime_run.js"), timeout=SECONDS_TO_ANSWER) as answer:
            return answer.status == 200
    return False


def for_user(method):
    """Let only a user in who is logged in, and whom the server's authorizer allows it."""
    return authenticated(authorized(method))


def of_run(method):
    """Hand the run to the method of a handler instead of its id. An unknown one is answered with 404."""

    @wraps(method)
    async def with_run(self, id, *arguments):
        try:
            run = find_run(id)
        except LookupError as error:
            raise HTTPError(404, str(error)) from error
        return await method(self, run, *arguments)

    return with_run


class PageHandler(JupyterHandler):
    """The page of all runs, or of one."""

    auth_resource = "dask_runtime"

    @property
    def content_security_policy(self):
        return f"{super().content_security_policy}; default-src 'self'; base-uri 'none'; form-action 'none'"

    @for_user
    def get(self, id=""):
        try:
            id and find_run(id)
        except LookupError:
            self.set_status(404)  # what else there is to say, the page says
        page = Template((STATIC / f"dask_runtime_{'run' if id else 'runs'}.html").read_text(encoding="utf-8"))
        base = url_path_join(self.base_url, "dask_runtime")
        static = url_path_join(self.base_url, "static", "dask_runtime")
        self.xsrf_token  # noqa: B018  it sets the cookie that each POST needs
        self.finish(page.substitute(base=escape(base), static=escape(static), run=escape(id)))


class ApiHandler(APIHandler):
    """What the handlers of the pages' JSON have in common."""

    auth_resource = "dask_runtime"

    def number(self, name):
        """Return an argument of the request that is a number, ``None`` if it is missing."""
        text = self.get_argument(name, None)
        if text is not None and not re.fullmatch("[0-9]{1,18}", text):
            raise HTTPError(400, f"{name!r} must be a number.")
        return text and int(text)


class RunsHandler(ApiHandler):
    """The newest runs."""

    @for_user
    async def get(self):
        self.finish(await asyncio.to_thread(_listed))


class RunHandler(ApiHandler):
    """One run: its state, and what happened from the byte ``after`` of its events on.

    Without that argument, it is all that happened, and what was submitted.
    """

    @for_user
    @of_run
    async def get(self, run):
        self.finish(await asyncio.to_thread(_told, run, self.number("after")))


class ActionHandler(ApiHandler):
    """Cancels a run, or runs it again."""

    @for_user
    @of_run
    async def post(self, run, action):
        try:
            answer = await asyncio.to_thread(_cancelled if action == "cancel" else _again, run)
        except RuntimeError as error:
            self.set_status(409)
            answer = {"message": str(error)}
        self.finish(answer)


class LogHandler(ApiHandler):
    """What a node has printed, from the byte ``from`` on. Without it, the end of what there is."""

    @for_user
    @of_run
    async def get(self, run, number):
        self.finish(await asyncio.to_thread(_log, run, int(number), self.number("from")))


class FileHandler(JupyterHandler):
    """A file that a node left: an output, the executed notebook, or its log."""

    auth_resource = "dask_runtime"

    @property
    def content_security_policy(self):
        return f"{super().content_security_policy}; sandbox; default-src 'none'"

    @for_user
    @of_run
    async def get(self, run, number, name):
        self.check_xsrf_cookie()  # as Jupyter does for files: no other site may embed them
        try:
            file = await asyncio.to_thread(_open_kept, run, int(number), name)
        except OSError as error:
            raise HTTPError(404, "There is no such file.") from error
        with file, suppress(StreamClosedError):  # the browser may have had enough
            left = os.fstat(file.fileno()).st_size
            self._describe(name, left)
            while left and (piece := await asyncio.to_thread(file.read, min(PIECE, left))):
                left -= len(piece)
                self.write(piece)
                await self.flush()

    def _describe(self, name, size):
        path = PurePosixPath(name)
        shown = OPENED.get(path.suffix.lower()) if self.get_argument("open", "") == "1" else None
        self.set_header("Content-Type", shown or "application/octet-stream")
        self.set_header("Content-Length", size)
        disposition = "inline" if shown else "attachment"
        self.set_header("Content-Disposition", f"{disposition}; filename*=UTF-8''{quote(path.name, safe='')}")


def _listed():
    runs = all_runs()
    listed = []
    for run in runs[:RUNS_LISTED]:
        with suppress(
            OSError, ValueError, KeyError
        ):  # it was removed just now, or is damaged: the others are still there
            state, error = run.state()
            listed.append({**_shown(run.facts), "state": state, "error": error, "ended": _ended(run, state)})
    return {"runs": listed, "total": len(runs), "now": time.time()}


def _shown(facts):
    return {name: facts[name] for name in SHOWN_OF_RUN}


def _ended(run, state):
    with suppress(FileNotFoundError):
        return (run.folder / "events.jsonl").stat().st_mtime if state in ENDED else None


def _told(run, after):
    state, error = run.state()  # first: so the events of a run that has ended are all there
    events, position = run.events(after or 0)
    told = {"state": state, "error": error, "cancelling": run.is_cancelled(), "events": events, "next": position}
    if after is None:
        facts = run.facts
        told |= {**_shown(facts), "again": facts.get("again"), "scheduler": facts["settings"]["api_endpoint"]}
        told["nodes"] = [{name: node[name] for name in SHOWN_OF_NODE} for node in facts["nodes"]]
        told["opened"] = sorted(OPENED)
    return {**told, "now": time.time()}


def _cancelled(run):
    state, _ = run.state()
    if state in ENDED:
        raise RuntimeError(f"Run {run.id} is {state}, and cannot be cancelled any more.")
    run.cancel()
    return {"id": run.id}


def _again(run):
    return {"id": again(run).id}


def _log(run, number, start):
    """Return a piece of the log of a node.

    ``attempt`` tells apart the logs of a node that started again; ``from`` and ``next`` are bytes of the log.
    """
    told = (event for event in reversed(run.events()[0]) if event.get("node") == number and "attempt" in event)
    attempt = next(told, {}).get("attempt", "")
    try:
        file = _open_log(run, number, attempt)
    except OSError:
        return {"text": "", "from": 0, "next": 0, "attempt": attempt}
    with file:
        size = os.fstat(file.fileno()).st_size
        if start is None or start > size:
            start = max(0, size - PIECE)
            file.seek(start)
            start += len(file.readline()) if start else 0
        file.seek(start)
        read = file.read(PIECE)
    # A character may be written only in part by now.
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(read)
    return {"text": text, "from": start, "next": start + len(read) - len(decoder.getstate()[0]), "attempt": attempt}


def _open_log(run, number, attempt):
    try:
        return _open_inside(run, run.node(number) / "log.txt")
    except FileNotFoundError:
        return _open_inside(run, run.attempt(number, attempt) / "log.txt")


def _open_kept(run, number, name):
    kept = {"log.txt"}
    for event in run.events()[0]:
        if event.get("node") == number:
            kept |= {name for name, _ in event.get("files", ())}
    if name not in kept:
        raise FileNotFoundError(name)
    return _open_inside(run, run.node(number) / name)


def _open_inside(run, path):
    """Open a file that a node of ``run`` left. Raises ``OSError`` if it is no file, or a link that leads away."""
    real = path.resolve(strict=True)
    if not real.is_relative_to(run.folder / "nodes"):
        raise PermissionError(path)
    # The node may still live, and put a link or a pipe in the place of what was looked at.
    file = open(os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise PermissionError(path)
    return file
