"""Old runs go away: all of one, or nothing, and what runs is never touched. At a real Jupyter server."""

import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from pipelines import node
from runs import until
from test_dask_trust import crash_at
from test_run_page import API, DAMAGES, SECRET, dask_server, ended, kept, made, script, second_server, submit

from elyra_runtime_engine.deletion import DELETE, clear, delete, left_aside
from elyra_runtime_engine.run import Run, find_run, run_ids, runs_folder

OVER, USAGE = "elyra_runtime_engine/api/over", "elyra_runtime_engine/api/usage"
FAILING = "print('up')\nopen('a.csv', 'w').write('x')\nraise SystemExit(1)\n"


@pytest.fixture(scope="module")
def server(nobodys_jupyter, tmp_path_factory):
    with dask_server(tmp_path_factory.mktemp("dask")) as server:
        yield server


def over(*names, state="done", **options):
    """Make a run that is over, and whose first node has left a file."""
    run = made(*names or "a", **options)
    run.append(node=0, state="done", files=[kept(run, 0, "outputs/a.csv", b"x")])
    run.append(run=state)
    return run


def ended_at(run, seconds):
    """Let ``run`` have ended so many ``seconds`` ago."""
    then = time.time() - seconds
    os.utime(run.folder / "events.jsonl", (then, then))
    return run


def delete_at(server, id):
    return server.post(f"{API}/{id}/delete", None)


def traces(server, *words):
    """Return the files in the Jupyter directories of the server whose name or text holds one of ``words``."""
    found = []
    for directory in server.directories.values():
        for path in Path(directory).rglob("*"):
            text = path.read_bytes() if path.is_file() else b""
            found += [str(path) for word in words if word in str(path) or word.encode() in text]
    return found


def test_nothing_of_a_deleted_run_is_left_and_the_files_of_its_pipeline_stay(server):
    script(server, "failing.py", FAILING)
    (server.root / "result.csv").write_text("mine")
    variables = [{"env_var": "KEY", "value": SECRET}]
    _, id = submit(server, node("failing", filename="failing.py", env_vars=variables))
    ended(server, id)
    until(lambda: not find_run(id).has_driver(), "the end of the driver, which removes files")
    assert traces(server, id) and traces(server, SECRET)
    answer = delete_at(server, id)
    assert (answer.status_code, answer.json()) == (200, {"id": id, "missing": ""})
    assert traces(server, id, SECRET) == []
    assert sorted(path.name for path in server.root.iterdir()) == ["failing.py", "result.csv"]
    assert server.get(f"{API}/{id}").status_code == 404
    assert id not in [row["id"] for row in server.get(API).json()["runs"]]
    again = delete_at(server, id)
    assert (again.status_code, again.json()["message"]) == (404, f"There is no run '{id}'.")


def test_what_runs_is_not_deleted_and_goes_on(server):
    go = server.root / "go"
    script(server, "wait.py", f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(.05)\n")
    _, id = submit(server, node("wait", filename="wait.py"))
    until(lambda: find_run(id).nodes()[0]["state"] == "running", "the node")
    refused = delete_at(server, id)
    assert (refused.status_code, f"Run {id} is not over, and is kept." in refused.json()["message"]) == (409, True)
    delete_all(server)
    go.touch()
    assert ended(server, id)["state"] == "done"
    assert delete_at(server, id).ok


def test_a_run_that_is_being_started_is_not_deleted(server, tmp_path):
    script(server, "quick.py", "")
    before = set(run_ids())
    slowly = (
        "import time\nfrom elyra_runtime_engine import start\ncopy = start.copy_sources\n"
        "start.copy_sources = lambda *arguments: (time.sleep(4), copy(*arguments))\n"
    )
    with second_server(server, tmp_path, slowly) as second, ThreadPoolExecutor(1) as browser:
        submitted = browser.submit(submit, second, node("quick", filename="quick.py"))
        (id,) = until(lambda: set(run_ids()) - before, "the run")
        assert delete_at(server, id).status_code == 409
        delete_all(server)
        assert submitted.result()[1] == id
        assert ended(second, id)["state"] == "done"


def test_a_new_run_is_locked_before_others_can_find_it(nobodys_jupyter):
    seen = []

    class Watched(Run):
        def _write(self, name, text):
            super()._write(name, text)
            seen.append(find_run(self.id).state()[0])

    run, lock = Watched.create_locked({"nodes": [], "settings": {}}, [])
    with lock:
        assert seen == ["starting"] and find_run(run.id).state()[0] == "starting"
        with pytest.raises(RuntimeError, match="is not over"):
            delete(find_run(run.id))
    run.remove()


@pytest.mark.parametrize("outlives", [True, False])
def test_nodes_that_go_on_without_a_driver_keep_their_run(server, outlives):
    run = made("a", executor="nowhere:Executor")
    run.append(run="running", outlives_driver=outlives)
    try:
        if outlives:
            with pytest.raises(RuntimeError, match="is not over"):
                delete(run)
        assert (delete_at(server, run.id).status_code == 409) == outlives
        assert run.folder.exists() == outlives
    finally:
        run.remove()


def test_clicks_at_once_in_many_tabs_and_at_two_servers_delete_a_run_once(server, tmp_path):
    with second_server(server, tmp_path) as second, ThreadPoolExecutor(8) as browsers:
        for _ in range(10):
            id = over("a").id
            answers = list(browsers.map(lambda tab, id=id: delete_at(tab, id), [server, second] * 4))
            assert sorted({answer.status_code for answer in answers}) == [200, 404], [a.text for a in answers]
            assert [answer.ok for answer in answers].count(True) == 1
            assert not list(runs_folder().glob(f"{id}*"))


@pytest.mark.parametrize("state", ["done", "running"])
def test_who_deletes_a_run_that_another_server_is_deleting_reads_that_it_is_gone(server, monkeypatch, state):
    """A run in the state "running", whose driver is gone without a word, has failed."""
    run = over("a", state=state)
    locked, go = threading.Event(), threading.Event()
    rename = os.rename

    def slowly(*arguments):
        locked.set()
        assert go.wait(20)
        rename(*arguments)

    monkeypatch.setattr(os, "rename", slowly)  # here, and not in the server
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(delete, run)
        assert locked.wait(20)
        second = threads.submit(delete_at, server, run.id)
        time.sleep(0.3)  # by then it waits; if it does not, the test still asks for the same answer
        go.set()
        clear(first.result())
        answer = second.result()
    assert (answer.status_code, answer.json()["message"]) == (404, f"There is no run {run.id!r}.")


def test_run_again_and_delete_at_once_either_run_it_or_delete_it(server):
    script(server, "failing.py", FAILING)
    kept_runs = 0
    with ThreadPoolExecutor(3) as browsers:
        for turn in range(8):
            _, id = submit(server, node("failing", filename="failing.py"))
            ended(server, id)
            until(lambda id=id: not find_run(id).has_driver(), "the end of the driver")
            again = browsers.submit(server.post, f"{API}/{id}/again?times=1", None)
            time.sleep(turn * 0.01)
            deleted = delete_at(server, id)
            assert again.result().ok != deleted.ok, (again.result().text, deleted.text)
            kept_runs += not deleted.ok
            if deleted.ok:
                assert again.result().status_code in (404, 409)
                assert traces(server, id) == []
            else:
                assert deleted.status_code == 409
                assert len(find_run(id).nodes()) == 1 and ended(server, id)["state"] == "failed"
                assert find_run(id).times() == 2


def test_who_waited_for_the_lock_of_a_deleted_run_does_not_get_it(nobodys_jupyter):
    run = over("a")
    late = find_run(run.id)
    lock = late.lock_if_free()
    late.lock_if_free = lambda: lock
    os.rename(run.folder, run.folder.with_name("away"))
    try:
        with pytest.raises(FileNotFoundError, match="There is no run"):
            delete(late)
    finally:
        shutil.rmtree(run.folder.with_name("away"))


@pytest.mark.parametrize("far", [False, True])
def test_a_deletion_that_is_cut_off_at_any_step_leaves_all_or_nothing(nobodys_jupyter, tmp_path, far):
    def whole(run):
        clear(delete(run))

    step, crashed, done = 0, True, 0
    while crashed:
        step += 1
        run = over("a", "b", home=tmp_path / "far" if far else None)
        whole_run = names(run)
        crashed = crash_at(step, "", whole, run)
        if run.id in run_ids():
            assert names(run) == whole_run and find_run(run.id).state()[0] == "done", step
            assert run.environment(), step
            clear(delete(run))
        else:
            done += 1
            assert not crashed or left_aside(), step
            for folder in left_aside():
                clear(folder)
        assert not list(runs_folder().parent.rglob(f"*{run.id}*")), step
        assert not run.place.exists(), step
    assert step > 15 and done > 8


def names(run):
    folders = {run.folder, run.place}
    return {str(path) for folder in folders for path in folder.rglob("*") if path.name not in ("lock", DELETE)}


def test_a_server_that_starts_removes_what_is_left_of_deleted_runs(server, tmp_path):
    run = over("a", home=tmp_path / "far")
    delete(run)
    assert left_aside() and run.place.exists()
    with second_server(server, tmp_path):
        until(lambda: not left_aside(), "the end of what is left", 20)
    assert not run.place.exists() and traces(server, run.id) == []


def test_a_link_is_never_followed(server, tmp_path):
    outside = tmp_path / "outside"
    (outside / "folder").mkdir(parents=True)
    (outside / "folder" / "file").write_text("mine")
    for home in (None, tmp_path / "far"):
        run = over("a", home=home)
        for place in {run.node(0) / "outputs", run.sources(0), run.place, run.folder}:
            place.mkdir(exist_ok=True)
            (place / "folder").symlink_to(outside / "folder")
            (place / "link").symlink_to(outside / "folder" / "file")
            (place / "loop").symlink_to(place)
        assert delete_at(server, run.id).ok
        assert not run.folder.exists() and not run.place.exists()
        assert (outside / "folder" / "file").read_text() == "mine"


@pytest.mark.parametrize("other", ["a link", "a folder", "nothing"])
def test_in_a_run_folder_only_what_the_run_made_is_removed(server, tmp_path, other):
    run, neighbour = (over("a", home=tmp_path / "far") for _ in range(2))
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "file").write_text("mine")
    run.place.rename(tmp_path / "away")
    if other == "a link":
        run.place.symlink_to(mine)
    elif other == "a folder":
        mine.rename(run.place)
        mine = run.place
    answer = delete_at(server, run.id)
    assert answer.ok and f"{str(run.place)!r} of run {run.id} is gone" in answer.json()["missing"]
    assert not run.folder.exists()
    assert (mine / "file").read_text() == "mine" and neighbour.node(0).exists()
    assert delete_at(server, neighbour.id).json()["missing"] == ""
    assert not neighbour.place.exists()


READ_ONLY = """
from pathlib import Path
from elyra_runtime_engine.deletion import clear
clear(Path({folder!r}))
"""


def test_folders_that_a_node_has_left_read_only_are_removed(nobodys_jupyter):
    run = over("a")
    deep = run.node(0) / "outputs" / "modules" / "deep"
    deep.mkdir(parents=True)
    (deep / "file").touch()
    deep.chmod(0o500)
    deep.parent.chmod(0o500)
    folder = delete(run)
    # For root, nothing is read-only, unless it gives up what makes it root.
    powerless = [] if os.geteuid() else ["setpriv", "--inh-caps=-all", "--bounding-set=-all"]
    script = READ_ONLY.format(folder=str(folder))
    subprocess.run([*powerless, sys.executable, "-c", script], check=True, timeout=60)
    assert not folder.exists()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_run_that_cannot_be_read_can_be_deleted(server, damage):
    bad = over("a")
    DAMAGES[damage](bad)
    assert delete_at(server, bad.id).ok
    assert traces(server, bad.id) == []


@pytest.mark.parametrize("events", ['{"run": ["done"]}\n', "[" * 100_000 + "\n", "\0"])
def test_a_run_with_damaged_events_can_be_deleted(server, events):
    bad = over("a")
    (bad.folder / "events.jsonl").write_text(events)
    assert delete_at(server, bad.id).ok
    assert traces(server, bad.id) == []


def delete_all(server, until=None):
    until = until or server.get(OVER).json()["until"]
    return server.post(f"{OVER}?until={until}", None)


def test_all_runs_that_are_over_go_away_and_no_others(server):
    delete_all(server)
    runs = [over("a", state=state) for state in ("done", "failed", "cancelled") * 2]
    led, unreadable, far = made("a"), over("a"), over("a")
    (unreadable.folder / "run.json").write_text("[]")
    with led.lock():
        asked = server.get(OVER).json()
        assert asked["count"] == len(runs) + 1
        again = runs.pop()
        again.append(again=[[0, "It failed."]])
        again.append(run="failed")
        late = over("a")
        answer = delete_all(server, asked["until"])
        assert answer.json() == {"count": len(runs) + 1}
        until(lambda: not left_aside(), "the end of what is left", 20)
    assert set(run_ids()) == {led.id, unreadable.id, again.id, late.id}
    assert traces(server, *(run.id for run in (*runs, far))) == []
    for run in (led, unreadable, again, late):
        run.remove()


@pytest.mark.parametrize("time", ["", "?until=", "?until=x", "?until=-1", "?until=1e9", "?until=nan", "?until=1.2.3"])
def test_all_runs_are_deleted_only_with_a_time(server, time):
    run = over("a")
    assert server.post(f"{OVER}{time}", None).status_code == 400
    assert run.folder.exists()
    run.remove()


def test_who_may_not_cancel_may_not_delete(server):
    run = over("a")
    anonymous = requests.Session()
    anonymous.trust_env = False
    browser = requests.Session()
    browser.trust_env = False
    browser.get(f"{server.url}elyra_runtime_engine/runs?token={server.token}").raise_for_status()
    now = time.time()
    for path in (f"{API}/{run.id}/delete", f"{OVER}?until={now}"):
        assert anonymous.post(server.url + path).status_code == 403
        assert browser.post(server.url + path).status_code == 403
        evil = {"X-XSRFToken": browser.cookies["_xsrf"], "Origin": "https://evil.example"}
        assert browser.post(server.url + path, headers=evil).status_code in (403, 404)
    for path in (OVER, USAGE):
        assert anonymous.get(server.url + path, allow_redirects=False).status_code == 403
    assert run.folder.exists()
    assert browser.post(f"{server.url}{API}/{run.id}/delete", headers={"X-XSRFToken": browser.cookies["_xsrf"]}).ok
    assert not run.folder.exists()


def settings(**values):
    return "".join(f"c.ElyraRuntimeEngine.{name} = {value}\n" for name, value in values.items())


def test_a_server_keeps_so_many_runs_as_it_is_told(server, tmp_path):
    delete_all(server)
    runs = [ended_at(over("a"), seconds) for seconds in range(50, 0, -10)]
    led = made("a")
    with led.lock(), second_server(server, tmp_path, settings(keep_runs=2)) as second:
        until(lambda: len(run_ids()) == 3, "the end of the old runs", 20)
        assert set(run_ids()) == {led.id, runs[-1].id, runs[-2].id}
        script(server, "quick.py", "")
        _, first = submit(second, node("quick", filename="quick.py"))
        ended(second, first)
        _, last = submit(second, node("quick", filename="quick.py"))
        until(lambda: runs[-2].id not in run_ids(), "the end of one that is too many", 20)
        assert {first, last, runs[-1].id} <= set(run_ids())
        ended(second, last)
    led.remove()


def test_a_server_keeps_runs_for_as_long_as_it_is_told(server, tmp_path):
    old, young = ended_at(over("a"), 2.1 * 86_400), ended_at(over("a"), 1.9 * 86_400)
    unreadable = ended_at(over("a"), 9 * 86_400)
    (unreadable.folder / "run.json").write_text("[]")
    with second_server(server, tmp_path, settings(keep_days=2)):
        until(lambda: old.id not in run_ids(), "the end of the old run", 20)
        assert {young.id, unreadable.id} <= set(run_ids())
    assert traces(server, old.id) == []
    for run in (young, unreadable):
        run.remove()


@pytest.mark.parametrize("wrong", [{}, {"keep_runs": "'all'"}, {"keep_runs": -1, "keep_days": 1}, {"keep_day": 1}])
def test_a_server_that_is_told_nothing_or_nonsense_keeps_all_runs(server, tmp_path, wrong):
    old = ended_at(over("a"), 400 * 86_400)
    with second_server(server, tmp_path, settings(**wrong)) as second:
        assert second.get(f"{API}/{old.id}").ok
        script(server, "quick.py", "")
        _, id = submit(second, node("quick", filename="quick.py"))
        ended(second, id)
        said = "".join(path.read_text() for path in tmp_path.glob("server-*.log"))
        assert ("keep_runs" in said or "keep_day" in said) == bool(wrong)
    assert old.id in run_ids()
    old.remove()


def test_the_room_that_runs_take_is_told(server, tmp_path):
    near, far, bad = over("a"), over("a", home=tmp_path / "far"), over("a")
    (bad.folder / "run.json").write_text("[]")
    for run in (near, far):
        kept(run, 0, "outputs/large", os.urandom(3_000_000))
    (near.node(0) / "outputs" / "link").symlink_to("/usr")
    (far.node(0) / "outputs" / "link").symlink_to(near.node(0))
    try:
        told = server.get(USAGE).json()["runs"]
        assert set(told) == set(run_ids())
        for run in (near, far):
            assert told[run.id] == du(run) > 3_000_000
        one = server.get(f"{API}/{near.id}/usage").json()
        assert one == {"bytes": du(near)}
        kept(near, 0, "outputs/more", os.urandom(1_000_000))
        assert server.get(USAGE).json()["runs"][near.id] == one["bytes"], "it is over, and was measured"
        near.append(run="failed")
        assert server.get(USAGE).json()["runs"][near.id] == du(near) > one["bytes"] + 900_000
    finally:
        for run in (near, far, bad):
            run.remove()


def du(run):
    """Return what ``du`` says of the folders of ``run``, without these folders themselves."""
    folders = {run.folder, run.place}
    said = subprocess.run(["du", "-s", "-B1", *folders], capture_output=True, text=True, check=True).stdout
    return sum(int(line.split()[0]) for line in said.splitlines()) - sum(os.stat(f).st_blocks * 512 for f in folders)


def test_a_run_that_takes_long_to_measure_shows_its_logs_and_goes_away(server, tmp_path):
    run = over("a")
    kept(run, 0, "log.txt", b"said")
    slowly = "import time\nfrom elyra_runtime_engine import usage\nusage._taken_by = lambda top: time.sleep(8)\n"
    with second_server(server, tmp_path, slowly) as second:
        assert second.get(USAGE).json()["runs"][run.id] is None
        log = second.get(f"{API}/{run.id}/nodes/0/log")
        assert (log.status_code, log.json().get("text")) == (200, "said")
        assert delete_at(second, run.id).ok
        until(lambda: traces(server, run.id) == [], "the end of the run", 5)
