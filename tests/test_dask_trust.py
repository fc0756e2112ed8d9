"""Which code runs with whose secrets: a folder that others may write to says nothing about it."""

import os
import shutil
import stat
import sys
from pathlib import Path

import pytest
from pipelines import node
from runs import configure, ended, is_running, log, submit, until

from elyra_runtime_engine import start
from elyra_runtime_engine.run import FolderError, Run, all_runs
from elyra_runtime_engine.start import again

pytestmark = pytest.mark.usefixtures("no_runs_left")

SECRET = "correct horse battery staple"
SOMEBODY = 65534

STEPS = "open", "os.mkdir", "os.rename", "os.symlink", "os.remove", "os.rmdir", "fcntl.flock"
"""What Python tells an audit hook of, and what changes or looks at a file."""


def crash_at(number, folder, work, *arguments):
    """Do ``work`` in another process, which ends at the step ``number`` below ``folder``, or when a driver would begin.

    Say whether there was such a step.
    """
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    left = number

    def crash(event, details):
        nonlocal left
        left -= event == "fcntl.flock" or (event in STEPS and str(folder) in str(details))
        if not left:
            os._exit(1)

    try:
        start._start_driver = lambda run, lock: None
        start._wait_until_accepted = lambda *_: os._exit(0)
        sys.addaudithook(crash)
        work(*arguments)
    finally:
        os._exit(2)


@pytest.fixture
def shared(tmp_path):
    """A folder in which everybody may write."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o777)
    return folder


@pytest.fixture
def taken(tmp_path):
    """Where the script of somebody else writes the values that it gets."""
    return tmp_path / "taken"


def private(name, parents=(), **parameters):
    return node(name, parents, env_vars=[{"env_var": "PASSWORD", "value": SECRET}], **parameters)


def values():
    """Return the files with values of variables, by id of their run."""
    folder = Path(os.environ["JUPYTER_DATA_DIR"], "elyra_runtime_engine", "values")
    return {path.stem: path for path in folder.iterdir()}


def put_another_in_its_place(run, shared, taken, token="a guess"):
    """Do what somebody can do who may write to ``shared``: put a folder with another script in the place of the run."""
    script = f"import os\nopen({str(taken)!r}, 'a').write(os.environ['PASSWORD'])\n"
    place = shared / run.id
    os.rename(place, shared / "away")
    for name in ("sources/0", "sources/1", "sources/2", "nodes/0/1/outputs"):
        (place / name).mkdir(parents=True)
        (place / name / "work.py").write_text(script)
    (place / "nodes" / "0" / "1" / "log.txt").touch()
    (place / "token").write_text(token)
    for name in ("run.json", "events.jsonl", "lock"):  # what lay there once
        if (shared / "away" / name).exists():
            shutil.copy(shared / "away" / name, place)
    if os.geteuid() == 0:
        for path in (place, *place.rglob("*")):
            os.chown(path, SOMEBODY, SOMEBODY)
    return place


def test_run_again_runs_the_users_files_whoever_has_replaced_the_folder_of_the_run(root, jupyter, shared, taken):
    (root / "work.py").write_text("raise SystemExit(1)")
    run = submit(private("one"), configuration=configure(cos_endpoint=str(shared)))
    assert ended(run)[0] == "failed"
    place = put_another_in_its_place(run, shared, taken)
    facts = place / "run.json"
    if facts.exists():
        facts.write_text(facts.read_text().replace(str(root), str(place / "sources" / "0")))
    (root / "work.py").write_text("print('mine')")
    later = again(run)
    assert ended(later) == ("done", "")
    assert log(later) == "mine\n"
    assert not taken.exists()


def test_outputs_of_somebody_else_are_not_taken_over(root, jupyter, shared, taken):
    (root / "make.py").write_text("open('part.py', 'w').write('print(1)')")
    (root / "use.py").write_text("import part; 1 / 0")
    nodes = [private("make", filename="make.py", outputs=["part.py"]), private("use", ["make"], filename="use.py")]
    run = submit(*nodes, configuration=configure(cos_endpoint=str(shared)))
    assert ended(run)[0] == "failed"
    place = put_another_in_its_place(run, shared, taken)
    shutil.copytree(shared / "away" / "sources", place / "sources", dirs_exist_ok=True)
    shutil.copy(place / "sources" / "0" / "work.py", place / "nodes" / "0" / "1" / "outputs" / "part.py")
    later = again(run)
    ended(later)
    assert log(later, 1).startswith("1\n")
    assert not taken.exists()


def test_a_folder_that_is_replaced_while_the_run_goes_on_ends_the_run(root, jupyter, shared, taken, tmp_path):
    go = tmp_path / "go"
    (root / "wait.py").write_text(f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)\n")
    nodes = [private("one", filename="wait.py"), private("two", ["one"], filename="work.py")]
    run = submit(*nodes, configuration=configure(cos_endpoint=str(shared)))
    until(lambda: is_running(run), "the node")
    put_another_in_its_place(run, shared, taken)
    go.touch()
    state, _ = ended(run)
    assert state in ("failed", "done")  # done, if all files were copied from where the right folder lies now
    assert not taken.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_a_folder_of_somebody_else_is_not_that_of_the_run_though_it_holds_the_token(root, jupyter, shared, taken):
    (root / "work.py").write_text("raise SystemExit(1)")
    run = submit(private("one"), configuration=configure(cos_endpoint=str(shared)))
    ended(run)
    place = put_another_in_its_place(run, shared, taken, token=run.token)
    with pytest.raises(FolderError, match="somebody has put another in its place"), run.held():
        pass
    os.chown(place, os.geteuid(), -1)
    place.chmod(0o777)
    with pytest.raises(FolderError), run.held():
        pass


def test_a_link_in_the_place_of_a_run_is_no_run(root, jupyter, shared, taken):
    run = submit(node("one"), configuration=configure(cos_endpoint=str(shared)))
    assert ended(run) == ("done", "")
    os.rename(run.folder, shared / "elsewhere")
    run.folder.symlink_to(shared / "elsewhere")
    assert all_runs() == []


def test_code_runs_where_nobody_can_replace_it(root, jupyter, shared):
    """Python looks for the modules of a script by a path, at any time."""
    (root / "work.py").write_text("import os\nprint(os.getcwd())\n")
    run = submit(node("one"), configuration=configure(cos_endpoint=str(shared)))
    assert ended(run) == ("done", "")
    assert not log(run).startswith(str(shared))


@pytest.mark.parametrize("where", ["default", "elsewhere"])
def test_values_go_with_the_folder_of_a_run_that_failed(root, jupyter, tmp_path, where):
    (root / "work.py").write_text("raise SystemExit(1)")
    folder = "default" if where == "default" else str(tmp_path / "runs")
    run = submit(private("one"), configuration=configure(cos_endpoint=folder))
    ended(run)
    assert list(values()) == [run.id]
    assert stat.S_IMODE(values()[run.id].stat().st_mode) == 0o600
    shutil.rmtree(run.folder)
    assert all_runs() == []
    assert values() == {}


def test_values_stay_for_as_long_as_the_run_may_be_run_again(root, jupyter):
    (root / "work.py").write_text("raise SystemExit(1)")
    run = submit(private("one"), configuration=configure())
    ended(run)
    ended(again(run))
    (kept,) = values().values()
    (root / "work.py").write_text("")
    values_of_run = kept.read_text()
    ended(again(run))
    assert not values()
    kept.write_text(values_of_run)  # as a crash would leave them
    ended(submit(node("other"), configuration=configure()))
    assert run.id not in values()


@pytest.mark.parametrize("continued", [False, True], ids=["submit", "again"])
def test_a_crash_at_any_step_leaves_no_values_without_a_run_that_needs_them(root, jupyter, tmp_path, shared, continued):
    (root / "work.py").write_text("raise SystemExit(1)")
    run = submit(private("one"), configuration=configure(cos_endpoint=str(shared)))
    ended(run)
    facts = {name: value for name, value in run.facts.items() if name not in ("id", "submitted")}
    work = (start.again, run) if continued else (start.start, facts, run.environment())
    step, crashed = 0, True
    while crashed:
        step += 1
        crashed = crash_at(step, tmp_path, *work)
        Run.create({"nodes": [], "settings": {}}, []).remove()  # whatever is submitted next
        last = all_runs()
        assert set(values()) == {one.id for one in last}, step
        for one in last:
            assert one.state()[0] == "failed" and SECRET in str(one.environment()), step
        for one in last[:-1]:
            one.remove()
    assert step > 10
