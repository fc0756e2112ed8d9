"""Runtimes that others have begun as forks of Elyra, on the kit. Stand-ins take the calls of their services."""

import base64
import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from engine import ended, kill, lead, log, made, states, until

from elyra_runtime_kit.testing import configure, in_memory, pipeline

SECRET = "correct horse"
TESTS = Path(__file__).parent


class Service(BaseHTTPRequestHandler):
    """Answers with what ``server.answer`` returns: a status, headers, and what becomes JSON."""

    def do_GET(self):
        sent = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "null")
        status, headers, body = self.server.answer(self.command, self.path, self.headers["Authorization"], sent)
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    do_POST = do_GET

    def log_message(self, *_):
        pass


@contextmanager
def served(answer):
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        server.answer = answer
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Site:
    """A UNICORE site whose jobs are processes of this machine."""

    user = "Basic " + base64.b64encode(f"me:{SECRET}".encode()).decode()

    def __init__(self):
        self.jobs, self.seen, self.address = [], [], ""

    def __call__(self, method, path, user, sent):
        self.seen.append(sent)
        if user != self.user:
            return 401, {}, {}
        _, _, job = path.partition("/jobs/")
        if method == "POST" and not job:
            process = subprocess.Popen([sent["Executable"], *sent["Arguments"]], stdin=subprocess.PIPE)
            with process.stdin:
                process.stdin.write(sent["Imports"][0]["Data"].encode())
            self.jobs.append(process)
            return 201, {"Location": f"{self.address}/jobs/{len(self.jobs) - 1}"}, {}
        if not job:
            return 200, {}, {"jobs": []}
        process = self.jobs[int(job.partition("/")[0])]
        if job.endswith("/actions/abort"):
            process.terminate()
        return 200, {}, {"status": {None: "RUNNING", 0: "SUCCESSFUL"}.get(process.poll(), "FAILED")}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """A proxy does not know the servers of this machine."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    site = Site()
    with served(site) as site.address:
        yield site


def on(site, scripts, password=SECRET, **more):
    settings = {"api_endpoint": site.address, "api_username": "me", "api_password": password}
    return made(scripts, executor="unicore:UnicoreExecutor", **settings, **more)


def test_nodes_run_on_a_unicore_site_and_its_driver_may_be_killed(site, tmp_path):
    go = tmp_path / "go"
    scripts = {
        "a": f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.1)\nopen('a.txt', 'w').write('42')",
        "b": "import os\nprint(open('a.txt').read(), len(os.environ['KEY']))",
    }
    run = on(site, scripts, parents={"b": ["a"]}, outputs={"a": ["a.txt"]}, environment={"b": {"KEY": "open sesame"}})
    first = lead(run)
    until(lambda: states(run)["a"] == "running", "the first node")
    kill(first)
    go.touch()
    assert ended(run, lead(run)) == ("done", "")
    assert (log(run, 1), len(site.jobs)) == ("42 11\n", 2)


def test_a_run_on_unicore_is_cancelled_and_a_wrong_password_is_refused(site):
    run = on(site, {"a": "import time\ntime.sleep(600)"})
    driver = lead(run)
    until(lambda: states(run)["a"] == "running", "the node")
    run.cancel()
    assert ended(run, driver)[0] == "cancelled"
    assert site.jobs[0].wait(60) is not None
    refused = on(site, {"a": ""}, password="a guess")
    driver = lead(refused)
    assert driver.wait(60) is not None and len(site.jobs) == 1
    assert "refuses the user" in refused.state()[1] and "guess" not in refused.state()[1]


@pytest.fixture
def prefect(jupyter, root):
    """The class of the runtime for Prefect, known to Elyra for as long as the test."""
    from prefect_runtime import PrefectPipelineProcessor as Prefect

    (root / "a.py").write_text("print('a')")
    (root / "b.py").write_text("print('b')")
    said = vars(Prefect.declaration)
    names = {**said, "name": "prefect2", "type_id": "PREFECT2", "display_name": "Prefect, in memory"}
    with in_memory(root, Prefect.run, Prefect.render, **names) as runtime:
        type(runtime)._ask = Prefect._ask
        yield runtime


def test_a_flow_run_of_prefect_is_started_and_its_address_returned(prefect):
    asked = []

    def answer(method, path, key, sent):
        asked.append((method, path, key))
        return 200, {}, {"id": "d1"} if method == "GET" else {"id": "r1", "name": "brave-otter"}

    with served(answer) as address:
        sent = pipeline(prefect, {"a": "a.py"}, configure(prefect, api_endpoint=f"{address}/api", api_key=SECRET))
        assert prefect.process(sent).run_url == f"{address}/runs/flow-run/r1"
    assert asked == [
        ("GET", "/api/deployments/name/pipeline/elyra", f"Bearer {SECRET}"),
        ("POST", "/api/deployments/d1/create_flow_run", f"Bearer {SECRET}"),
    ]
    with pytest.raises(RuntimeError, match="No Prefect server answers at .* Correct API Endpoint"):
        prefect.process(sent)


def test_the_exported_flow_of_prefect_runs_each_node_after_its_parents(prefect, root, tmp_path):
    # Prefect itself is not installed: its two decorators are all that the flow takes of it.
    (tmp_path / "prefect.py").write_text(
        "def flow(name):\n    return lambda function: function\n\n\n"
        "class task:\n    def __init__(self, function):\n        self.run = function\n\n"
        "    def submit(self, *arguments, wait_for):\n        self.run(*arguments)\n        return self\n\n"
        "    def result(self):\n        pass\n"
    )
    nodes = {"b": {"file": "b.py", "after": ["a"]}, "a": "a.py"}
    name = configure(prefect, api_endpoint="http://127.0.0.1:1/api", api_key=SECRET)
    prefect.export(pipeline(prefect, nodes, name), "py", "flow.py", False)
    text = (root / "flow.py").read_text()
    assert "wait_for=[node_0]" in text and SECRET not in text
    done = subprocess.run(
        [sys.executable, root / "flow.py"], env={"PYTHONPATH": str(tmp_path), "PATH": str(Path(sys.executable).parent)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "a\nb\n"), done.stderr


@pytest.mark.parametrize("runtime", ["unicore.py", "prefect_runtime.py"])
def test_each_is_small(runtime):
    assert len((TESTS / runtime).read_text(encoding="utf-8").splitlines()) <= 100
