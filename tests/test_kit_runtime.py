"""A runtime on the kit, made in memory: what it is handed, what becomes of what it returns and raises."""

import json
import pickle

import pytest
from elyra.metadata.manager import MetadataManager
from elyra.pipeline.runtime_type import RuntimeTypeResources

from elyra_runtime_kit import PipelineError, line
from elyra_runtime_kit.testing import configure, document, in_memory, pipeline

NAMES = {"name": "inmemory", "type_id": "IN_MEMORY", "display_name": "In Memory"}
FIELDS = {
    "queue": {"type": "string", "default": "all"},
    "jobs": {"type": "integer"},
    "api_password": {"type": "string", "secret": True},
}
SECRET = "hunter2's secret"


@pytest.fixture
def runtime(jupyter, root):
    """Make a runtime in memory. Returns a function that takes its methods, and what else its declaration says."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(in_memory(root, **{**NAMES, "fields": FIELDS, **options}))


@pytest.fixture
def logged(caplog):
    """The lines that were logged, as a function."""
    caplog.set_level("INFO")
    return lambda: [record.getMessage() for record in caplog.records]


def submit(runtime, nodes=None, **fields):
    configuration = configure(runtime, **fields)
    return runtime.process(pipeline(runtime, nodes or {"work": "work.py"}, configuration))


def jobs_of(runtime, nodes, **fields):
    """Return the jobs that ``run`` was handed."""
    taken = []
    instance = runtime(run=lambda self, job: taken.append(job))
    submit(instance, nodes, **fields)
    return taken


def test_a_job_holds_the_facts_about_the_nodes(runtime, root):
    for name in ("b.ipynb", "c.R"):
        (root / name).touch()
    nodes = {
        "c": {"file": "c.R", "after": ["b", "a"]},
        "b": {"file": "b.ipynb", "after": ["a"], "properties": {"cpu": 2, "kubernetes_tolerations": []}},
        "a": {"file": "work.py", "outputs": ["a.csv"], "env": {"TOKEN": SECRET}},
    }
    (job,) = jobs_of(runtime, nodes, jobs=3)
    assert [(node.id, node.kind, node.file, node.parents) for node in job.nodes] == [
        ("a", "Python script", "work.py", []),
        ("b", "notebook", "b.ipynb", ["a"]),
        ("c", "R script", "c.R", ["b", "a"]),
    ]
    a, b, c = job.nodes
    assert (a.environment_variables, job.environment(a)) == (["TOKEN"], {"TOKEN": SECRET})
    assert b.resources == {"cpu": 2}
    assert [node.outputs for node in job.nodes] == [["a.csv"], [], []]
    assert (job.root, job.path(c)) == (str(root), str(root / "c.R"))
    values = job.configuration.values()
    assert (values["queue"], values["jobs"], values["api_password"]) == ("all", 3, None)
    assert pickle.loads(pickle.dumps(job.nodes)) == job.nodes
    assert SECRET not in repr(job)


def test_nodes_of_one_name_are_told_apart(runtime, logged):
    nodes = {"a": {"file": "work.py"}, "b": {"file": "work.py"}}
    made = runtime()
    configuration = configure(made)
    sent = pipeline(made, nodes, configuration)
    for operation in sent.operations.values():
        operation._name = "same"
    assert [node.label for node in made.job(sent).nodes] == ["same (a)", "same (b)"]
    made.process(sent)
    assert any("more than one node is called 'same'" in line for line in logged())


def test_the_address_that_run_returns_is_shown(runtime):
    response = submit(runtime(run=lambda self, job: "https://example.com/run/1"))
    assert response.to_json() == {
        "platform": "IN_MEMORY",
        "run_url": "https://example.com/run/1",
        "object_storage_url": None,
        "object_storage_path": None,
    }
    assert response.name == "inmemory"


@pytest.mark.parametrize(("returned", "complains"), [(None, False), ("", False), (7, True)])
def test_without_an_address_a_page_of_the_kit_is_shown(runtime, logged, returned, complains):
    """The pipeline is on its way: an error would make the user submit it twice."""
    response = submit(runtime(run=lambda self, job: returned))
    assert response.run_url.startswith("file://") and response.run_url.endswith("submitted.html")
    said = "in_memory.run returned 7: it must return an address, or nothing."
    assert any(said in line for line in logged()) == complains


def test_a_log_line_is_one_line_and_holds_no_secret(runtime, logged):
    def run(self, job):
        (node,) = job.nodes
        job.log(f"it says {job.environment(node)['TOKEN']}\nand {job.configuration.secrets()}", node)
        job.log(f"it says {job.environment(node)['TOKEN']}; {line({'nodes': [node.name]})}")

    submit(runtime(run=run), {"work": {"file": "work.py", "env": {"TOKEN": "a token"}}}, api_password=SECRET)
    lines = [line.rstrip() for line in logged() if "it says" in line]
    assert lines == [
        "inmemory 'pipeline':'work' - it says (hidden)\\nand {'api_password': \"(hidden)\"}",
        "inmemory 'pipeline' - it says (hidden); nodes=['work']",
    ]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PipelineError("Node 'work' is odd. Fix it."), "Pipeline 'pipeline': Node 'work' is odd. Fix it."),
        (RuntimeError("The queue is closed. Open it."), "The queue is closed. Open it."),
        (ValueError("7"), "Pipeline 'pipeline': In Memory has failed: ValueError: 7"),
        (NotImplementedError(), "Pipeline 'pipeline': In Memory has failed: NotImplementedError: "),
        (SystemExit(3), "Pipeline 'pipeline': In Memory has failed: SystemExit: 3"),
        (KeyError(SECRET), "Pipeline 'pipeline': In Memory has failed: KeyError: \"(hidden)\""),
    ],
)
def test_an_error_becomes_a_message_for_the_user(runtime, logged, error, said):
    def run(self, job):
        raise error

    with pytest.raises(RuntimeError) as shown:
        submit(runtime(run=run), api_password=SECRET)
    assert str(shown.value) == said
    # The command line prints the cause, and a server the whole chain.
    assert str(shown.value.__cause__) == "" and shown.value.__context__ is None
    has_failed = "has failed" in said
    assert any("Traceback" in line for line in logged()) == has_failed
    assert SECRET not in "".join(logged())


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ({"work": "lost.py"}, "Pipeline 'pipeline': Node 'work' has no file: .*lost.py' does not exist. Restore"),
        ({"work": {"file": "work.py", "after": ["work"]}}, "The nodes 'work' -> 'work' form a cycle"),
        (
            {"work": {"file": "work.py", "after": ["gone"]}},
            "Node 'work' follows a node that the pipeline does not hold",
        ),
    ],
)
def test_a_pipeline_that_cannot_run_is_refused_before_the_runtime_sees_it(runtime, nodes, said):
    taken = []
    with pytest.raises(RuntimeError, match=said):
        submit(runtime(run=lambda self, job: taken.append(job)), nodes)
    assert taken == []


def test_an_empty_pipeline_is_refused(runtime):
    made = runtime()
    sent = pipeline(made, {"work": "work.py"}, configure(made))
    sent.operations.clear()
    with pytest.raises(RuntimeError, match="The pipeline has no nodes. Drag a notebook or a script onto it"):
        made.process(sent)


def test_a_configuration_that_is_not_there_or_of_another_runtime_is_refused(runtime, configuration):
    made = runtime()
    for name, said in {
        "gone": "No such instance named 'gone'",
        configuration: "is made for the runtime 'demoruntime'",
    }.items():
        with pytest.raises(RuntimeError, match=f"cannot use the runtime configuration '{name}': .*{said}"):
            made.process(pipeline(made, {"work": "work.py"}, name))


def test_what_is_hidden_is_fixed_when_a_configuration_is_loaded(runtime, jupyter):
    runtime()
    bare = {"display_name": "Bare", "schema_name": "inmemory", "metadata": {"display_name": "Bare"}}
    (jupyter / "bare.json").write_text(json.dumps(bare), encoding="utf-8")
    loaded = MetadataManager(schemaspace="runtimes").get("bare")
    assert loaded.metadata == {
        "runtime_type": "IN_MEMORY",
        "api_endpoint": "https://not-used.invalid",
        "cos_endpoint": "https://not-used.invalid",
    }
    assert json.loads((jupyter / "bare.json").read_text(encoding="utf-8")) == bare


def test_what_is_visible_of_a_configuration_holds_no_secret(runtime):
    made = runtime()
    name = configure(made, display_name="Mine", api_password=SECRET, jobs=0)
    loaded = MetadataManager(schemaspace="runtimes").get(name)
    assert loaded.visible() == {
        "name": name,
        "display_name": "Mine",
        "runtime_type": "IN_MEMORY",
        "api_endpoint": "https://not-used.invalid",
        "cos_endpoint": "https://not-used.invalid",
        "queue": "all",
        "jobs": 0,
        "api_password": "(hidden)",
    }
    assert loaded.secrets() == {"api_password": SECRET}


# Exports


def exported(runtime, render, path="out.txt", format="txt", overwrite=False):
    made = runtime(render=render, exports={"txt": "Text"})
    sent = pipeline(made, {"work": "work.py"}, configure(made, api_password=SECRET))
    return made.export(sent, format, path, overwrite)


@pytest.mark.parametrize("content", ["날씨\n", "날씨\n".encode(), ["날", b"\xec\x94\xa8", "\n"]])
def test_what_render_returns_is_written(runtime, root, content):
    assert exported(runtime, lambda self, job, format: content, "날씨.txt") == "%EB%82%A0%EC%94%A8.txt"
    assert (root / "날씨.txt").read_text(encoding="utf-8") == "날씨\n"


def test_a_file_stays_that_shall_not_be_overwritten(runtime, root):
    (root / "out.txt").write_text("mine")
    with pytest.raises(RuntimeError, match="out.txt' exists. Choose another name, or choose to overwrite it"):
        exported(runtime, lambda self, job, format: "theirs")
    assert (root / "out.txt").read_text() == "mine"
    exported(runtime, lambda self, job, format: "theirs", overwrite=True)
    assert (root / "out.txt").read_text() == "theirs"


def test_an_export_that_fails_half_way_leaves_nothing(runtime, root):
    def render(self, job, format):
        yield "a"
        raise ValueError(SECRET)

    with pytest.raises(RuntimeError, match=r"In Memory has failed: ValueError: \(hidden\)"):
        exported(runtime, render)
    assert [path.name for path in root.iterdir()] == ["work.py"]


def test_what_render_refuses_half_way_is_said_to_the_user(runtime, root):
    def render(self, job, format):
        yield "a"
        raise PipelineError("Choose another one.")

    with pytest.raises(RuntimeError, match="^Pipeline 'pipeline': Choose another one.$"):
        exported(runtime, render)
    assert [path.name for path in root.iterdir()] == ["work.py"]


def test_an_export_that_leaves_the_root_or_has_another_format_is_refused(runtime):
    with pytest.raises(RuntimeError, match="'../out.txt' leaves the directory"):
        exported(runtime, lambda self, job, format: "", "../out.txt")
    with pytest.raises(RuntimeError, match="does not export to 'pdf'. Choose one of: txt"):
        exported(runtime, lambda self, job, format: "", format="pdf")


def test_a_runtime_without_exports_says_so(runtime):
    made = runtime()
    with pytest.raises(RuntimeError, match="In Memory runs pipelines and exports none. Choose Run Pipeline."):
        made.export(pipeline(made, {"work": "work.py"}, configure(made)), "json", "out.json", False)
    assert RuntimeTypeResources.get_instance_by_type(made._type).export_file_types == []


def test_a_document_says_what_a_node_may_hold():
    with pytest.raises(ValueError, match="Node 'a' needs a file, and may have after, dependencies, env"):
        document({"a": {"file": "a.py", "befor": ["b"]}})
