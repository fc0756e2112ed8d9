"""No process of a run is left behind, whatever is killed or removed, and a run that is led is led once."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from pipelines import node
from runs import a_cluster, configure, ended, impatient, is_running, log, processes, states, submit, until

from elyra_runtime_engine.run import ENDED, Run, all_runs
from elyra_runtime_engine.start import again

pytestmark = pytest.mark.usefixtures("no_runs_left", "quick")

STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork():
    time.sleep(600)
os.setsid()
while True:
    open({beat!r}, "w").write(str(time.time()))
    time.sleep(0.01)
"""

CHAIN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork():
    time.sleep(600)
while True:
    if os.fork():
        os._exit(0)
    {leave}
    os.utime({beat!r})
"""

CONTINUE = """
import sys
from elyra_runtime_engine.run import find_run
from elyra_runtime_engine.start import again
sys.stdin.readline()
try:
    print(again(find_run(sys.argv[1]), times=1).id)
except RuntimeError as error:
    print(error)
"""

SUBMIT_SLOWLY = """
import sys, time
sys.path[:0] = [{tests!r}]
import elyra_runtime_engine.start
from pipelines import node
from runs import submit
elyra_runtime_engine.start.copy_sources = lambda *arguments: time.sleep(600)
submit(node("one"), configuration={configuration!r})
"""


@pytest.fixture
def quick(monkeypatch):
    """The nodes here are stubborn: they are killed soon."""
    impatient(monkeypatch, node=1)


@pytest.fixture
def dask(jupyter):
    return configure()


@pytest.fixture
def beat(tmp_path):
    """A file that changes all the time, as long as a node lives."""
    path = tmp_path / "beat"
    path.touch()
    return path


def beats(path):
    before = path.stat().st_mtime_ns
    time.sleep(0.5)
    return path.stat().st_mtime_ns != before


def stubborn(root, beat):
    (root / "work.py").write_text(STUBBORN.format(beat=str(beat)))


def guards(place):
    """Return the guards of nodes that run below ``place``, the outer one first."""
    found = processes("guard.py", below=place)
    return sorted(found, key=lambda guard: guard.pid in [child.pid for one in found for child in one.children()])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("which", [slice(0, 1), slice(-1, None), slice(None)], ids=["outer", "inner", "both"])
def test_a_node_ends_with_its_guard(root, dask, beat, number, which):
    stubborn(root, beat)
    run = submit(node("one"), configuration=dask)
    until(lambda: is_running(run) and beats(beat), "the node")
    for guard in guards(run.folder)[which]:
        guard.send_signal(number)
    run.cancel()
    assert ended(run)[0] in ("cancelled", "failed")
    assert not beats(beat)
    assert processes(below=run.folder) == []


def test_a_node_ends_with_its_guard_on_a_worker_elsewhere(root, jupyter, tmp_path, beat):
    stubborn(root, beat)
    with a_cluster(tmp_path / "cluster", "ada") as cluster:
        run = submit(node("one"), configuration=configure(api_endpoint=cluster.address))
        until(lambda: is_running(run) and beats(beat), "the node")
        for guard in guards(cluster.directory):
            guard.kill()
        state, error = ended(run)
        assert state == "failed" and "was ended by signal 9" in error
        assert not beats(beat)


def test_cancelled_is_said_when_nothing_runs_also_of_what_the_driver_has_not_heard_of(root, jupyter, tmp_path, beat):
    stubborn(root, beat)
    (tmp_path / "mute.py").write_text("import distributed\ndistributed.Worker.log_event = lambda *arguments: None\n")
    with a_cluster(tmp_path / "cluster") as cluster:
        cluster.add("ada", options=("--preload", str(tmp_path / "mute.py")))
        run = submit(node("one"), configuration=configure(api_endpoint=cluster.address))
        until(lambda: beats(beat), "the node")
        assert not is_running(run)
        run.cancel()
        until(lambda: run.state() == ("cancelled", ""), "the end of the run")
        assert not beats(beat)


@pytest.mark.parametrize("leave", ["pass", "os.setsid()"])
def test_cancel_ends_a_chain_of_forks(root, dask, beat, leave):
    (root / "work.py").write_text(CHAIN.format(leave=leave, beat=str(beat)))
    run = submit(node("one"), configuration=dask)
    until(lambda: is_running(run) and beats(beat), "the node")
    run.cancel()
    assert ended(run) == ("cancelled", "")
    assert not beats(beat)


def test_a_chain_of_forks_ends_with_the_driver(root, dask, beat):
    (root / "work.py").write_text(CHAIN.format(leave="os.setsid()", beat=str(beat)))
    run = submit(node("one"), configuration=dask)
    until(lambda: is_running(run) and beats(beat), "the node")
    (driver,) = processes("elyra_runtime_engine.driver", run.id)
    driver.kill()
    until(lambda: not beats(beat), "the end of the node")


def test_the_guard_keeps_no_zombies(root, dask):
    (root / "work.py").write_text(
        "import os, psutil, subprocess, time\n"
        "for _ in range(50): subprocess.run(['sh', '-c', 'true & true &'])\n"
        "time.sleep(0.5)\n"
        "print(len(psutil.Process(os.getppid()).children()) - 1)\n"
    )
    run = submit(node("one"), configuration=dask)
    ended(run)
    assert log(run) == "0\n"


def test_the_run_ends_when_its_folder_is_removed(root, dask, beat):
    stubborn(root, beat)
    run = submit(node("one"), configuration=dask)
    until(lambda: is_running(run) and beats(beat), "the node")
    (driver,) = processes("elyra_runtime_engine.driver", run.id)
    values = run.folder.parents[1] / "values" / f"{run.id}.json"
    assert values.exists()
    shutil.rmtree(run.folder, ignore_errors=True)
    driver.wait(timeout=30)
    assert not beats(beat)
    assert not values.exists()
    assert all_runs() == []


def test_sigterm_ends_a_run_also_when_its_folder_is_gone(root, dask, beat):
    stubborn(root, beat)
    run = submit(node("one"), configuration=dask)
    until(lambda: is_running(run) and beats(beat), "the node")
    (driver,) = processes("elyra_runtime_engine.driver", run.id)
    shutil.rmtree(run.folder, ignore_errors=True)
    driver.terminate()
    driver.wait(timeout=30)
    assert not beats(beat)


def test_the_run_ends_with_a_sentence_when_its_run_folder_is_removed(root, jupyter, tmp_path, beat):
    stubborn(root, beat)
    run = submit(node("one"), configuration=configure(cos_endpoint=str(tmp_path / "runs")))
    until(lambda: is_running(run) and beats(beat), "the node")
    shutil.rmtree(tmp_path / "runs", ignore_errors=True)
    state, error = ended(run)
    assert state == "failed" and "The folder of the run was removed while it ran" in error
    assert not beats(beat)
    (root / "work.py").write_text("")
    assert ended(again(run)) == ("done", "")


def test_a_run_folder_that_takes_nothing_more_is_named(root, jupyter, tmp_path):
    """For the user root no folder is read-only. A file in its place takes nothing either."""
    (root / "work.py").write_text(
        "import os, shutil\n"
        f"(place,) = os.scandir({str(tmp_path / 'runs')!r})\n"
        "os.rename(f'{place.path}/nodes', f'{place.path}/away')\n"
        "open(f'{place.path}/nodes', 'w').close()\n"
    )
    configuration = configure(cos_endpoint=str(tmp_path / "runs"))
    run = submit(node("one"), node("two", ["one"]), configuration=configuration)
    state, error = ended(run)
    assert state == "failed" and "Node 'one' failed." in error and "Not a directory" in error


def test_run_again_at_once_from_several_servers_runs_it_once(root, dask, tmp_path):
    diary = tmp_path / "diary"
    (root / "work.py").write_text(f"import time\nopen({str(diary)!r}, 'a').write('x')\ntime.sleep(3)\n1 / 0\n")
    run = submit(node("one"), configuration=dask)
    ended(run)
    command = [sys.executable, "-W", "ignore", "-c", CONTINUE, run.id]
    servers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    time.sleep(2)  # until they have imported all
    for server in servers:
        server.stdin.write("\n")
        server.stdin.flush()
    said = {server.communicate()[0].strip() for server in servers}
    assert [each.id for each in all_runs()] == [run.id] and said == {run.id}
    ended(run)
    assert diary.read_text() == "xx"


def test_a_server_that_is_killed_while_it_copies_files_leaves_a_run_that_can_be_run_again(root, dask):
    code = SUBMIT_SLOWLY.format(tests=os.path.dirname(__file__), configuration=dask)
    server = subprocess.Popen([sys.executable, "-W", "ignore", "-c", code])
    try:
        (run,) = until(all_runs, "the run")
        assert until(lambda: run.state() == ("starting", ""), "the start")
    finally:
        server.kill()
        server.wait()
    until(lambda: run.state()[0] in ENDED, "the end", 5)
    assert run.state()[0] == "failed"
    assert ended(again(run)) == ("done", "")


def test_a_run_folder_that_hangs_as_a_run_is_made_holds_up_no_other_run(jupyter, tmp_path, monkeypatch):
    back = threading.Event()

    def mkdir(path, *arguments, real=os.mkdir, **options):
        if str(tmp_path / "far") in os.fspath(path):
            back.wait(60)
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "mkdir", mkdir)
    with ThreadPoolExecutor() as threads:
        far = threads.submit(Run.create, {}, [], tmp_path / "far")
        other = threads.submit(Run.create, {}, [])
        try:
            other.result(timeout=10)
        finally:
            back.set()
        assert far.result().place.parent == tmp_path / "far"


def test_a_run_is_cancelled_while_its_files_are_copied(root, dask, monkeypatch):
    def cancel(node, root, target):
        copied.append(node.number)
        all_runs()[0].cancel()

    copied = []
    monkeypatch.setattr("elyra_runtime_engine.start.copy_sources", cancel)
    run = submit(node("one"), node("two"), configuration=dask)
    assert run.state() == ("cancelled", "")
    assert copied == [0]
    assert states(run) == {"one": "cancelled", "two": "cancelled"}


def test_a_run_stays_locked_when_somebody_in_the_same_process_looks_at_the_lock(root, dask):
    run = submit(node("one"), configuration=dask)
    ended(run)
    code = "import sys; from elyra_runtime_engine.run import Run; sys.exit(Run(sys.argv[1]).has_driver())"
    with run.lock():
        run.has_driver()
        (run.folder / "lock").read_text()
        assert subprocess.run([sys.executable, "-W", "ignore", "-c", code, run.folder]).returncode == 1
    assert not run.has_driver()
