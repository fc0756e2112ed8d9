"""Step 2: the runtime's type, in an enumeration and a chain of resources that Elyra has closed."""

import copy
import importlib
import pickle
import subprocess
import sys
import xml.etree.ElementTree
from importlib.resources import files

import pytest
from elyra.pipeline.registry import PipelineProcessorRegistry
from elyra.pipeline.runtime_type import RuntimeProcessorType, RuntimeTypeResources

from demo_runtime import runtime_type

OURS = "DEMO_RUNTIME", "DASK"  # another test may have loaded the second one by now
STOCK = [member for member in RuntimeProcessorType if member.name not in OURS]


def fresh_python(code):
    """Run ``code`` in a Python of its own, for what can be done only once in a process. Returns what it prints."""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_type_is_a_member_of_elyras_enumeration():
    member = RuntimeProcessorType.DEMO_RUNTIME
    assert member in RuntimeProcessorType
    assert member in list(RuntimeProcessorType)
    assert isinstance(member, RuntimeProcessorType)
    assert (member.name, member.value) == ("DEMO_RUNTIME", "Demo Runtime")
    # Elyra looks a type up by its name in upper case, so a name in lower case would never be found.
    assert RuntimeProcessorType.get_instance_by_name("demo_runtime") is member
    assert RuntimeProcessorType.get_instance_by_value("Demo Runtime") is member


def test_the_member_survives_pickling_and_copying():
    member = RuntimeProcessorType.DEMO_RUNTIME
    assert pickle.loads(pickle.dumps(member)) is member
    assert copy.copy(member) is member
    assert copy.deepcopy({"type": member})["type"] is member
    assert {member: 1}[RuntimeProcessorType["DEMO_RUNTIME"]] == 1


def test_importing_twice_adds_nothing_twice():
    before = list(RuntimeProcessorType)
    importlib.reload(runtime_type)
    assert list(RuntimeProcessorType) == before
    for member in before:
        assert RuntimeTypeResources.get_instance_by_type(member).type is member


@pytest.mark.parametrize("member", STOCK, ids=lambda member: member.name)
@pytest.mark.parametrize("enabled", [True, False])
def test_the_answers_for_other_types_stay_as_they_were(member, enabled):
    # The function that Elyra defines, whatever a plugin has put in its place since.
    source = importlib.util.find_spec("elyra.pipeline.runtime_type")
    untouched = importlib.util.module_from_spec(source)
    source.loader.exec_module(untouched)
    expected = untouched.RuntimeTypeResources.get_instance_by_type(
        untouched.RuntimeProcessorType[member.name], runtime_enabled=enabled
    )
    answer = RuntimeTypeResources.get_instance_by_type(member, runtime_enabled=enabled)
    assert answer.to_dict() == expected.to_dict()


def test_an_unknown_type_is_still_refused_by_elyra():
    with pytest.raises(ValueError, match="not recognized"):
        RuntimeTypeResources.get_instance_by_type("nothing like it")


def test_the_resources_tell_whether_the_runtime_is_enabled():
    member = RuntimeProcessorType.DEMO_RUNTIME
    assert RuntimeTypeResources.get_instance_by_type(member).runtime_enabled is True
    assert RuntimeTypeResources.get_instance_by_type(member, runtime_enabled=False).runtime_enabled is False
    assert RuntimeTypeResources.get_instance_by_type(member, False).runtime_enabled is False


def test_the_export_formats_are_in_lower_case_as_elyras_command_line_needs_them():
    formats = RuntimeTypeResources.get_instance_by_type(RuntimeProcessorType.DEMO_RUNTIME).get_export_extensions()
    assert formats == ["json"]


ANOTHER_PLUGIN = """
import aenum
from elyra.pipeline.runtime_type import RuntimeProcessorType, RuntimeTypeResources

def plug_in():
    aenum.extend_enum(RuntimeProcessorType, "ANOTHER", "Another Runtime")
    class AnotherResources(RuntimeTypeResources):
        type = RuntimeProcessorType.ANOTHER
        icon_endpoint = "static/another.svg"
        export_file_types = []
    answer_before = RuntimeTypeResources.get_instance_by_type
    def get_instance_by_type(runtime_type, runtime_enabled=True):
        if runtime_type is RuntimeProcessorType.ANOTHER:
            return AnotherResources(runtime_enabled=runtime_enabled)
        return answer_before(runtime_type, runtime_enabled=runtime_enabled)
    RuntimeTypeResources.get_instance_by_type = staticmethod(get_instance_by_type)

def show():
    for name in ("LOCAL", "ANOTHER", "DEMO_RUNTIME"):
        for enabled in (True, False):
            answer = RuntimeTypeResources.get_instance_by_type(RuntimeProcessorType[name], runtime_enabled=enabled)
            print(answer.id, answer.runtime_enabled)
"""
EVERY_ANSWER = "".join(
    f"{name} {enabled}\n" for name in ("LOCAL", "ANOTHER", "DEMO_RUNTIME") for enabled in (True, False)
)


@pytest.mark.parametrize(
    "order",
    [
        "plug_in(); import demo_runtime.runtime_type",
        "import demo_runtime.runtime_type; plug_in()",
        "import importlib, demo_runtime.runtime_type as ours; plug_in(); importlib.reload(ours)",
    ],
    ids=["before", "after", "between two imports"],
)
def test_another_plugin_works_whichever_comes_first(order):
    assert fresh_python(f"{ANOTHER_PLUGIN}\n{order}\nshow()") == EVERY_ANSWER


def test_elyra_registers_the_runtime_beside_its_own(jupyter):
    registry = PipelineProcessorRegistry.instance()
    assert registry.is_valid_processor("demoruntime")
    assert registry.is_valid_runtime_type("demo_runtime")
    assert {"demoruntime", "local", "kfp"} <= {processor.name for processor in registry.get_all_processors()}


def test_elyra_registers_no_runtime_that_is_not_asked_for(jupyter, monkeypatch):
    monkeypatch.setenv("ELYRA_PROCESSOR_RUNTIMES", "local")
    assert not PipelineProcessorRegistry.instance().is_valid_processor("demoruntime")


def test_the_editor_gets_the_type_and_all_that_it_draws_a_tile_from(server):
    types = {one["id"]: one for one in server.get("elyra/pipeline/runtimes/types").json()["runtime_types"]}
    assert types["DEMO_RUNTIME"] == {
        "id": "DEMO_RUNTIME",
        "display_name": "Demo Runtime",
        "icon": "static/demo_runtime/demo_runtime.svg",
        "export_file_types": [{"id": "json", "display_name": "JSON description of the pipeline"}],
        "runtime_enabled": True,
    }
    assert {"LOCAL", "KUBEFLOW_PIPELINES"} <= set(types)


def test_the_editor_gets_a_palette_for_the_type(server):
    palette = server.get("elyra/pipeline/components/DEMO_RUNTIME").json()
    nodes = {node["op"] for category in palette["categories"] for node in category["node_types"]}
    assert nodes == {"execute-notebook-node", "execute-python-node", "execute-r-node"}


@pytest.mark.parametrize("name", ["server", "two_runtimes_server"], ids=["base_url", "no_base_url"])
def test_the_server_serves_every_icon_of_every_type(request, name):
    # While one icon is missing, Elyra's front end shows no pipeline editor at all.
    server = request.getfixturevalue(name)
    for one in server.get("elyra/pipeline/runtimes/types").json()["runtime_types"]:
        answer = server.get(one["icon"])
        assert answer.headers["Content-Type"] == "image/svg+xml", one["id"]
        assert xml.etree.ElementTree.fromstring(answer.text).tag == "{http://www.w3.org/2000/svg}svg"


def test_the_icon_fetches_nothing_from_elsewhere(server):
    icon = server.get("static/demo_runtime/demo_runtime.svg").text
    assert icon.count("http") == icon.count("http://www.w3.org/2000/svg")
    assert "<script" not in icon


def test_no_other_extension_has_a_static_file_of_the_same_name():
    # Jupyter Server remembers a static file by its bare name, and then refuses that name to every other extension.
    names = [path.name for path in files("demo_runtime").joinpath("static").iterdir()]
    assert names and all(name.startswith("demo_runtime.") for name in names)
