"""What happens to a pipeline? These checks read the source: running it would submit something."""

import ast
import inspect
import textwrap

from elyra_runtime_doctor.checks.code import syntax_tree
from elyra_runtime_doctor.rows import PACKAGE, RUN, SILENT, Skip, check, explain, fail, warn


def _is_own(runtime, method):
    from elyra.pipeline.processor import PipelineProcessor, RuntimePipelineProcessor

    found = getattr(type(runtime.processor), method, None)
    return found not in (getattr(base, method, None) for base in (PipelineProcessor, RuntimePipelineProcessor))


@check(
    31,
    "The processor has no `process`",
    seen=RUN,
    symptom="A submission ends with `NotImplementedError:` and nothing after it, by command line with a traceback or "
    "with `Error processing pipeline:`.",
    cause="The base class does not insist on the method. Its own raises a `NotImplementedError` without a message.",
    way_out="Write `def process(self, pipeline)`, and return a response.",
)
def process_is_there(runtime):
    """The method `process` of the processor."""
    if not _is_own(runtime, "process"):
        return fail("process is that of Elyra's base class")


@check(
    56,
    "The processor has export formats, and no `export`",
    seen=RUN,
    symptom="The Export dialog offers the runtime. An export ends in 500, without a message.",
    cause="The base class does not insist on the method. Its own raises a `NotImplementedError` without a message.",
    way_out="Write `def export(self, pipeline, pipeline_export_format, pipeline_export_path, overwrite)`, or set "
    "`export_file_types = []`.",
)
def export_is_there(runtime):
    """The method `export` of the processor, and the export formats of its type."""
    formats = getattr(runtime.resources, "export_file_types", None)
    if formats and not _is_own(runtime, "export"):
        return fail(f"export is that of Elyra's base class, and export_file_types is {formats}")


@check(
    62,
    "`process` or `export` takes other arguments",
    seen=RUN,
    symptom="A run or an export ends in 500, with a `TypeError` in the log.",
    cause="Elyra calls `process(pipeline)` and `export(pipeline, format, path, overwrite)`, without keywords.",
    way_out="Give the methods these arguments, in this order.",
)
def methods_take_what_elyra_gives(runtime):
    """The arguments of the methods `process` and `export` of the processor."""
    for method, given in (("process", 1), ("export", 4)):
        signature = inspect.signature(getattr(runtime.processor, method, lambda *_: None))
        try:
            signature.bind(*range(given))
        except TypeError as error:
            return fail(f"{method}{signature}: {error}")


def _returned(runtime, method):
    """Return the expressions that ``method`` returns, or ``None`` where it is Elyra's own or cannot come to an end."""
    if not _is_own(runtime, method):
        raise Skip(f"it has no {method}()")
    tree = syntax_tree(getattr(type(runtime.processor), method))
    values = [node.value for node in _own_nodes(tree) if isinstance(node, ast.Return)]
    if not values and isinstance(tree.body[-1], ast.Raise):
        raise Skip(f"{method}() always raises an error")
    return values or [None]


def _own_nodes(tree):
    """Yield the nodes of a function, and none of the functions inside it."""
    for child in ast.iter_child_nodes(tree):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            yield child
            yield from _own_nodes(child)


def _is_none(value):
    return value is None or (isinstance(value, ast.Constant) and value.value is None)


def _responses(runtime):
    """Yield each class that `process` calls to return an instance of it, and the call."""
    function = inspect.unwrap(type(runtime.processor).process)
    for value in _returned(runtime, "process"):
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
            called = function.__globals__.get(value.func.id)
            if inspect.isclass(called):
                yield called, value


@check(
    32,
    "`process` returns no response, or one without a type",
    seen=RUN,
    symptom="The job is submitted, and the editor shows error 500. People submit it again.",
    cause="Elyra asks what `process` returns for `to_json()`, and that asks the class for `_type`.",
    way_out="Return an instance of a subclass of `RuntimePipelineProcessorResponse` with `_type` and `_name`.",
)
def process_returns_a_response(runtime):
    """The `return` statements of `process`, and the classes that they name."""
    if all(_is_none(value) for value in _returned(runtime, "process")):
        return fail("process returns nothing")
    for response, _ in _responses(runtime):
        if getattr(response, "_type", "none of Elyra's") is None:
            return fail(f"{response.__name__} has no _type")


@check(
    33,
    "The response has no address of the run",
    seen=SILENT,
    symptom="The editor says that the pipeline was `executed in-place in your local environment`. The command line may "
    "end with an `AttributeError` after the submission.",
    cause="`run_url` is `None`, or the response is no `RuntimePipelineProcessorResponse`. So it is for a local run.",
    way_out="Return a `RuntimePipelineProcessorResponse` with the address of a page that says what became of the run.",
)
def response_leads_to_the_run(runtime):
    """The responses that `process` returns, and the `run_url` that they are given."""
    from elyra.pipeline.processor import RuntimePipelineProcessorResponse

    runtime.remote_type  # noqa: B018 - raises Skip for the local runtime, which has no such address
    for response, call in _responses(runtime):
        if not issubclass(response, RuntimePipelineProcessorResponse):
            return fail(f"{response.__name__} is no RuntimePipelineProcessorResponse")
        names = list(inspect.signature(response).parameters)
        given = dict(zip(names, call.args, strict=False)) | {word.arg: word.value for word in call.keywords}
        if _is_none(given.get("run_url", call)):
            return fail(f"{response.__name__} is given None as run_url")


@check(
    34,
    "`process` raises a `ValueError`",
    seen=RUN,
    symptom="The command line says `Error parsing pipeline`, although the pipeline is right and the backend failed.",
    cause="Elyra takes each `ValueError` for one of its parser. It shows the message of a `RuntimeError`, "
    "and of no other.",
    way_out="Raise a `RuntimeError` with a message for the user: `raise RuntimeError(...) from error`.",
)
def process_raises_runtime_errors(runtime):
    """The `raise` statements of `process`."""
    if not _is_own(runtime, "process"):
        raise Skip("it has no process()")
    for node in _own_nodes(syntax_tree(type(runtime.processor).process)):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            if getattr(node.exc.func, "id", None) == "ValueError":
                return warn(f"in process: {textwrap.shorten(ast.unparse(node), 100)}")


@check(
    37,
    "`export` returns nothing",
    seen=RUN,
    symptom="The file is written, and the editor shows error 500.",
    cause="Elyra makes a link of what `export` returns.",
    way_out="Return `pipeline_export_path`.",
)
def export_returns_the_path(runtime):
    """The `return` statements of `export`."""
    if not getattr(runtime.resources, "export_file_types", None):
        raise Skip("it has no export formats")
    if all(_is_none(value) for value in _returned(runtime, "export")):
        return fail("export returns nothing")


explain(
    38,
    "An export goes to the wrong folder",
    seen=RUN,
    symptom="The exported file is not where the user wants it, or replaces another file.",
    cause="The editor gives a path relative to the root directory, the command line an absolute one. The editor leaves "
    "it to `export` to keep a file that is there. The command line looks itself, and then always passes "
    "`overwrite=True`.",
    way_out="Join the path with `self.root_dir`, and look at `overwrite`.",
    undetected="Only an export shows where the file goes. The contract makes one in both ways.",
    fault_of=PACKAGE,
)

explain(
    57,
    "An export path that is not ASCII is returned as it is",
    seen=RUN,
    symptom="The file is written, and the editor shows error 500, for a name such as `날씨.json`.",
    cause="Elyra writes what `export` returns into the header `Location`, which holds ASCII only.",
    way_out="Return `urllib.parse.quote(pipeline_export_path)`.",
    undetected="Only an export shows it. The contract makes one.",
    fault_of=PACKAGE,
)


@check(
    40,
    "The processor supports no environment variables",
    seen=SILENT,
    symptom="With no other runtime enabled than this and `local`, the environment variables of a node are dropped.",
    cause="Elyra reads a node's properties by the `supported_properties` of the processors that are enabled.",
    way_out="Set `supported_properties = {ENV_VARIABLES}` on the processor, and use the variables in `process`.",
)
def environment_variables_are_supported(runtime):
    """The attribute `supported_properties` of the processor."""
    from elyra.pipeline.pipeline_constants import ENV_VARIABLES

    runtime.remote_type  # noqa: B018 - raises Skip for the local runtime
    if ENV_VARIABLES not in getattr(runtime.processor, "supported_properties", set()):
        return warn(f"supported_properties has no {ENV_VARIABLES!r}")


@check(
    41,
    "A supported property is ignored",
    seen=SILENT,
    symptom="The editor offers a property of a node, such as a Kubernetes secret, and it has no effect.",
    cause="The processor lists the property in `supported_properties`, and the method `add_...` that would use it is "
    "that of the base class, which does nothing.",
    way_out="Write the method, or take the property from the list.",
)
def supported_properties_are_used(runtime):
    """The attribute `supported_properties`, and the methods `add_...` of the processor."""
    from elyra.pipeline.pipeline_constants import ENV_VARIABLES
    from elyra.pipeline.processor import RuntimePipelineProcessor

    methods = {
        "kubernetes_secrets": "add_kubernetes_secret",
        "mounted_volumes": "add_mounted_volume",
        "kubernetes_pod_annotations": "add_kubernetes_pod_annotation",
        "kubernetes_pod_labels": "add_kubernetes_pod_label",
        "kubernetes_tolerations": "add_kubernetes_toleration",
        "disable_node_caching": "add_disable_node_caching",
        "kubernetes_shared_mem_size": "add_custom_shared_memory_size",
    }
    supported = set(getattr(runtime.processor, "supported_properties", set())) - {ENV_VARIABLES}
    source = inspect.getsource(inspect.getmodule(type(runtime.processor)))
    idle = [
        name
        for name in sorted(supported)
        if name in methods
        and getattr(type(runtime.processor), methods[name]) is getattr(RuntimePipelineProcessor, methods[name])
        # A processor may read a property itself instead. Then its name is there twice.
        and max(source.count(name), source.count(name.upper())) < 2
    ]
    if idle:
        return warn(f"supported, and used by no method: {', '.join(idle)}")


@check(
    45,
    "Elyra cannot read components for the runtime",
    seen=SILENT,
    symptom="The palette shows no components of a catalog for the runtime. Nothing is logged.",
    cause="A closed table, `ComponentParser._parser_class_map`, names the class that reads components for each type.",
    way_out="Add an entry for your type to the table, or delete the catalog.",
)
def components_can_be_read(runtime):
    """The component catalogs on disk for the type, and the table of parsers."""
    from elyra.pipeline.component import ComponentParser

    wanted = runtime.remote_type.name
    own = [path for path, type in runtime.survey.catalogs if type == wanted]
    ships = runtime.entry_point.file.groups.get("elyra.component.catalog_types")
    if wanted in ComponentParser._parser_class_map or not (own or ships):
        return None
    return fail(f"no parser for {wanted!r}, and there is a catalog: {', '.join(map(str, own or ships))}")
