"""The pages of the runs, and what they ask for, at a real Jupyter server under a base URL."""

import http.client
import json
import os
import resource
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, urlsplit

import psutil
import pytest
import requests
from pipelines import node
from runs import end_all_runs, sent, until

from elyra_runtime_doctor.host import Server, own_jupyter
from elyra_runtime_engine.files import PIECE
from elyra_runtime_engine.run import ENDED, Run, find_run, run_ids, runs_folder
from elyra_runtime_engine.server import RUNS_LISTED, SECONDS_TO_LIST, run_url

BASE = "/user/somebody/"
API = "elyra_runtime_engine/api/runs"
SECRET = "open-sesame-7f3a"
CONFIGURATION = {
    "schema_name": "dask",
    "display_name": "Dask",
    "metadata": {"api_endpoint": "local", "cos_endpoint": "default"},
}


@contextmanager
def dask_server(directory):
    """Yield a real Jupyter server with the runtime configuration ``dask``. No run of it goes on after that."""
    with pytest.MonkeyPatch.context() as patch, Server(directory, base_url=BASE) as server:
        for name, value in server.directories.items():
            patch.setenv(name, value)  # so that the tests find its runs
        server.post("elyra/metadata/runtimes", CONFIGURATION).raise_for_status()
        try:
            yield server
        finally:
            end_all_runs()


def submit(server, *nodes, name="weather"):
    """Run a pipeline as the editor does. Return the path of its page, and its id."""
    answer = server.post("elyra/pipeline/schedule", sent(*nodes, configuration="dask", name=name))
    assert answer.ok, answer.text
    path = answer.json()["run_url"]
    return path, path.rpartition("/")[2]


def ended(server, id):
    """Wait for the end of the run ``id``. Return what the server tells of it."""
    until(lambda: server.get(f"{API}/{id}").json()["state"] in ENDED, "the end of the run")
    return server.get(f"{API}/{id}").json()


def script(server, name, text):
    (server.root / name).write_text(text, encoding="utf-8")


def made(*names, pipeline="weather", parents=None, home=None, **facts):
    """Make a run whose nodes are called ``names``, with its files below ``home``. No process leads it."""
    parents = parents or {}
    nodes = [
        {
            **{"number": number, "id": name, "name": name, "kind": "Python script", "file": f"{name}.py"},
            **{"dependencies": [], "include_subdirectories": False, "outputs": [], "environment": []},
            **{"parents": parents.get(number, []), "resources": {}, "notes": []},
        }
        for number, name in enumerate(names)
    ]
    settings = {"api_endpoint": "tcp://scheduler:8786", "cos_endpoint": "default", "tls_key": "/keys/mine"}
    facts = {"pipeline": pipeline, "configuration": "dask", "settings": settings, "root": "/home/ada", **facts}
    return Run.create({**facts, "nodes": nodes}, [{"KEY": SECRET} for _ in nodes], home)


def kept(run, number, name, content):
    """Let node ``number`` of ``run`` leave a file."""
    path = run.node(number) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return [name, len(content)]


@pytest.fixture(scope="module")
def server(nobodys_jupyter, tmp_path_factory):
    with dask_server(tmp_path_factory.mktemp("dask")) as server:
        yield server


HANGING = """
import io, os, re, time

listdir = os.listdir

def hanging(function):
    def call(path, *arguments, **options):
        name = path if isinstance(path, int) else os.fsdecode(path)
        while any(part in str(name) for part in listdir({hung!r})):
            time.sleep(0.05)
        return function(path, *arguments, **options)
    return call

for name in ("stat", "lstat", "open", "listdir", "scandir", "readlink"):
    setattr(os, name, hanging(getattr(os, name)))
io.open = __builtins__["open"] = hanging(io.open)

from elyra_runtime_engine import server, start

server.SECONDS_TO_READ = {seconds}
start.SECONDS_TO_ANSWER = {seconds}
"""

SECONDS_TO_HANG = 3
"""So long does that server wait for a folder."""


@contextmanager
def server_with_a_hung_folder(directory):
    """Yield a Jupyter server, and a folder: a file in it lets all paths hang that hold its name.

    That is what a file server does that is gone: whoever touches one of its files waits, until it is back.
    """
    hung = directory / "hung"
    hung.mkdir()
    settings = Path(own_jupyter(directory)["JUPYTER_CONFIG_DIR"], "jupyter_server_config.py")
    settings.write_text(HANGING.format(hung=str(hung), seconds=SECONDS_TO_HANG))
    with dask_server(directory) as server:
        yield server, hung
        for file in hung.iterdir():
            file.unlink()


def raw(server, path, method="GET", **headers):
    """Send a request for ``path`` as it is: other clients would tidy it up. Return the status, headers and body."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(server.url).port)
    connection.request(method, BASE + path, headers={"Authorization": f"token {server.token}", **headers})
    answer = connection.getresponse()
    try:
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_a_run_is_followed_to_its_end(server):
    script(server, "write.py", "import os\nprint('key', os.environ['KEY'])\nopen('a.csv', 'w').write('x')\n")
    script(server, "read.py", "print(open('a.csv').read(), '한국어')\n")
    variables = [{"env_var": "KEY", "value": SECRET}]
    path, id = submit(
        server,
        node("write", filename="write.py", outputs=["*.csv"], env_vars=variables),
        node("read", ["write"], filename="read.py"),
    )
    assert path == f"{BASE}elyra_runtime_engine/runs/{id}"
    answers, events, query = [], [], ""
    while True:
        answers.append(server.get(f"{API}/{id}{query}"))
        told = answers[-1].json()
        events += told["events"]
        assert ("nodes" in told) == (not query)
        query = f"?after={told['next']}"
        if told["state"] in ENDED:
            break
        time.sleep(0.1)
    assert told["state"] == "done"
    assert server.get(f"{API}/{id}{query}").json()["events"] == []
    assert events == server.get(f"{API}/{id}").json()["events"]
    assert [event["state"] for event in events if event.get("node") == 1] == ["running", "done"]
    facts = answers[0].json()
    assert (facts["pipeline"], facts["configuration"], facts["place"]) == ("weather", "dask", "local")
    assert [(n["name"], n["parents"], n["environment"]) for n in facts["nodes"]] == [
        ("write", [], ["KEY"]),
        ("read", [0], []),
    ]
    logs = [server.get(f"{API}/{id}/nodes/{number}/log") for number in (0, 1)]
    assert [log.json()["text"] for log in logs] == ["key (hidden)\n", "x 한국어\n"]
    file = server.get(f"{API}/{id}/files/0/outputs/a.csv")
    assert (file.text, file.headers["Content-Disposition"]) == ("x", "attachment; filename*=UTF-8''a.csv")
    page, runs = server.get(f"elyra_runtime_engine/runs/{id}"), server.get(API)
    assert runs.json()["runs"][0]["id"] == id
    assert not any(SECRET in answer.text for answer in [*answers, *logs, page, runs])
    assert "settings" not in facts and str(server.root) not in answers[0].text


@pytest.mark.parametrize("path", ["elyra_runtime_engine/runs", "elyra_runtime_engine/runs/nothing"])
def test_the_pages_hold_no_script_and_load_from_here_alone(server, path):
    page = server.get(path)
    assert page.status_code == (404 if "nothing" in path else 200)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy
    assert f'src="{BASE}static/elyra_runtime_engine/elyra_runtime_engine_run' in page.text
    assert "<style" not in page.text and page.text.count("<script") == 1


def test_the_id_in_the_address_stays_text(server):
    page = server.get("elyra_runtime_engine/runs/" + quote('"><script>$run', safe=""))
    assert page.status_code == 404
    assert 'data-run="&quot;&gt;&lt;script&gt;$run"' in page.text


def test_who_is_not_logged_in_sees_and_does_nothing(server):
    run = made("a")
    run.append(node=0, state="done", files=[kept(run, 0, "outputs/a.csv", b"x")])
    anonymous = requests.Session()
    anonymous.trust_env = False
    for path in ("runs", f"runs/{run.id}", f"api/runs/{run.id}/files/0/outputs/a.csv"):
        answer = anonymous.get(f"{server.url}elyra_runtime_engine/{path}", allow_redirects=False)
        assert answer.status_code == 302 and answer.headers["Location"].startswith(f"{BASE}login")
    for path in ("", f"/{run.id}", f"/{run.id}/nodes/0/log"):
        assert anonymous.get(server.url + API + path, allow_redirects=False).status_code == 403
    for action in ("cancel", "again", "delete"):
        assert anonymous.post(f"{server.url}{API}/{run.id}/{action}").status_code == 403
    assert not run.is_cancelled()


def test_another_site_cannot_act_with_the_cookie_of_the_user(server):
    run = made("a")
    browser = requests.Session()
    browser.trust_env = False
    browser.get(f"{server.url}elyra_runtime_engine/runs?token={server.token}").raise_for_status()
    url = f"{server.url}{API}/{run.id}/cancel"
    assert browser.post(url).status_code == 403
    assert not run.is_cancelled()
    with run.lock():  # somebody leads it
        assert browser.post(url, headers={"X-XSRFToken": browser.cookies["_xsrf"]}).ok
    assert run.is_cancelled()


@pytest.mark.parametrize("path", ["", "/nodes/0/log", "/files/0/a.csv"])
def test_an_unknown_run_is_not_found(server, path):
    for id in ("20200101-000000-00000000", "nothing", "..%2F..", "%00", "%ff"):
        status, _, body = raw(server, f"{API}/{id}{path}")
        assert status in (400, 404), id
        if not path and "%" not in id:
            assert json.loads(body)["message"] == f"There is no run '{id}'."


@pytest.fixture
def files(server):
    """A run with a file that may be had, and with others that may not."""
    run = made("a", "b")
    (run.folder / "nodes" / "secret").write_text("secret")
    listed = [kept(run, 0, "outputs/a.csv", b"x,y\n")]
    kept(run, 0, "outputs/unlisted.csv", b"secret")
    outputs = run.node(0) / "outputs"
    (outputs / "link.txt").symlink_to(run.folder / "token")
    (outputs / "folder").symlink_to("/etc")
    os.mkfifo(outputs / "pipe.txt")
    names = "outputs/link.txt", "outputs/folder/passwd", "outputs/folder", "outputs/pipe.txt", "outputs/gone.txt"
    listed += [[name, 1] for name in (*names, "../../token", "/etc/passwd", "outputs/../../../run.json", "outputs")]
    run.append(node=0, state="done", files=listed)
    return run


def test_only_files_that_a_node_left_are_served(server, files):
    at = f"{API}/{files.id}/files"
    assert raw(server, f"{at}/0/outputs/a.csv")[0] == 200
    paths = [
        *("0/outputs/link.txt", "0/outputs/folder/passwd", "0/outputs/folder", "0/outputs/pipe.txt", "0/outputs"),
        *("0/../../token", "0/..%2F..%2Ftoken", "0/%2e%2e/%2e%2e/token", "0//etc/passwd", "0/%2Fetc%2Fpasswd"),
        *("0/outputs/../../../run.json", "0/outputs%2F..%2F..%2F..%2Frun.json", "0/outputs/unlisted.csv"),
        *("0/outputs/gone.txt", "1/outputs/a.csv", "7/outputs/a.csv", "-1/outputs/a.csv", "..%2Fsecret"),
        *("0/outputs/a.csv%00", "0/outputs/a.csv/", "0/outputs/A.csv", "0/log.txt"),
    ]
    for path in paths:
        status, _, body = raw(server, f"{at}/{path}")
        assert status in (400, 404), path
        assert b"root:" not in body and b"secret" not in body


def test_a_log_that_leads_away_is_not_read(server, files):
    (files.node(0) / "log.txt").symlink_to("/etc/passwd")
    assert server.get(f"{API}/{files.id}/nodes/0/log").json()["text"] == ""
    assert raw(server, f"{API}/{files.id}/files/0/log.txt")[0] == 404


def test_a_browser_shows_images_and_text_and_nothing_that_could_hold_a_script(server):
    run = made("a")
    names = "plot.PNG", '날씨 "표".csv', "page.html", "picture.svg", "a-output.ipynb", "data"
    run.append(node=0, state="done", files=[kept(run, 0, f"outputs/{name}", b"<script>") for name in names])
    types = {}
    for name in names:
        path = f"{API}/{run.id}/files/0/outputs/{quote(name)}"
        status, headers, body = raw(server, f"{path}?open=1")
        assert (status, body, headers["X-Content-Type-Options"]) == (200, b"<script>", "nosniff")
        assert "sandbox" in headers["Content-Security-Policy"]
        types[name] = headers["Content-Disposition"].partition(";")[0], headers["Content-Type"]
        status, headers, _ = raw(server, path)
        assert headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    attachment = "attachment", "application/octet-stream"
    assert types == {
        **dict.fromkeys(names, attachment),
        "plot.PNG": ("inline", "image/png"),
        '날씨 "표".csv': ("inline", "text/plain; charset=utf-8"),
    }


def test_a_large_file_arrives_whole(server):
    run = made("a")
    content = os.urandom(3 * PIECE + 5)
    run.append(node=0, state="failed", files=[kept(run, 0, "a-output.ipynb", content)])
    status, headers, body = raw(server, f"{API}/{run.id}/files/0/a-output.ipynb")
    assert (status, headers["Content-Length"], body == content) == (200, str(len(content)), True)


def test_a_log_grows_and_moves_and_starts_anew(server):
    run = made("a")

    def log(query=""):
        return server.get(f"{API}/{run.id}/nodes/0/log{query}").json()

    assert log() == {"text": "", "from": 0, "next": 0, "attempt": ""}
    run.append(node=0, attempt="0000000a", state="running")
    folder = run.attempt(0, "0000000a")
    folder.mkdir()
    euro = "€".encode()
    (folder / "log.txt").write_bytes(b"one " + euro[:2])
    assert log() == {"text": "one ", "from": 0, "next": 4, "attempt": "0000000a"}
    with open(folder / "log.txt", "ab") as file:
        file.write(euro[2:] + b"\n")
    folder.rename(run.node(0))
    assert log("?from=4") == {"text": "€\n", "from": 4, "next": 8, "attempt": "0000000a"}
    run.append(node=0, attempt="0000000b", state="running")
    assert log("?from=8")["attempt"] == "0000000b"
    assert log("?from=900")["text"] == "one €\n"
    assert server.get(f"{API}/{run.id}/nodes/0/log?from=-1").status_code == 400


@pytest.mark.parametrize("line", [b"x", "날씨".encode(), b"\xff\x80", b"\x80"])
@pytest.mark.parametrize("end", [b"", b"\n", b"\nover"])
def test_a_large_log_of_one_line_is_told_near_its_end(server, line, end):
    run = made("a")
    whole = line * (2 * PIECE // len(line)) + end
    kept(run, 0, "log.txt", whole)
    told = server.get(f"{API}/{run.id}/nodes/0/log").json()
    assert told["next"] == len(whole) > told["from"] >= len(whole) - PIECE
    assert told["text"] and whole[told["from"] :].decode(errors="replace") == told["text"]
    if line == "날씨".encode():
        assert "\N{REPLACEMENT CHARACTER}" not in told["text"]


def test_the_log_of_a_node_that_runs_is_downloaded_as_it_is_by_now(server):
    run = made("a")
    run.append(node=0, attempt="0000000a", state="running")
    path = f"{API}/{run.id}/files/0/log.txt"
    assert raw(server, path)[0] == 404
    kept(run, "0.0000000a", "log.txt", b"up")
    assert raw(server, path)[::2] == (200, b"up")


def test_a_file_whose_name_is_no_text_is_served(server):
    run = made("a")
    name = os.fsdecode(b"outputs/\xff 100%.csv")
    run.append(node=0, state="done", files=[kept(run, 0, name, b"x")])
    (files,) = [event["files"] for event in server.get(f"{API}/{run.id}").json()["events"]]
    assert files == [[name, 1]]
    status, headers, body = raw(server, f"{API}/{run.id}/files/0/outputs/%ff%20100%25.csv?open=1")
    assert (status, body) == (200, b"x")
    assert headers["Content-Disposition"] == "inline; filename*=UTF-8''%EF%BF%BD%20100%25.csv"
    assert raw(server, f"{API}/{run.id}/files/0/outputs/%fe.csv")[0] == 404


def test_the_events_are_read_anew_where_others_take_their_place(server):
    run = made("a")

    def attempt():
        return server.get(f"{API}/{run.id}/nodes/0/log").json()["attempt"]

    run.append(node=0, attempt="0000000a", state="running")
    assert attempt() == "0000000a"
    run.append(node=0, state="done", attempt="0000000b", files=[kept(run, 0, "a.csv", b"x")])
    assert attempt() == "0000000b"
    assert raw(server, f"{API}/{run.id}/files/0/a.csv")[0] == 200
    events = run.folder / "events.jsonl"
    events.write_bytes(events.read_bytes()[:40])
    assert attempt() == ""
    assert raw(server, f"{API}/{run.id}/files/0/a.csv")[0] == 404
    (run.folder / "others").write_text('{"node": 0, "attempt": "0000000c"}\n' * 9)
    (run.folder / "others").rename(events)
    assert attempt() == "0000000c"


def test_a_large_log_is_told_in_pieces_from_near_its_end(server):
    run = made("a")
    line = "날씨 line\n".encode()
    whole = line * (2 * PIECE // len(line))
    kept(run, 0, "log.txt", whole)
    told = server.get(f"{API}/{run.id}/nodes/0/log").json()
    assert told["text"].startswith("날씨") and len(whole) - PIECE <= told["from"] < told["next"] == len(whole)
    first = server.get(f"{API}/{run.id}/nodes/0/log?from=0").json()
    assert 0 < PIECE - first["next"] < 3
    assert first["text"].encode() == whole[: first["next"]]


@pytest.mark.parametrize("number", ["x", "-1", "1e3", "", "0x1", "1 2", "٣", "9" * 18, "9" * 21, "9" * 5000])
def test_a_number_that_is_none_or_far_too_large_is_refused_with_a_sentence(server, number):
    run = made("a")
    for path, name in (("", "after"), ("/nodes/0/log", "from")):
        refused = server.get(f"{API}/{run.id}{path}?{name}={number}")
        assert (refused.status_code, f"'{name}' must be" in refused.json()["message"]) == (400, True)
    assert raw(server, f"{API}/{run.id}/nodes/{quote(number or '-')}/log")[0] == 404


def test_a_number_beyond_the_end_of_a_file_does_no_harm(server):
    run = made("a")
    run.append(run="running")
    kept(run, 0, "log.txt", b"up")
    assert server.get(f"{API}/{run.id}?after={'9' * 12}").json()["events"] == []
    assert server.get(f"{API}/{run.id}/nodes/0/log?from={'9' * 12}").json()["text"] == "up"
    assert server.get(f"{API}/{run.id}/nodes/{'9' * 9}/log").json()["text"] == ""


def test_a_run_that_failed_runs_again_with_the_fixed_file(server):
    script(server, "fine.py", "print('fine')\n")
    script(server, "broken.py", "raise ValueError('100 % wrong')\n")
    _, id = submit(server, node("fine", filename="fine.py"), node("broken", ["fine"], filename="broken.py"))
    failed = ended(server, id)
    assert (failed["state"], "broken.py, line 1: ValueError: 100 % wrong" in failed["error"]) == ("failed", True)
    assert server.post(f"{API}/{id}/cancel", None).status_code == 409

    (server.root / "broken.py").unlink()
    refused = server.post(f"{API}/{id}/again", None)
    assert refused.status_code == 409 and "depends on files that are not there" in refused.json()["message"]

    script(server, "broken.py", "print('fixed')\n")
    new = server.post(f"{API}/{id}/again", None).json()["id"]
    told = ended(server, new)
    assert (told["state"], new) == ("done", id)
    assert [event["again"] for event in told["events"] if "again" in event] == [[[1, "It failed."]]]
    assert "ValueError" in server.get(f"{API}/{id}/files/1/attempts/1/log.txt").text
    assert server.get(f"{API}/{id}/files/1/log.txt").text == "fixed\n"
    assert server.get(f"{API}/{id}/files/1/attempts/3/log.txt").status_code == 404
    assert server.get(f"{API}/{new}/nodes/0/log").json()["text"] == "fine\n"
    refused = server.post(f"{API}/{new}/again", None)
    assert refused.status_code == 409 and f"Run {new} is done." in refused.json()["message"]


@contextmanager
def second_server(server, directory, settings=""):
    """Yield one more Jupyter server of the same user, with the same runs, and with ``settings`` of its own."""
    own = own_jupyter(directory)
    Path(own["JUPYTER_CONFIG_DIR"], "jupyter_server_config.py").write_text(settings)
    directories = {**own, "JUPYTER_DATA_DIR": server.directories["JUPYTER_DATA_DIR"]}
    with Server(directory, base_url=BASE, root=server.root, directories=directories) as second:
        yield second


def test_clicks_on_run_again_at_once_in_two_tabs_and_at_two_servers_run_it_once(server, tmp_path):
    script(
        server,
        "diary.py",
        "import time\nopen({!r}, 'a').write('x')\ntime.sleep(1)\n1 / 0\n".format(str(tmp_path / "diary")),
    )
    _, id = submit(server, node("diary", filename="diary.py"))
    ended(server, id)
    with second_server(server, tmp_path) as second, ThreadPoolExecutor(4) as browsers:
        tabs = [server, server, second, second]
        answers = list(browsers.map(lambda tab: tab.post(f"{API}/{id}/again?times=1", None), tabs))
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["id"] for answer in answers} == {id}
    ended(server, id)
    assert (tmp_path / "diary").read_text() == "xx"


def test_a_submission_whose_server_is_killed_while_it_copies_files_has_failed_and_runs_again(server, tmp_path):
    script(server, "quick.py", "")
    before = set(run_ids())
    slowly = (
        "import time\nfrom elyra_runtime_engine import start\nstart.copy_sources = lambda *arguments: time.sleep(600)\n"
    )
    with second_server(server, tmp_path, slowly) as second, ThreadPoolExecutor(1) as browser:
        lost = browser.submit(submit, second, node("quick", filename="quick.py"))
        (id,) = until(lambda: set(run_ids()) - before, "the run")
        # Its folder is there a moment before what the page reads.
        until(lambda: server.get(f"{API}/{id}").json().get("state") == "starting", "the start")
        psutil.Process(pid(second)).kill()
        assert isinstance(lost.exception(), requests.ConnectionError)
    until(lambda: server.get(f"{API}/{id}").json()["state"] == "failed", "the end", 10)
    refused = server.post(f"{API}/{id}/cancel", None)
    assert (refused.status_code, f"Run {id} is failed" in refused.json()["message"]) == (409, True)
    new = server.post(f"{API}/{id}/again", None).json()["id"]
    assert ended(server, new)["state"] == "done"


LARGE = 3_000_000


@pytest.fixture
def half_done(server):
    """The id of a run whose first node is done, with two files, and whose second one has failed."""
    script(server, "half.py", f"for name in 'ab': open(f'{{name}}.txt', 'w').write('x' * {LARGE})\n")
    script(server, "no.py", "raise SystemExit(1)")
    _, id = submit(server, node("half", filename="half.py", outputs=["*.txt"]), node("no", ["half"], filename="no.py"))
    ended(server, id)
    until(lambda: not find_run(id).has_driver(), "the end of the driver")
    return id


@pytest.mark.parametrize("lost", ["the folder of a node", "a file", "an event"])
def test_what_is_not_whole_any_more_runs_again(server, half_done, lost):
    run = find_run(half_done)
    if lost == "the folder of a node":
        shutil.rmtree(run.node(0))
    elif lost == "a file":
        (run.node(0) / "outputs" / "b.txt").unlink()
        (run.node(0) / "outputs" / "b.txt").symlink_to("gone")
    else:
        events = (run.folder / "events.jsonl").read_text()
        (run.folder / "events.jsonl").write_text(events.replace('"files"', '"file"'))
    new = server.post(f"{API}/{run.id}/again", None).json()["id"]
    ended(server, new)
    assert [node["state"] for node in find_run(new).nodes()] == ["done", "failed"]
    assert find_run(new).nodes()[0]["because"] == "What it left is not there any more."
    assert find_run(new).nodes()[0]["attempt"] == 2
    assert (find_run(new).node(0) / "outputs" / "b.txt").stat().st_size == LARGE


def test_a_disk_without_room_is_named_and_nothing_is_left_half_made(server, half_done):
    run = find_run(half_done)
    script(server, "no.py", "#" * LARGE)
    limit = resource.prlimit(pid(server), resource.RLIMIT_FSIZE)
    before = everything()
    try:  # large files are refused, as all files are on a full disk
        resource.prlimit(pid(server), resource.RLIMIT_FSIZE, (LARGE // 2, limit[1]))
        refused = server.post(f"{API}/{run.id}/again", None)
    finally:
        resource.prlimit(pid(server), resource.RLIMIT_FSIZE, limit)
    assert refused.status_code == 409, refused.text
    assert "The files of node 'no' cannot be copied" in refused.json()["message"]
    assert everything() == before
    assert server.post(f"{API}/{run.id}/again", None).ok  # there is room again


def pid(server):
    (noted,) = Path(server.directories["JUPYTER_RUNTIME_DIR"]).glob("jpserver-*.json")
    return int(noted.stem.rpartition("-")[2])


def everything():
    """Return the names of all that runs leave in the directories of the server."""
    found = {str(path) for path in runs_folder().parent.rglob("*")}
    return found - {str(runs_folder() / id / "again") for id in run_ids()}  # what "Run again" locks, empty by now


def test_the_server_keeps_no_ended_driver(server):
    script(server, "quick.py", "")
    for _ in range(2):
        _, id = submit(server, node("quick", filename="quick.py"))
        ended(server, id)
    process = psutil.Process(pid(server))
    until(lambda: not process.children(), "the end of the drivers", 20)


def test_a_run_is_cancelled(server):
    script(server, "sleep.py", "import time\nprint('up')\ntime.sleep(600)\n")
    _, id = submit(server, node("sleep", filename="sleep.py"))
    until(lambda: "up" in server.get(f"{API}/{id}/nodes/0/log").json()["text"], "the node")
    assert server.post(f"{API}/{id}/cancel", None).ok
    told = ended(server, id)
    assert (told["state"], told["cancelling"]) == ("cancelled", True)


def test_the_list_holds_the_newest_runs(server, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("elyra_runtime_engine.run.new_id", (f"20990101-000000-{n:08x}" for n in range(999)).__next__)
        runs = [made("a", pipeline=f"number {n}") for n in range(RUNS_LISTED + 2)]
    shutil.rmtree(runs[-1].folder)
    try:
        answer = server.get(API).json()
        assert [run.get("pipeline", run) for run in answer["runs"]] == [
            f"number {n}" for n in range(RUNS_LISTED, 0, -1)
        ]
        assert answer["total"] > RUNS_LISTED
    finally:
        for run in runs:
            run.remove()


def written(name, text):
    """Return how to damage a run: write ``text`` to its file ``name``."""
    return lambda run: (run.folder / name).write_text(text)


def piped(name):
    """Return how to damage a run: put a pipe in the place of its file ``name``. Who opens it may wait for ever."""

    def pipe(run):
        (run.folder / name).unlink(missing_ok=True)
        os.mkfifo(run.folder / name)

    return pipe


def facts(submitted):
    """Return what ``run.json`` holds."""
    settings = {"api_endpoint": "local"}
    return json.dumps(
        {"submitted": submitted, "pipeline": "p", "configuration": "dask", "settings": settings, "nodes": []}
    )


DAMAGES = {
    "run.json is torn": written("run.json", '{"id": "'),
    "run.json is torn after its head": written("run.json", facts(1)[:-1]),
    "run.json is empty": written("run.json", ""),
    "run.json is a list": written("run.json", "[]"),
    "run.json is a number": written("run.json", "0"),
    "run.json lacks what is shown": written("run.json", "{}"),
    "run.json has no time": written("run.json", facts("yesterday")),
    "run.json has a time that is no number": written("run.json", facts(float("nan"))),
    "run.json has a time that no calendar has": written("run.json", facts(1e300)),
    "run.json has no end": written("run.json", "[" * 100_000),
    "run.json is no text": lambda run: (run.folder / "run.json").write_bytes(b"\xff\xfe{"),
}
ODD = {
    "the last event is a list": written("events.jsonl", '[{"run": "done"}]\n'),
    "the last event is no text": lambda run: (run.folder / "events.jsonl").write_bytes(b"\xff\xfe\n"),
    "the state is a list": written("events.jsonl", '{"run": ["done"]}\n'),
    "an event holds what JSON does not": written("events.jsonl", '{"run": "failed", "error": NaN}\n'),
    "an event has no end": written("events.jsonl", "[" * 100_000 + "\n"),
    "an event is of a node that is none": written("events.jsonl", '{"node": {}, "attempt": 1, "files": [1]}\n'),
    "the events are a pipe": piped("events.jsonl"),
    "the lock is a pipe": piped("lock"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_run_that_cannot_be_read_is_a_row_that_says_so(server, damage):
    good, bad = made("a", pipeline="good"), made("a", pipeline="bad")
    try:
        DAMAGES[damage](bad)
        rows = {row["id"]: row for row in server.get(API).json()["runs"]}
        assert rows[good.id]["pipeline"] == "good"
        assert rows[bad.id]["state"] == "unreadable"
        assert abs(rows[bad.id]["submitted"] - time.time()) < 600
        assert f"Run {bad.id} cannot be read: " in rows[bad.id]["error"]
        assert str(runs_folder() / bad.id) in rows[bad.id]["error"]
        told = server.get(f"{API}/{bad.id}")
        assert (told.status_code, f"Run {bad.id} cannot be read: " in told.json()["message"]) == (503, True)
        assert server.post(f"{API}/{bad.id}/again", None).status_code in (409, 503)
        assert server.get(f"elyra_runtime_engine/runs/{bad.id}").status_code == 200
    finally:
        bad.remove()
        good.remove()


@pytest.mark.parametrize("damage", ODD)
def test_a_run_with_odd_files_hurts_no_other_run_and_no_browser(server, damage):
    good, bad = made("a", pipeline="good"), made("a", pipeline="bad")
    try:
        ODD[damage](bad)
        begin = time.monotonic()
        rows = {row["id"]: row for row in strict(server.get(API))["runs"]}
        assert rows[good.id]["pipeline"] == "good" and bad.id in rows
        for path in ("", "/nodes/0/log"):
            answer = server.get(f"{API}/{bad.id}{path}")
            assert answer.status_code == 200 or strict(answer)["message"].startswith(f"Run {bad.id} cannot be read: ")
            strict(answer)
        assert server.get(f"{API}/{bad.id}/files/0/a.csv").status_code in (404, 503)
        assert server.post(f"{API}/{bad.id}/again", None).status_code in (409, 503)
        assert strict(server.get(f"{API}/{good.id}"))["pipeline"] == "good"
        assert time.monotonic() - begin < 60
    finally:
        for name in "events.jsonl", "lock":
            with suppress(OSError):  # who waits for a pipe gets its end
                os.close(os.open(bad.folder / name, os.O_WRONLY | os.O_NONBLOCK))
        bad.remove()
        good.remove()


def test_a_folder_that_hangs_hangs_nothing_else(nobodys_jupyter, tmp_path):
    """Only the files of the nodes lie in a Run Folder. What is known of the run is at home."""
    with server_with_a_hung_folder(tmp_path) as (server, hung):
        script(server, "quick.py", "")
        good, bad = made("a", pipeline="good"), made("a", pipeline="bad", home=tmp_path / "far-away")
        bad.append(node=0, state="done", files=[kept(bad, 0, "a.csv", b"x")])
        (hung / "far-away").touch()
        page, api = f"elyra_runtime_engine/runs/{bad.id}", f"{API}/{bad.id}"
        paths = page, api, f"{api}/nodes/0/log", f"{api}/files/0/a.csv"
        with ThreadPoolExecutor(40) as browsers:
            asked = [browsers.submit(raw, server, path) for path in paths * 9]
            asked += [browsers.submit(raw, server, f"{API}/{bad.id}/{act}", "POST") for act in ("again", "cancel") * 2]
            begin = time.monotonic()
            for _ in range(5):
                assert server.get(f"{API}/{good.id}").json()["pipeline"] == "good"
                assert server.get("api/contents").ok
            assert time.monotonic() - begin < 3 * SECONDS_TO_HANG
            # Elyra takes a pipeline in one of the threads that all of Jupyter shares.
            _, id = submit(server, node("quick", filename="quick.py"))
            assert ended(server, id)["state"] == "done"
            assert {future.result()[0] for future in asked} <= {200, 409, 503}
        begin = time.monotonic()
        rows = {row["id"]: row["pipeline"] for row in server.get(API).json()["runs"]}
        assert (rows[good.id], rows[bad.id]) == ("good", "bad")
        assert server.get(f"{API}/{bad.id}").json()["pipeline"] == "bad"
        assert "its folder does not answer" in server.get(f"{API}/{bad.id}/nodes/0/log").json()["message"]
        assert time.monotonic() - begin < SECONDS_TO_LIST, "who asks again waits again"

        (hung / "far-away").unlink()
        until(lambda: server.get(f"{API}/{bad.id}/nodes/0/log").ok, "an answer after the folder does not hang any more")
        assert raw(server, f"{API}/{bad.id}/files/0/a.csv")[2] == b"x"

        (hung / "far-away").touch()
        assert "its folder does not answer" in server.get(f"{API}/{bad.id}/nodes/0/log").text
        begin = time.monotonic()
        server.stop()
        assert time.monotonic() - begin < 25, "the server waits for a folder that hangs"


def test_a_run_whose_run_folder_is_gone_is_listed_and_shown(server, tmp_path):
    run = made("a", home=tmp_path / "far-away")
    run.append(node=0, state="done", files=[kept(run, 0, "a.csv", b"x")])
    shutil.rmtree(tmp_path / "far-away")
    assert run.id in {row["id"] for row in server.get(API).json()["runs"]}
    assert server.get(f"{API}/{run.id}").json()["pipeline"] == "weather"
    assert server.get(f"{API}/{run.id}/nodes/0/log").json()["text"] == ""
    assert server.get(f"{API}/{run.id}/files/0/a.csv").status_code == 404
    run.remove()


def test_a_run_folder_that_hangs_is_refused(nobodys_jupyter, tmp_path):
    with server_with_a_hung_folder(tmp_path) as (server, hung):
        script(server, "quick.py", "")
        fields = {**CONFIGURATION["metadata"], "cos_endpoint": str(tmp_path / "far-away")}
        body = {**CONFIGURATION, "display_name": "Far", "metadata": fields}
        server.post("elyra/metadata/runtimes", body).raise_for_status()
        (hung / "far-away").touch()
        far = sent(node("quick", filename="quick.py"), configuration="far")
        clicks = os.cpu_count() + 5  # more than asyncio has threads
        with ThreadPoolExecutor(clicks) as browsers:
            answers = list(browsers.map(lambda _: server.post("elyra/pipeline/schedule", far), range(clicks)))
        assert all("far-away' does not answer" in answer.text for answer in answers), answers[0].text
        _, id = submit(server, node("quick", filename="quick.py"))
        assert ended(server, id)["state"] == "done"


def test_an_authorizer_may_forbid_what_the_pages_do(nobodys_jupyter, tmp_path):
    settings = Path(own_jupyter(tmp_path)["JUPYTER_CONFIG_DIR"], "jupyter_server_config.py")
    settings.write_text(f"""
from pathlib import Path
from jupyter_server.auth import Authorizer

class Asking(Authorizer):
    def is_authorized(self, handler, user, action, resource):
        return resource != "elyra_runtime_engine" or action in Path({str(tmp_path / "allowed")!r}).read_text().split()

c.ServerApp.authorizer_class = Asking
""")
    allowed = tmp_path / "allowed"
    allowed.write_text("")
    with dask_server(tmp_path) as server:
        run = made("a")
        run.append(node=0, state="done", files=[kept(run, 0, "a.csv", b"x")])
        reads = (
            "elyra_runtime_engine/runs",
            f"elyra_runtime_engine/runs/{run.id}",
            API,
            f"{API}/{run.id}",
            f"{API}/{run.id}/nodes/0/log",
            f"{API}/{run.id}/usage",
            "elyra_runtime_engine/api/usage",
            "elyra_runtime_engine/api/over",
        )
        files = f"{API}/{run.id}/files/0/a.csv"
        for path in (*reads, files):
            assert server.get(path).status_code == 403, path
        allowed.write_text("read")
        for path in (*reads, files):
            assert server.get(path).status_code == 200, path
        for action in ("cancel", "again", "delete"):
            assert server.post(f"{API}/{run.id}/{action}", None).status_code == 403
        assert server.post(f"elyra_runtime_engine/api/over?until={time.time()}", None).status_code == 403
        assert not run.is_cancelled() and run.folder.exists()
        allowed.write_text("read write")
        new = made("a")
        with new.lock():  # as if a process led it
            assert server.post(f"{API}/{new.id}/cancel", None).ok
        assert new.is_cancelled()


def test_only_the_methods_that_mean_something_are_allowed(server):
    run = made("a")
    for path in (
        API,
        f"{API}/{run.id}",
        f"{API}/{run.id}/nodes/0/log",
        f"{API}/{run.id}/files/0/a",
        "elyra_runtime_engine/runs",
    ):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert raw(server, path, method)[0] == 405, (method, path)
    for action in ("cancel", "again", "delete"):
        for method in ("GET", "PUT", "DELETE"):
            assert raw(server, f"{API}/{run.id}/{action}", method)[0] == 405, (method, action)
    assert raw(server, f"{API}/{run.id}/remove", "POST")[0] == 404
    assert run.folder.is_dir() and not run.is_cancelled()


def test_a_name_of_another_host_and_another_origin_are_refused(server):
    run = made("a")
    for path in (API, f"{API}/{run.id}", f"elyra_runtime_engine/runs/{run.id}"):
        assert raw(server, path, Host="evil.example")[0] == 403
    browser = requests.Session()
    browser.trust_env = False
    browser.get(f"{server.url}elyra_runtime_engine/runs?token={server.token}").raise_for_status()
    headers = {"X-XSRFToken": browser.cookies["_xsrf"], "Origin": "https://evil.example"}
    answer = browser.get(f"{server.url}{API}/{run.id}", headers=headers)
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert browser.post(f"{server.url}{API}/{run.id}/cancel", headers=headers).status_code in (403, 404)
    assert not run.is_cancelled()


def strict(answer):
    """Return the JSON of ``answer`` as a browser reads it."""
    return json.loads(answer.text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_the_command_line_names_the_page_only_where_a_server_can_show_it(server, tmp_path, monkeypatch):
    run = made("a")
    assert run_url(run) in (
        f"{server.url}elyra_runtime_engine/runs/{run.id}",
        f"{local(server)}elyra_runtime_engine/runs/{run.id}",
    )
    assert server.token not in run_url(run)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    assert run_url(run) == (run.folder / "run.log").as_uri()
    for url in ("http://127.0.0.1:9/", "http+unix://%2Ftmp%2Fx/", "nonsense"):
        (tmp_path / "jpserver-1.json").write_text(json.dumps({"pid": os.getpid(), "url": url}))
        assert run_url(run) == (run.folder / "run.log").as_uri()


def local(server):
    return server.url.replace("127.0.0.1", "localhost")


def test_a_run_from_before_the_engine_was_a_package_is_read_and_its_address_leads_on(server):
    import dask_runtime.earlier  # noqa: F401  it says where these runs lie

    run = made("a")
    earlier = run.folder.parents[2] / "dask_runtime" / "runs" / run.id
    earlier.parent.mkdir(parents=True)
    facts = {name: value for name, value in run.facts.items() if name not in ("executor", "format")}
    (run.folder / "run.json").write_text(json.dumps(facts))
    run.append(node=0, attempt="0000000a", state="done", files=[])
    (run.folder / "nodes" / "0").mkdir()
    (run.folder / "nodes" / "0" / "log.txt").write_text("said")
    shutil.move(run.folder, earlier)
    assert run.id in [row["id"] for row in server.get(f"{API}").json()["runs"]]
    assert server.get(f"{API}/{run.id}/nodes/0/log").json()["text"] == "said"
    assert find_run(run.id).facts["executor"] == "dask_runtime.executor:DaskExecutor"
    old = server.get(f"dask_runtime/runs/{run.id}")
    assert old.url.endswith(f"/elyra_runtime_engine/runs/{run.id}") and old.ok
    assert server.get("dask_runtime/runs").url.endswith("/elyra_runtime_engine/runs")


def test_a_place_without_an_address_is_told_no_address(server):
    server.post("elyra/metadata/runtimes", {"schema_name": "machine", "display_name": "Mine", "metadata": {}})
    script(server, "quick.py", "")
    document = sent(node("quick", filename="quick.py"), configuration="mine")
    document["pipelines"][0]["app_data"] |= {"runtime": "machine", "runtime_type": "MACHINE"}
    answer = server.post("elyra/pipeline/schedule", document)
    told = ended(server, answer.json()["run_url"].rpartition("/")[2])
    assert (told["state"], told["place"]) == ("done", "")
