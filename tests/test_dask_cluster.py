"""Runs on a Dask cluster, whose scheduler and workers are processes of their own, on the loopback, and its faults."""

import datetime
import ipaddress
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import distributed
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from distributed import Client
from pipelines import node
from runs import (
    a_cluster,
    configure,
    ended,
    impatient,
    is_running,
    log,
    notebook,
    processes,
    states,
    submit,
    two_runs_do_not_mix,
    until,
)

from elyra_runtime_engine.run import all_runs
from elyra_runtime_engine.start import again

pytestmark = pytest.mark.usefixtures("no_runs_left")

HIDE = """
import builtins

def hiding(real):
    def open(path, *arguments, **options):
        if str(path).endswith("/token"):
            raise FileNotFoundError(path)
        return real(path, *arguments, **options)
    return open

builtins.open = hiding(builtins.open)
"""
"""What a worker preloads to be as one on another machine: it does not see the folder of the run."""

KILL_WORKER = """
import os, psutil, signal, time
with open({count!r}, "a") as file:
    file.write("x")
parents = [process for process in psutil.Process().parents() if "guard.py" not in " ".join(process.cmdline())]
parents[0].kill()
time.sleep(60)
"""


@pytest.fixture(scope="module")
def shared_cluster(tmp_path_factory):
    with a_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        cluster.add("ada", options=("--nanny", "--resources", "GPU=1 MEMORY=4e9"), wait=False)
        cluster.add("bob", options=("--nanny",))
        yield cluster


@pytest.fixture
def cluster(shared_cluster):
    """A cluster with the workers ``ada`` and ``bob``. Ada offers a GPU and memory."""
    shared_cluster.fix()
    return shared_cluster


@pytest.fixture
def own_cluster(tmp_path):
    """A cluster with one worker, for a test that does harm to the scheduler."""
    with a_cluster(tmp_path / "own", "ada") as cluster:
        yield cluster


@pytest.fixture(scope="module")
def far_cluster(tmp_path_factory):
    """A cluster whose worker does not see the folders of runs, as on another machine."""
    directory = tmp_path_factory.mktemp("far")
    (directory / "hide.py").write_text(HIDE)
    with a_cluster(directory) as cluster:
        cluster.add("far", options=("--preload", str(directory / "hide.py")))
        yield cluster


def test_a_run_on_a_cluster(root, cluster):
    (root / "make.py").write_text("open('a.csv', 'w').write('1')")
    (root / "show.ipynb").write_text(notebook("print(open('a.csv').read())"))
    run = submit(
        node("make", filename="make.py", outputs=["a.csv"]),
        node("show", ["make"], filename="show.ipynb", op="execute-notebook-node"),
        configuration=configure(api_endpoint=cluster.address),
    )
    assert ended(run) == ("done", "")
    assert "\n1\n" in log(run, 1)
    assert all(place["worker"].startswith("tcp://127.0.0.1:") for place in run.nodes())


def test_without_a_shared_folder_files_and_logs_travel_through_dask(root, far_cluster):
    (root / "make.py").write_text(
        "import os, time\nos.makedirs('out')\nopen('out/a.csv', 'w').write('1')\n"
        "print('begin', flush=True)\ntime.sleep(3)\nprint('end')\n"
    )
    (root / "show.py").write_text("print(open('out/a.csv').read())")
    run = submit(
        node("make", filename="make.py", outputs=["out"]),
        node("show", ["make"], filename="show.py"),
        configuration=configure(api_endpoint=far_cluster.address),
    )
    until(lambda: (run.attempt(0, 1) / "log.txt").exists(), "the log of a node that runs")
    assert log(run) == "begin\n"
    assert ended(run) == ("done", "")
    assert [log(run, number) for number in (0, 1)] == ["begin\nend\n", "1\n"]
    assert (run.node(0) / "outputs" / "out" / "a.csv").read_text() == "1"
    assert "files travel through Dask" in (run.folder / "run.log").read_text()


def test_the_scheduler_forgets_logs_that_have_travelled(root, far_cluster):
    (root / "work.py").write_text("import time\nfor n in range(8):\n    print('x' * 999_999)\n    time.sleep(0.6)\n")
    run = submit(node("one"), node("two"), configuration=configure(api_endpoint=far_cluster.address))
    with Client(far_cluster.address, set_as_default=False) as client:
        kept = []
        while run.state()[0] == "running":
            kept.append(sum(len(str(events)) for events in client.get_events().values()))
            time.sleep(0.2)
        after = client.get_events()
    assert ended(run) == ("done", "")
    assert [len(log(run, number)) for number in (0, 1)] == [8_000_000] * 2
    assert max(kept) < 16_000_000, "it is forgotten on the way, not at the end"
    assert sum(len(str(events)) for events in after.values()) < 100_000


def test_files_that_are_too_large_for_the_scheduler_do_not_travel(root, far_cluster):
    with open(root / "big", "wb") as file:
        file.truncate(150_000_000)
    (root / "make.py").write_text("open('big', 'wb').truncate(150_000_000)\n")
    run = submit(
        node("in", dependencies=["big"]),
        node("out", filename="make.py", outputs=["big"]),
        configuration=configure(api_endpoint=far_cluster.address),
    )
    assert ended(run)[0] == "failed"
    way = "Up to 100000000 travel through Dask: for more, set the Run Folder"
    files, outputs = (place["error"] for place in run.nodes())
    assert files.startswith(f"The files that the node starts from hold 150000000 bytes. {way}")
    assert outputs.startswith(f"The outputs hold 150000000 bytes. {way}")


def test_a_node_goes_to_a_worker_that_offers_what_it_asks_for(root, cluster):
    run = submit(
        *(node(f"n{number}", gpu=1, memory=2, cpu=1) for number in range(3)),
        configuration=configure(api_endpoint=cluster.address),
    )
    assert ended(run) == ("done", "")
    assert len({place["worker"] for place in run.nodes()}) == 1
    assert run.nodes()[0]["placing"] == "Not used, because no worker offers such a resource: CPU."


def test_a_node_that_asks_for_too_much_is_refused(root, cluster):
    with pytest.raises(RuntimeError, match="Node 'big' asks for GPU 2, and no worker offers that much.*GPU 1"):
        submit(node("big", gpu=2), configuration=configure(api_endpoint=cluster.address))
    assert all_runs() == []


def test_two_runs_on_one_scheduler_do_not_mix(root, cluster):
    two_runs_do_not_mix(root, configure(api_endpoint=cluster.address))


def test_cancel_ends_the_nodes_of_this_run_only(root, cluster):
    (root / "work.py").write_text("import time\ntime.sleep(60)\n")
    (root / "short.py").write_text("import time\ntime.sleep(8)\n")
    configuration = configure(api_endpoint=cluster.address)
    other = submit(node("other", filename="short.py"), configuration=configuration)
    until(lambda: is_running(other), "the node of the other run")
    run = submit(*(node(f"n{number}") for number in range(8)), configuration=configuration)
    until(lambda: is_running(run), "a node")
    run.cancel()
    assert ended(run) == ("cancelled", "")
    assert set(states(run).values()) == {"cancelled"}
    assert processes("work.py", below=cluster.directory) == []
    assert ended(other) == ("done", "")


# What the user can fix is said at once


def test_no_scheduler(root, jupyter):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(RuntimeError, match=f"No Dask scheduler answers at {address}"):
            submit(node("one"), configuration=configure(api_endpoint=address))
    assert all_runs() == []


def test_a_listener_that_says_nothing(root, jupyter, monkeypatch):
    impatient(monkeypatch, answer=0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(RuntimeError, match=f"No Dask scheduler answers at {address} within 0.5 s"):
            submit(node("one"), configuration=configure(api_endpoint=address))


def test_a_listener_that_speaks_something_else(root, jupyter):
    with socket.create_server(("127.0.0.1", 0)) as web:

        def answer():
            while True:
                try:
                    connection, _ = web.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        address = f"tcp://127.0.0.1:{web.getsockname()[1]}"
        with pytest.raises(RuntimeError, match=f"No Dask scheduler answers at {address}"):
            submit(node("one"), configuration=configure(api_endpoint=address))
        web.shutdown(socket.SHUT_RDWR)


def test_no_workers(root, tmp_path):
    with a_cluster(tmp_path / "empty") as cluster:
        until(lambda: _answers(cluster.address), "the scheduler")
        with pytest.raises(RuntimeError, match=f"has no workers. Start one: dask worker {cluster.address}"):
            submit(node("one"), configuration=configure(api_endpoint=cluster.address))
        assert all_runs() == []
        run = submit(node("one"), configuration=configure(api_endpoint=cluster.address, adaptive=True))
        assert run.state() == ("running", "")
        cluster.add("late")
        assert ended(run) == ("done", "")


def test_a_worker_is_no_scheduler(root, cluster):
    run = submit(node("one"), configuration=configure(api_endpoint=cluster.address))
    ended(run)
    worker = run.nodes()[0]["worker"]
    with pytest.raises(RuntimeError, match=f"No Dask scheduler answers at {worker}|is a Dask Worker, not a scheduler"):
        submit(node("one"), configuration=configure(api_endpoint=worker))


def test_another_python(root, cluster, tmp_path):
    """The scheduler and the worker are real, and say that their Python is another one."""
    ours = f"this machine Python {sys.version_info.major}.{sys.version_info.minor}"
    says = _says(tmp_path, "get_system_info", python="3.9.18.final.0")
    _are_refused(cluster, tmp_path / "other", says, f"runs Python 3.9, and {ours}. Dask needs the same")


def test_another_dask(root, cluster, tmp_path):
    """The scheduler and the worker are real, and say that they are of another release."""
    ours = f"this machine distributed {distributed.__version__}"
    says = _says(tmp_path, "get_package_info", distributed="2024.8.0")
    _are_refused(cluster, tmp_path / "other", says, f"runs distributed 2024.8.0, and {ours}. Dask needs the same")


def _are_refused(cluster, directory, options, reason):
    """Expect that a scheduler with ``options`` is refused for that ``reason``, and a worker on ``cluster``, too."""
    with a_cluster(directory, options=options) as other:
        until(lambda: _answers(other.address), "the scheduler")
        with pytest.raises(RuntimeError, match=f"^The Dask scheduler {reason}"):
            submit(node("one"), configuration=configure(api_endpoint=other.address))
    with cluster.guest("guest", *options), pytest.raises(RuntimeError, match=f"^The worker tcp://.* {reason}"):
        submit(node("one"), configuration=configure(api_endpoint=cluster.address))
    assert all_runs() == []


def test_a_worker_of_another_dask_comes_later(root, tmp_path, monkeypatch):
    impatient(monkeypatch, silence=8)
    (root / "work.py").write_text("import time\ntime.sleep(60)\n")
    preload = _says(tmp_path, "get_package_info", distributed="2024.8.0")
    with a_cluster(tmp_path / "late") as cluster:
        until(lambda: _answers(cluster.address), "the scheduler")
        run = submit(node("one"), configuration=configure(api_endpoint=cluster.address, adaptive=True))
        cluster.add("late", options=preload, wait=False)
        state, error = ended(run)
    assert state == "failed"
    assert f"runs distributed 2024.8.0, and this machine distributed {distributed.__version__}." in error


def test_a_correction_of_the_same_dask_is_taken(root, tmp_path):
    release = ".".join(distributed.__version__.split(".")[:2])
    preload = _says(tmp_path, "get_package_info", distributed=f"{release}.99")
    with a_cluster(tmp_path / "same", options=preload) as cluster:
        cluster.add("ada")
        run = submit(node("one"), configuration=configure(api_endpoint=cluster.address))
        assert ended(run) == ("done", "")


def _says(directory, function, **versions):
    """Return options for a scheduler or a worker: it says ``versions`` where Dask's ``function`` says what is true."""
    preload = directory / "says.py"
    preload.write_text(
        f"from distributed import versions\n"
        f"versions.{function} = lambda *given, true=versions.{function}: {{**true(*given), **{versions!r}}}\n"
    )
    return "--preload", str(preload)


# Faults in the middle of a run


def test_a_worker_is_killed_in_the_middle_of_a_node(root, cluster, tmp_path):
    ends = tmp_path / "ends"
    (root / "work.py").write_text(
        "import time\nprint('begin', flush=True)\ntime.sleep(4)\nopen('a.csv', 'a').write('1')\n"
        f"open({str(ends)!r}, 'a').write('x')\n"
    )
    (root / "show.py").write_text("print(open('a.csv').read())")
    run = submit(
        node("one", outputs=["a.csv"]),
        node("two", ["one"], filename="show.py"),
        configuration=configure(api_endpoint=cluster.address),
    )
    until(lambda: is_running(run), "the node")
    cluster.kill(_name_of_worker(cluster, run.nodes()[0]["worker"]))
    assert ended(run) == ("done", "")
    assert run.nodes()[0]["attempts"] == 2
    assert log(run, 1) == "1\n"
    time.sleep(1)
    assert ends.read_text() == "x", "the first attempt must not have gone on without its worker"
    assert sorted(os.listdir(run.folder / "nodes")) == ["0", "1"]


@pytest.mark.parametrize("retries", [0, 1])
def test_a_node_that_kills_its_worker_is_named(root, cluster, tmp_path, retries):
    count = tmp_path / "count"
    (root / "bad.py").write_text(KILL_WORKER.format(count=str(count)))
    run = submit(
        node("bad", filename="bad.py"),
        node("good"),
        configuration=configure(api_endpoint=cluster.address, retries=retries),
    )
    state, error = ended(run)
    assert state == "failed"
    assert "Node 'bad' failed. Its worker was lost while it ran." in error
    assert f"Attempts: {retries + 1}. To allow more, raise Retries" in error
    assert states(run)["good"] == "done"
    assert len(count.read_text()) <= retries + 2  # the last one is taken back as it begins


def test_the_scheduler_is_lost(root, own_cluster, monkeypatch):
    impatient(monkeypatch, silence=8)
    (root / "slow.py").write_text("import time\nprint('begin', flush=True)\ntime.sleep(5)\n")
    (root / "work.py").write_text("open('a.csv', 'w').write('1')")
    run = submit(
        node("one", outputs=["a.csv"]),
        node("two", ["one"], filename="slow.py"),
        node("three", ["two"]),
        configuration=configure(api_endpoint=own_cluster.address),
    )
    until(lambda: is_running(run, 1) and (run.node(1) / "log.txt").exists(), "the second node")
    until(lambda: log(run, 1), "its log")
    os.killpg(own_cluster.scheduler.pid, signal.SIGKILL)
    state, error = ended(run)
    assert state == "failed"
    assert f"The Dask scheduler at {own_cluster.address} is lost" in error
    assert "1 of 3 nodes were done by then, and are kept." in error
    assert states(run) == {"one": "done", "two": "failed", "three": "skipped"}
    assert (run.node(0) / "outputs" / "a.csv").read_text() == "1"
    assert log(run, 1) == "begin\n"


def test_the_scheduler_hangs(root, own_cluster, monkeypatch):
    impatient(monkeypatch, silence=3)
    (root / "slow.py").write_text("import time\ntime.sleep(300)\n")
    run = submit(node("one", filename="slow.py"), configuration=configure(api_endpoint=own_cluster.address))
    until(lambda: is_running(run), "the node")
    os.kill(own_cluster.scheduler.pid, signal.SIGSTOP)
    state, error = ended(run)
    assert state == "failed" and "is lost" in error


def test_the_driver_is_killed(root, cluster):
    (root / "work.py").write_text("import time\ntime.sleep(60)\n")
    (root / "next.py").write_text("")
    run = submit(
        node("one"), node("two", ["one"], filename="next.py"), configuration=configure(api_endpoint=cluster.address)
    )
    until(lambda: is_running(run), "the node")
    (leader,) = processes("elyra_runtime_engine.driver", run.id)
    leader.kill()
    until(lambda: not run.has_driver(), "the end of the driver")
    assert run.state()[0] == "failed"
    until(
        lambda: not processes("work.py", below=cluster.directory),
        "the end of the node, which nobody waits for any more",
        15,
    )
    assert states(run) == {"one": "running", "two": "waiting"}
    (root / "work.py").write_text("")
    assert ended(again(run)) == ("done", "")


def test_a_node_that_is_done_stays_done_when_its_worker_is_lost(root, cluster, tmp_path):
    count = tmp_path / "count"
    (root / "work.py").write_text(f"open({str(count)!r}, 'a').write('x')\nopen('a.csv', 'w').close()\n")
    (root / "slow.py").write_text("import time\ntime.sleep(4)\n")
    run = submit(
        node("one", outputs=["a.csv"]),
        node("two", ["one"], filename="slow.py"),
        node("three", ["one"], filename="slow.py"),
        configuration=configure(api_endpoint=cluster.address),
    )
    until(lambda: is_running(run, 1) and is_running(run, 2), "the nodes that follow")
    cluster.kill(_name_of_worker(cluster, run.nodes()[0]["worker"]))
    assert ended(run) == ("done", "")
    assert count.read_text() == "x"


def test_a_worker_that_hangs_is_in_the_way_of_nobody(root, cluster, monkeypatch):
    impatient(monkeypatch, ending=2)
    (root / "work.py").write_text("import time\ntime.sleep(60)\n")
    configuration = configure(api_endpoint=cluster.address)
    run = submit(node("one"), configuration=configuration)
    guards = until(lambda: processes("guard.py", str(cluster.directory)), "the node")
    (worker,) = {guard.parent() for guard in guards} - set(guards)
    worker.suspend()
    try:
        run.cancel()
        assert ended(run) == ("cancelled", "A worker did not answer. What it runs may go on there.")
        other = submit(node("other", filename="work.py"), configuration=configuration)
        other.cancel()
        ended(other)
    finally:
        worker.resume()
    until(
        lambda: not processes("work.py", below=cluster.directory),
        "the end of the node, as soon as its worker is back",
    )


def test_a_run_that_has_lost_its_last_worker_says_so(root, tmp_path, monkeypatch):
    impatient(monkeypatch, silence=8)
    (root / "work.py").write_text("import time\ntime.sleep(2)\n")
    with a_cluster(tmp_path / "small", "ada") as cluster:
        run = submit(node("one"), configuration=configure(api_endpoint=cluster.address))
        until(lambda: is_running(run), "the node")
        cluster.kill("ada")
        told = until(lambda: [event["waiting"] for event in run.events()[0] if "waiting" in event], "a word", 30)
        assert "has no workers. The run waits for one." in told[0]
        cluster.add("bob")
        assert ended(run) == ("done", "")


def test_tls(root, tmp_path):
    files = _certificates(tmp_path)
    options = [f"--{name.replace('_', '-')}={path}" for name, path in files.items()]
    with a_cluster(tmp_path / "tls", options=options, protocol="tls") as cluster:
        cluster.add("ada", wait=False)
        settings = dict(api_endpoint=cluster.address, adaptive=True, **files)
        until(lambda: _answers(cluster.address), "the scheduler")
        run = submit(node("one"), configuration=configure(**settings))
        assert ended(run) == ("done", "")
        with pytest.raises(RuntimeError, match="A tls:// address needs three files. Fill in tls_key"):
            submit(node("one"), configuration=configure(**{**settings, "tls_key": ""}))
        with pytest.raises(RuntimeError, match="'/nowhere.pem' is not there. Correct 'tls_cert'"):
            submit(node("one"), configuration=configure(**{**settings, "tls_cert": "/nowhere.pem"}))
        with pytest.raises(RuntimeError, match="No Dask scheduler answers"):
            submit(node("one"), configuration=configure(api_endpoint=cluster.address.replace("tls", "tcp")))


def _answers(address):
    host, port = address.split("//")[1].split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def _name_of_worker(cluster, address):
    return next(name for name in cluster.workers if address in (cluster.directory / f"{name}.log").read_text())


def _certificates(directory):
    """Write a certificate that is its own authority. Return its files by the name of their field."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    (directory / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    cert, private = str(directory / "cert.pem"), str(directory / "key.pem")
    return {"tls_ca_file": cert, "tls_cert": cert, "tls_key": private}


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system binds no process to processors")
def test_the_local_cluster_counts_the_processors_that_it_may_use():
    code = (
        "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
        "from elyra_runtime_engine.processors import processors; print(processors())"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert said.stdout == "1\n", said.stderr
