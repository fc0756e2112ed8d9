"""The levels of the contract, as the doctor prints them, and the tests that a runtime may not lose without a word."""

import json
import subprocess

import pytest
from host import run

from elyra_runtime_doctor.contract import LEVELS, TESTS, RuntimeContract
from elyra_runtime_doctor.host import COMMANDS
from elyra_runtime_doctor.levels import levels, table
from elyra_runtime_doctor.rows import FAIL, PASS, SKIPPED, NoReport

FILE = """
import pytest
from elyra_runtime_doctor.contract import RuntimeContract


class TestMine(RuntimeContract):
    runtime = "{runtime}"

    @pytest.mark.xfail(reason="A submission starts real work.", run=False)
    def test_submission_by_command_line(self): ...
"""


def test_each_test_of_the_contract_has_a_level_and_each_level_a_test():
    assert {test.level for test in TESTS.values()} == set(LEVELS)


def test_the_doctor_prints_the_levels_of_a_runtime(tmp_path):
    file = tmp_path / "test_mine.py"
    file.write_text(FILE.format(runtime="dask"), encoding="utf-8")
    command = [COMMANDS / "elyra-runtime-doctor", "dask", "--levels", file, "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    found = {level["level"]: level for level in json.loads(done.stdout)}
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(found) == list(LEVELS)
    assert {name for name, level in found.items() if level[FAIL]} == set()
    assert found["submits"]["expected"] == ["test_submission_by_command_line"]
    # Dask has no exports, and no secrets in its form.
    assert found["exports"][PASS] == [] and len(found["exports"][SKIPPED]) == 5
    assert "test_submission_gives_no_environment_variable_away" in found["keeps secrets"][PASS]
    lines = [line.split() for line in table(found.values())]
    assert ["ok", "configured", "4", "passed"] in lines
    assert ["-", "exports", "5", "not", "done"] in lines


def test_the_table_says_what_comes_next():
    results = [
        {"level": "listed", PASS: ["test_a"], FAIL: [], SKIPPED: [], "expected": []},
        {"level": "submits", PASS: [], FAIL: ["test_b"], SKIPPED: ["test_c"], "expected": []},
        {"level": "exports", PASS: [], FAIL: ["test_d"], SKIPPED: [], "expected": []},
    ]
    assert list(table(results)) == [
        "  ok    listed              1 passed",
        "  FAIL  submits             1 failed, 1 not done",
        "  FAIL  exports             1 failed",
        "Next: submits. These tests of the contract fail: test_b.",
    ]


def test_a_file_without_the_contract_gives_no_levels(tmp_path):
    file = tmp_path / "test_nothing.py"
    file.write_text("def test_it(): ...\n", encoding="utf-8")
    with pytest.raises(NoReport, match="No test of the contract has run. pytest says:\n"):
        levels("demoruntime", file)


def test_levels_are_those_of_a_runtime():
    done = run("elyra-runtime-doctor", "--levels")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--levels needs the name of a runtime" in done.stderr


def marked(*marks):
    """Return a test that says nothing, with these marks."""

    def test(self):
        """Nothing."""

    for mark in marks:
        test = mark(test)
    return test


@pytest.mark.parametrize(
    "replaced",
    [
        None,
        marked(),
        marked(pytest.mark.xfail),
        marked(pytest.mark.xfail(reason=" ")),
        marked(pytest.mark.skip(reason="no time")),
    ],
    ids=["deleted", "replaced", "without a reason", "with an empty reason", "skipped"],
)
def test_a_test_that_is_replaced_without_a_reason_is_an_error(replaced):
    body = {"runtime": "demoruntime", "test_submission_from_the_editor": replaced}
    with pytest.raises(TypeError, match="TestMine replaces tests of the contract: test_submission_from_the_editor. "):
        type("TestMine", (RuntimeContract,), body)


def test_a_mixin_replaces_no_test_either():
    mixin = type("Mixin", (), {"test_icons_are_served": marked()})
    with pytest.raises(TypeError, match="TestMine replaces tests of the contract: test_icons_are_served. "):
        type("TestMine", (mixin, RuntimeContract), {"runtime": "demoruntime"})


def test_an_expected_failure_with_a_reason_may_replace_a_test():
    expected = marked(pytest.mark.xfail(reason="A submission starts real work."))
    body = {"runtime": "demoruntime", "test_submission_from_the_editor": expected}
    assert type("TestMine", (RuntimeContract,), body).test_submission_from_the_editor is expected
