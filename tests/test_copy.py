"""The README's list "Start a runtime of your own": who follows it has a second runtime beside the first."""

import ast
import os
import re
import shutil
import subprocess
import sys

import pytest
from host import FIELDS, Server, run
from zoo import ROOT, STEPS, copy_of_the_demo

from elyra_runtime_doctor.host import COMMANDS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

OFFLINE = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-build-isolation"]


def step(start):
    """Return the step of the list that starts with these words."""
    [found] = [line for line in STEPS.splitlines() if re.match(rf"\d+\. {re.escape(start)}", line)]
    return found


def ruff(folder, *arguments):
    """Run ruff on a copy. Return what it says, or nothing if it has no objection."""
    done = run("ruff", *arguments, "--no-cache", cwd=folder)
    return done.stdout + done.stderr if done.returncode else ""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The folder of a runtime made by steps 1 to 4 of the list."""
    folder = tmp_path_factory.mktemp("orbit")
    copy_of_the_demo(folder)
    commands = re.findall("`ruff (.+?)`", step("The new names have changed"))
    assert commands
    for command in commands:
        assert ruff(folder, *command.split()) == ""
    return folder


@pytest.fixture(scope="module")
def project(copy):
    """What its ``pyproject.toml`` says."""
    return tomllib.loads((copy / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def environment(copy, tmp_path_factory):
    """The environment variables of a process that sees what pip installs of the copy."""
    site = tmp_path_factory.mktemp("site")
    done = run("python", "-m", "pip", "install", *OFFLINE, "--no-deps", "--target", site, copy)
    assert done.returncode == 0, done.stdout + done.stderr
    return {"PYTHONPATH": str(site), "JUPYTER_CONFIG_PATH": str(site / "etc" / "jupyter")}


@pytest.fixture(scope="module")
def server(environment, nobodys_jupyter, tmp_path_factory):
    """A Jupyter server with both runtimes."""
    with Server(tmp_path_factory.mktemp("both"), **environment) as server:
        yield server


def test_nothing_is_left_of_the_old_names(copy):
    old_name = re.compile(r"demo(?!\.example\.com)", re.IGNORECASE)
    files = [path for path in copy.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if old_name.search(str(path.relative_to(copy)))] == []
    assert [path for path in files if old_name.search(path.read_text(encoding="utf-8"))] == []


def test_the_linter_of_the_copy_has_no_objection(copy, project):
    assert project["tool"]["ruff"]["lint"]["select"]
    assert ruff(copy, "check", ".") == ""
    assert ruff(copy, "format", "--check", ".") == ""


def test_of_the_project_only_what_a_runtime_needs_is_left(copy, project):
    assert set(project) == {"build-system", "project", "tool"}
    assert set(project["tool"]) == {"hatch", "ruff"}
    assert project["tool"]["ruff"].keys() == {"line-length", "lint"}
    assert set(project["project"]["optional-dependencies"]) == {"elyra"}
    assert "scripts" not in project["project"]
    text = (copy / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search("copy|to here|doctor|dask|\n\n\n", text, re.IGNORECASE) is None


def test_it_depends_on_what_it_imports(copy, project):
    imported = {
        name.partition(".")[0]
        for path in (copy / "orbit_runtime").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    elyra = project["project"]["optional-dependencies"]["elyra"]
    required = {re.match(r"\w+", line)[0] for line in project["project"]["dependencies"] + elyra}
    # The range of JupyterLab is that in which the pipeline editor keeps what you change.
    assert imported - sys.stdlib_module_names - {"orbit_runtime"} == required - {"jupyterlab"}


def test_pip_finds_all_that_it_depends_on(copy):
    [what] = re.findall("`pip install -e '(.+?)'`", step("Run `pip install"))
    done = run("python", "-m", "pip", "install", *OFFLINE, "--dry-run", what, cwd=copy)
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_own_tests_pass(copy, environment, tmp_path):
    folder = shutil.copytree(copy, tmp_path / "orbit")
    [file] = re.findall("`(tests/.+?)`", step("Test it"))
    [contract] = re.findall("```python\n(.+?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert contract.count("myruntime") == 1
    (folder / file).parent.mkdir()
    (folder / file).write_text(contract.replace("myruntime", "orbitruntime"), encoding="utf-8")
    # Who starts a runtime has pytest, and none of the plugins of this repository.
    bare = {**os.environ, **environment, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run([COMMANDS / "pytest"], cwd=folder, env=bare, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tests/test_orbit.py" in done.stdout
    assert ruff(folder, "check", ".") == ruff(folder, "format", "--check", ".") == ""


@pytest.mark.parametrize(
    ("runtime", "processor", "type_id", "display_name"),
    [
        ("demoruntime", "demo_runtime.processor.DemoPipelineProcessor", "DEMO_RUNTIME", "Demo Runtime"),
        ("orbitruntime", "orbit_runtime.processor.OrbitPipelineProcessor", "ORBIT_RUNTIME", "Orbit Runtime"),
    ],
)
def test_both_runtimes_are_there(server, runtime, processor, type_id, display_name):
    assert f"Registering {runtime} processor '{processor}'" in server.log

    types = {type["id"]: type for type in server.get("elyra/pipeline/runtimes/types").json()["runtime_types"]}
    assert types[type_id]["display_name"] == display_name
    icon = server.get(types[type_id]["icon"])
    assert (icon.status_code, icon.headers["Content-Type"]) == (200, "image/svg+xml")
    assert display_name in icon.text

    body = {"schema_name": runtime, "display_name": "Mine", "name": runtime, "metadata": FIELDS}
    assert server.post("elyra/metadata/runtimes", body).status_code == 201
    saved = server.get(f"elyra/metadata/runtimes/{runtime}").json()
    assert saved["metadata"]["runtime_type"] == type_id
