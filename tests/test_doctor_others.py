"""What the doctor says of runtimes that others have begun, and what Elyra shows of them.

They have the traits of public code: a fork for UNICORE (github.com/aaikoko/elyra), a plugin that takes the place of the
local runtime (github.com/Artenx/jupyter-ml), and a runtime as it was written for Elyra 2.2.
"""

import functools
import json
import zipfile
from importlib.metadata import distribution

import pytest
from broken import Installation, installed_from

from elyra_runtime_doctor import sources

PROJECT = """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "other"
version = "1"

[project.entry-points."elyra.pipeline.processors"]
{name} = "other:Processor"
"""
PROVIDER = """
[project.entry-points."metadata.schemas_providers"]
unicore = "other:Schemas"
"""

FORK = """
import json
from pathlib import Path

from aenum import extend_enum
from elyra.metadata.schema import SchemasProvider
from elyra.pipeline.processor import RuntimePipelineProcessor
from elyra.pipeline.runtime_type import RuntimeProcessorType, RuntimeTypeResources

extend_enum(RuntimeProcessorType, "UNICORE_PIPELINES", "Unicore Pipelines")


class Resources(RuntimeTypeResources):
    type = RuntimeProcessorType.UNICORE_PIPELINES
    icon_endpoint = "static/elyra/pipeline-flow.svg"
    export_file_types = []


elyras = RuntimeTypeResources.get_instance_by_type


def get_instance_by_type(runtime_type):
    return Resources() if runtime_type is RuntimeProcessorType.UNICORE_PIPELINES else elyras(runtime_type)


RuntimeTypeResources.get_instance_by_type = staticmethod(get_instance_by_type)


class Processor(RuntimePipelineProcessor):
    _type = RuntimeProcessorType.UNICORE_PIPELINES
    _name = "unicore"


class Schemas(SchemasProvider):
    def get_schemas(self):
        return [json.loads((Path(__file__).parent / "unicore.json").read_text())]
"""
FORM = {
    "title": "Unicore Pipelines",
    "name": "unicore",
    "schemaspace": "runtimes",
    "schemaspace_id": "130b8e00-de7c-4b32-b553-b4a52824a3b5",
    "properties": {
        "schema_name": {"title": "Schema Name", "type": "string", "const": "unicore"},
        "display_name": {"title": "Display Name", "type": "string", "minLength": 1},
        "metadata": {
            "type": "object",
            "properties": {
                "system": {
                    "title": "System",
                    "type": "string",
                    "enum": ["a", "b"],
                    "default": "a",
                    "uihints": {"field_type": "dropdown"},
                },
                "authentication_token": {"title": "Token", "type": "string", "uihints": {"secure": True}},
                "tags": {"title": "Tags", "type": "array", "uihints": {"field_type": "tags"}},
            },
            "required": ["system", "authentication_token"],
        },
    },
    "required": ["schema_name", "display_name", "metadata"],
}
REPLACEMENT = """
from elyra.pipeline.local.local_processor import LocalPipelineProcessor


class Processor(LocalPipelineProcessor):
    def process(self, pipeline, run_observer=None, cancel_event=None):
        return super().process(pipeline)
"""
OF_2021 = """
from elyra.pipeline.processor import PipelineProcessorResponse, RuntimePipelineProcess


class Processor(RuntimePipelineProcess):
    _type = "t3qkfp"

    def process(self, pipeline):
        return PipelineProcessorResponse("", "", "")
"""
OTHERS = {
    "unicore": {
        "pyproject.toml": PROJECT.format(name="unicore") + PROVIDER,
        "other/__init__.py": FORK,
        "other/unicore.json": json.dumps(FORM),
    },
    "local": {"pyproject.toml": PROJECT.format(name="local"), "other/__init__.py": REPLACEMENT},
    "t3qkfp": {"pyproject.toml": PROJECT.format(name="t3qkfp"), "other/__init__.py": OF_2021},
}
"""The files of each runtime, by its name."""


@functools.cache
def _installed(name):
    def write(source):
        for file, text in OTHERS[name].items():
            (source / file).parent.mkdir(exist_ok=True)
            (source / file).write_text(text, encoding="utf-8")

    return installed_from(write)


@pytest.fixture
def installation(request, tmp_path):
    """The runtime whose name is the parameter, in a place of its own."""
    kind = type("Other", (Installation,), {"healthy": staticmethod(functools.partial(_installed, request.param))})
    return kind(tmp_path)


def found_in(report, name):
    """Return what the doctor finds, by row."""
    wrong = [each for each in report["results"] if each["status"] in ("warning", "fail")]
    return {each["number"]: each["found"] for each in wrong if each["runtime"] == name}


def test_elyras_own_wheel_has_no_fault(tmp_path):
    """The wheel is made of the files that it has installed."""
    with zipfile.ZipFile(tmp_path / "elyra.whl", "w") as wheel:
        for file in distribution("elyra").files:
            if file.suffix in (".py", ".json", ".svg", ".txt") and ".." not in file.parts:
                wheel.write(file.locate(), file)
    report = sources.examine(tmp_path / "elyra.whl")
    assert report["runtimes"] == ["airflow", "kfp", "local"]
    assert [each for each in report["results"] if each["status"] not in ("pass", "skipped")] == []


@pytest.mark.parametrize("installation", ["unicore"], indirect=True)
def test_a_fork_is_told_what_elyra_4_asks_for(installation):
    found = found_in(installation.doctor("unicore"), "unicore")
    assert sorted(found) == [11, 19, 27, 30, 31, 40, 71, 72]
    assert "no field 'api_endpoint' and no field 'cos_endpoint'" in found[27]
    assert "not masked: 'authentication_token'" in found[30]
    assert "tags: it is an array without items" in found[71]
    assert "authentication_token.uihints.secure: only Elyra 3 reads this word; see 'ui:field'" in found[72]
    with installation.server() as server:
        answer = server.get("elyra/pipeline/runtimes/types")
    assert answer.status_code == 500
    assert answer.json()["message"] in found[11]


@pytest.mark.parametrize("installation", ["unicore"], indirect=True)
def test_most_of_it_is_said_before_it_is_installed(installation):
    assert sorted(found_in(sources.examine(installation.source), "unicore")) == [19, 27, 30, 71, 72]


@pytest.mark.parametrize("installation", ["local"], indirect=True)
def test_who_takes_the_place_of_the_local_runtime_is_told_that_the_name_is_taken(installation):
    found = found_in(installation.doctor("local"), "local")
    assert [*found] == [5]
    with installation.server() as server:
        registered = [line.split("'")[1] for line in server.log.splitlines() if "Registering local processor" in line]
    assert registered == ["other.Processor", "elyra.pipeline.local.local_processor.LocalPipelineProcessor"]
    assert found[5].endswith("Elyra takes the last")
    before = found_in(sources.examine(installation.source), "local")
    assert before == {5: "pyproject.toml: 'local' is the name of one of Elyra's own runtimes"}


@pytest.mark.parametrize("installation", ["t3qkfp"], indirect=True)
def test_a_runtime_of_2021_is_told_what_cannot_be_imported_any_more(installation):
    found = found_in(installation.doctor("t3qkfp"), "t3qkfp")
    assert [*found] == [3]
    assert "cannot import name 'RuntimePipelineProcess'" in found[3]
    with installation.server() as server:
        assert "Error registering t3qkfp processor" in server.log
    assert [*found_in(sources.examine(installation.source), "t3qkfp")] == [54]
