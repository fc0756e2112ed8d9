"""The doctor and the contract, on runtimes that are broken in one way each, and on healthy ones.

Whatever the doctor says of a broken runtime, Elyra is asked for the symptom, too.
"""

import functools
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from broken import Edit, Installation, installed
from single_faults import BROKEN_RUNTIMES, DETECTED_BY_THE_CONTRACT, second_distribution

from elyra_runtime_doctor import checks  # noqa: F401 - fills ROWS
from elyra_runtime_doctor.rows import ROWS


@pytest.fixture(scope="module")
def healthy(nobodys_jupyter, tmp_path_factory):
    """The installation of the healthy runtime that all broken ones are made from."""
    return Installation(tmp_path_factory.mktemp("healthy"))


@pytest.fixture(scope="session")
def see(nobodys_jupyter, tmp_path_factory):
    """Return what the contract, Elyra and the doctor say of a broken runtime. Each broken runtime is asked once."""

    @functools.cache
    def see(broken):
        installation = Installation(tmp_path_factory.mktemp(f"row-{broken.row}"))
        before = installation.installed_files()
        installation.put(broken)
        after = installation.installed_files()
        with ThreadPoolExecutor() as pool:  # at the same time, to save some
            contract = pool.submit(installation.contract, f"the_doctor or {about(broken)}") if broken.contract else None
            shown = pool.submit(broken.shows, installation) if callable(broken.shows) else None
            findings = pool.submit(installation.findings) if contract is None else None
        return SimpleNamespace(
            changed={file for file in before.keys() | after.keys() if before.get(file) != after.get(file)},
            contract=contract and contract.result(),
            findings=findings.result() if findings else said_by_the_doctor(contract.result().stdout),
            shown=shown.result() if shown else beside_the_doctor(contract.result().stdout),
        )

    return see


@pytest.fixture(params=BROKEN_RUNTIMES, ids=str)
def broken(request):
    return request.param


@pytest.fixture
def seen(broken, see):
    return see(broken)


def about(broken):
    """Return the test of the contract that shows the fault. Where none does, that of the doctor's row."""
    return f"row-{broken.row}]" if callable(broken.shows) else broken.shows


def said_by_the_doctor(printed):
    """Return the rows that the doctor names in what the contract ``printed``, as ``{number: status}``."""
    failed = re.findall(r"^FAILED \S+::test_the_doctor_finds_no_fault\[row-(\d+)\]", printed, re.MULTILINE)
    warned = re.findall(r"UserWarning: row (\d+): ", printed)
    return {int(row): "fail" for row in failed} | {int(row): "warning" for row in warned}


def beside_the_doctor(printed):
    """Return what the contract ``printed`` of tests that failed, but for those that repeat what the doctor says."""
    _, *sections = re.split(r"^_+ (?=(?:ERROR at setup of )?TestTrial\.)", printed, flags=re.MULTILINE)
    return "\n".join(section for section in sections if "test_the_doctor" not in section.partition(" _")[0])


class TestBrokenRuntime:
    def test_elyra_shows_the_symptom(self, broken, seen):
        assert re.search(broken.says, seen.shown, re.DOTALL), seen.shown

    def test_the_doctor_names_its_row_and_no_other(self, broken, seen):
        assert list(seen.findings) == [broken.row]

    def test_the_contract_names_it(self, broken, seen):
        if not broken.contract:
            pytest.skip("the fault is in the environment, and the contract brings its own")
        warned = seen.findings[broken.row] == "warning" and callable(broken.shows)
        assert seen.contract.returncode == (0 if warned else 1), seen.contract.stdout
        assert f"row {broken.row}: " in seen.contract.stdout
        if not callable(broken.shows):
            assert re.search(rf"^(FAILED|ERROR) \S+::test_\S*{broken.shows}", seen.contract.stdout, re.MULTILINE)

    def test_nothing_but_its_change_sets_it_apart_from_the_healthy_runtime(self, broken, seen):
        if broken.changes_the_build:
            described = {"METADATA", "RECORD", "entry_points.txt"}
            edited = {edit.file for edit in broken.edits}
            assert seen.changed and all(Path(file).name in described or file in edited for file in seen.changed)
        elif not broken.installed:
            assert seen.changed == {installed(edit.file) for edit in broken.edits}


@pytest.mark.parametrize("name", ["import-error", "extension-not-enabled", "long-description"])
def test_a_change_of_an_installed_file_is_what_is_installed_of_a_changed_source(nobodys_jupyter, tmp_path, name):
    """Of each kind of file one: a module, a file for Jupyter Server, the schema."""
    installation = Installation(tmp_path)
    [broken] = [broken for broken in BROKEN_RUNTIMES if broken.name == name]
    installation.put(broken)
    laid_out = installation.installed_files()
    installation.install()
    assert installation.installed_files() == laid_out
    installation.fix(broken)
    assert installation.installed_files() != laid_out


def test_the_doctor_is_silent_on_healthy_runtimes(healthy):
    results = healthy.doctor()["results"]
    findings = [(result["runtime"], result["number"]) for result in results if result["status"] in ("warning", "fail")]
    # Of Elyra's own: pre_save of both checks the password of the object storage, which the command line does not
    # call, and process of airflow raises a ValueError where a module for GitLab is missing.
    assert findings == [("airflow", 34), ("airflow", 26), ("kfp", 26)]
    assert {"trialruntime", "demoruntime", "dask", "local"} <= {result["runtime"] for result in results}


def test_the_contract_passes_on_the_healthy_runtime(healthy):
    done = healthy.contract("test")
    assert done.returncode == 0, done.stdout
    assert "row " not in done.stdout


def test_the_doctor_skips_nothing_of_a_healthy_runtime_that_is_installed_as_editable(healthy):
    results = healthy.doctor("demoruntime")["results"]
    assert [result["number"] for result in results if result["status"] == "skipped"] == []


def test_a_runtime_without_a_schema_does_not_get_that_of_its_neighbour(nobodys_jupyter, tmp_path):
    installation = Installation(tmp_path)
    local = "elyra.pipeline.local.local_processor:LocalPipelineProcessor"
    group = '[project.entry-points."elyra.pipeline.processors"]\n'
    Edit("pyproject.toml", group, f'{group}second = "{local}"\n').apply(installation.source)
    installation.install()
    results = [result for result in installation.doctor("second")["results"] if result["runtime"] == "second"]
    assert [result["found"] for result in results if result["status"] in ("warning", "fail")] == [
        "the entry point is called 'second'; the processor is called 'local'"
    ]


def test_each_row_that_a_check_finds_has_a_broken_runtime():
    checked = {number for number, row in ROWS.items() if row.function}
    # What these find is not the fault of a runtime, and cannot be installed here. Each has a test below.
    assert checked - {broken.row for broken in BROKEN_RUNTIMES} == {49, 63, 64}


def test_the_doctor_sees_a_second_edition_of_elyra(nobodys_jupyter, tmp_path):
    installation = Installation(tmp_path)
    second_distribution("odh_elyra", "[console_scripts]\n")(installation)
    assert installation.findings() == {49: "fail"}


def test_the_doctor_sees_a_jsonschema_that_builds_a_grammar_at_each_import(nobodys_jupyter, tmp_path):
    installation = Installation(tmp_path)
    (installation.site / "rfc3987_syntax.py").write_text("sum(range(10_000_000))\n", encoding="utf-8")
    with open(installation.site / "trial_runtime" / "__init__.py", "a", encoding="utf-8") as package:
        package.write("import rfc3987_syntax  # as jsonschema 4.25 does\n")
    [found] = [result for result in installation.doctor()["results"] if result["number"] == 64]
    assert found["status"] == "warning"
    seconds = re.fullmatch(r"jsonschema 4\.\S+ imports rfc3987_syntax, and that takes (\S+) s of .*", found["found"])[1]
    assert 0 < float(seconds) < 10


@pytest.mark.parametrize("version, findings", [("4.5.11", {}), ("4.6.0", {63: "fail"}), ("10.0.0a1", {63: "fail"})])
def test_the_doctor_sees_a_jupyterlab_in_which_the_editor_loses_changes(nobodys_jupyter, tmp_path, version, findings):
    """``test_editor_browser.py`` shows that there is no such fault in the JupyterLab of the lock."""
    installation = Installation(tmp_path)
    second_distribution("jupyterlab", "[console_scripts]\n", version)(installation)
    assert installation.findings() == findings


def test_the_doctor_is_content_with_an_editor_that_marks_changes(nobodys_jupyter, tmp_path):
    """As in Elyra's pull request 3406."""
    installation = Installation(tmp_path)
    second_distribution("jupyterlab", "[console_scripts]\n", "4.6.6")(installation)
    installation.variables["JUPYTER_PATH"] = str(installation.directory)
    script = installation.directory / "labextensions" / "@elyra" / "pipeline-editor-extension" / "static" / "1.js"
    script.parent.mkdir(parents=True)
    script.write_text("t.context.model.dirty=!0;", encoding="utf-8")
    assert installation.findings() == {}


@pytest.mark.parametrize("broken", DETECTED_BY_THE_CONTRACT, ids=str)
def test_the_contract_finds_what_the_doctor_cannot_see(broken, nobodys_jupyter, tmp_path):
    installation = Installation(tmp_path)
    installation.put(broken)
    assert installation.findings() == {}
    done = installation.contract(broken.shows)
    assert done.returncode == 1
    assert re.search(broken.says, done.stdout)
