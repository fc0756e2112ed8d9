"""A Jupyter for the tests alone, and what most of them start from."""

import json
import os
from contextlib import contextmanager

import pytest
from elyra.metadata.manager import MetadataManager
from elyra.metadata.metadata import Metadata
from elyra.pipeline.processor import PipelineProcessorManager
from host import FIELDS, Server, forget, own_jupyter
from hypothesis import HealthCheck, settings

# A busy machine is no failure.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

# Whoever runs the tests may have set these for the Jupyter of their own, and make sets its flags for a make below it.
FOREIGN = (
    "ELYRA_ENABLE_PIPELINE_INFO",
    "ELYRA_METADATA_PATH",
    "ELYRA_PROCESSOR_RUNTIMES",
    "JUPYTER_CONFIG_PATH",
    "JUPYTER_PATH",
    "JUPYTER_TOKEN",
    "MAKEFLAGS",
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Let fixtures know whether their test has failed."""
    report = yield
    item.failed = getattr(item, "failed", False) or report.failed
    return report


@pytest.fixture(scope="session", autouse=True)
def nobodys_jupyter(tmp_path_factory):
    """Keep every test, and every process that a test starts, away from the Jupyter of who runs them."""
    directory = tmp_path_factory.mktemp("nobody")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(directory))
        for name, value in own_jupyter(directory).items():
            patch.setenv(name, value)
        for name in FOREIGN:
            patch.delenv(name, raising=False)
        yield


@pytest.fixture
def jupyter(tmp_path, monkeypatch):
    """A Jupyter that was never used, with Elyra starting anew. Yields the directory of the runtime configurations."""
    for name, value in own_jupyter(tmp_path / "jupyter").items():
        monkeypatch.setenv(name, value)
    runtimes = tmp_path / "jupyter" / "jupyter_data_dir" / "metadata" / "runtimes"
    runtimes.mkdir(parents=True)
    forget()
    yield runtimes
    forget()


@pytest.fixture
def no_runs_left(jupyter):
    """End what a test leaves running on Dask, before its directories go."""
    from runs import end_all_runs

    yield
    end_all_runs()


@pytest.fixture
def root(tmp_path, monkeypatch):
    """The current directory, which is the root for Elyra's command line. It holds the script ``work.py``."""
    directory = tmp_path / "root"
    directory.mkdir()
    (directory / "work.py").touch()
    monkeypatch.chdir(directory)
    return directory


@pytest.fixture
def configuration(jupyter):
    """The name of a runtime configuration of the Demo Runtime."""
    metadata = Metadata(schema_name="demoruntime", display_name="Demo", metadata=dict(FIELDS))
    return MetadataManager(schemaspace="runtimes").create(None, metadata).name


@pytest.fixture
def processor(jupyter, root):
    """The processor as Elyra's command line loads it."""
    return PipelineProcessorManager.instance(root_dir=str(root)).get_processor_for_runtime("demoruntime")


@pytest.fixture
def write(root):
    """Write a ``.pipeline`` file to the root. Returns its path."""

    def write(document, name="weather"):
        path = root / f"{name}.pipeline"
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    return write


@contextmanager
def running(directory, **options):
    """A real Jupyter server with the script ``work.py`` and the runtime configuration ``demo``."""
    with Server(directory, **options) as server:
        (server.root / "work.py").touch()
        body = {"schema_name": "demoruntime", "display_name": "Demo", "metadata": FIELDS}
        server.post("elyra/metadata/runtimes", body).raise_for_status()
        yield server


@pytest.fixture(scope="session")
def server(nobodys_jupyter, tmp_path_factory):
    """A real Jupyter server under a base URL, as JupyterHub gives one."""
    with running(tmp_path_factory.mktemp("server"), base_url="/user/somebody/") as server:
        yield server


@pytest.fixture(scope="session")
def two_runtimes_server(nobodys_jupyter, tmp_path_factory):
    """A real Jupyter server at ``/`` on which only the Demo Runtime and the local one are enabled."""
    with running(tmp_path_factory.mktemp("two-runtimes"), ELYRA_PROCESSOR_RUNTIMES="demoruntime,local") as server:
        yield server


@pytest.fixture(scope="session")
def missing():
    """A function that skips a test for the reason it is given, or fails it if REQUIRE_BROWSER is set."""

    def end(reason):
        pytest.fail(reason) if os.environ.get("REQUIRE_BROWSER") else pytest.skip(reason)

    return end


# Not for the session: while it is there, asyncio.run() fails in every other test.
@pytest.fixture(scope="module")
def chromium(missing):
    """A Chromium (``playwright.sync_api.Browser``)."""
    from lab import browser, find_browser
    from playwright.sync_api import expect

    if find_browser() is None:
        missing("no Chromium was found; install one, on Debian: apt-get install chromium")
    expect.set_options(timeout=60_000)  # a busy machine is no failure
    with browser() as chromium:
        yield chromium


@pytest.fixture
def permissions(root):
    """Skip a test where permissions are not enforced, and let the root be removed after it."""
    if os.geteuid() == 0:
        pytest.skip("the user root may write everywhere")
    yield
    root.chmod(0o755)
