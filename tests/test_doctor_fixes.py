"""What ``elyra-runtime-doctor --fix`` changes: what it is sure of, shown first, and so that it can be undone."""

import json
import shutil
import subprocess

import pytest
from broken import healthy
from hypothesis import given
from hypothesis import strategies as st

from elyra_runtime_doctor import json_text
from elyra_runtime_doctor.__main__ import main
from elyra_runtime_doctor.fixes import UNDO

FORM = "trial_runtime/trialruntime.json"
PROJECT = "pyproject.toml"
FIELD = '"type": "string",\n          "format": "uri"'
PASSWORD = "@elyra/metadata-extension:plugin.password"
CERTAIN = [
    (PROJECT, '"elyra.pipeline.processors"', '"elyra.pipeline.processor"'),
    (PROJECT, '"trial_runtime.processor:TrialPipelineProcessor"', '"trial_runtime.procesor:TrialPipelinProcessor"'),
    (
        PROJECT,
        '"trial_runtime.processor:TrialPipelineProcessor"',
        '"trial_runtime/processor.py:TrialPipelineProcessor"',
    ),
    (PROJECT, '"trial_runtime.schema:Trial', '"trial_runtime.shema:Trial'),
    ("trial_runtime/runtime_type.py", "trial_runtime.svg", "trail_runtime.svg"),
    (FORM, '"schemaspace": "runtimes"', '"schemaspace": "runtime"'),
    (FORM, '"const": "trialruntime"', '"const": "trailruntime"'),
    (FORM, '["api_endpoint", "cos_endpoint", "cos_bucket"]', '["api_endpoint", "cos_endpoint", "cos_buckt"]'),
    (FORM, FIELD, FIELD.replace("string", "strng")),
    (FORM, '"minLength": 3', '"minLenght": 3'),
    (FORM, PASSWORD, PASSWORD.replace("password", "pasword")),
]


@pytest.fixture
def tree(tmp_path):
    shutil.copytree(healthy() / "source", tmp_path / "tree")
    return tmp_path / "tree"


def replace(tree, file, old, new):
    path = tree / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def texts(tree):
    return {path.relative_to(tree).as_posix(): path.read_bytes() for path in tree.rglob("*") if path.is_file()}


@pytest.mark.parametrize("file, right, wrong", CERTAIN, ids=lambda each: each[-30:])
def test_what_is_nearly_right_is_put_right_and_nothing_else(tree, capsys, file, right, wrong):
    before = texts(tree)
    replace(tree, file, right, wrong)
    broken = texts(tree)
    assert main([f"{tree}/", "--diff"]) == 0
    shown = capsys.readouterr().out
    assert f"--- a/{file}" in shown and texts(tree) == broken
    assert main([f"{tree}/", "--fix"]) == 0
    assert shown in capsys.readouterr().out
    after = texts(tree)
    assert after.pop(UNDO).decode("utf-8") in shown
    assert after == before


def test_it_can_be_undone(tree, capsys):
    for change in (CERTAIN[0], CERTAIN[5], CERTAIN[8]):
        replace(tree, *change)
    broken = texts(tree)
    main([f"{tree}/", "--fix"])
    assert f"git apply -R {UNDO}" in capsys.readouterr().out
    assert texts(tree) != broken
    subprocess.run(["git", "apply", "-R", UNDO], cwd=tree, check=True)
    (tree / UNDO).unlink()
    assert texts(tree) == broken


def test_a_second_time_the_first_can_still_be_undone(tree, capsys):
    replace(tree, *CERTAIN[0])
    main([f"{tree}/", "--fix"])
    replace(tree, *CERTAIN[5])
    broken = texts(tree)
    assert main([f"{tree}/", "--fix"]) == 2
    assert UNDO in capsys.readouterr().err
    assert texts(tree) == broken


UNCERTAIN = [
    (FORM, '"name": "trialruntime"', '"name": "trailruntime"'),
    (FORM, '"type": "string"', '"type": 7'),
    ("trial_runtime/processor.py", "import json\n", "import json as\n"),
]


@pytest.mark.parametrize("file, right, wrong", UNCERTAIN, ids=lambda each: each[-30:])
def test_what_may_be_meant_in_two_ways_stays(tree, capsys, file, right, wrong):
    replace(tree, file, right, wrong)
    broken = texts(tree)
    assert main([f"{tree}/", "--fix"]) == 1
    assert "There is nothing that only one change can fix." in capsys.readouterr().out
    assert texts(tree) == broken


def test_a_healthy_runtime_stays_as_it_is(tree, capsys):
    before = texts(tree)
    assert main([f"{tree}/", "--fix"]) == 0
    assert texts(tree) == before


def test_a_word_that_is_missing_stands_where_people_look_for_it(tree, capsys):
    replace(tree, FORM, '  "runtime_type": "TRIAL_RUNTIME",\n  "uihints"', '  "uihints"')
    assert main([f"{tree}/", "--fix"]) == 0
    assert '  "name": "trialruntime",\n  "runtime_type": "TRIAL_RUNTIME",\n' in (tree / FORM).read_text(
        encoding="utf-8"
    )


def test_a_rule_among_the_hints_is_moved(tree, capsys):
    pattern = '"^[a-z0-9][a-z0-9.-]*[a-z0-9]$"'
    replace(tree, FORM, f'          "pattern": {pattern},\n', "")
    hint = '            "ui:placeholder": "my-bucket"'
    replace(tree, FORM, hint, f'{hint},\n            "pattern": {pattern}')
    assert main([f"{tree}/", "--fix"]) == 0
    schema = json.loads((tree / FORM).read_text(encoding="utf-8"))
    field = schema["properties"]["metadata"]["properties"]["cos_bucket"]
    assert field["pattern"] == json.loads(pattern) and "pattern" not in field["uihints"]


def test_setuptools_is_told_what_belongs_into_the_wheel(tree, capsys):
    project = tree / PROJECT
    text = project.read_text(encoding="utf-8")
    build, hatch = text.index("[build-system]"), text.index("[tool.hatch")
    assert build < hatch
    rest = text[build:hatch].partition("\n\n")[2]
    setuptools = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    project.write_text(text[:build] + setuptools + rest, encoding="utf-8")
    assert main([f"{tree}/"]) == 1
    said = capsys.readouterr().out
    assert f"setuptools leaves {FORM} out of the wheel" in " ".join(said.split())
    assert main([f"{tree}/", "--fix"]) == 0
    data = 'trial_runtime = ["*.json", "static/*.html", "static/*.svg"]'
    assert f"[tool.setuptools.package-data]\n{data}\n" in project.read_text(encoding="utf-8")


@pytest.mark.parametrize("arguments", [["trialruntime"], []])
def test_only_a_folder_can_be_changed(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        main([*arguments, "--fix"])
    assert "need the folder of a package" in capsys.readouterr().err


def test_no_archive_is_changed(tmp_path, capsys):
    assert main([str(tmp_path / "a.whl"), "--fix"]) == 2
    assert "Give the folder of a package" in capsys.readouterr().err


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=3), each, max_size=3),
    max_leaves=8,
)


@given(VALUES, st.sampled_from([None, 1, "\t"]))
def test_each_value_is_found_where_it_stands(value, indent):
    text = json.dumps(value, indent=indent)
    for path, span in json_text.spans(text).items():
        here = value
        for key in path:
            here = here[key]
        assert json.loads(text[slice(*span.value)]) == here
        key = text[slice(*span.key)]
        assert not key or json.loads(key) == path[-1]
