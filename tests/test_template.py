"""``elyra-runtime-kit new``: what it makes, what it refuses, and that it is what the repository itself holds."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from broken import ROOT, installed_from
from copier import run_copy, run_update
from host import FIELDS, Server, own_jupyter, run

from elyra_runtime_template.__main__ import TEMPLATE, kit, main

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

sys.path.insert(0, str(ROOT / "book"))

from workshop import make_environment  # noqa: E402

DEMO = {"name": "demoruntime", "display_name": "Demo Runtime"}
MACHINE = {
    "name": "machine",
    "display_name": "This Machine",
    "purpose": "A runtime for Elyra's pipeline editor that runs the nodes on this machine, side by side",
    "kind": "runs",
    "author": "The demo-runtime authors",
}
QUEUE = {"name": "queue", "display_name": "R&D <Queue>", "kind": "runs", "author": "김 & Co"}
LONG = {"name": "n" * 30, "display_name": "내 실행기", "purpose": "p" * 100, "author": "a" * 80, "licence": "MIT"}
ANSWERS = [DEMO, {**DEMO, "kind": "runs"}, QUEUE, LONG, {**LONG, "kind": "runs", "licence": "LicenseRef-Proprietary"}]


def made(folder, answers, template=TEMPLATE):
    """Make a project in ``folder`` with ``answers``, whatever is installed. Return ``folder``."""
    run_copy(str(template), folder, data=answers, defaults=True, quiet=True)
    return folder


def files(folder):
    """Return what the files in ``folder`` hold, by path."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def said(capsys, *arguments):
    """Run the command. Return its exit status and what it says."""
    status = main(["new", *map(str, arguments)])
    return status, capsys.readouterr().err


class Reader:
    """An environment with Elyra and the kit, and none of the runtimes of this repository."""

    def __init__(self, folder):
        self.folder = folder
        self.bin = make_environment(folder) / "bin"
        self.variables = {**os.environ, **own_jupyter(folder / "jupyter"), "PATH": f"{self.bin}:{os.environ['PATH']}"}

    def run(self, *command, cwd=None, **variables):
        done = subprocess.run(
            [self.bin / command[0], *map(str, command[1:])],
            cwd=cwd or self.folder,
            env={**self.variables, **variables},
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def install(self, project):
        self.run("pip", "install", "--quiet", "--no-build-isolation", "--no-deps", "--editable", project)


@pytest.fixture(scope="module")
def reader(tmp_path_factory, nobodys_jupyter):
    """An environment in which two projects are installed, side by side: of each kind one."""
    place = tmp_path_factory.mktemp("a reader 독자")
    reader = Reader(place)
    for name, answers in {"describes": DEMO, "runs": QUEUE}.items():
        reader.install(made(place / name, answers))
    return reader


def submitted(command, root):
    """Return the log of a submission, and an export, of the temperatures pipeline in ``root``, by ``command``."""
    fields = [f"--{name}={value}" for name, value in {**FIELDS, "api_password": "correct horse"}.items()]
    named = ["--schema_name=demoruntime", "--display_name=Demo", "--name=demo"]
    command("elyra-metadata", "create", "runtimes", *named, *fields, cwd=root)
    pipeline = ["temperatures.pipeline", "--runtime-config", "demo"]
    log = command("elyra-pipeline", "submit", *pipeline, cwd=root)
    command("elyra-pipeline", "export", *pipeline, "--output", "facts.json", "--overwrite", cwd=root)
    return re.findall("^demoruntime .*", log, re.MULTILINE), (root / "facts.json").read_bytes()


def test_with_the_demos_answers_it_logs_and_exports_what_the_demo_does(reader, jupyter, tmp_path):
    root = shutil.copytree(ROOT / "book" / "pipeline", tmp_path / "root")

    def here(*command, cwd):
        done = run(*command, cwd=cwd)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    log, export = submitted(here, root)
    assert len(log) >= 6 and b"(hidden)" in export
    assert submitted(reader.run, root) == (log, export)


def test_with_the_machines_answers_it_is_the_runtime_of_this_machine(tmp_path):
    # The prose of the README is its own. What it has not, the repository has for all packages.
    elsewhere = "README.md CHANGELOG.md requirements.txt .gitignore .pre-commit-config.yaml .copier-answers.yml".split()
    rendered = files(made(tmp_path / "machine", MACHINE))
    caches = {"__pycache__", ".mypy_cache", ".ruff_cache"}
    kept = {path: text for path, text in files(ROOT / "local").items() if not caches & {*path.parts}}
    assert kept.pop(Path("README.md"))
    assert {path: text for path, text in rendered.items() if path in kept} == kept
    assert {path.parts[0] for path in rendered.keys() - kept.keys()} == {*elsewhere, ".github", "tests"}


@pytest.mark.parametrize(("kind", "runtime"), [("describes", "demoruntime"), ("runs", "queue")])
def test_its_own_tests_pass_and_the_doctor_has_no_objection(reader, kind, runtime):
    # Who starts a runtime has pytest, and none of the plugins of this repository.
    bare = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    told = reader.run("pytest", "-q", cwd=reader.folder / kind, **bare)
    assert " passed" in told and " failed" not in told
    report = reader.run("elyra-runtime-doctor", runtime)
    assert f"\n{runtime}: " in report and " passed" in report and not re.search("fail|warn", report)


def test_two_of_them_work_beside_all_others_and_go_without_a_trace(tmp_path):
    sites = [str(installed_from(lambda source, each=each: made(source, each)) / "site") for each in (QUEUE, LONG)]
    directories = own_jupyter(tmp_path)
    with Server(tmp_path, directories=directories, PYTHONPATH=os.pathsep.join(sites)) as server:
        types = {type["id"]: type for type in server.get("elyra/pipeline/runtimes/types").json()["runtime_types"]}
        assert {"QUEUE", LONG["name"].upper(), "DEMO_RUNTIME", "DASK", "MACHINE"} <= types.keys()
        assert types["QUEUE"]["display_name"] == QUEUE["display_name"]
        icon = server.get(types[LONG["name"].upper()]["icon"])
        assert (icon.status_code, "내실" in icon.text) == (200, True)
        body = {"schema_name": "queue", "display_name": "Mine", "name": "mine", "metadata": {}}
        assert server.post("elyra/metadata/runtimes", body).status_code == 201
    with Server(tmp_path, directories=directories) as server:
        left = {type["id"] for type in server.get("elyra/pipeline/runtimes/types").json()["runtime_types"]}
        assert left == types.keys() - {"QUEUE", LONG["name"].upper()}
        assert server.get("elyra/metadata/runtimes").json() == {"runtimes": []}


def test_the_readme_shows_a_command_that_works(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Start a runtime of your own")[2]
    [folder] = re.findall("Run `elyra-runtime-kit new (.+?)`", section)
    status, _ = said(capsys, folder, "--defaults")
    assert status == 0 and (tmp_path / folder / "requirements.txt").exists()
    assert (tmp_path / folder / "my_runtime" / "my_runtime.json").exists()


@pytest.mark.parametrize("answers", ANSWERS, ids=lambda each: f"{each['name'][:9]}-{each.get('kind', 'describes')}")
def test_its_linter_has_no_objection_and_there_is_little_to_own(answers, tmp_path):
    folder = made(tmp_path / "it", answers)
    for command in ("check", "format --check"):
        done = run("ruff", *command.split(), ".", "--no-cache", cwd=folder)
        assert done.returncode == 0, done.stdout
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    [package] = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    lines = [line for path in (folder / package).glob("*.py") for line in path.read_text(encoding="utf-8").splitlines()]
    assert 20 < len(lines) <= (100 if answers.get("kind") == "runs" else 60)
    assert not [path for path, text in files(folder).items() if b"{{" in text.replace(b"${{", b"") or b"{%" in text]


def test_its_type_checker_has_no_objection(tmp_path):
    mypy = ["mypy", "--cache-dir", tmp_path / "cache"]
    folders = [made(tmp_path / each["name"], each) for each in (DEMO, QUEUE)]
    for folder in folders:
        done = run(*mypy, cwd=folder)
        assert done.returncode == 0 and "no issues found" in done.stdout, done.stdout
    with open(folders[0] / "demo_runtime" / "processor.py", "a", encoding="utf-8") as processor:
        processor.write("\n\nDemoPipelineProcessor().run(1, 2)\n")
    assert "Too many arguments" in run(*mypy, cwd=folders[0]).stdout


def test_the_icon_has_the_initials(tmp_path):
    icons = [next(made(tmp_path / str(n), each).glob("*/*.svg")) for n, each in enumerate((QUEUE, LONG))]
    assert ["".join(ElementTree.parse(icon).getroot().itertext()).strip() for icon in icons] == ["R<", "내실"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("my runtime", "small letters of a to z"),
        ("Orbit", "small letters of a to z"),
        ("2orbit", "small letters of a to z"),
        ("orbit-x", "small letters of a to z"),
        ("orbit_", "small letters of a to z"),
        ("orbit\n", "small letters of a to z"),
        ("실행기", "small letters of a to z"),
        ("n" * 60, "2 to 30"),
        ("runtime", "say which runtime"),
        ("local", "Elyra itself"),
        ("kfp", "Elyra itself"),
        ("aardvark", "before APACHE_AIRFLOW"),
        ("demoruntime", "a runtime of this name is installed"),
        ("machine", "a runtime of this name is installed"),
        ("demo", "a package demo_runtime is installed"),
    ],
)
def test_a_name_is_refused_with_the_reason(name, reason, tmp_path, capsys):
    status, text = said(capsys, tmp_path / "new", "--defaults", "--name", name)
    assert status == 2 and reason in text and name.strip() in text
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("option", "answer", "reason"),
    [
        ("--display-name", "Local", "Elyra itself"),
        ("--display-name", "Demo Runtime", "a runtime that is called so is installed"),
        ("--display-name", "this machine", "a runtime that is called so is installed"),
        ("--display-name", 'a "b"', "double quote"),
        ("--display-name", " ", "1 to 40 characters"),
        ("--purpose", "one\ntwo", "in one line"),
        ("--author", "back\\slash", "backslash"),
        ("--kit", "requests", "elyra-runtime-kit for an index"),
    ],
)
def test_an_answer_is_refused_with_the_reason(option, answer, reason, tmp_path, capsys):
    status, text = said(capsys, tmp_path / "new", "--defaults", "--name", "orbit", option, answer)
    assert status == 2 and reason in text
    assert not (tmp_path / "new").exists()


OTHER = """
from aenum import extend_enum
from elyra.pipeline.runtime_type import RuntimeProcessorType

extend_enum(RuntimeProcessorType, "ORBIT", "Comet Works")
class Processor: ...
"""


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (["--name", "orbit"], "orbit: a runtime with the type ORBIT is installed here"),
        (["--name", "comet", "--display-name", "Comet Works"], "Comet Works: a runtime that is called so is installed"),
    ],
)
def test_a_type_of_another_runtime_is_refused_whatever_its_package_is_called(answers, reason, tmp_path):
    information = tmp_path / "site" / "other-1.0.dist-info"
    information.mkdir(parents=True)
    (information.parent / "other.py").write_text(OTHER)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    points = ["broken = no_such_package:Processor", "leaves = other:leave", "other = other:Processor"]
    (information / "entry_points.txt").write_text("\n".join(["[elyra.pipeline.processors]", *points]))
    command = [sys.executable, "-m", "elyra_runtime_template", "new", "new", "--defaults", *answers]
    site = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run(command, cwd=tmp_path, env=site, capture_output=True, text=True)
    assert (done.returncode, reason in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "new").exists()


def test_the_name_of_a_module_of_python_is_a_name_for_a_runtime(tmp_path, capsys):
    assert said(capsys, tmp_path / "new", "--defaults", "--name", "queue")[0] == 0
    assert (tmp_path / "new" / "queue_runtime").is_dir()


def test_a_folder_that_holds_something_is_left_alone(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    status, text = said(capsys, tmp_path, "--defaults", "--name", "orbit")
    assert status == 2 and "not empty" in text
    assert files(tmp_path) == {Path("mine.txt"): b"mine"}


def test_without_a_terminal_it_says_how_to_answer(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", open(os.devnull))
    status, text = said(capsys, tmp_path / "new")
    assert status == 2 and "--defaults" in text and not (tmp_path / "new").exists()


def test_it_needs_no_elyra_no_git_and_no_network_and_its_last_words_are_for_git(tmp_path):
    command = [sys.executable, "-m", "elyra_runtime_template", "new", "내 orbit", "--defaults", "--name", "orbit"]
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "elyra.py").write_text("raise ImportError('there is none')")
    alone = {
        **os.environ,
        "PATH": str(tmp_path),
        "PYTHONPATH": str(tmp_path / "broken"),
        "https_proxy": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }
    done = subprocess.run(command, cwd=tmp_path, env=alone, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.search("git init\n *git add .\n *git commit -m .*\n\nFrom then on, ", done.stderr)
    assert (tmp_path / "내 orbit" / "orbit_runtime" / "processor.py").exists()


class Git:
    """A repository in ``folder``, with all that lies there."""

    def __init__(self, folder):
        self.folder = folder
        self("init", "--quiet")

    def __call__(self, *arguments):
        names = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
        return subprocess.run(["git", *names, *arguments], cwd=self.folder, capture_output=True, text=True, check=True)

    def commit(self, tag=None):
        self("add", ".")
        self("commit", "--quiet", "-m", "all")
        if tag:
            self("tag", tag)


@pytest.fixture
def clone(tmp_path):
    """A repository that holds what this one offers to ``copier``, as version 1."""
    folder = tmp_path / "a clone"
    shutil.copytree(TEMPLATE, folder / "kit" / TEMPLATE.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "copier.yml", folder)
    git = Git(folder)
    git.commit("v1.0.0")
    return git


def test_the_repository_offers_the_same(tmp_path, clone):
    line = "elyra-runtime-kit @ " + (clone.folder / "kit").as_uri()
    from_kit = files(made(tmp_path / "from kit", {**QUEUE, "kit": line}))
    from_clone = files(made(tmp_path / "from clone", QUEUE, clone.folder))
    remembered = Path(".copier-answers.yml")
    assert yaml.safe_load(from_clone.pop(remembered))["_src_path"] == str(clone.folder)
    assert "_src_path" in yaml.safe_load(from_kit.pop(remembered))
    assert from_clone == from_kit


def test_an_update_merges_what_the_template_has_learned_with_what_its_owner_has_changed(tmp_path, clone):
    folder = made(tmp_path / "orbit", {"name": "orbit"}, clone.folder)
    fields, workflow = folder / "orbit_runtime" / "orbit.json", folder / ".github" / "workflows" / "test.yml"
    fields.write_text(fields.read_text(encoding="utf-8").replace("my-bucket", "orbit-bucket"), encoding="utf-8")
    Git(folder).commit()
    template = clone.folder / "kit" / TEMPLATE.name / "project" / ".github" / "workflows" / "test.yml.jinja"
    text = template.read_text(encoding="utf-8")
    assert text.count("timeout-minutes: 30") == 1
    template.write_text(text.replace("timeout-minutes: 30", "timeout-minutes: 45"), encoding="utf-8")
    clone.commit("v1.1.0")
    run_update(folder, defaults=True, overwrite=True, quiet=True)
    assert "timeout-minutes: 45" in workflow.read_text(encoding="utf-8")
    assert "orbit-bucket" in fields.read_text(encoding="utf-8")


def test_pip_takes_the_kit_from_where_it_is_installed(tmp_path):
    assert kit() == f"--editable {(ROOT / 'kit').as_uri()}"
    folder = made(tmp_path / "orbit", {"name": "orbit", "kit": kit()})
    options = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-build-isolation", "--dry-run"]
    done = run("python", "-m", "pip", "install", *options, "-r", "requirements.txt", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel_of_the_kit_holds_the_template(tmp_path):
    done = run("python", "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=ROOT / "kit")
    assert done.returncode == 0, done.stderr
    [wheel] = tmp_path.glob("*.whl")
    wanted = {f"{TEMPLATE.name}/{path.as_posix()}" for path in files(TEMPLATE) if "__pycache__" not in path.parts}
    assert len(wanted) > 15 and wanted <= {*zipfile.ZipFile(wheel).namelist()}
