"""The pages of the runs, and what they ask the server for.

Both pages are files of ``static/``, the same for each run. What they show comes as JSON from below ``api/``.
"""

import asyncio
import re
import time
from contextlib import suppress
from functools import partial
from html import escape
from http.client import HTTPException
from pathlib import Path
from string import Template
from urllib.request import ProxyHandler, build_opener

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler, FileFindHandler, JupyterHandler
from jupyter_server.serverapp import list_running_servers
from jupyter_server.utils import url_path_join
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, authenticated

from elyra_runtime_engine import answers, files
from elyra_runtime_engine.deletion import clear, over_by
from elyra_runtime_engine.run import run_ids, runs_folder
from elyra_runtime_engine.threads import Late, Threads
from elyra_runtime_engine.usage import usage

STATIC = Path(__file__).parent / "static"

RUNS_LISTED = 100
"""So many runs are listed, the newest ones."""

SECONDS_TO_ANSWER = 1
"""So long may a running server take to say that it has this extension."""

SECONDS_TO_READ = 10
"""So long may the folder of a run take for what its page asks for."""

SECONDS_TO_LIST = 2
"""So long may it take for its row in the list."""

SECONDS_TO_START = 240
"""So long may a run take to start again, the copies of its files included. A browser does not wait much longer."""

SECONDS_TO_MEASURE = 1
"""So long is an answer about the room that runs take put off for one that is not measured yet."""

SECONDS_TO_CLEAR = 3
"""So long is the answer put off until the files of a deleted run are removed. That goes on after it."""

SECONDS_TO_SEND = 60
"""So long may a piece of a file take."""

FILES = " files"
"""The queue for what nodes have left: only that lies in the Run Folder, which may hang."""

USAGE = " usage"
"""The queue for measuring, which may take long: neither logs nor a deletion wait for it."""

THREADS = Threads()


def run_url(run, serverapp=None):
    """Return where a browser finds the page of ``run``: on ``serverapp``, or on a server of the user that runs.

    Elyra's command line knows no server. If none runs, it is the address of the run's log.
    """
    if serverapp is not None:
        return url_path_join(serverapp.base_url, "elyra_runtime_engine", "runs", run.id)
    for server in list_running_servers():
        if _has_pages(server["url"]):
            return url_path_join(server["url"], "elyra_runtime_engine", "runs", run.id)
    return (run.folder / "run.log").as_uri()


def _has_pages(url):
    """Say whether the server at ``url`` answers, and has these pages. It is not told the user's token."""
    ask = build_opener(ProxyHandler({})).open  # a proxy does not know this machine's servers
    with suppress(OSError, ValueError, HTTPException):
        with ask(
            url_path_join(url, "static/elyra_runtime_engine/elyra_runtime_engine_run.js"), timeout=SECONDS_TO_ANSWER
        ) as answer:
            return answer.status == 200
    return False


def for_user(method):
    """Let only a user in who is logged in, and whom the server's authorizer allows it."""
    return authenticated(authorized(method))


async def ask(id, tell, *arguments, seconds=None, queue="", late="its folder does not answer"):
    """Return what the function ``tell`` tells of the run ``id``, as ``answers.of_run`` does it, but in time.

    It may take ``seconds``, by default ``SECONDS_TO_READ``. Calls wait for each other, but not for those in another
    ``queue`` of the run. Raises ``HTTPError`` with a sentence: 404 for an unknown run, 409 if it does not allow what
    is asked, and 503 if its folder cannot be read, or is ``late``.
    """
    try:
        return await THREADS.call(id + queue, seconds or SECONDS_TO_READ, answers.of_run, id, tell, *arguments)
    except answers.UnknownRunError as error:
        raise HTTPError(404, str(error)) from error
    except answers.UnreadableError as error:
        raise HTTPError(503, str(error)) from error
    except RuntimeError as error:
        raise HTTPError(409, str(error)) from error
    except Late as error:
        raise HTTPError(503, str(answers.unreadable(id, late))) from error


class PageHandler(JupyterHandler):
    """The page of all runs, or of one."""

    auth_resource = "elyra_runtime_engine"

    @property
    def content_security_policy(self):
        return f"{super().content_security_policy}; default-src 'self'; base-uri 'none'; form-action 'none'"

    @for_user
    async def get(self, id=""):
        if id:
            try:
                await ask(id, answers.nothing, seconds=SECONDS_TO_LIST)
            except HTTPError as error:  # what there is to say of it, the page says
                self.set_status(404 if error.status_code == 404 else 200)
        page = Template((STATIC / f"elyra_runtime_engine_{'run' if id else 'runs'}.html").read_text(encoding="utf-8"))
        base = url_path_join(self.base_url, "elyra_runtime_engine")
        static = url_path_join(self.base_url, "static", "elyra_runtime_engine")
        self.xsrf_token  # noqa: B018  it sets the cookie that each POST needs
        self.finish(page.substitute(base=escape(base), static=escape(static), run=escape(id)))


class ApiHandler(APIHandler):
    """What the handlers of the pages' JSON have in common."""

    auth_resource = "elyra_runtime_engine"

    def number(self, name):
        """Return an argument of the request that is a place in a file, or counts, ``None`` if it is missing."""
        text = self.get_argument(name, None)
        if text is not None and not re.fullmatch("[0-9]{1,12}", text):
            raise HTTPError(400, f"{name!r} must be a whole number of at most 12 digits.")
        return text and int(text)

    def time(self, name):
        """Return an argument of the request that is a time of this server. It must be there."""
        text = self.get_argument(name)
        if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,9})?", text):
            raise HTTPError(400, f"{name!r} must be a time in seconds.")
        return float(text)

    def write_error(self, status_code, **options):
        """Tell the sentence of an ``HTTPError`` as it is: ``APIHandler`` (jupyter_server 2) doubles each ``%``."""
        error = options.get("exc_info", (None, None))[1]
        if not isinstance(error, HTTPError) or not error.log_message:
            return super().write_error(status_code, **options)
        self.finish({"message": error.log_message % error.args})


async def of_list(tell, *arguments):
    """Return what ``tell`` says of all runs. Raises ``HTTPError`` 503 if it cannot, or not in time."""
    try:
        return await THREADS.call("the list", SECONDS_TO_READ, tell, *arguments)
    except (Late, OSError) as error:
        reason = str(error) or "the folder does not answer"
        raise HTTPError(503, f"The list of runs in {runs_folder()} cannot be read: {reason}.") from error


class RunsHandler(ApiHandler):
    """The newest runs. One that cannot be read is among them, and says so."""

    @for_user
    async def get(self):
        left = await of_list(run_ids)
        total, rows = len(left), []
        while left and len(rows) < RUNS_LISTED:
            ids, left = left[: RUNS_LISTED - len(rows)], left[RUNS_LISTED - len(rows) :]
            found = [row for row in await asyncio.gather(*map(_row, ids)) if row]
            total -= len(ids) - len(found)
            rows += found
        self.finish({"runs": rows, "total": total, "now": time.time()})


async def _row(id):
    """Return what the list shows of the run ``id``, ``None`` if there is no such run any more."""
    try:
        return await ask(id, answers.in_list, seconds=SECONDS_TO_LIST)
    except HTTPError as error:
        return None if error.status_code == 404 else answers.in_list_unread(id, error.log_message % error.args)


class RunHandler(ApiHandler):
    """One run: its state, and what happened from the byte ``after`` of its events on.

    Without that argument, it is all that happened, and what was submitted.
    """

    @for_user
    async def get(self, id):
        self.finish(await ask(id, answers.page, self.number("after")))


class UsageHandler(ApiHandler):
    """The room on the disk that each run takes, in bytes: ``None`` where that is not known, or not yet."""

    @for_user
    async def get(self):
        told, deadline = {}, time.monotonic() + SECONDS_TO_MEASURE
        for id in await of_list(run_ids):
            left = deadline - time.monotonic()
            told[id] = await _measured(id, left) if left > 0 else None
        self.finish({"runs": told})


async def _measured(id, seconds):
    with suppress(HTTPError):
        return await ask(id, usage, seconds=seconds, queue=USAGE)


class RunUsageHandler(ApiHandler):
    """The room on the disk that a run takes, in bytes."""

    @for_user
    async def get(self, id):
        self.finish({"bytes": await ask(id, usage, queue=USAGE)})


class OverHandler(ApiHandler):
    """The runs that are over: how many there are, and the time until which they were. They can be deleted."""

    @for_user
    async def get(self):
        until = time.time()
        self.finish({"count": len(await of_list(over_by, until)), "until": until})

    @for_user
    async def post(self):
        until, count = self.time("until"), 0
        for run in await of_list(over_by, until):
            with suppress(HTTPError):  # it is not over any more
                await ask(run.id, answers.deleted, until)
                count += 1
        self.settings["elyra_runtime_engine"].call()
        self.finish({"count": count})


class ActionHandler(ApiHandler):
    """Cancels a run, runs it again, or deletes it."""

    @for_user
    async def post(self, id, action):
        if action == "cancel":
            self.finish(await ask(id, answers.cancelled))
        elif action == "delete":
            self.finish({"id": id, "missing": await _cleared(id, await ask(id, answers.deleted))})
        else:
            await ask(id, answers.in_list)  # in a shorter time
            late = "its files are still being copied, or its folder does not answer; look at the list of all runs"
            started = ask(
                id, answers.run_again, self.number("times"), seconds=SECONDS_TO_START, queue=" again", late=late
            )
            self.finish(await started)


async def _cleared(id, folder):
    """Remove what is left of a deleted run. Return what ``clear`` returns, or "" if it goes on for longer."""
    try:
        return await THREADS.call(id + FILES, SECONDS_TO_CLEAR, clear, folder)
    except Late:
        return ""
    except OSError as error:
        reason = f"Run {id} is deleted, but its files cannot be removed: {error}. They are in {folder}."
        raise HTTPError(503, reason) from error


class LogHandler(ApiHandler):
    """What a node has printed, from the byte ``from`` on. Without it, the end of what there is."""

    @for_user
    async def get(self, id, number):
        self.finish(await ask(id, files.log, int(number), self.number("from"), queue=FILES))


class FileHandler(JupyterHandler):
    """A file that a node left: an output, the executed notebook, or its log."""

    auth_resource = "elyra_runtime_engine"

    @property
    def content_security_policy(self):
        return f"{super().content_security_policy}; sandbox; default-src 'none'"

    def decode_argument(self, value, name=None):
        """The name of a file is bytes, and may be no text."""
        return value.decode("utf-8", errors="surrogateescape")

    @for_user
    async def get(self, id, number, name):
        self.check_xsrf_cookie()  # as Jupyter does for files: no other site may embed them
        opened = await ask(id, files.open_file, int(number), name, queue=FILES)
        if not opened:
            raise HTTPError(404, "There is no such file.")
        file, size = opened
        touch = partial(THREADS.call, id + FILES, SECONDS_TO_SEND)
        try:
            self._describe(name, size)
            with suppress(StreamClosedError):  # the browser may have had enough
                while size and (piece := await touch(file.read, min(files.PIECE, size))):
                    size -= len(piece)
                    self.write(piece)
                    await self.flush()
        finally:
            with suppress(Late):  # then the thread has it, which hangs
                await touch(file.close)

    def _describe(self, name, size):
        type, disposition = files.described(name, self.get_argument("open", "") == "1")
        self.set_header("Content-Type", type)
        self.set_header("Content-Length", size)
        self.set_header("Content-Disposition", disposition)


_RUN, _NODE = r"elyra_runtime_engine/api/runs/([^/]+)", r"/nodes/(\d{1,9})"

HANDLERS = [
    (r"static/elyra_runtime_engine/(.+)", FileFindHandler, {"path": [str(STATIC)]}),
    (r"elyra_runtime_engine/runs/?", PageHandler),
    (r"elyra_runtime_engine/runs/([^/]+)", PageHandler),
    (r"elyra_runtime_engine/api/runs", RunsHandler),
    (r"elyra_runtime_engine/api/usage", UsageHandler),
    (r"elyra_runtime_engine/api/over", OverHandler),
    (_RUN, RunHandler),
    (f"{_RUN}/(cancel|again|delete)", ActionHandler),
    (f"{_RUN}/usage", RunUsageHandler),
    (f"{_RUN}{_NODE}/log", LogHandler),
    (f"{_RUN}/files/(\\d{{1,9}})/(.+)", FileHandler),
]
"""What is served under ``<base url>/elyra_runtime_engine/``, and ``static/``.

Each file of ``static/`` carries the package's name: Jupyter Server finds a static file by its bare name, and once it
has served an ``icon.svg`` of one package, it refuses those of all others.
"""
