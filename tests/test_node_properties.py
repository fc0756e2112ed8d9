"""What the editor offers for a node or a pipeline of this runtime arrives, and nothing else is offered."""

import json

import pytest
from host import elyra_pipeline
from pipelines import node, pipeline_file, submission

SIZE = [{"env_var": "SIZE", "value": "30"}]
MODE = [{"env_var": "MODE", "value": "fast"}]


def exported_variables(directory):
    nodes = json.loads((directory / "out.json").read_text())["nodes"]
    return {one["name"]: one["environment_variables"] for one in nodes}


@pytest.fixture
def two_runtimes(monkeypatch, jupyter):
    """An Elyra in which no other runtime lends this one its node properties."""
    monkeypatch.setenv("ELYRA_PROCESSOR_RUNTIMES", "demoruntime,local")


def test_environment_variables_arrive_by_the_command_line(two_runtimes, write, configuration, root):
    nodes = [node("a", env_vars=SIZE), node("b", ["a"])]
    document = pipeline_file(*nodes, pipeline_defaults={"env_vars": MODE})
    arguments = ("--runtime-config", configuration, "--output=out.json")
    shown = elyra_pipeline("export", write(document), *arguments)
    assert shown.exit_code == 0, shown.output
    assert exported_variables(root) == {"a": ["MODE", "SIZE"], "b": ["MODE"]}


def test_environment_variables_arrive_by_the_editor(two_runtimes_server):
    server = two_runtimes_server
    document = submission(node("a", env_vars=SIZE), node("b", ["a"]), configuration="demo")
    document["pipelines"][0]["app_data"]["properties"]["pipeline_defaults"] = {"env_vars": MODE}
    answer = server.export(document, "out.json")
    assert answer.ok, answer.text
    assert exported_variables(server.root) == {"a": ["MODE", "SIZE"], "b": ["MODE"]}


# What Elyra's templates offer for every runtime, whatever its processor supports.
OF_EVERY_PIPELINE = {"runtime_image", "cos_object_prefix"}
OF_EVERY_NODE = {"filename", "runtime_image", "dependencies", "include_subdirectories", "outputs"} | {
    "cpu", "cpu_limit", "memory", "memory_limit", "gpu", "gpu_vendor",
}  # fmt: skip


def offered(properties):
    """Return the names of ``properties`` that take a value: those without one are headings."""
    return {name for name, schema in properties["properties"].items() if schema.get("type") != "null"}


@pytest.mark.parametrize("name", ["server", "two_runtimes_server"])
def test_the_editor_offers_environment_variables_for_a_pipeline_and_nothing_else(request, name):
    properties = request.getfixturevalue(name).get("elyra/pipeline/DEMO_RUNTIME/properties").json()["properties"]
    assert offered(properties["pipeline_defaults"]) == OF_EVERY_PIPELINE | {"env_vars"}


@pytest.mark.parametrize("component", ["notebook", "python-script", "r-script"])
def test_no_runtime_but_this_one_is_needed_for_the_variables_of_a_node(two_runtimes_server, component):
    path = f"elyra/pipeline/components/DEMO_RUNTIME/{component}/properties"
    properties = two_runtimes_server.get(path).json()["properties"]
    assert offered(properties["component_parameters"]) == OF_EVERY_NODE | {"env_vars"}


def test_pipeline_parameters_are_not_offered(server):
    answer = server.get("elyra/pipeline/DEMO_RUNTIME/parameters")
    assert answer.status_code == 405
    assert "'Demo Runtime' does not support pipeline parameters" in answer.text


# What Elyra offers for a node of a generic pipeline on behalf of all runtimes, and this one has no use for.
FOR_OTHERS = {
    "kubernetes_secrets": [{"env_var": "TOKEN", "name": "the-secret", "key": "the-key"}],
    "mounted_volumes": [{"path": "/the-path", "pvc_name": "the-claim"}],
    "kubernetes_shared_mem_size": {"size": 1, "units": "G"},
}


def test_a_property_for_other_runtimes_is_named_as_ignored_and_its_value_is_not_shown(server):
    nodes = [node("a", **FOR_OTHERS), node("b", **dict.fromkeys(FOR_OTHERS))]
    assert server.export(submission(*nodes, configuration="demo"), "ignored.json").ok
    text = (server.root / "ignored.json").read_text()
    assert [one["ignored_properties"] for one in json.loads(text)["nodes"]] == [sorted(FOR_OTHERS), []]
    assert "the-" not in text


def test_a_property_that_only_other_runtimes_use_is_not_ignored_in_silence(write, configuration, root):
    secret = {"env_var": "KEY", "name": "vault", "key": "password"}
    document = pipeline_file(node("a", kubernetes_secrets=[secret], env_vars=SIZE))
    shown = elyra_pipeline("export", write(document), "--runtime-config", configuration, "--output=out.json")
    assert shown.exit_code == 0, shown.output
    [exported] = json.loads((root / "out.json").read_text())["nodes"]
    assert (exported["ignored_properties"], exported["environment_variables"]) == (["kubernetes_secrets"], ["SIZE"])
    assert "vault" not in (root / "out.json").read_text()
