"""Ask a running Jupyter server what only it can tell.

It may run in another environment than the doctor, so nothing here says anything about the runtimes that are
installed beside the doctor. To add a check, write a function with ``@live_check`` and the number of a row. Its
argument is called ``server`` where it is about the whole ``Server``, and ``runtime`` where it takes a ``Subject``.
"""

import re
import secrets
import sys
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote, urlsplit

import requests

from elyra_runtime_doctor import checks  # noqa: F401 - fills ROWS
from elyra_runtime_doctor.rows import ROWS, NoReport, Skip, ask, fail, live_check, takes, warn
from elyra_runtime_doctor.sample import sample

SECONDS = 5, 30
"""So long may the server take to accept a connection, and to send an answer."""

TYPES = "elyra/pipeline/runtimes/types"
SCHEMAS = "elyra/schema/runtimes"
CONFIGURATIONS = "elyra/metadata/runtimes"
PIPELINE_EDITOR = "lab/extensions/@elyra/pipeline-editor-extension/package.json"


class Unusable(NoReport):
    """A server that cannot be asked. The message says why, and holds no token."""


class Server:
    """A Jupyter server. ``address`` ends in a slash. ``token`` may be empty, for a server without one."""

    def __init__(self, address, token):
        self.address = address
        self._token = token
        self._session = requests.Session()

    def ask(self, method, path, body=None, *, token=True):
        """Send a request as the browser does. Return the ``requests.Response``. Raises ``Unusable`` without one.

        A redirection is an answer: it leads to a login, and the token must not go where it points.
        """
        options = {"json": body, "timeout": SECONDS, "allow_redirects": False}
        try:
            return self._session.request(method, self.address + path, auth=self._sign if token else _leave, **options)
        except requests.RequestException as error:
            reason = type(error).__name__  # what the error says may quote the headers
            raise Unusable(f"No Jupyter server answers at {self.address}{path} ({reason}).") from None

    def hide(self, text):
        """Return ``text``, which may come from the server, without the token."""
        return text.replace(self._token, "(token)") if self._token else text

    def is_jupyter(self):
        """Tell whether a Jupyter server is at this address. It is not told the token yet."""
        return "version" in _document(self.ask("GET", "api", token=False))

    def let_in(self):
        """Raise ``Unusable`` if the server refuses the token."""
        status = self.ask("GET", "api/status").status_code
        if status in (401, 403) or 300 <= status < 400:
            known = "refuses the token in" if self._token else "asks for a token, and there is none in"
            raise Unusable(f"The Jupyter server at {self.address} {known} the environment variable JUPYTER_TOKEN.")
        if status != 200:
            raise Unusable(f"What answers at {self.address} is no Jupyter server: api/status answers {status}.")

    @cached_property
    def types(self):
        """The answer to the question for the runtime types."""
        return self.ask("GET", TYPES)

    @property
    def listed_types(self):
        """The runtime types that the server gives the editor, by id."""
        if self.types.status_code != 200:
            raise Skip("the server lists no types (row 9, 11, 16 or 46)")
        return {type["id"]: type for type in _document(self.types)["runtime_types"]}

    @property
    def is_without_elyra(self):
        """Tell whether the server knows none of Elyra's addresses."""
        return self.types.status_code == 404

    @cached_property
    def icons(self):
        """The answers to the requests for all icons, by the id of the type."""
        return {id: self.ask("GET", type["icon"].lstrip("/")) for id, type in self.listed_types.items()}

    def runtimes(self):
        """Return the names of the runtimes whose schemas the server serves."""
        return [schema["name"] for schema in _document(self.ask("GET", SCHEMAS)).get("runtimes", [])]

    def configurations(self):
        """Return the names of the runtime configurations that the Runtimes panel shows."""
        return [instance["name"] for instance in _document(self.ask("GET", CONFIGURATIONS)).get("runtimes", [])]

    def remove(self, configuration):
        """Remove ``configuration``. Return whether it is gone. If not, stderr says so, whatever happens next."""
        gone = False
        try:
            self.ask("DELETE", f"{CONFIGURATIONS}/{configuration}")
            gone = self.ask("GET", f"{CONFIGURATIONS}/{configuration}").status_code == 404
        finally:
            if not gone:
                print(
                    f"The runtime configuration {configuration!r} may be left on the server {self.address}. "
                    f"Remove it: elyra-metadata remove runtimes --name={configuration}",
                    file=sys.stderr,
                )
        return gone

    def _sign(self, request):
        if self._token:
            request.headers["Authorization"] = f"token {self._token}"
        return request


def _leave(request):
    """Sign nothing. Without any ``auth``, requests would send a password from the user's ``.netrc``."""
    return request


def connect(url, token):
    """Return the ``Server`` at ``url``, the address of a Jupyter server or of a page of its JupyterLab.

    Raises ``Unusable`` if ``url`` is none, if no Jupyter server with Elyra is there, or if it refuses ``token``.
    """
    if not re.fullmatch("[!-~]*", token):
        raise Unusable("The environment variable JUPYTER_TOKEN holds a space or a letter that no token has.")
    servers = [Server(address, token) for address in _addresses(url)]
    server = next((server for server in servers if server.is_jupyter()), None)
    if server is None:
        raise Unusable(f"What answers at {servers[0].address} is no Jupyter server: its base URL may be missing.")
    server.let_in()
    if server.is_without_elyra and server.ask("GET", PIPELINE_EDITOR).status_code != 200:
        raise Unusable(f"The Jupyter server at {server.address} is without Elyra: install it in its environment.")
    return server


def _addresses(url):
    """Return the addresses that may be meant with ``url``. No error quotes it: it may hold a token."""
    if "?" in url or "#" in url or "token=" in url:
        raise Unusable(
            "The address of the server has to end before '?' and '#': a token belongs into the environment "
            "variable JUPYTER_TOKEN."
        )
    try:
        parts = urlsplit(url)
        right = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        right = False
    if not right or parts.username is not None:
        raise Unusable(
            "The address of the server has to look like http://localhost:8888/, with its base URL, if it has one, "
            "and without a user name."
        )
    path = parts.path.rstrip("/") + "/"
    paths = dict.fromkeys([path, re.sub("/(lab|tree)/.*", "/", path)])
    return [f"{parts.scheme}://{parts.netloc}{path}" for path in paths]


@dataclass
class Trial:
    """What has become of a made-up runtime configuration: the answers of the server."""

    name: str
    saved: requests.Response = None
    loaded: requests.Response = None
    listed: bool = False
    left: bool = False


class Subject:
    """One runtime, by its name, on a ``Server``. What is not there raises ``Skip``, with the reason."""

    def __init__(self, server, name):
        self.server = server
        self.name = name

    @cached_property
    def answer(self):
        """The answer to the question for its schema."""
        if self.name == "local":
            raise Skip("the local runtime has none")
        if self.server.is_without_elyra:
            raise Skip("the server answers nothing about Elyra (row 46)")
        return self.server.ask("GET", f"{SCHEMAS}/{quote(self.name)}")

    @property
    def schema(self):
        """The schema that the server serves, from which it makes the form."""
        if self.answer.status_code != 200:
            raise Skip("the server does not serve its schema (row 54)")
        return _document(self.answer)

    @property
    def type_id(self):
        """The id of its type, as the schema says."""
        if self.name == "local":
            return "LOCAL"
        if not self.schema.get("runtime_type"):
            raise Skip("the schema does not name its type (row 19)")
        return self.schema["runtime_type"]

    @cached_property
    def trial(self):
        """What becomes of a made-up configuration. It is removed, whatever happens."""
        name = f"doctor_{secrets.token_hex(8)}"
        body = as_the_form_sends(self.schema, name)
        trial = Trial(name)
        try:
            trial.saved = self.server.ask("POST", CONFIGURATIONS, body)
            trial.loaded = self.server.ask("GET", f"{CONFIGURATIONS}/{name}")
            trial.listed = name in self.server.configurations()
        finally:
            trial.left = not self.server.remove(name)
        return trial


def as_the_form_sends(schema, name):
    """Return what Elyra's form sends for a configuration called ``name``: a dict.

    The form repeats the display name, and sends no hidden field but those with a default. Unlike the form, this
    gives the name, to know what has to be removed. Raises ``Skip`` where no value can be made up.
    """
    fields = schema["properties"]["metadata"].get("properties", {})
    shown = {
        field: value
        for field, value in sample(schema).items()
        if "default" in fields[field] or not fields[field].get("uihints", {}).get("hidden")
    }
    metadata = {**shown, "display_name": name}
    return {"name": name, "display_name": name, "schema_name": schema["name"], "metadata": metadata}


def examine(server, names=(), also=()):
    """Return what ``server`` tells about the runtimes called ``names``: results like those of ``probe.examine``.

    Without ``names``, these are the runtimes that the server knows, and ``also``. Raises ``Unusable`` if the
    server ends meanwhile.
    """
    names = names or sorted({*server.runtimes(), *also})
    subjects = [("environment", server), *((name, Subject(server, name)) for name in names)]
    return [
        _result(row, name, subject)
        for name, subject in subjects
        for row in ROWS.values()
        if row.live and (name == "environment") == (takes(row.live) == "server")
    ]


def _result(row, name, subject):
    """Return what the check of ``row`` says about ``subject``, as a dict."""
    server = getattr(subject, "server", subject)
    finding = ask(row.live, subject)
    found = server.hide(finding.found)
    facts = {**row.as_dict(), "looks_at": row.live.__doc__}
    return {"runtime": name, "where": "server", "status": finding.status, "found": found, "fix": finding.fix, **facts}


def _document(answer):
    """Return the JSON object in ``answer``, ``{}`` if there is none."""
    try:
        document = answer.json() if answer.status_code == 200 else {}
    except requests.JSONDecodeError:
        document = {}
    return document if isinstance(document, dict) else {}


def _said(answer):
    """Return the status and the message of an error."""
    try:
        message = answer.json()["message"]
    except (requests.JSONDecodeError, KeyError, TypeError):
        message = answer.reason
    return f"{answer.status_code}: {message}"


@live_check(46)
def elyra_is_loaded(server):
    """The addresses of Elyra, and its extension of JupyterLab."""
    if server.is_without_elyra:
        return fail(
            "the server answers 404 for every address of Elyra, although the extension of JupyterLab is there. "
            "Its log says why after 'extension failed loading': a catalog, or what row 6 or 9 tells of"
        )


TYPE_FAULTS = {11: "is not recognized", 16: "icon_endpoint|export_file_types|no attribute 'type'", 9: ""}
"""What the server says when it cannot list the types, by row: the first that matches."""


def _fault_of_types(server, row):
    if server.is_without_elyra:
        raise Skip("the server answers nothing about Elyra (row 46)")
    if server.types.status_code == 200:
        return None
    said = _said(server.types)
    found = next(number for number, words in TYPE_FAULTS.items() if re.search(words, said))
    if found != row:
        raise Skip(f"the server lists no types (row {found})")
    return fail(f"{TYPES} answers {said}")


@live_check(9)
def types_have_members(server):
    """The list of runtime types that the editor loads."""
    return _fault_of_types(server, 9)


@live_check(11)
def types_have_resources(server):
    """The list of runtime types that the editor loads."""
    return _fault_of_types(server, 11)


@live_check(16)
def types_are_complete(server):
    """The list of runtime types that the editor loads."""
    return _fault_of_types(server, 16)


@live_check(17)
def icons_are_served(server):
    """The icons of all types, which the editor loads first."""
    bad, odd = [], []
    for id, answer in server.icons.items():
        where = f"{id}: {server.listed_types[id]['icon']}"
        kind = answer.headers.get("Content-Type", "nothing")
        if answer.status_code not in (200, 403):
            bad.append(f"{where} answers {answer.status_code}")
        elif answer.status_code == 200 and not kind.startswith("image/"):
            odd.append(f"{where} is no image, but {kind}")
    if bad:
        return fail("; ".join(bad + odd))
    if odd:
        return warn("; ".join(odd))


@live_check(51)
def icons_have_names_of_their_own(server):
    """The icons of all types, which the editor loads first."""
    bad = [id for id, answer in server.icons.items() if answer.status_code == 403]
    if bad:
        return fail("; ".join(f"{id}: {server.listed_types[id]['icon']} answers 403" for id in bad))


@live_check(54)
def schema_is_served(runtime):
    """The schema of the runtime, from which the form is made."""
    if runtime.answer.status_code != 200:
        return fail(
            f"the server has no schema {runtime.name!r} ({_said(runtime.answer)}). If the runtime is installed "
            "there, the server's log says more: see row 20, 21 and 53, too"
        )


@live_check(19)
def served_schema_has_its_type(runtime):
    """The key `runtime_type` of the schema."""
    if not runtime.schema.get("runtime_type"):
        return fail("the schema that the server serves has no key 'runtime_type'")


@live_check(2)
def type_is_listed(runtime):
    """The type of the runtime in the list that the editor loads."""
    if not runtime.server.listed_types.get(runtime.type_id, {}).get("runtime_enabled"):
        return fail(
            f"the server does not list the type {runtime.type_id!r} as enabled. Its ELYRA_PROCESSOR_RUNTIMES leaves "
            "the runtime out, or its log says why the processor is not loaded (row 3)"
        )


REFUSALS = {
    24: "Unknown Runtimes schema name",
    55: "display_name",
    25: "No module named|must be a subclass",
    23: "runtime_type",
}
"""What the server says when it refuses a configuration, by row: the first that matches."""


def _refusal(runtime, row):
    """Return a ``Finding`` if the server refuses the made-up configuration because of ``row``.

    Raises ``Skip`` if it does so because of another one, or because the values do not please the runtime.
    """
    saved = runtime.trial.saved
    if saved.status_code == 201:
        return None
    said = _said(saved)
    found = next((number for number, words in REFUSALS.items() if re.search(words, said)), None)
    refused = f"the server refuses a made-up configuration with {said}"
    if found == row:
        return fail(refused)
    if found is None and row == 25 and saved.status_code >= 500:
        return warn(refused)
    raise Skip(refused + (f" (row {found})" if found else ""))


@live_check(55)
def form_can_be_saved(runtime):
    """A made-up configuration, sent as the form does, with the display name twice."""
    return _refusal(runtime, 55)


@live_check(24)
def nothing_stays_behind(runtime):
    """A made-up configuration, sent as the form does, and whether it can be removed."""
    if runtime.trial.left:
        name = runtime.trial.name
        return fail(f"the configuration {name!r} stays: elyra-metadata remove runtimes --name={name}")
    return _refusal(runtime, 24)


@live_check(25)
def configuration_is_listed(runtime):
    """A made-up configuration in the list that the Runtimes panel shows."""
    refused = _refusal(runtime, 25)
    if not refused and not runtime.trial.listed:
        return fail("a made-up configuration was saved, and is not in the list of configurations")
    return refused


@live_check(23)
def saved_type_is_right(runtime):
    """The field `runtime_type` of a made-up configuration that was saved and loaded."""
    refused = _refusal(runtime, 23)
    if refused:
        return refused
    if runtime.trial.loaded.status_code != 200:
        raise Skip(f"a made-up configuration cannot be loaded: {_said(runtime.trial.loaded)}")
    type = _document(runtime.trial.loaded).get("metadata", {}).get("runtime_type")
    if type != runtime.type_id:
        return fail(f"the schema says {runtime.type_id!r}, and a made-up configuration was loaded with {type!r}")
