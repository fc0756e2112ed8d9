"""The smallest runtimes that have one fault each, made from the healthy one by one change.

The healthy one is a copy of the Demo Runtime, called ``trialruntime``. There, what the kit does for others can be
broken. It is installed once, into a folder. Each installation has a copy of that, which only its own processes see. A
change is made to the source, and to the installed copy of the same file. Where it changes how the package is built, it
is installed anew from the source.
"""

import atexit
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from elyra_runtime_doctor.host import Server, environment, own_jupyter, run

ROOT = Path(__file__).parents[1]

COPIED = "demo_runtime", "jupyter-config", "pyproject.toml", ".gitignore", "LICENSE"
BLOCK = "# Not for a copy, from here", "# to here."

WORDS = (
    ("demo_runtime", "{name}_runtime"),
    ("demo-runtime", "{name}-runtime"),
    ("demoruntime", "{name}runtime"),
    ("DEMO_RUNTIME", "{NAME}_RUNTIME"),
    ("Demo Runtime", "{Name} Runtime"),
    ("Demo", "{Name}"),
)
"""What is called otherwise in a copy of the Demo Runtime, in files and in their names, in this order."""


def copy_of_the_demo(folder, called):
    """Make a runtime in ``folder`` that is the Demo Runtime, but for its names, which begin with ``called``."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder)
    (folder / "README.md").touch()
    names = {"name": called, "Name": called.capitalize(), "NAME": called.upper()}
    words = [(old, new.format(**names)) for old, new in WORDS]
    for path in sorted(folder.rglob("*"), reverse=True):  # files come before the folder that holds them
        if path.is_file():
            kept = _without_blocks(path.read_text(encoding="utf-8"))
            path.write_text(_replaced(kept, words), encoding="utf-8")
        path.rename(path.with_name(_replaced(path.name, words)))


def _without_blocks(text):
    first, last = map(re.escape, BLOCK)
    return re.sub(rf"^ *{first}\n.*?^ *{last}\n", "", text, flags=re.MULTILINE | re.DOTALL)


def _replaced(text, words):
    for old, new in words:
        text = text.replace(old, new)
    return text


CONTRACT = """from elyra_runtime_doctor.contract import RuntimeContract


class TestTrial(RuntimeContract):
    runtime = "trialruntime"
"""
PROJECT = "pyproject.toml"
ENABLED = "etc/jupyter/jupyter_server_config.d"


@dataclass(frozen=True)
class Edit:
    """One change of a text in a file of the source."""

    file: str
    old: str
    new: str

    def apply(self, folder):
        path = folder / self.file
        text = path.read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(f"{self.file} holds {text.count(self.old)} times: {self.old!r}")
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


@dataclass(frozen=True)
class NewFile:
    """One more file in the source."""

    file: str
    text: str

    def apply(self, folder):
        (folder / self.file).write_text(self.text, encoding="utf-8")


@dataclass(frozen=True)
class BrokenRuntime:
    """A runtime with one fault: the row that tells of it, the change that makes it, and what Elyra then shows.

    ``shows`` is the test of the contract that shows it, or a function that takes the installation and returns what
    Elyra shows. The pattern ``says`` is in that. ``edits`` change the source before it is installed, ``later`` after
    that, and ``installed`` changes what is installed. ``contract`` is false where the fault is not in the package: the
    contract brings an environment and a Jupyter of its own.
    """

    row: int
    name: str
    shows: object
    says: str
    edits: tuple = ()
    later: tuple = ()
    installed: object = None
    environment: dict = field(default_factory=dict, hash=False)
    contract: bool = True

    def __str__(self):
        return f"row-{self.row}-{self.name}"

    @property
    def changes_the_build(self):
        """Whether only an installation from the source shows what the edits do."""
        return any(edit.file == PROJECT for edit in self.edits)


@functools.cache
def healthy():
    """Return a folder with the source of the healthy runtime, and with what is installed of it. It is made once."""
    return installed_from(lambda source: copy_of_the_demo(source, "trial"))


def installed_from(write):
    """Return a folder with a source, which ``write`` writes into the folder that it is given, and its installation."""
    folder = Path(tempfile.mkdtemp(prefix="healthy-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "source").mkdir()
    write(folder / "source")
    _install(folder / "source", folder / "site")
    return folder


class Installation:
    """A runtime called ``trialruntime`` in a place of its own: its source, an installation, and a Jupyter.

    The runtime is healthy until a broken one is ``put``.
    """

    contract_of_it = CONTRACT
    healthy = staticmethod(healthy)

    def __init__(self, directory):
        self.directory = Path(directory)
        self.source = self.directory / "source"
        self.site = self.directory / "site"
        self.root = self.directory / "root"
        self.root.mkdir(parents=True)
        (self.root / "work.py").touch()
        self.variables = own_jupyter(self.directory)
        self._lay_out()

    def put(self, broken):
        """Make and install ``broken``."""
        self.variables |= broken.environment
        for edit in broken.edits:
            edit.apply(self.source)
        if broken.changes_the_build:
            self.install()
        else:
            for edit in broken.edits:
                shutil.copy(self.source / edit.file, self.site / installed(edit.file))
        if broken.installed:
            broken.installed(self)
        for edit in broken.later:
            edit.apply(self.source)

    def fix(self, broken):
        """Undo the change: the source and what is installed are healthy again."""
        for name in broken.environment:
            self.variables.pop(name)
        self.variables |= own_jupyter(self.directory)
        self._lay_out()

    def _lay_out(self):
        for folder in (self.source, self.site):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(self.healthy() / folder.name, folder)

    def installed_files(self):
        """Return the content of all installed files, by name, but for where they were installed from."""
        files = [path for path in self.site.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        return {
            path.relative_to(self.site).as_posix(): path.read_bytes()
            for path in files
            if path.name not in ("direct_url.json", "uv_cache.json", "RECORD")
        }

    def contract(self, test):
        """Run the tests of the contract that ``test`` selects. Return the ``subprocess.CompletedProcess`` of pytest."""
        (self.directory / "test_trial_contract.py").write_text(self.contract_of_it, encoding="utf-8")
        options = ["-q", "-p", "no:cacheprovider", "-k", test, "--rootdir", self.directory]
        # Other plugins take longer to import than the contract, and have nothing to do with it.
        bare = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        return self.run("pytest", *options, self.directory / "test_trial_contract.py", **bare)

    def install(self):
        """Install the source anew."""
        shutil.rmtree(self.site)
        _install(self.source, self.site)

    @property
    def environment(self):
        """The environment variables of a process that sees what is in the installation."""
        path = os.pathsep.join([str(self.site), *filter(None, [os.environ.get("PYTHONPATH")])])
        return {"PYTHONPATH": path, "JUPYTER_CONFIG_PATH": str(self.site / "etc" / "jupyter"), **self.variables}

    @property
    def information(self):
        """The ``.dist-info`` folder of the installation."""
        return next(self.site.glob("*.dist-info"))

    def run(self, *command, **variables):
        """Run a command of this environment. Return the ``subprocess.CompletedProcess``."""
        return run(*command, cwd=self.root, env=environment(**self.environment, **variables))

    def python(self, code):
        """Run ``code`` in a fresh Python. Return what it prints, errors too."""
        done = self.run("python", "-W", "ignore", "-c", code)
        return done.stdout + done.stderr

    def doctor(self, *arguments):
        """Return the report of the doctor, as a dict."""
        done = self.run("elyra-runtime-doctor", *arguments, "--json")
        if done.returncode == 2:
            raise RuntimeError(done.stderr)
        return json.loads(done.stdout)

    def findings(self, name="trialruntime"):
        """Return the rows that the doctor names, as ``{number: status}``."""
        report = self.doctor()
        results = [result for result in report["results"] if result["runtime"] in (name, "environment")]
        return {result["number"]: result["status"] for result in results if result["status"] in ("warning", "fail")}

    def server(self):
        """Return a Jupyter server that sees what is in the installation."""
        return Server(self.directory, root=self.root, directories=self.variables, **self.environment)


def installed(file):
    """Return where an installation puts ``file`` of the source: a path below the installation."""
    folder, _, name = file.partition("/")
    return f"{ENABLED}/{name}" if folder == "jupyter-config" else file


def _install(source, site):
    with tempfile.TemporaryDirectory() as wheels:
        _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", wheels], cwd=source)
        # Not pip: that of Python 3.10 installs no malformed entry point, and later ones do.
        options = ["--quiet", "--offline", "--no-deps", "--no-config", "--target", site]
        _run([sys.executable, "-m", "uv", "pip", "install", *options, *Path(wheels).iterdir()])


def _run(command, **options):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, **options)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
