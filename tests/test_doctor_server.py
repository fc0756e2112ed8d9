"""The doctor asks a running server: a real one, and one that answers like Elyra with one fault."""

import json
import os
import signal
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path

import pytest
from host import Server, own_jupyter, run

from elyra_runtime_doctor import live
from elyra_runtime_doctor.host import COMMANDS

TOKEN = "a-secret-token"
SCHEMA = files("demo_runtime").joinpath("demoruntime.json").read_text(encoding="utf-8")
ROWS_OF_THE_SERVER = {9, 11, 16, 17, 46, 51}
ROWS_OF_A_RUNTIME = {2, 19, 23, 24, 25, 54, 55}


def doctor(*arguments, token=TOKEN):
    """Run the command with ``token`` in its environment."""
    variables = {} if token is None else {"JUPYTER_TOKEN": token}
    return run("elyra-runtime-doctor", *arguments, env={**os.environ, **variables})


def of_the_server(done):
    """Return what the server told, by runtime and row."""
    results = [result for result in json.loads(done.stdout)["results"] if result["where"] == "server"]
    return {(result["runtime"], result["number"]): result for result in results}


def files_of(server):
    """Return what lies on the disk of ``server``, with its content."""
    return {path: path.read_bytes() for path in Path(server.directories["JUPYTER_DATA_DIR"]).rglob("*.json")}


@pytest.fixture(scope="session")
def everything(server):
    """The command about all runtimes on a real server, and what was there before and after."""
    before = server.get("elyra/metadata/runtimes").json(), files_of(server)
    done = doctor("--json", "--server", server.url + "lab/tree/work.py", token=server.token)
    after = server.get("elyra/metadata/runtimes").json(), files_of(server)
    return done, before, after


@pytest.mark.parametrize("runtime", ["demoruntime", "dask"])
def test_a_healthy_runtime_passes_on_a_real_server(everything, runtime):
    done, _, _ = everything
    results = of_the_server(done)
    rows = {(name, row) for name, row in results if name in (runtime, "environment")}
    assert rows == {("environment", row) for row in ROWS_OF_THE_SERVER} | {(runtime, row) for row in ROWS_OF_A_RUNTIME}
    assert {(results[key]["status"], results[key]["found"]) for key in rows} == {("pass", "")}


def test_the_runtimes_of_elyra_pass_or_are_skipped_for_a_reason(everything):
    results = of_the_server(everything[0])
    for (name, row), result in results.items():
        if name == "local" and row not in (2,):
            assert (result["status"], result["found"]) == ("skipped", "the local runtime has none")
        elif (name, row) in {("kfp", row) for row in (23, 24, 25, 55)}:
            assert result["status"] == "skipped"
            assert "400: A username and password are required" in result["found"]
        elif name in ("kfp", "local"):
            assert (result["status"], result["found"]) == ("pass", "")
    assert {"kfp", "local"} <= {name for name, _ in results}


def test_nothing_is_left_on_the_server(everything):
    _, before, after = everything
    assert before == after
    assert before[0]["runtimes"]
    assert before[1]


def test_a_report_says_where_each_result_comes_from(everything, server):
    report = json.loads(everything[0].stdout)
    assert report["server"] == server.url
    assert {result["where"] for result in report["results"]} == {"here", "server"}
    here, there = (
        {frozenset(result) for result in report["results"] if result["where"] == where} for where in ("here", "server")
    )
    assert here == there
    assert len(here) == 1


def test_the_text_tells_the_server_from_the_environment(server):
    done = doctor("demoruntime", "--verbose", "--server", server.url, token=server.token)
    assert done.returncode == 0, done.stdout + done.stderr
    here, _, there = done.stdout.partition(f"On the server {server.url}:\n")
    assert here.startswith("In this environment:\n")
    assert there.startswith("environment: 6 checks: 6 passed\n")
    assert "\ndemoruntime: 7 checks: 7 passed\n" in there
    assert server.token not in done.stdout + done.stderr


def test_a_runtime_that_is_not_enabled_there_is_found(two_runtimes_server):
    asked = live.connect(two_runtimes_server.url, two_runtimes_server.token)
    results = {result["number"]: result for result in live.examine(asked, ["kfp"])}
    assert results[2]["status"] == "fail"
    assert "'KUBEFLOW_PIPELINES'" in results[2]["found"]
    assert results[54]["status"] == "pass"


PROVIDER = """
import json
from pathlib import Path
from elyra.metadata.schema import SchemasProvider

class Provider(SchemasProvider):
    def get_schemas(self):
        return [json.loads(Path(__file__).with_suffix(".json").read_text())]
"""


@contextmanager
def serving_schema(directory, schema):
    """A real server on which a package brings ``schema``, and nothing else."""
    (directory / "acme.py").write_text(PROVIDER)
    (directory / "acme.json").write_text(json.dumps(schema))
    information = directory / "acme-1.0.dist-info"
    information.mkdir()
    (information / "entry_points.txt").write_text("[metadata.schemas_providers]\nacme = acme:Provider\n")
    with Server(directory, directories=own_jupyter(directory), PYTHONPATH=str(directory)) as server:
        yield server


def test_a_file_that_a_refused_configuration_leaves_is_removed(tmp_path):
    schema = json.loads(SCHEMA)
    schema |= {"name": "acme", "runtime_type": "KUBEFLOW_PIPELINES"}
    schema["metadata_class_name"] = "elyra.pipeline.runtimes_metadata.RuntimesMetadata"
    schema["properties"]["schema_name"]["const"] = "acme"
    container = schema["properties"]["metadata"]
    del container["properties"]["runtime_type"]["default"], container["additionalProperties"]
    with serving_schema(tmp_path, schema) as server:
        before = files_of(server)
        results = live.examine(live.connect(server.url, server.token), ["acme"])
        after = files_of(server)
    [failed] = [result for result in results if result["status"] == "fail"]
    assert failed["number"] == 24
    assert "400: Unknown Runtimes schema name" in failed["found"]
    assert before == after
    assert "doctor_" in server.log


def test_elyra_that_a_real_server_could_not_load_is_row_46(tmp_path):
    elyras = files("elyra").joinpath("metadata", "schemas", "local-file-catalog.json").read_text(encoding="utf-8")
    schema = json.loads(elyras) | {"name": "acme"}
    schema["properties"]["schema_name"]["const"] = "acme"
    schema["properties"]["metadata"]["properties"]["runtime_type"]["enum"] = ["UNINSTALLED"]
    fields = {"runtime_type": "UNINSTALLED", "categories": [], "paths": ["acme.yaml"]}
    catalogs = Path(own_jupyter(tmp_path)["JUPYTER_DATA_DIR"], "metadata", "component-catalogs")
    catalogs.mkdir(parents=True)
    catalog = {"schema_name": "acme", "display_name": "Left", "metadata": fields}
    (catalogs / "left.json").write_text(json.dumps(catalog))
    with serving_schema(tmp_path, schema) as server:
        results = live.examine(live.connect(server.url, server.token), ["demoruntime"])
    assert "extension failed loading" in server.log
    assert [result["number"] for result in results if result["status"] == "fail"] == [46]
    assert {result["status"] for result in results} == {"fail", "skipped"}


# What cannot be asked.


def assert_refused(done, *words):
    """Check that the command ends with one sentence, and does not tell the token."""
    assert (done.returncode, done.stdout) == (2, "")
    assert TOKEN not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    for word in words:
        assert word in done.stderr


def test_a_wrong_token_is_refused(server):
    assert_refused(doctor("--server", server.url), server.url, "refuses the token", "JUPYTER_TOKEN")


def test_a_missing_token_is_named(server):
    done = doctor("--server", server.url, token=None)
    assert_refused(done, server.url, "asks for a token", "JUPYTER_TOKEN")


@pytest.mark.parametrize(
    "url",
    [
        f"http://localhost:8888/lab?token={TOKEN}",
        f"http://localhost:8888/#{TOKEN}",
        f"http://localhost:8888/lab&token={TOKEN}",
        f"http://{TOKEN}@localhost:8888/",
        f"localhost:8888/{TOKEN}",
        f"ftp://localhost/{TOKEN}",
        f"http://[{TOKEN}/",
        f"http://localhost:port/{TOKEN}",
        "",
    ],
)
def test_an_address_that_is_none_is_refused_and_not_quoted(url):
    with pytest.raises(live.Unusable, match="The address of the server has to") as refusal:
        live.connect(url, TOKEN)
    assert TOKEN not in str(refusal.value)


def test_a_token_in_the_address_is_not_taken(server):
    done = doctor("--server", f"{server.url}lab?token={TOKEN}", token=None)
    assert_refused(done, "'?'", "JUPYTER_TOKEN")


@pytest.mark.parametrize("token", [TOKEN + "\n", "a secret-token", "비밀"])
def test_a_token_that_is_none_is_refused_and_not_quoted(token):
    with pytest.raises(live.Unusable, match="JUPYTER_TOKEN holds") as refusal:
        live.connect("http://localhost:8888/", token)
    assert token.strip() not in str(refusal.value)


def test_an_address_without_a_server_is_named():
    assert_refused(doctor("--server", "http://127.0.0.1:9/"), "No Jupyter server answers at http://127.0.0.1:9/")


@contextmanager
def serving(handler):
    """An HTTP server in a thread. Yields its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.05,)).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def test_a_server_of_files_is_no_jupyter_server(tmp_path):
    class Files(SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=tmp_path)

        def log_message(self, *_):
            pass

    with serving(Files) as url:
        assert_refused(doctor("--server", url + "lab"), url, "is no Jupyter server", "base URL")


# A server that answers like Elyra.


class Elyra:
    """Answers like a Jupyter server with Elyra and the Demo Runtime. ``answers`` are put in the place of its own."""

    def __init__(self):
        self.schema = json.loads(SCHEMA)
        self.type = {"id": "DEMO_RUNTIME", "icon": "static/demo_runtime/demo_runtime.svg", "runtime_enabled": True}
        self.answers = {}
        self.configurations = {}
        self.requests = []
        self.posted = threading.Event()

    def answer(self, method, path, headers, body):
        """Return a status, and a document or the text of an image."""
        self.requests.append((method, path, headers.get("Authorization")))
        configurations, _, name = path.partition("/metadata/runtimes")
        given = self.answers.get((method, path)) or self.answers.get((method, configurations + "/metadata/runtimes"))
        if method == "POST":
            self.configurations[body["name"]] = body
            self.posted.set()
        if method != "GET" or not name:
            if callable(given):
                given = given(body or headers)
            if given:
                return given
        if path == "/api":
            return 200, {"version": "2.0"}
        if headers.get("Authorization") != f"token {TOKEN}":
            return 403, {"message": "Forbidden"}
        return self._of_elyra(method, path, name.strip("/"), body)

    def _of_elyra(self, method, path, name, body):
        own = {
            "/api/status": {},
            "/elyra/pipeline/runtimes/types": {"runtime_types": [self.type]},
            "/elyra/schema/runtimes": {"runtimes": [self.schema]},
            "/elyra/schema/runtimes/demoruntime": self.schema,
            "/elyra/metadata/runtimes": {"runtimes": list(self.configurations.values())},
            "/static/demo_runtime/demo_runtime.svg": "<svg/>",
        }
        if method == "POST":
            return 201, body
        if name and method == "DELETE":
            return (204, None) if self.configurations.pop(name, None) else (404, {"message": "No such instance"})
        document = self.configurations.get(name) if name else own.get(path)
        return (404, {"message": "No such instance"}) if document is None else (200, document)


@pytest.fixture
def elyra():
    """An ``Elyra`` with an address, ``url``."""
    elyra = Elyra()

    class Handler(BaseHTTPRequestHandler):
        def do(self):
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, content, *more = elyra.answer(self.command, self.path, self.headers, body)
            self.send_response(status)
            is_image = isinstance(content, str)
            self.send_header("Content-Type", "image/svg+xml" if is_image else "application/json")
            for name, value in more:
                self.send_header(name, value)
            self.end_headers()
            if content is not None:
                self.wfile.write((content if is_image else json.dumps(content)).encode())

        do_GET = do_POST = do_DELETE = do

        def log_message(self, *_):
            pass

    with serving(Handler) as elyra.url:
        yield elyra


def examined(elyra, *names, **also):
    """Return the results that are no pass, by row: the status and what was found."""
    results = live.examine(live.connect(elyra.url, TOKEN), names or ["demoruntime"], **also)
    return {result["number"]: (result["status"], result["found"]) for result in results if result["status"] != "pass"}


def test_the_server_that_answers_like_elyra_is_healthy(elyra):
    assert examined(elyra) == {}
    assert elyra.configurations == {}


REQUIRED = {"api_endpoint", "cos_endpoint", "cos_bucket"}


@pytest.mark.parametrize("default, hidden", [({"default": "DEMO_RUNTIME"}, {"runtime_type"}), ({}, set())])
def test_the_configuration_is_the_one_that_the_form_sends(elyra, default, hidden):
    sent = []
    elyra.answers["POST", "/elyra/metadata/runtimes"] = sent.append
    container = elyra.schema["properties"]["metadata"]
    del container["properties"]["runtime_type"]["default"]
    container["properties"]["runtime_type"] |= default
    container["required"].append("runtime_type")
    examined(elyra)
    [body] = sent
    assert body["name"] == body["display_name"] == body["metadata"].pop("display_name")
    assert body["schema_name"] == "demoruntime"
    assert set(body["metadata"]) == REQUIRED | hidden


@pytest.mark.parametrize(
    "row, message",
    [
        (11, "Runtime type RuntimeProcessorType.DEMO_RUNTIME is not recognized."),
        (16, "'DemoRuntimeResources' object has no attribute 'icon_endpoint'"),
        (9, "'str' object has no attribute 'name'"),
    ],
)
def test_a_broken_list_of_types_is_the_row_of_its_message(elyra, row, message):
    elyra.answers["GET", "/elyra/pipeline/runtimes/types"] = 500, {"message": message, "traceback": "..."}
    found = examined(elyra)
    assert found.pop(row) == ("fail", f"elyra/pipeline/runtimes/types answers 500: {message}")
    assert {status for status, _ in found.values()} == {"skipped"}
    assert set(found) == ({9, 11, 16} - {row}) | {2, 17, 51}


def without_elyra(elyra):
    original = elyra._of_elyra
    elyra._of_elyra = lambda method, path, *rest: (404, {}) if "/elyra/" in path else original(method, path, *rest)


def test_elyra_that_failed_to_load_is_row_46(elyra):
    without_elyra(elyra)
    elyra.answers["GET", f"/{live.PIPELINE_EDITOR}"] = 200, {}
    found = examined(elyra)
    assert found.pop(46)[0] == "fail"
    assert {status for status, _ in found.values()} == {"skipped"}


def test_a_server_without_elyra_is_refused(elyra):
    without_elyra(elyra)
    assert_refused(doctor("--server", elyra.url), elyra.url, "is without Elyra")


@pytest.mark.parametrize("row, status", [(17, 404), (17, 500), (51, 403)])
def test_an_icon_that_is_not_served_is_found(elyra, row, status):
    elyra.answers["GET", "/static/demo_runtime/demo_runtime.svg"] = status, {}
    icon = "DEMO_RUNTIME: static/demo_runtime/demo_runtime.svg"
    assert examined(elyra) == {row: ("fail", f"{icon} answers {status}")}


def test_an_icon_that_is_no_image_is_a_warning(elyra):
    elyra.answers["GET", "/static/demo_runtime/demo_runtime.svg"] = 200, {}
    [(row, (status, found))] = examined(elyra).items()
    assert (row, status) == (17, "warning")
    assert "application/json" in found


def test_a_schema_that_is_not_served_is_row_54(elyra):
    answer = 404, {"message": "Schema 'demoruntime' is not found."}
    elyra.answers["GET", "/elyra/schema/runtimes/demoruntime"] = answer
    found = examined(elyra)
    status, said = found.pop(54)
    assert status == "fail"
    assert "404: Schema 'demoruntime' is not found." in said
    assert {status for status, _ in found.values()} == {"skipped"}
    assert not elyra.posted.is_set()


def test_a_schema_without_its_type_is_row_19(elyra):
    del elyra.schema["runtime_type"]
    found = examined(elyra)
    assert found[19][0] == "fail"
    assert found[2][0] == found[23][0] == "skipped"


@pytest.mark.parametrize("type", [{"id": "LOCAL"}, {"runtime_enabled": False}])
def test_a_type_that_is_not_listed_is_row_2(elyra, type):
    elyra.type |= type
    [(row, (status, found))] = examined(elyra).items()
    assert (row, status) == (2, "fail")
    assert "'DEMO_RUNTIME'" in found


UNEXPECTED = "Validation failed: Additional properties are not allowed ('display_name' was unexpected)"


@pytest.mark.parametrize(
    "row, status, message",
    [
        (24, 400, "Unknown Runtimes schema name detected: 'demoruntime'!  Skipping..."),
        (55, 400, UNEXPECTED),
        (25, 500, "ModuleNotFoundError(\"No module named 'demo_runtime.metadat'\")"),
        (25, 400, "The metadata_class_name ('os.path') for schema 'demoruntime' must be a subclass of 'Metadata'!"),
        (23, 400, "Validation failed: 'runtime_type' is a required property"),
    ],
)
def test_a_refused_configuration_is_the_row_of_its_message_and_leaves_nothing(elyra, row, status, message):
    elyra.answers["POST", "/elyra/metadata/runtimes"] = status, {"message": message}
    found = examined(elyra)
    assert found.pop(row) == ("fail", f"the server refuses a made-up configuration with {status}: {message}")
    assert set(found) == {23, 24, 25, 55} - {row}
    assert {status for status, _ in found.values()} == {"skipped"}
    assert elyra.posted.is_set()
    assert elyra.configurations == {}


@pytest.mark.parametrize("status, expected", [(400, {"skipped"}), (403, {"skipped"}), (500, {"skipped", "warning"})])
def test_a_configuration_that_is_refused_otherwise_is_told(elyra, status, expected):
    elyra.answers["POST", "/elyra/metadata/runtimes"] = status, {"message": "Not today"}
    found = examined(elyra)
    assert set(found) == {23, 24, 25, 55}
    assert {status for status, _ in found.values()} == expected
    assert {said for _, said in found.values()} == {
        f"the server refuses a made-up configuration with {status}: Not today"
    }


def test_a_value_that_cannot_be_made_up_is_told(elyra):
    field = elyra.schema["properties"]["metadata"]["properties"]["cos_bucket"]
    field["pattern"] = "^[0-9]{13}$"
    found = examined(elyra)
    assert set(found) == {23, 24, 25, 55}
    assert {status for status, _ in found.values()} == {"skipped"}
    assert "'cos_bucket'" in found[23][1]
    assert not elyra.posted.is_set()


def test_a_configuration_without_its_type_is_row_23(elyra):
    elyra.answers["POST", "/elyra/metadata/runtimes"] = lambda body: body["metadata"].pop("runtime_type") and None
    [(row, (status, found))] = examined(elyra).items()
    assert (row, status) == (23, "fail")
    assert found.endswith("was loaded with None")


def test_a_configuration_that_is_not_listed_is_row_25(elyra):
    elyra.answers["GET", "/elyra/metadata/runtimes"] = 200, {"runtimes": []}
    [(row, (status, _))] = examined(elyra).items()
    assert (row, status) == (25, "fail")


def test_a_configuration_that_cannot_be_removed_is_named(elyra, capsys):
    elyra.answers["DELETE", "/elyra/metadata/runtimes"] = 403, {"message": "not permitted"}
    [(row, (status, found))] = examined(elyra).items()
    [name] = elyra.configurations
    assert (row, status) == (24, "fail")
    assert name in found
    assert f"{name!r} may be left on the server {elyra.url}" in capsys.readouterr().err


def test_configurations_of_the_user_are_kept(elyra):
    elyra.configurations["mine"] = {"name": "mine"}
    assert examined(elyra) == {}
    assert list(elyra.configurations) == ["mine"]


def test_all_runtimes_of_the_server_and_those_of_the_doctor_are_examined(elyra):
    results = live.examine(live.connect(elyra.url, TOKEN), also=["elsewhere"])
    assert {result["runtime"] for result in results} == {"environment", "demoruntime", "elsewhere"}
    assert {r["number"] for r in results if r["runtime"] == "elsewhere" and r["status"] == "fail"} == {54}


def test_a_server_that_ends_is_told(elyra):
    def end(_):
        raise ConnectionAbortedError

    elyra.answers["POST", "/elyra/metadata/runtimes"] = end
    with pytest.raises(live.Unusable, match="No Jupyter server answers at .*elyra/metadata/runtimes"):
        examined(elyra)
    assert elyra.configurations == {}


def test_an_interrupted_doctor_removes_its_configuration(elyra):
    go_on = threading.Event()
    elyra.answers["POST", "/elyra/metadata/runtimes"] = lambda _: go_on.wait(60) and None
    command = [COMMANDS / "elyra-runtime-doctor", "demoruntime", "--server", elyra.url]
    process = subprocess.Popen(
        command,
        env={**os.environ, "JUPYTER_TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell lets what it starts in the background ignore this signal, the tests too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert elyra.posted.wait(60)
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=60)
    go_on.set()
    assert (process.returncode, out, said) == (2, "", "Interrupted, without a report.\n")
    assert elyra.configurations == {}


# The token.


def test_a_redirection_is_not_followed(elyra):
    elyra.answers["GET", "/api/status"] = 302, None, ("Location", "/login?next=x")
    assert_refused(doctor("--server", elyra.url), "refuses the token")
    assert [path for _, path, _ in elyra.requests] == ["/api", "/api/status"]


def test_the_token_is_for_a_jupyter_server_only(elyra):
    elyra.answers["GET", "/api"] = 200, {"hello": "world"}
    with pytest.raises(live.Unusable, match="is no Jupyter server"):
        live.connect(elyra.url, TOKEN)
    assert elyra.requests == [("GET", "/api", None)]


def test_a_token_that_the_server_repeats_is_hidden(elyra):
    elyra.answers["GET", "/elyra/pipeline/runtimes/types"] = lambda headers: (
        500,
        {"message": f"no header {headers['Authorization']}"},
    )
    done = doctor("demoruntime", "--json", "--server", elyra.url)
    assert done.returncode == 1
    assert "no header token (token)" in of_the_server(done)["environment", 9]["found"]
    assert TOKEN not in done.stdout + done.stderr


def test_no_password_of_a_netrc_is_sent(elyra, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password hidden\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert examined(elyra) == {}
    assert {header for _, _, header in elyra.requests} == {None, f"token {TOKEN}"}
