"""The doctor on what is not installed yet: a source tree, a wheel, an sdist. No code of the runtime runs."""

import json
import re
import resource
import shutil
import subprocess
import sys

import pytest
from broken import ROOT, healthy
from broken_kit import smallest
from host import run

from elyra_runtime_doctor.__main__ import main

SECONDS = 2


@pytest.fixture
def tree(tmp_path):
    """The source of a healthy runtime, whose code would not go unnoticed if it ran."""
    shutil.copytree(healthy() / "source", tmp_path / "tree")
    with open(tmp_path / "tree" / "trial_runtime" / "__init__.py", "a", encoding="utf-8") as package:
        package.write("\nraise SystemExit('this code ran')\n")
    return tmp_path / "tree"


def examine(path, capsys):
    """Return what the doctor finds in ``path``: the status, and what is found, by row."""
    status = main([f"{path}/" if path.is_dir() else str(path), "--json"])
    results = json.loads(capsys.readouterr().out)["results"]
    return status, {each["number"]: each["found"] for each in results if each["status"] in ("warning", "fail")}


def replace(tree, file, old, new):
    path = tree / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def built(tree, kind, folder):
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
    subprocess.run(command, cwd=tree, check=True, capture_output=True)
    return next(folder.iterdir())


@pytest.mark.parametrize("kind", ["tree", "wheel", "sdist"])
def test_a_healthy_runtime_is_healthy_before_it_is_installed(tree, tmp_path, capsys, kind):
    assert examine(tree if kind == "tree" else built(tree, kind, tmp_path / "built"), capsys) == (0, {})


def test_the_smallest_runtime_on_the_kit_is_healthy(capsys):
    assert examine(smallest() / "source", capsys) == (0, {})


FORM = "trial_runtime/trialruntime.json"
MISTAKES = [
    (
        "pyproject.toml",
        '"elyra.pipeline.processors"',
        '"elyra.pipeline.processor"',
        80,
        "do you mean 'elyra.pipeline.proc",
    ),
    (
        "pyproject.toml",
        "trial_runtime.processor:",
        "trial_runtime.procesor:",
        3,
        "do you mean 'trial_runtime.processor'",
    ),
    ("pyproject.toml", ":TrialPipelineProcessor", ":TrialPipelinProcessor", 3, "do you mean 'TrialPipelineProcessor'"),
    (
        "pyproject.toml",
        "trial_runtime.processor:",
        "trial_runtime/processor.py:",
        48,
        "trial_runtime/processor.py:Trial",
    ),
    ("pyproject.toml", "trial_runtime.schema:", "trial_runtime.shema:", 53, "do you mean 'trial_runtime.schema'"),
    ("trial_runtime/processor.py", "import logging\n", "import logging as\n", 3, "processor.py:4: invalid syntax"),
    ("trial_runtime/runtime_type.py", "trial_runtime.svg", "trail_runtime.svg", 17, "do you mean 'trial_runtime.svg'"),
    ("trial_runtime/static/trial_runtime.svg", "<svg ", '<svg data-scale="100%" ', 79, "percent sign"),
    (FORM, '"name": "trialruntime"', '"name": "trailruntime"', 1, "'trailruntime'"),
    (
        FORM,
        '_class_name": "trial_runtime.schema.',
        '_class_name": "trial_runtime.shema.',
        25,
        "do you mean 'trial_runtime.schema'",
    ),
    (FORM, '"properties": {', '"properties": {,', 53, f"{FORM} is no JSON"),
    (FORM, '"type": "string"', '"type": "strng"', 67, "do you mean 'string'"),
]


@pytest.mark.parametrize("file, old, new, row, said", MISTAKES, ids=lambda each: str(each)[:30])
def test_a_mistake_is_named_before_it_is_installed(tree, capsys, file, old, new, row, said):
    replace(tree, file, old, new)
    status, found = examine(tree, capsys)
    assert status == 1
    assert re.search(re.escape(said), found[row]), found


@pytest.mark.parametrize(
    "old, new, row, said",
    [
        ('"type": "integer"', '"type": "intger"', 67, "machine.json: parallel_nodes.type: 'intger' is not valid"),
        ('"title"', '"tilte"', 72, "machine.json: parallel_nodes.tilte: nobody reads this word; do you mean 'title'?"),
        ('"default": 0', '"default": -1', 69, "machine.json: retries.default: -1 is less than the minimum of 0"),
        ('"minimum": 1,', '"minimum": 1001,', 70, "machine.json: parallel_nodes: "),
        ('"type": "integer",', "", 71, "machine.json: parallel_nodes: it has no type"),
    ],
)
def test_a_mistake_in_the_fields_on_the_kit_is_named_before_it_is_installed(tmp_path, capsys, old, new, row, said):
    shutil.copytree(ROOT / "local", tmp_path / "tree")
    assert examine(tmp_path / "tree", capsys) == (0, {})
    replace(tmp_path / "tree", "machine_runtime/machine.json", old, new)
    _, found = examine(tmp_path / "tree", capsys)
    assert said in found[row], found


def test_a_schema_that_is_left_out_of_the_wheel_is_named(tree, tmp_path, capsys):
    wheel = "[tool.hatch.build.targets.wheel]\n"
    replace(tree, "pyproject.toml", wheel, f'{wheel}exclude = ["*.json"]\n')
    status, found = examine(built(tree, "wheel", tmp_path / "built"), capsys)
    assert status == 1
    assert "names 'trialruntime.json', which is not there" in found[54]


def test_an_entry_point_that_is_no_text_is_named(tree, capsys):
    replace(tree, "pyproject.toml", '"trial_runtime.processor:TrialPipelineProcessor"', "7")
    status, found = examine(tree, capsys)
    assert (status, found) == (1, {48: "pyproject.toml: trialruntime = 7"})


def test_it_takes_less_than_two_seconds_and_needs_no_elyra(tree):
    code = (
        "import sys\n"
        "from elyra_runtime_doctor.__main__ import main\n"
        f"status = main(['{tree}/'])\n"
        "sys.exit(status or sorted({'elyra', 'trial_runtime'} & set(sys.modules)) or None)\n"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < SECONDS


@pytest.mark.parametrize(
    "content, said",
    [
        ({}, "has no pyproject.toml"),
        ({"pyproject.toml": "["}, "is no TOML"),
        ({"pyproject.toml": ""}, "registers no runtime"),
    ],
)
def test_what_is_no_package_is_said_in_one_line(tmp_path, content, said):
    for name, text in content.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = run("elyra-runtime-doctor", f"{tmp_path}/")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["broken.whl", "broken.tar.gz", "missing.whl"])
def test_an_archive_that_cannot_be_read_is_said_in_one_line(tmp_path, name):
    if name != "missing.whl":
        (tmp_path / name).write_bytes(b"no archive")
    done = run("elyra-runtime-doctor", tmp_path / name)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert name in done.stderr and "Traceback" not in done.stderr


NO_TITLE = ('  "title": "Trial Runtime",\n  "name"', '  "name"')


@pytest.mark.parametrize("reason, silent", [("We have no title.", True), (" ", False)])
def test_a_check_is_silenced_with_a_reason_only(tree, capsys, reason, silent):
    replace(tree, FORM, *NO_TITLE)
    with open(tree / "pyproject.toml", "a", encoding="utf-8") as project:
        project.write(f'\n[tool.elyra-runtime-doctor.silence]\n28 = "{reason}"\n')
    main([f"{tree}/"])
    said = capsys.readouterr().out
    assert ("silenced in pyproject.toml: We have no title. (found: the schema has no key 'title')" in said) == silent
    assert ("WARNING  28" in said) != silent
    assert silent or "without a reason" in " ".join(said.split())


@pytest.mark.parametrize(
    "file, old, new, fix",
    [
        (
            "pyproject.toml",
            "pipeline.processors",
            "pipeline.processor",
            '[project.entry-points."elyra.pipeline.processors"]',
        ),
        (FORM, '"schemaspace": "runtimes"', '"schemaspace": "runtime"', '"schemaspace": "runtimes",'),
        (FORM, '  "runtime_type": "TRIAL_RUNTIME",\n  "uihints"', '  "uihints"', '"runtime_type": "TRIAL_RUNTIME",'),
        (
            FORM,
            '"cos_endpoint", "cos_bucket"]',
            '"cos_bucket"]',
            '"required": ["api_endpoint", "cos_bucket", "cos_endpoint"]',
        ),
    ],
)
def test_what_to_write_can_be_copied(tree, capsys, file, old, new, fix):
    replace(tree, file, old, new)
    assert main([f"{tree}/"]) == 1
    said = capsys.readouterr().out
    assert f"    Write:\n        {fix}\n" in said
