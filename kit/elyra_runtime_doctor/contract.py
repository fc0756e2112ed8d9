"""Tests for the test suite of your own runtime. They speak to Elyra as its users do. They need pytest.

Put this into a file of your tests, with the name of your runtime's entry point::

    from elyra_runtime_doctor.contract import RuntimeContract


    class TestMyRuntime(RuntimeContract):
        runtime = "myruntime"

The tests use Elyra's commands, and a Jupyter server that they start and stop. Its files are temporary, and your
own Jupyter is left alone. Your runtime must be installed. No test imports it.
"""

import json
import os
import re
import subprocess
import tempfile
import warnings
from importlib.metadata import entry_points
from pathlib import Path
from unittest.mock import patch

import pytest
from jsonschema import Draft7Validator

from elyra_runtime_doctor import form as shape
from elyra_runtime_doctor.checks.discovery import PROCESSORS
from elyra_runtime_doctor.checks.schemas import PASSWORD_FIELD
from elyra_runtime_doctor.host import Server, environment, own_jupyter, run
from elyra_runtime_doctor.probe import Unloadable, examine
from elyra_runtime_doctor.rows import FAIL, ROWS, SKIPPED, WARNING, Skip
from elyra_runtime_doctor.sample import sample

CONFIGURATIONS = "elyra/metadata/runtimes"
SECRET_NUMBER = 918273645
VARIABLES = {"CONTRACT_VARIABLE": "secret-of-CONTRACT_VARIABLE"}
"""The environment variables of the node that the tests submit and export. Their values occur nowhere else."""

LISTED, CONFIGURED, SUBMITS = "listed", "configured", "submits"
EXPORTS, KEEPS_SECRETS, SURVIVES = "exports", "keeps secrets", "survives bad input"
LEVELS = LISTED, CONFIGURED, SUBMITS, EXPORTS, KEEPS_SECRETS, SURVIVES
"""What a runtime can do, in the order in which its author gets there. The doctor prints them as a table."""


def level(name):
    """Say that the decorated test is about the level ``name``."""

    def decorate(test):
        test.level = name
        return test

    return decorate


CHECKED = sorted(row.number for row in ROWS.values() if row.function)


class RuntimeContract:
    """What Elyra expects of a runtime. Derive a class from it whose name starts
    with ``Test``.

    The tests ``test_submission_...`` submit a small pipeline. If that reaches a
    real backend, give its address in ``configuration``. To go without, leave them
    out with ``pytest -k "not submission"``. The tests ``test_export_...`` write
    files to a temporary directory. No other test calls ``process`` or ``export``.

    Nobody loses a promise without a word: a class may replace a test only by one
    that is marked as an expected failure, with a reason. So does who exports
    values of environment variables on purpose::

        @pytest.mark.xfail(reason="The exported script needs the values.", run=False)
        def test_export_gives_no_environment_variable_away(self): ...

    No test passes because what it looks at did not happen: the tests that look
    for secrets fail where the submission or the export fails.

    Raises ``LookupError``, as soon as pytest collects the class, if no runtime is
    called ``runtime``, and ``TypeError`` if a test is replaced without a reason.
    """

    runtime: str | None = None
    """The name of the entry point in the group ``elyra.pipeline.processors``."""

    configuration: dict = {}
    """Fields of a runtime configuration that cannot be made up from the schema, and those that must be otherwise.

    Each field that the schema masks is given a made-up secret; ``""`` leaves it empty.
    What it gives to the fields that the schema masks must occur nowhere else, because the tests look for it in logs.
    """

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        lost = [name for name, test in TESTS.items() if getattr(cls, name, None) is not test]
        lost = [name for name in lost if not _is_expected_to_fail(getattr(cls, name, None))]
        if lost:
            raise TypeError(
                f"{cls.__name__} replaces tests of the contract: {', '.join(lost)}. Remove them, or say why they fail: "
                'mark each with @pytest.mark.xfail(reason="...").'
            )
        installed = sorted(entry_points(group=PROCESSORS).names)
        if cls.runtime not in installed:
            raise LookupError(
                f"{cls.__name__}: no runtime is called {cls.runtime!r}. Installed are: {', '.join(installed)}."
            )

    @pytest.fixture(scope="class")
    @classmethod
    def findings(cls):
        """What the doctor says about each row, by number."""
        with tempfile.TemporaryDirectory(prefix="contract-") as directory:
            with patch.dict(os.environ, environment(**own_jupyter(directory)), clear=True):
                try:
                    report = examine([cls.runtime])
                except Unloadable as error:
                    pytest.fail(str(error), pytrace=False)
        return {result["number"]: result for result in report["results"]}

    @pytest.fixture(scope="class")
    @classmethod
    def elyra(cls):
        """A Jupyter server whose address is like that of a JupyterHub, with a script, ``work.py``."""
        with tempfile.TemporaryDirectory(prefix="contract-", ignore_cleanup_errors=True) as directory:
            try:
                server = Elyra(directory, base_url="/user/contract/")
            except RuntimeError as error:  # it says what the server has logged
                pytest.fail(str(error), pytrace=False)
            with server as elyra:
                Path(elyra.root, "work.py").write_text("print('work')\n", encoding="utf-8")
                yield elyra

    @pytest.fixture(scope="class")
    @classmethod
    def schema(cls, elyra):
        """The schema of the runtime configurations."""
        return elyra.answer(200, "GET", f"elyra/schema/runtimes/{cls.runtime}").json()

    @pytest.fixture(scope="class")
    @classmethod
    def known(cls, elyra):
        """What the editor knows about all types, by id."""
        types = elyra.answer(200, "GET", "elyra/pipeline/runtimes/types").json()["runtime_types"]
        return {type["id"]: type for type in types}

    @pytest.fixture(scope="class")
    @classmethod
    def type(cls, known, schema):
        """What the editor knows about the type of the runtime."""
        wanted = schema.get("runtime_type")
        assert wanted in known, f"The schema's runtime_type is {wanted!r}; Elyra lists {', '.join(known)} (rows 10, 19)"
        return known[wanted]

    @pytest.fixture(scope="class")
    @classmethod
    def fields(cls, elyra, schema):
        """The fields of a runtime configuration that a user fills in, by name."""
        described = shape.fields(schema)
        masked = [
            name for name, field in described.items() if shape.part(field, "uihints").get("ui:field") == PASSWORD_FIELD
        ]
        made_up = {
            name: secret
            for name in masked
            for secret in (f"secret-of-{name}", SECRET_NUMBER)
            if Draft7Validator(described[name]).is_valid(secret)
        }
        constants = {name: field["const"] for name, field in described.items() if "const" in field}
        try:
            fields = sample(schema, {**constants, **made_up, **cls.configuration})
        except Skip as reason:
            pytest.fail(f"{reason}, or give it a value in `configuration` of your class", pytrace=False)
        elyra.secrets = {name: str(fields[name]) for name in masked if fields.get(name)}
        shown = {name for name in fields if name in cls.configuration or not hidden(schema, name)}
        return Fields((name, value) for name, value in fields.items() if name in shown)

    @pytest.fixture(scope="class")
    @classmethod
    def saved(cls, elyra, fields):
        """The name of a runtime configuration, saved from the form."""
        about = "what the schema does not tell, give in `configuration` of your class"
        body = form(cls.runtime, "Contract", fields)
        return elyra.answer(201, "POST", CONFIGURATIONS, body, about=about).json()["name"]

    @pytest.fixture(scope="class")
    @classmethod
    def pipeline(cls, schema, saved):
        """A pipeline with one node, as the editor sends it."""
        return sent_by_the_editor(a_pipeline("work.py"), cls.runtime, schema.get("runtime_type"), saved)

    @pytest.fixture(scope="class")
    @classmethod
    def pipeline_file(cls, elyra, saved):
        """The name of a ``.pipeline`` file with one node."""
        Path(elyra.root, "contract.pipeline").write_text(json.dumps(a_pipeline("work.py")), encoding="utf-8")
        return "contract.pipeline"

    @pytest.fixture(scope="class")
    @classmethod
    def submitted(cls, elyra, pipeline):
        """Elyra's answer to the editor that submits the pipeline."""
        return elyra.post("elyra/pipeline/schedule", pipeline)

    @pytest.fixture(scope="class")
    @classmethod
    def submitted_by_command(cls, elyra, saved, pipeline_file):
        """What the command line says to a submission of the pipeline, a ``Done``."""
        return elyra.run("elyra-pipeline", "submit", pipeline_file, "--runtime-config", saved)

    @pytest.fixture(scope="class")
    @classmethod
    def formats(cls, type):
        """The ids of the export formats."""
        offered = type["export_file_types"] or []
        told = f"export_file_types is {offered!r}, and no list of dicts with an 'id' (row 16)"
        assert isinstance(offered, list) and all(isinstance(each, dict) and "id" in each for each in offered), told
        formats = [each["id"] for each in offered]
        return formats or pytest.skip(f"{cls.runtime} has no export formats")

    @pytest.fixture(scope="class")
    @classmethod
    def exported(cls, elyra, pipeline, formats):
        """Elyra's answers to the editor that exports the pipeline in each format, by the name of the file."""
        return {
            f"from-the-editor.{format}": elyra.export(pipeline, f"from-the-editor.{format}", format=format)
            for format in formats
        }

    @pytest.fixture(scope="class")
    @classmethod
    def exported_by_command(cls, elyra, saved, pipeline_file, formats):
        """What the command line says to exports that overwrite a file, by the name of the file."""
        said = {}
        for format in formats:
            name = Path("by-command", f"contract.{format}")
            elyra.write(name, "old")
            target = ["--format", format, "--output", name, "--overwrite"]
            said[name] = elyra.run("elyra-pipeline", "export", pipeline_file, "--runtime-config", saved, *target)
        return said

    @pytest.fixture
    def said_of_submissions(self, elyra, submitted, submitted_by_command):
        """What Elyra and the runtime say of both submissions: texts, by what they are."""
        texts = {
            "the answer to a submission": submitted.text,
            "what the command line says to a submission": submitted_by_command.stdout + submitted_by_command.stderr,
            "the log of the server": elyra.log,
        }
        return Texts(texts)

    @pytest.fixture
    def said_of_exports(self, elyra, exported, exported_by_command):
        """What Elyra and the runtime say of all exports, and write: texts, by what they are."""
        answers, commands = exported.values(), exported_by_command.values()
        texts = {
            "the file that the editor exported": "\n".join(map(elyra.read, exported)),
            "the file that the command line exported": "\n".join(map(elyra.read, exported_by_command)),
            "the answer to an export": "\n".join(answer.text for answer in answers),
            "what the command line says to an export": "\n".join(done.stdout + done.stderr for done in commands),
            "the log of the server": elyra.log,
        }
        return Texts(texts)

    # What the doctor sees

    @pytest.mark.parametrize("row", CHECKED, ids=lambda number: f"row-{number}")
    @level(LISTED)
    def test_the_doctor_finds_no_fault(self, findings, row):
        found = findings[row]
        said = f"row {row}: {found['title']}\n" + "\n".join(
            f"{label}: {found[key]}" for label, key in (("found", "found"), ("cause", "cause"), ("way out", "way_out"))
        )
        if found["status"] == FAIL:
            pytest.fail(said, pytrace=False)
        if found["status"] == SKIPPED:
            pytest.skip(found["found"])
        if found["status"] == WARNING:
            warnings.warn(said, stacklevel=1)

    # What the server says of itself

    @level(LISTED)
    def test_registration_is_logged(self, elyra):
        lines = [line for line in elyra.log.splitlines() if "Error" in line]
        registering, loading = f"Error registering {self.runtime} processor", "Error loading schema"
        errors = [line for line in lines if registering in line or (loading in line and f"'{self.runtime}'" in line)]
        assert not errors, elyra.shown("The server logs (rows 3, 20 and 53):\n" + "\n".join(errors))
        assert f"Registering {self.runtime} processor" in elyra.log, elyra.with_log(
            f"The log of the server does not say 'Registering {self.runtime} processor' (rows 2, 6 and 7)."
        )

    @level(LISTED)
    def test_type_is_listed_with_a_name(self, type):
        assert type["display_name"], f"The type {type['id']} has no display name: the launcher's tile is without a text"

    @level(LISTED)
    def test_icons_are_served(self, elyra, type, known):
        """The editor needs those of all types, and one extension can hide a file of another."""
        for each in [type, *known.values()]:
            answer = elyra.answer(200, "GET", each["icon"], about=f"the icon of {each['id']}, rows 17 and 51")
            kind = answer.headers.get("Content-Type", "")
            assert kind.startswith("image/"), f"The icon {each['icon']} is no image but {kind} (row 17)"

    @level(LISTED)
    def test_schema_has_title_and_type(self, schema):
        assert schema.get("title"), (
            "The schema has no title: the editor's dialogs have no name for the runtime (row 28)"
        )
        assert schema.get("runtime_type"), "The schema has no runtime_type: every pipeline is refused (row 19)"

    # Runtime configurations

    @level(CONFIGURED)
    def test_configuration_from_the_form_is_saved(self, elyra, type, fields, saved):
        answer = elyra.answer(200, "GET", f"{CONFIGURATIONS}/{saved}")
        loaded = answer.json()["metadata"]
        assert not lost(fields, loaded), f"These fields were not saved as they were sent: {lost(fields, loaded)}"
        listed = elyra.answer(200, "GET", CONFIGURATIONS).json()["runtimes"]
        types = {one["name"]: one["metadata"].get("runtime_type") for one in listed}
        assert saved in types, elyra.with_log(
            f"The Runtimes panel does not list the new configuration (row 23): {types}"
        )
        assert types[saved] == type["id"], (
            f"The new configuration has the runtime_type {types[saved]!r}, the schema {type['id']!r}: "
            "every pipeline is refused (rows 23 and 52)"
        )

    @level(CONFIGURED)
    def test_configuration_keeps_its_fields_when_the_form_edits_it(self, elyra, schema, fields):
        created = elyra.answer(201, "POST", CONFIGURATIONS, form(self.runtime, "Contract to edit", fields)).json()
        address = f"{CONFIGURATIONS}/{created['name']}"
        before = elyra.answer(200, "GET", address).json()["metadata"]
        before.pop("display_name", None)
        assert not lost(fields, before), f"These fields were not saved as they were sent: {lost(fields, before)}"
        shown = Fields((name, value) for name, value in before.items() if not hidden(schema, name))
        elyra.answer(200, "PUT", address, form(self.runtime, "Contract edited", shown))
        after = elyra.answer(200, "GET", address).json()
        assert after["display_name"] == "Contract edited", f"The edited name was not saved: {after['display_name']!r}"
        gone = lost(before, after["metadata"])
        assert not gone, f"The form sends no hidden field, and these were lost (rows 23 and 29): {gone}"

    @level(CONFIGURED)
    def test_configuration_is_removed(self, elyra, fields):
        created = elyra.answer(201, "POST", CONFIGURATIONS, form(self.runtime, "Contract to remove", fields)).json()
        address = f"{CONFIGURATIONS}/{created['name']}"
        elyra.answer(200, "GET", address)
        elyra.answer(204, "DELETE", address)
        elyra.answer(404, "GET", address, about="a configuration that was removed")

    @level(CONFIGURED)
    def test_configuration_by_command_line(self, elyra, schema, fields):
        name = "--name=contract_by_command"
        create = ["--schema_name", self.runtime, name, "--display_name=Contract by command", *options(fields)]
        elyra.call("elyra-metadata", "create", "runtimes", *create)
        edit = ["--schema_name", self.runtime, name, "--display_name=Contract edited by command"]
        elyra.call("elyra-metadata", "update", "runtimes", *edit)
        shown = elyra.call("elyra-metadata", "list", "runtimes", "--json").stdout
        listed = {one["name"]: one for one in json.loads(shown[shown.index("[") :])}
        assert "contract_by_command" in listed, elyra.shown(f"elyra-metadata list does not show it (row 23): {shown}")
        one = listed["contract_by_command"]
        assert one["display_name"] == "Contract edited by command", f"Its name was not edited: {one['display_name']!r}"
        gone = lost({**fields, "runtime_type": schema.get("runtime_type")}, one["metadata"])
        assert not gone, f"These fields are not as they were given to the command line (row 23): {gone}"
        file = Path(elyra.directories["JUPYTER_DATA_DIR"], "metadata", "runtimes", "contract_by_command.json")
        assert file.exists(), f"elyra-metadata create wrote no file {file}"
        elyra.call("elyra-metadata", "remove", "runtimes", name)
        assert not file.exists(), "elyra-metadata remove left the configuration where it was"

    # Pipelines

    @level(SUBMITS)
    def test_submission_from_the_editor(self, elyra, type, submitted):
        elyra.expect(200, submitted, "a submission, rows 31 and 32")
        answer = submitted.json()
        assert answer.get("platform") == type["id"], elyra.shown(f"The platform is not {type['id']} (row 32): {answer}")
        url = answer.get("run_url")
        assert isinstance(url, str) and url, elyra.shown(f"The editor gets no address of the run (row 33): {answer}")
        if url.startswith(elyra.base_url):
            page = elyra.get(url.removeprefix(elyra.base_url))
            row = ", row 83" if page.status_code == 404 else ""
            assert page.status_code < 400, elyra.told(page, f"the page of the run{row}")

    @level(SUBMITS)
    def test_submission_by_command_line(self, elyra, submitted_by_command):
        shown = elyra.expect_success(submitted_by_command).stdout
        link = re.search(r"Check the status of your job at: (\S+)", shown)
        assert link and link[1] != "None", elyra.shown(
            f"The command line shows no address of the run (row 33):\n{shown}"
        )

    @level(KEEPS_SECRETS)
    def test_submission_gives_no_secret_away(self, elyra, said_of_submissions, submitted, submitted_by_command):
        elyra.expect_no_secret(said_of_submissions)
        elyra.expect(200, submitted, "a submission, rows 31 and 32")
        elyra.expect_success(submitted_by_command)

    @level(KEEPS_SECRETS)
    def test_submission_gives_no_environment_variable_away(
        self, elyra, said_of_submissions, submitted, submitted_by_command
    ):
        elyra.expect_none_of(VARIABLES, said_of_submissions)
        elyra.expect(200, submitted, "a submission, rows 31 and 32")
        elyra.expect_success(submitted_by_command)

    @level(SURVIVES)
    def test_pipeline_without_its_file_is_refused(self, elyra, schema, saved):
        pipeline = sent_by_the_editor(a_pipeline("lost.py"), self.runtime, schema.get("runtime_type"), saved)
        answer = elyra.post("elyra/pipeline/schedule", pipeline)
        told = elyra.told(answer, "a pipeline whose node has no file")
        assert answer.status_code >= 400, told
        assert "lost.py" in answer.text, f"The refusal does not name the file, lost.py. {told}"

    @level(SURVIVES)
    def test_export_stays_in_the_root_directory(self, elyra, pipeline, formats):
        """The editor could not show another file, and whoever shares the server may not write where they like."""
        for format in formats:
            outside = Path(elyra.root).parent / f"outside.{format}"
            answer = elyra.export(pipeline, f"../{outside.name}", format=format)
            assert not outside.exists(), elyra.told(answer, f"an export to ../{outside.name}")
            assert answer.status_code >= 400, elyra.told(answer, f"an export to ../{outside.name}")
            elyra.export_to(outside.name, format, pipeline)  # here there is no reason to refuse

    # Exports

    @level(EXPORTS)
    def test_export_goes_where_the_editor_says(self, elyra, pipeline, formats):
        for format in formats:
            elyra.export_to(f"exports/from-the-editor.{format}", format, pipeline)

    @level(EXPORTS)
    def test_export_takes_a_name_that_is_not_ascii(self, elyra, pipeline, formats):
        for format in formats:
            elyra.export_to(f"날씨.{format}", format, pipeline, "a name that is not ASCII, row 57")

    @level(EXPORTS)
    def test_export_leaves_a_file_alone_that_shall_not_be_overwritten(self, elyra, pipeline, formats):
        for format in formats:
            file = elyra.write(f"mine.{format}", "mine")
            answer = elyra.export(pipeline, file.name, format=format)
            assert answer.status_code != 201, elyra.told(answer, "an export to a file that is there, row 38")
            assert file.read_text(encoding="utf-8") == "mine", "The export replaced a file, unasked (row 38)"
            file.unlink()  # from now on there is no reason to refuse
            elyra.export_to(file.name, format, pipeline)

    @level(EXPORTS)
    def test_export_overwrites_a_file_if_it_shall(self, elyra, pipeline, formats):
        for format in formats:
            file = elyra.write(f"yours.{format}", "yours")
            elyra.expect(201, elyra.export(pipeline, file.name, format=format, overwrite=True), "overwrite, row 38")
            assert file.read_bytes() not in (b"", b"yours"), (
                "The export did not replace the file that it was told to (row 38)"
            )

    @level(EXPORTS)
    def test_export_by_command_line(self, elyra, exported_by_command):
        elyra.expect_exports({}, exported_by_command)

    @level(KEEPS_SECRETS)
    def test_export_gives_no_secret_away(self, elyra, said_of_exports, exported, exported_by_command):
        elyra.expect_no_secret(said_of_exports)
        elyra.expect_exports(exported, exported_by_command)

    @level(KEEPS_SECRETS)
    def test_export_gives_no_environment_variable_away(self, elyra, said_of_exports, exported, exported_by_command):
        elyra.expect_none_of(VARIABLES, said_of_exports)
        elyra.expect_exports(exported, exported_by_command)


TESTS = {name: test for name, test in vars(RuntimeContract).items() if name.startswith("test_")}
"""The tests of the contract, by name. Each has its ``level``."""


def _is_expected_to_fail(test):
    marks = getattr(test, "pytestmark", [])
    return any(mark.name == "xfail" and str(mark.kwargs.get("reason", "")).strip() for mark in marks)


class Fields(dict):
    """Fields of a runtime configuration, by name. pytest shows the names only: a value may be a secret."""

    def __repr__(self):
        return f"<the fields {', '.join(self)}>"


class Texts(dict):
    """Texts, by what they are. pytest shows that only: a text may hold a secret."""

    def __repr__(self):
        return f"<{', '.join(self)}>"


class Done(subprocess.CompletedProcess):
    """A command that has ended. pytest does not show what it said, which may hold a secret."""

    def __repr__(self):
        return f"<{self.line} ended with {self.returncode}>"

    @property
    def line(self):
        """The beginning of the command line."""
        return " ".join([Path(self.args[0]).name, *self.args[1:3]])


class Elyra(Server):
    """A Jupyter server, and commands beside it, that say in each error what Elyra said, and show no secret."""

    secrets = {}

    def answer(self, status, method, path, body=None, *, about=""):
        """Send a request. Return the answer, which must have this ``status``."""
        __tracebackhide__ = True
        return self.expect(status, self.request(method, path, body), about)

    def expect(self, status, answer, about=""):
        """Return ``answer``, which must have this ``status``."""
        __tracebackhide__ = True
        assert answer.status_code == status, self.told(answer, about, f", and not {status}")
        return answer

    def call(self, *arguments):
        """Run a command in the root directory. Return the ``Done``, which must have ended with 0."""
        __tracebackhide__ = True
        return self.expect_success(self.run(*arguments))

    def run(self, *arguments):
        """Run a command in the root directory. Return the ``Done``."""
        return Done(**vars(run(*arguments, cwd=self.root, env=self.environment)))

    def expect_success(self, done):
        """Return ``done``, which must have ended with 0."""
        __tracebackhide__ = True
        said = f"{done.line} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        assert done.returncode == 0, self.shown(said)
        return done

    def write(self, path, text):
        """Write ``text`` to ``path``, below the root directory. Return the whole path."""
        file = Path(self.root, path)
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def read(self, path):
        """Return the text of the file at ``path``, below the root directory: none if it is not there."""
        file = Path(self.root, path)
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""

    def export_to(self, path, format, pipeline, about="an export, rows 37, 38 and 56"):
        """Export as the editor does. The file must be there."""
        __tracebackhide__ = True
        Path(self.root, path).parent.mkdir(exist_ok=True)
        self.expect_export(path, self.export(pipeline, path, format=format), about)

    def expect_export(self, path, answer, about="an export, rows 37, 38 and 56"):
        """Elyra's ``answer`` must be that it exported to ``path``, and the file must be there."""
        __tracebackhide__ = True
        self.expect(201, answer, about)
        assert self.read(path).strip(), self.with_log(
            f"Elyra says that it exported to {path}. Below the root directory, that file is missing or empty (row 38)."
        )

    def expect_exports(self, answers, by_command):
        """All exports must have succeeded: ``answers`` to the editor, and those ``by_command``, by their files."""
        __tracebackhide__ = True
        for path, answer in answers.items():
            self.expect_export(path, answer)
        for path, done in by_command.items():
            self.expect_success(done)
            assert self.read(path) not in ("", "old"), f"{path} was not written (row 38)"

    def expect_no_secret(self, texts):
        """Look in ``texts``, by what they are, for the secrets of the runtime configuration."""
        __tracebackhide__ = True
        if not self.secrets:
            pytest.skip("the runtime configuration holds no secret: the schema masks no field, or none has a value")
        self.expect_none_of(self.secrets, texts)

    def expect_none_of(self, secrets, texts):
        """Look in ``texts``, by what they are, for the values of ``secrets``, a dict by name."""
        __tracebackhide__ = True
        found = [
            f"The value of {name} is in {place}: {self.shown(line)[:500]}"
            for name, secret in secrets.items()
            for place, text in texts.items()
            for line in lines_with(secret, text)[:1]
        ]
        assert not found, "\n".join(found)

    def told(self, answer, about="", instead=""):
        """Return what Elyra answered, and what it logged last."""
        request = answer.request
        about = f" ({about})" if about else ""
        head = f"{request.method} {request.path_url}{about} was answered with {answer.status_code}{instead}:"
        return self.with_log(f"{head}\n{answer.text[:2000]}")

    def with_log(self, text):
        """Return ``text``, the errors that Elyra has logged, and the end of the log."""
        lines = self.log.splitlines()
        errors = [line for line in lines[:-15] if re.search("Error (loading|registering)", line)]
        return self.shown("\n".join([text, "The log of the server:", *errors, "...", *lines[-15:]]))

    def shown(self, text):
        """Return ``text`` without secrets."""
        for secret in [*self.secrets.values(), *VARIABLES.values()]:
            text = text.replace(secret, "(hidden)").replace(json.dumps(secret)[1:-1], "(hidden)")
        return text


def lines_with(secret, text):
    """Return the lines of ``text`` that hold ``secret``, as it is or as JSON spells it."""
    spellings = secret, json.dumps(secret)[1:-1]
    return [line for line in text.splitlines() if any(one in line for one in spellings)]


def hidden(schema, name):
    """Tell whether Elyra's form drops the field ``name``."""
    return shape.hidden(shape.fields(schema).get(name))


def form(runtime, display_name, fields):
    """Return what Elyra's form sends: the display name twice."""
    return {
        "schema_name": runtime,
        "display_name": display_name,
        "metadata": Fields({**fields, "display_name": display_name}),
    }


def options(fields):
    """Return ``fields`` as ``elyra-metadata`` takes them: what is 0, false or empty only as JSON."""
    empty = {name: value for name, value in fields.items() if not value}
    given = {name: value for name, value in fields.items() if value}
    return [
        *(f"--{name}={value if isinstance(value, str) else repr(value)}" for name, value in given.items()),
        *([f"--json={empty}"] if empty else []),
    ]


def lost(sent, loaded):
    """Return the names of the fields of ``sent`` that ``loaded`` lacks, or has with another value."""
    return [name for name, value in sent.items() if name not in loaded or loaded[name] != value]


def a_pipeline(filename):
    """Return the content of a ``.pipeline`` file with one node, which runs the script ``filename``."""
    parameters = {
        "filename": filename,
        "runtime_image": "example/image:1",
        "dependencies": [],
        "include_subdirectories": False,
        "outputs": [],
        "env_vars": [{"env_var": name, "value": value} for name, value in VARIABLES.items()],
    }
    node = {
        "id": "work",
        "type": "execution_node",
        "op": "execute-python-node",
        "app_data": {"component_parameters": parameters, "label": "", "ui_data": {"label": "work"}},
        "inputs": [{"id": "inPort", "links": []}],
        "outputs": [{"id": "outPort"}],
    }
    properties = {"name": "contract", "runtime": "Generic", "pipeline_defaults": {}}
    app_data = {"version": 8, "ui_data": {"comments": []}, "properties": properties}
    return {
        "doc_type": "pipeline",
        "version": "3.0",
        "id": "document",
        "primary_pipeline": "primary",
        "pipelines": [{"id": "primary", "nodes": [node], "app_data": app_data, "runtime_ref": ""}],
        "schemas": [],
    }


def sent_by_the_editor(pipeline, runtime, type_id, configuration):
    """Return ``pipeline`` with what the Run dialog adds to it."""
    pipeline["pipelines"][0]["app_data"] |= {
        "name": "contract",
        "source": "contract.pipeline",
        "runtime": runtime,
        "runtime_type": type_id,
        "runtime_config": configuration,
    }
    return pipeline
