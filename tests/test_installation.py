"""Step 3: what pip installs, and what Elyra makes of it."""

import hashlib
import json
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
INSTALLED = Path(sysconfig.get_path("purelib"))
CONFIG = "etc/jupyter/jupyter_server_config.d"

WHAT_THERE_IS = """
import json
from elyra.metadata.schema import SchemaManager
from elyra.pipeline.registry import PipelineProcessorRegistry
from elyra.pipeline.runtime_type import RuntimeProcessorType
from jupyter_core.paths import jupyter_config_path
from jupyter_server.extension.config import ExtensionConfigManager

extensions = ExtensionConfigManager(read_config_path=jupyter_config_path()).get_jpserver_extensions()
print(json.dumps({
    "processors": [processor.name for processor in PipelineProcessorRegistry.instance().get_all_processors()],
    "schemas": list(SchemaManager.instance().get_schemaspace_schemas("runtimes")),
    "types": list(RuntimeProcessorType.__members__),
    "server extensions": [name for name, enabled in extensions.items() if enabled],
}))
"""


def python(interpreter, *arguments, check=True):
    """Run ``interpreter``. Returns what it prints, or with ``check=False`` the ``CompletedProcess``."""
    result = subprocess.run([interpreter, *map(str, arguments)], capture_output=True, text=True, timeout=300)
    if check:
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout
    return result


def build(source, target, *options):
    """Build ``source`` with the tools that are installed here. Returns the path of the file that was built."""
    python(sys.executable, "-m", "build", "--no-isolation", "--outdir", target, *options, source)
    (built,) = target.iterdir()
    return built


def contents(archive):
    """Return what the wheel ``archive`` holds: bytes by name."""
    with zipfile.ZipFile(archive) as wheel:
        return {name: wheel.read(name) for name in wheel.namelist()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from the repository."""
    return build(REPOSITORY, tmp_path_factory.mktemp("wheel"), "--wheel")


PACKAGES = "demo_runtime", "dask_runtime", "elyra_runtime_doctor"
EXTENSIONS = "demo_runtime", "dask_runtime"


class Environment:
    """A virtual environment with all that is installed here but this distribution. Elyra is a copy of its own."""

    def __init__(self, directory):
        python(sys.executable, "-m", "venv", directory)
        self.directory = directory
        self.python = directory / "bin" / "python"
        purelib = "import sysconfig; print(sysconfig.get_path('purelib'))"
        self.packages = Path(python(self.python, "-c", purelib).strip())
        for path in INSTALLED.iterdir():
            target = self.packages / path.name
            if "demo_runtime" in path.name or path.suffix == ".pth" or target.exists():
                continue
            if path.name.startswith(("elyra", "odh_elyra")):
                shutil.copytree(path, target)
            else:
                target.symlink_to(path)
        (directory / CONFIG).mkdir(parents=True)
        for path in Path(sys.prefix, CONFIG).glob("*.json"):
            if path.stem not in EXTENSIONS:
                shutil.copy(path, directory / CONFIG)

    def pip(self, *arguments):
        return python(self.python, "-m", "pip", "--disable-pip-version-check", *arguments)

    def what_there_is(self):
        """Return the names that Elyra and Jupyter Server know: processors, schemas, types, server extensions."""
        names = json.loads(python(self.python, "-c", WHAT_THERE_IS))
        return {kind: sorted(some) for kind, some in names.items()}

    def files(self):
        """Return a hash for each file of the environment that is its own, by name."""
        return {
            str(path.relative_to(self.directory)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self.directory.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    return Environment(tmp_path_factory.mktemp("environment"))


def test_the_wheel_holds_the_packages_their_licence_and_no_more(wheel):
    names = contents(wheel)
    files = [path for package in PACKAGES for path in (REPOSITORY / package).rglob("*") if path.is_file()]
    package = [path for path in files if path.suffix != ".pyc"]
    assert len(package) > 20
    assert set(names) == {
        *(path.relative_to(REPOSITORY).as_posix() for path in package),
        *(f"demo_runtime-0.1.0.data/data/{CONFIG}/{name}.json" for name in EXTENSIONS),
        *(
            f"demo_runtime-0.1.0.dist-info/{name}"
            for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
        ),
    }
    assert b"Apache License" in names["demo_runtime-0.1.0.dist-info/licenses/LICENSE"]


@pytest.mark.parametrize("name", EXTENSIONS)
def test_the_wheel_enables_the_server_extension(wheel, name):
    config = json.loads(contents(wheel)[f"demo_runtime-0.1.0.data/data/{CONFIG}/{name}.json"])
    assert config == {"ServerApp": {"jpserver_extensions": {name: True}}}


def test_the_source_distribution_builds_the_same_wheel(wheel, tmp_path):
    source = build(REPOSITORY, tmp_path / "source", "--sdist")
    shutil.unpack_archive(source, tmp_path / "unpacked")
    again = build(next((tmp_path / "unpacked").iterdir()), tmp_path / "wheel", "--wheel")
    assert contents(again) == contents(wheel)


def test_elyra_is_no_requirement_because_two_distributions_bring_it(wheel):
    metadata = contents(wheel)["demo_runtime-0.1.0.dist-info/METADATA"].decode()
    required = [line for line in metadata.splitlines() if line.startswith("Requires-Dist") and "elyra" in line]
    assert required and all("extra ==" in line for line in required)


def test_the_entry_points_are_in_the_groups_that_elyra_reads():
    processors = {point.name: point.value for point in entry_points(group="elyra.pipeline.processors")}
    schemas = {point.name: point.value for point in entry_points(group="metadata.schemas_providers")}
    assert processors["demoruntime"] == "demo_runtime.processor:DemoPipelineProcessor"
    assert schemas["demoruntime"] == "demo_runtime.schema:DemoRuntimeSchemasProvider"
    assert processors["dask"] == "dask_runtime.processor:DaskPipelineProcessor"
    assert schemas["dask"] == "dask_runtime.schema:DaskSchemasProvider"


def test_installing_adds_the_runtimes_uninstalling_removes_them_and_elyra_stays_as_it_is(environment, wheel):
    before, files = environment.what_there_is(), environment.files()
    assert "local" in before["processors"] and "elyra" in before["server extensions"]
    assert "demo" not in str(before) and "dask" not in str(before)

    # With the index switched off, pip finds every requirement installed or fails.
    environment.pip("install", "--no-index", wheel)
    added = {
        "processors": ["dask", "demoruntime"],
        "schemas": ["dask", "demoruntime"],
        "types": ["DASK", "DEMO_RUNTIME"],
        "server extensions": EXTENSIONS,
    }
    assert environment.what_there_is() == {kind: sorted([*before[kind], *names]) for kind, names in added.items()}
    files_now = environment.files()
    assert {name: files_now[name] for name in files} == files
    own = *PACKAGES, "bin/elyra-runtime-doctor"
    assert all(any(word in name for word in own) for name in set(files_now) - set(files))

    environment.pip("uninstall", "--yes", "demo-runtime")
    assert environment.what_there_is() == before
    assert environment.files() == files


def test_without_elyra_importing_it_says_what_is_missing(wheel):
    # The interpreter's own library and the wheel: no site-packages, so no Elyra.
    code = f"import sys; sys.path.append({str(wheel)!r}); import demo_runtime"
    failed = python(sys.executable, "-I", "-S", "-c", code, check=False)
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1] == (
        "ImportError: demo_runtime extends Elyra, and Elyra is not installed in this environment. "
        "Install it: pip install 'demo-runtime[elyra]'"
    )
