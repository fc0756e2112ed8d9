"""What happens to a pipeline? These checks read the source: running it would submit something."""

import ast
import inspect
import textwrap
from collections.abc import Collection

from elyra_runtime_doctor.checks.code import NOT_THE_AUTHORS, place, syntax_tree, top
from elyra_runtime_doctor.reading import own_nodes
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
    "The processor has export formats, and no `export` for them",
    seen=RUN,
    symptom="The Export dialog offers the runtime. An export ends in 500.",
    cause="The base class does not insist on the method. Its own raises a `NotImplementedError` without a message. Or "
    "`export` compares the format with another text than the id in `export_file_types`.",
    way_out="Write `def export(self, pipeline, pipeline_export_format, pipeline_export_path, overwrite)` for the ids "
    "in `export_file_types`, or set `export_file_types = []`.",
)
def export_is_there(runtime):
    """The method `export` of the processor, and the export formats of its type."""
    formats = getattr(runtime.resources, "export_file_types", None)
    if formats and not (isinstance(formats, (list, tuple)) and all(isinstance(each, dict) for each in formats)):
        raise Skip("its export formats are no list of dicts (row 16)")
    if formats and not _is_own(runtime, "export"):
        return fail(f"export is that of Elyra's base class, and export_file_types is {formats}")
    function = getattr(type(runtime.processor), "export", None)
    if formats and _is_authors(runtime, function):
        ids, compared = runtime.resources.get_export_extensions(), _compared(syntax_tree(function))
        # An id in capital letters has a row of its own.
        if compared and not compared & {each.lower() for each in ids}:
            return fail(f"{place(function)}: export compares the format with {sorted(compared)}, and the ids are {ids}")


def _compared(tree):
    """Return the texts with which a function compares its third argument, the format."""
    name = [each.arg for each in tree.args.args][2:3]
    texts = set()
    for node in ast.walk(tree):
        sides = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
        if any(isinstance(side, ast.Name) and [side.id] == name for side in sides):
            constants = [each for side in sides for each in ast.walk(side) if isinstance(each, ast.Constant)]
            texts |= {each.value for each in constants if isinstance(each.value, str)}
    return texts


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


def _written(runtime, method):
    """Yield the functions that the author has written for ``method``: itself, and what it calls of ``self``, in turn.

    Raises ``Skip`` where it is not the author's.
    """
    if not _is_own(runtime, method):
        raise Skip(f"it has no {method}()")
    kind = type(runtime.processor)
    seen, waiting = set(), [method]
    while waiting:
        name = waiting.pop()
        function = getattr(kind, name, None)
        if name in seen or not _is_authors(runtime, function):
            continue
        seen.add(name)
        yield function
        waiting += [node.func.attr for node in own_nodes(syntax_tree(function)) if _is_call_of_self(node)]


def _is_authors(runtime, function):
    own = type(runtime.processor).__module__
    module = getattr(function, "__module__", None) or "builtins"
    return inspect.isfunction(function) and (module == own or top(module) not in NOT_THE_AUTHORS)


def _is_call_of_self(node):
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == "self"


def _returned(runtime, method, seen=()):
    """Return what ``method`` returns: pairs of a function and an expression. Calls of ``self`` are followed.

    Raises ``Skip`` where it is Elyra's own or the kit's, or cannot come to an end.
    """
    if not seen and not _is_own(runtime, method):
        raise Skip(f"it has no {method}()")
    function = getattr(type(runtime.processor), method)
    if not seen and not _is_authors(runtime, function):
        raise Skip(f"{method}() is that of {function.__module__}")
    tree = syntax_tree(function)
    values = [node.value for node in own_nodes(tree) if isinstance(node, ast.Return)]
    if not values and isinstance(tree.body[-1], ast.Raise):
        raise Skip(f"{method}() always raises an error")
    pairs = []
    for value in values or [None]:
        name = value.func.attr if _is_call_of_self(value) else None
        followed = name and name not in (method, *seen) and _is_followed(runtime, name)
        pairs += _returned(runtime, name, (*seen, method)) if followed else [(function, value)]
    return pairs


def _is_followed(runtime, name):
    function = getattr(type(runtime.processor), name, None)
    return _is_authors(runtime, function) and not inspect.isgeneratorfunction(function)


def _is_none(value):
    return value is None or (isinstance(value, ast.Constant) and value.value is None)


def _responses(runtime):
    """Yield each class that `process` calls to return an instance of it, and the call."""
    for function, value in _returned(runtime, "process"):
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
            called = inspect.unwrap(function).__globals__.get(value.func.id)
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
    from elyra.pipeline.processor import PipelineProcessorResponse
    from elyra.pipeline.runtime_type import RuntimeProcessorType

    returned = _returned(runtime, "process")
    for function, value in returned:
        if isinstance(value, (ast.Constant, ast.Dict, ast.List, ast.Tuple, ast.JoinedStr)) and not _is_none(value):
            return fail(f"{place(function)}: {function.__name__} returns {ast.unparse(value)}, which is no response")
    if all(_is_none(value) for _, value in returned):
        return fail(f"{place(returned[0][0])}: process returns nothing")
    for response, _ in _responses(runtime):
        type = getattr(response, "_type", None)
        if issubclass(response, PipelineProcessorResponse) and not isinstance(type, RuntimeProcessorType):
            return fail(f"{place(response)}: {response.__name__} has the _type {type!r}, and that is no runtime type")


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
            return fail(f"{place(response)}: {response.__name__} is no RuntimePipelineProcessorResponse")
        names = list(inspect.signature(response).parameters)
        given = dict(zip(names, call.args, strict=False)) | {word.arg: word.value for word in call.keywords}
        if _is_none(given.get("run_url", call)):
            return fail(f"{place(type(runtime.processor))}: {response.__name__} is given None as run_url")


def _uncaught(tree):
    """Yield the nodes of a function, but for those inside a `try` that catches errors."""
    caught = {each for node in own_nodes(tree) if isinstance(node, ast.Try) and node.handlers for each in node.body}
    inside = {below for each in caught for below in ast.walk(each)}
    yield from (node for node in own_nodes(tree) if node not in inside)


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
    """The `raise` statements of `process`, and of the methods of the processor that it calls."""
    for function in _written(runtime, "process"):
        for node in _uncaught(syntax_tree(function)):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                if getattr(node.exc.func, "id", None) == "ValueError":
                    said = textwrap.shorten(ast.unparse(node), 100)
                    return warn(f"{place(function)}: in {function.__name__}: {said}")


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
    returned = _returned(runtime, "export")
    for function, value in returned:
        if isinstance(value, ast.Constant) and not isinstance(value.value, (str, type(None))):
            return fail(f"{place(function)}: {function.__name__} returns {value.value!r}, which is no path")
    if all(_is_none(value) for _, value in returned):
        return fail(f"{place(returned[0][0])}: export returns nothing")


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
    supported = getattr(runtime.processor, "supported_properties", set())
    if not isinstance(supported, Collection) or isinstance(supported, str):
        return fail(f"supported_properties is {supported!r}, and no set", fix="supported_properties = {ENV_VARIABLES}")
    if ENV_VARIABLES not in supported:
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
    supported = getattr(runtime.processor, "supported_properties", set())
    if not isinstance(supported, Collection):
        raise Skip("its supported_properties are no set (row 40)")
    supported = {each for each in supported if isinstance(each, str)} - {ENV_VARIABLES}
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
