"""Step 3: what pip installs, and what Elyra makes of it."""

import email
import hashlib
import json
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import entry_points
from itertools import combinations
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

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


@dataclass(frozen=True)
class Distribution:
    """One of them: where it is made from, what it holds, what it adds to Elyra, and which others it needs."""

    folder: Path
    packages: tuple
    adds: dict
    needs: tuple = ()
    commands: tuple = ()

    @property
    def files(self):
        """The files of the packages, as a wheel names them."""
        paths = [path for package in self.packages for path in (self.folder / package).rglob("*") if path.is_file()]
        return {path.relative_to(self.folder).as_posix() for path in paths if path.suffix != ".pyc"}


DISTRIBUTIONS = {
    "demo_runtime": Distribution(
        REPOSITORY,
        ("demo_runtime",),
        {
            "processors": ["demoruntime"],
            "schemas": ["demoruntime"],
            "types": ["DEMO_RUNTIME"],
            "server extensions": ["demo_runtime"],
        },
    ),
    "elyra_runtime_kit": Distribution(
        REPOSITORY / "kit",
        ("elyra_runtime_doctor", "elyra_runtime_engine", "elyra_runtime_kit", "elyra_runtime_template"),
        {},
        commands=("bin/elyra-run", "bin/elyra-runtime-doctor", "bin/elyra-runtime-kit"),
    ),
    "elyra_dask_runtime": Distribution(
        REPOSITORY / "dask",
        ("dask_runtime",),
        {"processors": ["dask"], "schemas": ["dask"], "types": ["DASK"]},
        needs=("elyra_runtime_kit",),
    ),
    "elyra_machine_runtime": Distribution(
        REPOSITORY / "local",
        ("machine_runtime",),
        {"processors": ["machine"], "schemas": ["machine"], "types": ["MACHINE"]},
        needs=("elyra_runtime_kit",),
    ),
}
EXTENSIONS = [name for each in DISTRIBUTIONS.values() for name in each.adds.get("server extensions", [])]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the wheels, as ``make dist`` makes it."""
    folder = tmp_path_factory.mktemp("dist")
    for distribution in DISTRIBUTIONS.values():
        python(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, distribution.folder)
    return folder


@pytest.fixture(params=DISTRIBUTIONS)
def name(request):
    """The name of one of the distributions, as the name of a wheel begins."""
    return request.param


@pytest.fixture
def distribution(name):
    return DISTRIBUTIONS[name]


@pytest.fixture
def wheel(built, name):
    """The wheel of one of the distributions."""
    (wheel,) = built.glob(f"{name}-*.whl")
    return wheel


class Environment:
    """A virtual environment with all that is installed here but these distributions. Elyra is a copy of its own."""

    def __init__(self, directory):
        python(sys.executable, "-m", "venv", directory)
        self.directory = directory
        self.python = directory / "bin" / "python"
        purelib = "import sysconfig; print(sysconfig.get_path('purelib'))"
        self.packages = Path(python(self.python, "-c", purelib).strip())
        for path in INSTALLED.iterdir():
            target = self.packages / path.name
            if path.name.startswith(tuple(DISTRIBUTIONS)) or path.suffix == ".pth" or target.exists():
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

    @cached_property
    def before(self):
        """What there is, and the files, before anything is installed."""
        there = self.what_there_is()
        assert "local" in there["processors"] and "elyra" in there["server extensions"]
        assert "demo" not in str(there) and "dask" not in str(there)
        return there, self.files()

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
    environment = Environment(tmp_path_factory.mktemp("environment"))
    assert environment.before
    return environment


def test_the_wheel_holds_the_packages_their_licence_and_no_more(wheel, name, distribution):
    names = contents(wheel)
    assert len(distribution.files) >= 4
    information = {"METADATA", "RECORD", "WHEEL", "licenses/LICENSE"}
    if distribution.adds or distribution.commands:
        information.add("entry_points.txt")
    assert set(names) == {
        *distribution.files,
        *(f"{name}-0.1.0.data/data/{CONFIG}/{each}.json" for each in distribution.adds.get("server extensions", [])),
        *(f"{name}-0.1.0.dist-info/{each}" for each in information),
    }
    licence = names[f"{name}-0.1.0.dist-info/licenses/LICENSE"]
    assert licence == (REPOSITORY / "LICENSE").read_bytes()


def test_the_wheel_enables_the_server_extension(wheel, name, distribution):
    files = contents(wheel)
    for each in distribution.adds.get("server extensions", []):
        config = json.loads(files[f"{name}-0.1.0.data/data/{CONFIG}/{each}.json"])
        assert config == {"ServerApp": {"jpserver_extensions": {each: True}}}


def test_the_source_distribution_builds_the_same_wheel(wheel, distribution, tmp_path):
    source = build(distribution.folder, tmp_path / "source", "--sdist")
    shutil.unpack_archive(source, tmp_path / "unpacked")
    again = build(next((tmp_path / "unpacked").iterdir()), tmp_path / "wheel", "--wheel")
    assert contents(again) == contents(wheel)
    python(sys.executable, "-m", "twine", "check", "--strict", source, wheel)


def test_elyra_is_no_requirement_because_two_distributions_bring_it(wheel, name):
    metadata = email.message_from_bytes(contents(wheel)[f"{name}-0.1.0.dist-info/METADATA"])
    required = [line for line in metadata.get_all("Requires-Dist") if re.match(r"elyra\b(?!-)", line)]
    brings = [line for line in metadata.get_all("Requires-Dist") if "extra == 'elyra'" in line]
    assert brings and all("extra ==" in line for line in required)


def test_a_distribution_brings_those_that_it_needs_and_no_other(wheel, name, distribution):
    metadata = email.message_from_bytes(contents(wheel)[f"{name}-0.1.0.dist-info/METADATA"])
    required = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]
    names = {re.match(r"[\w.-]+", line)[0].replace("-", "_") for line in required}
    assert names & set(DISTRIBUTIONS) == set(distribution.needs)


def test_the_range_of_elyra_is_the_same_for_all():
    ranges = [
        tomllib.loads((REPOSITORY / folder / "pyproject.toml").read_text(encoding="utf-8"))["project"][
            "optional-dependencies"
        ]["elyra"]
        for folder in ("", "kit")
    ]
    assert ranges[0] == ranges[1]


def test_the_entry_points_are_in_the_groups_that_elyra_reads():
    processors = {point.name: point.value for point in entry_points(group="elyra.pipeline.processors")}
    schemas = {point.name: point.value for point in entry_points(group="metadata.schemas_providers")}
    assert processors["demoruntime"] == "demo_runtime.processor:DemoPipelineProcessor"
    assert schemas["demoruntime"] == "demo_runtime.schema:DemoRuntimeSchemasProvider"
    assert processors["dask"] == "dask_runtime.processor:DaskPipelineProcessor"
    assert processors["machine"] == "machine_runtime.processor:MachinePipelineProcessor"
    assert schemas["elyra-runtime-kit"] == "elyra_runtime_kit.discovery:KitSchemasProvider"


def with_all_that_they_need(names):
    """Return ``names`` of distributions, and the names of those that they bring."""
    return {*names, *(need for name in names for need in DISTRIBUTIONS[name].needs)}


@pytest.mark.parametrize(
    "names",
    [names for count in (1, 2, len(DISTRIBUTIONS)) for names in combinations(DISTRIBUTIONS, count)],
    ids=" and ".join,
)
def test_installing_adds_what_was_asked_for_and_uninstalling_leaves_elyra_as_it_is(environment, built, names):
    before, files = environment.before
    # With the index switched off, pip finds every requirement installed or fails.
    environment.pip("install", "--no-index", "--find-links", built, *names)
    installed = with_all_that_they_need(names)
    added = [DISTRIBUTIONS[name] for name in installed]
    assert environment.what_there_is() == {
        kind: sorted([*before[kind], *(one for each in added for one in each.adds.get(kind, []))]) for kind in before
    }
    files_now = environment.files()
    assert {name: files_now[name] for name in files} == files
    own = {*installed, *(word for each in added for word in (*each.packages, *each.commands))}
    assert all(any(word in name for word in own) for name in set(files_now) - set(files))

    environment.pip("uninstall", "--yes", *installed)
    assert environment.files() == files


def each_first_and_last():
    """Return orders of the distributions: each of them is uninstalled first once, and last once."""
    names = [*DISTRIBUTIONS]
    return [(*names[place:], *names[:place]) for place in range(len(names))]


@pytest.mark.parametrize("order", each_first_and_last(), ids=" ".join)
def test_uninstalled_in_any_order_they_leave_elyra_as_it_is(environment, built, order):
    before, files = environment.before
    environment.pip("install", "--no-index", "--find-links", built, *order)
    for name in order:
        environment.pip("uninstall", "--yes", name)
        files_now = environment.files()
        assert {name: files_now[name] for name in files} == files
        if name == order[0] == "elyra_runtime_kit":
            # What needs the missing one is not there. All that is Elyra's own is.
            there = environment.what_there_is()
            assert all(set(there[kind]) >= set(before[kind]) for kind in before)
    assert environment.files() == files
