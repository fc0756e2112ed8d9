"""The doctor and the contract, on runtimes that are broken in one way each, and on healthy ones.

Whatever the doctor says of an animal, Elyra is asked for the symptom, too.
"""

import functools
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from animals import ANIMALS, DETECTED_BY_THE_CONTRACT, second_distribution
from zoo import Cage, Edit, installed

from elyra_runtime_doctor import checks  # noqa: F401 - fills ROWS
from elyra_runtime_doctor.rows import ROWS


@pytest.fixture(scope="module")
def healthy(nobodys_jupyter, tmp_path_factory):
    """The cage of the runtime that all animals are made from."""
    return Cage(tmp_path_factory.mktemp("healthy"))


@pytest.fixture(scope="session")
def see(nobodys_jupyter, tmp_path_factory):
    """Return what the contract, Elyra and the doctor say of an animal. Each animal is asked once."""

    @functools.cache
    def see(animal):
        cage = Cage(tmp_path_factory.mktemp(f"row-{animal.row}"))
        before = cage.installed_files()
        cage.put(animal)
        after = cage.installed_files()
        with ThreadPoolExecutor() as pool:  # at the same time, to save some
            contract = pool.submit(cage.contract, f"the_doctor or {about(animal)}") if animal.contract else None
            shown = pool.submit(animal.shows, cage) if callable(animal.shows) else None
            findings = pool.submit(cage.findings) if contract is None else None
        return SimpleNamespace(
            changed={file for file in before.keys() | after.keys() if before.get(file) != after.get(file)},
            contract=contract and contract.result(),
            findings=findings.result() if findings else said_by_the_doctor(contract.result().stdout),
            shown=shown.result() if shown else beside_the_doctor(contract.result().stdout),
        )

    return see


@pytest.fixture(params=ANIMALS, ids=str)
def animal(request):
    return request.param


@pytest.fixture
def seen(animal, see):
    return see(animal)


def about(animal):
    """Return the test of the contract that shows the fault. Where none does, that of the doctor's row."""
    return f"row-{animal.row}]" if callable(animal.shows) else animal.shows


def said_by_the_doctor(printed):
    """Return the rows that the doctor names in what the contract ``printed``, as ``{number: status}``."""
    failed = re.findall(r"^FAILED \S+::test_the_doctor_finds_no_fault\[row-(\d+)\]", printed, re.MULTILINE)
    warned = re.findall(r"UserWarning: row (\d+): ", printed)
    return {int(row): "fail" for row in failed} | {int(row): "warning" for row in warned}


def beside_the_doctor(printed):
    """Return what the contract ``printed`` of tests that failed, but for those that repeat what the doctor says."""
    _, *sections = re.split(r"^_+ (?=(?:ERROR at setup of )?TestZoo\.)", printed, flags=re.MULTILINE)
    return "\n".join(section for section in sections if "test_the_doctor" not in section.partition(" _")[0])


class TestAnimal:
    def test_elyra_shows_the_symptom(self, animal, seen):
        assert re.search(animal.says, seen.shown, re.DOTALL), seen.shown

    def test_the_doctor_names_its_row_and_no_other(self, animal, seen):
        assert list(seen.findings) == [animal.row]

    def test_the_contract_names_it(self, animal, seen):
        if not animal.contract:
            pytest.skip("the fault is in the environment, and the contract brings its own")
        warned = seen.findings[animal.row] == "warning" and callable(animal.shows)
        assert seen.contract.returncode == (0 if warned else 1), seen.contract.stdout
        assert f"row {animal.row}: " in seen.contract.stdout
        if not callable(animal.shows):
            assert re.search(rf"^(FAILED|ERROR) \S+::test_\S*{animal.shows}", seen.contract.stdout, re.MULTILINE)

    def test_nothing_but_its_change_sets_it_apart_from_the_healthy_runtime(self, animal, seen):
        if animal.changes_the_build:
            described = {"METADATA", "RECORD", "entry_points.txt"}
            edited = {edit.file for edit in animal.edits}
            assert seen.changed and all(Path(file).name in described or file in edited for file in seen.changed)
        elif not animal.installed:
            assert seen.changed == {installed(edit.file) for edit in animal.edits}


@pytest.mark.parametrize("name", ["import-error", "extension-not-enabled", "long-description"])
def test_a_change_of_an_installed_file_is_what_is_installed_of_a_changed_source(nobodys_jupyter, tmp_path, name):
    """Of each kind of file one: a module, a file for Jupyter Server, the schema."""
    cage = Cage(tmp_path)
    [animal] = [animal for animal in ANIMALS if animal.name == name]
    cage.put(animal)
    laid_out = cage.installed_files()
    cage.install()
    assert cage.installed_files() == laid_out
    cage.mend(animal)
    assert cage.installed_files() != laid_out


def test_the_doctor_is_silent_on_healthy_runtimes(healthy):
    results = healthy.doctor()["results"]
    findings = [(result["runtime"], result["number"]) for result in results if result["status"] in ("warning", "fail")]
    # Of Elyra's own: pre_save of both checks the password of the object storage, which the command line does not
    # call, and process of airflow raises a ValueError where a module for GitLab is missing.
    assert findings == [("airflow", 34), ("airflow", 26), ("kfp", 26)]
    assert {"zooruntime", "demoruntime", "dask", "local"} <= {result["runtime"] for result in results}


def test_the_contract_passes_on_the_healthy_runtime(healthy):
    done = healthy.contract("test")
    assert done.returncode == 0, done.stdout
    assert "row " not in done.stdout


def test_the_doctor_skips_nothing_of_a_healthy_runtime_that_is_installed_as_editable(healthy):
    results = healthy.doctor("demoruntime")["results"]
    assert [result["number"] for result in results if result["status"] == "skipped"] == []


def test_a_runtime_without_a_schema_does_not_get_that_of_its_neighbour(nobodys_jupyter, tmp_path):
    cage = Cage(tmp_path)
    local = "elyra.pipeline.local.local_processor:LocalPipelineProcessor"
    group = '[project.entry-points."elyra.pipeline.processors"]\n'
    Edit("pyproject.toml", group, f'{group}second = "{local}"\n').apply(cage.source)
    cage.install()
    results = [result for result in cage.doctor("second")["results"] if result["runtime"] == "second"]
    assert [result["found"] for result in results if result["status"] in ("warning", "fail")] == [
        "the entry point is called 'second'; the processor is called 'local'"
    ]


def test_each_row_that_a_check_finds_has_an_animal():
    checked = {number for number, row in ROWS.items() if row.function}
    # What these find is not the fault of a runtime, and cannot be installed here. Each has a test below.
    assert checked - {animal.row for animal in ANIMALS} == {49, 63, 64}


def test_the_doctor_sees_a_second_edition_of_elyra(nobodys_jupyter, tmp_path):
    cage = Cage(tmp_path)
    second_distribution("odh_elyra", "[console_scripts]\n")(cage)
    assert cage.findings() == {49: "fail"}


def test_the_doctor_sees_a_jsonschema_that_builds_a_grammar_at_each_import(nobodys_jupyter, tmp_path):
    cage = Cage(tmp_path)
    (cage.site / "rfc3987_syntax.py").write_text("sum(range(10_000_000))\n", encoding="utf-8")
    with open(cage.site / "zoo_runtime" / "__init__.py", "a", encoding="utf-8") as package:
        package.write("import rfc3987_syntax  # as jsonschema 4.25 does\n")
    [found] = [result for result in cage.doctor()["results"] if result["number"] == 64]
    assert found["status"] == "warning"
    seconds = re.fullmatch(r"jsonschema 4\.\S+ imports rfc3987_syntax, and that takes (\S+) s of .*", found["found"])[1]
    assert 0 < float(seconds) < 10


@pytest.mark.parametrize("version, findings", [("4.5.11", {}), ("4.6.0", {63: "fail"}), ("10.0.0a1", {63: "fail"})])
def test_the_doctor_sees_a_jupyterlab_in_which_the_editor_loses_changes(nobodys_jupyter, tmp_path, version, findings):
    """``test_editor_browser.py`` shows that there is no such fault in the JupyterLab of the lock."""
    cage = Cage(tmp_path)
    second_distribution("jupyterlab", "[console_scripts]\n", version)(cage)
    assert cage.findings() == findings


def test_the_doctor_is_content_with_an_editor_that_marks_changes(nobodys_jupyter, tmp_path):
    """As in Elyra's pull request 3406."""
    cage = Cage(tmp_path)
    second_distribution("jupyterlab", "[console_scripts]\n", "4.6.6")(cage)
    cage.variables["JUPYTER_PATH"] = str(cage.directory)
    script = cage.directory / "labextensions" / "@elyra" / "pipeline-editor-extension" / "static" / "1.js"
    script.parent.mkdir(parents=True)
    script.write_text("t.context.model.dirty=!0;", encoding="utf-8")
    assert cage.findings() == {}


@pytest.mark.parametrize("animal", DETECTED_BY_THE_CONTRACT, ids=str)
def test_the_contract_finds_what_the_doctor_cannot_see(animal, nobodys_jupyter, tmp_path):
    cage = Cage(tmp_path)
    cage.put(animal)
    assert cage.findings() == {}
    done = cage.contract(animal.shows)
    assert done.returncode == 1
    assert re.search(animal.says, done.stdout)
