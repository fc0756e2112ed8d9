"""Are the classes of the runtime what Elyra calls? These checks look at the classes and their source."""

import ast
import inspect
import textwrap
from pathlib import Path

from elyra_runtime_doctor.checks.code import authors_classes, authors_modules, is_authors, place, top, tree_of
from elyra_runtime_doctor.form import nearly
from elyra_runtime_doctor.reading import LEAVES, problems
from elyra_runtime_doctor.rows import GONE, RUN, SILENT, Skip, check, fail, warn

BY_OTHER_ROWS = {"process", "export"}
"""Methods whose arguments have a row of their own."""


def _of_elyra(kind, name):
    """Return what the classes of Elyra below ``kind`` have under ``name``, or ``None``."""
    for base in kind.__mro__:
        if not is_authors(base) and base.__module__ != "builtins" and name in vars(base):
            return vars(base)[name]
    return None


@check(
    74,
    "A method is of another kind than it is called",
    seen=RUN,
    symptom="A submission, an export or the start of Elyra ends in an error, or the method does nothing at all.",
    cause="Elyra calls the method of an object, with the arguments of its own base class, and takes what it returns at "
    "once. Nobody awaits a coroutine, nobody calls a property. What your own code calls is not called in another way.",
    way_out="Write `def name(self, ...)`, with the arguments of the base class, if there is one.",
)
def methods_are_as_elyra_calls_them(runtime):
    """The methods of the author's classes, and those of Elyra's that they replace."""
    found = [
        f"{place(getattr(own, 'fget', own))}: {kind.__name__}.{name} {problem}"
        for kind in authors_classes(runtime)
        for name, own in vars(kind).items()
        for problem in [*_wrong_kind(kind, name, own), *_wrong_self(own)]
    ]
    places = {each.partition(": ")[0] for each in found}
    found += [each for each in _never_awaited(authors_modules(runtime)) if each.partition(": ")[0] not in places]
    if found:
        return fail("; ".join(found))


def _wrong_kind(kind, name, own):
    base = _of_elyra(kind, name)
    of_the_kit = name in ("run", "render") and any(
        each.__module__.startswith("elyra_runtime_kit") for each in kind.__mro__
    )
    if name.startswith("__") or not (inspect.isfunction(base) or of_the_kit):
        return
    function = getattr(own, "__func__", own)
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        yield "is async, and nobody awaits it"
    elif isinstance(own, property):
        yield "is a property, and Elyra calls it"
    elif not callable(function):
        yield f"is {own!r}, and Elyra calls it"
    elif inspect.isfunction(base) and name not in BY_OTHER_ROWS:
        yield from _wrong_arguments(kind, name, base)


def _wrong_self(own):
    """Say what is wrong with ``own``, an attribute of a class, whoever calls it."""
    getter = own.fget if isinstance(own, property) else getattr(own, "__func__", None)
    arguments = list(inspect.signature(getter).parameters.values()) if inspect.isfunction(getter) else []
    if isinstance(own, property) and len([each for each in arguments if each.default is each.empty]) > 1:
        yield f"is a property, which takes self only, and not {', '.join(each.name for each in arguments[1:])}"
    elif isinstance(own, (staticmethod, classmethod)) and [each.name for each in arguments[:1]] == ["self"]:
        yield f"is a {type(own).__name__}, and has an argument called self"


def _never_awaited(modules):
    """Yield the functions that are called, and async, in a package that knows of no loop."""
    nodes = [(module, node) for module in modules.values() for node in ast.walk(tree_of(module))]
    if any(isinstance(node, (ast.Await, ast.AsyncFor, ast.AsyncWith)) for _, node in nodes):
        return
    imported = {alias.name for _, node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for _, node in nodes if isinstance(node, ast.ImportFrom)}
    if {top(name) for name in imported} & {"asyncio", "anyio", "trio", "tornado"}:
        return
    calls = [node.func for _, node in nodes if isinstance(node, ast.Call)]
    called = {getattr(func, "attr", getattr(func, "id", None)) for func in calls}
    for module, node in nodes:
        if isinstance(node, ast.AsyncFunctionDef) and node.name in called:
            yield f"{module.__file__}:{node.lineno}: {node.name} is async, and nobody awaits it"


def _wrong_arguments(kind, name, base):
    given = [each for each in list(inspect.signature(base).parameters.values())[1:] if each.kind != each.VAR_KEYWORD]
    given = [each for each in given if each.kind != each.VAR_POSITIONAL and each.default is each.empty]
    try:
        method = inspect.getattr_static(kind, name).__get__(object.__new__(object), kind)
        signature = inspect.signature(method)
    except (TypeError, ValueError, AttributeError):
        return
    try:
        signature.bind(*given)
    except TypeError as error:
        yield f"takes {signature}, and Elyra gives {len(given)}: {error}"


@check(
    75,
    "A name is nearly one that Elyra looks for",
    seen=SILENT,
    symptom="A method is never called, or an attribute has no effect: Elyra uses the one of its base class.",
    cause="A class of the package has an attribute whose name differs by a letter from one of Elyra's.",
    way_out="Correct the name, or give yours one that is less like Elyra's.",
)
def names_are_elyras(runtime):
    """The attributes of the author's classes, beside those of Elyra's classes below."""
    found = [
        f"{place(kind)}: {kind.__name__} has {name!r}; do you mean {close!r}?"
        for kind in authors_classes(runtime)
        for name in vars(kind)
        for close in [_nearly_elyras(kind, name)]
        if close
    ]
    if found:
        return warn("; ".join(found))


def _nearly_elyras(kind, name):
    bases = [base for base in kind.__mro__ if top(base.__module__) in ("elyra", "elyra_runtime_kit")]
    wanted = {each for base in bases for each in [*vars(base), *vars(base).get("__annotations__", {})]}
    own = {each for base in kind.__mro__ if is_authors(base) for each in vars(base)}
    private = name.startswith("_")
    wanted = {each for each in wanted - own if each.startswith("_") == private and not each.startswith("__")}
    return (
        None if name in wanted or name.startswith("__") or any(name in vars(b) for b in bases) else nearly(name, wanted)
    )


@check(
    76,
    "The code asks for what is not there",
    seen=RUN,
    symptom="A run, an export or a page ends in an error such as `NameError`, `AttributeError` or `TypeError`.",
    cause="Python looks for names, attributes and arguments when the line runs, and no sooner.",
    way_out="Correct the name or the arguments in the line that is named.",
)
def code_finds_what_it_asks_for(runtime):
    """The modules of the package that are loaded, and the `log` of the processor."""
    modules = authors_modules(runtime)
    packages = {top(name) for name in modules} | {"elyra", "elyra_runtime_kit"}
    found = [problem for module in modules.values() for problem in problems(module, packages)]
    found += _lost_log(runtime)
    if found:
        return fail("; ".join(found[:5]))


def _lost_log(runtime):
    """Say that the processor has no log, which Elyra and ``process`` write to."""
    try:
        log = runtime.processor.log
        problem = None if hasattr(log, "info") else f"its log is {type(log).__name__}, and no logger"
    except Skip:
        problem = None
    except Exception as error:
        problem = f"its log cannot be made: {type(error).__name__}: {error}"
    return [f"{place(type(runtime.processor))}: {problem}"] if problem else []


@check(
    77,
    "The code ends the process",
    seen=GONE,
    symptom="`elyra-pipeline` ends without a word, and the server answers no more, or the log says `SystemExit`.",
    cause="Elyra takes each error of a run for a message to the user, and `sys.exit` is no error.",
    way_out="Raise a `RuntimeError` with a message for the user.",
)
def code_goes_on(runtime):
    """The calls of `sys.exit`, `exit`, `quit` and `os._exit`, and `raise SystemExit`, in the author's classes."""
    found = []
    for name, module in authors_modules(runtime).items():
        if name.rpartition(".")[2] != "__main__":
            found += [f"{module.__file__}:{node.lineno}: {ast.unparse(node)}" for node in _exits(tree_of(module))]
    if found:
        return fail("; ".join(found))


def _exits(tree):
    """Yield what ends the process, but not in functions called ``main``, which are for a command of their own."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef) and node.name == "main" or _is_main(node):
            continue
        if _exit(node):
            yield node
        yield from _exits(node)


def _exit(node):
    """Tell whether ``node`` ends the process."""
    if isinstance(node, ast.Call):
        return ast.unparse(node.func) in ("sys.exit", "exit", "quit", "os._exit")
    return isinstance(node, ast.Raise) and node.exc and ast.unparse(node.exc).partition("(")[0] == "SystemExit"


def _is_main(node):
    return isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)


@check(
    82,
    "A line is never reached",
    seen=RUN,
    symptom="A run, an export or a configuration ends in an error that you wrote for a while, or a line has no effect.",
    cause="A `raise` or a `return` stands before the line, in the same block.",
    way_out="Remove the `raise` or the `return`, or the lines behind it.",
)
def lines_are_reached(runtime):
    """The modules of the package that are loaded: what stands behind a `raise` or a `return` in the same block."""
    found = []
    for module in authors_modules(runtime).values():
        for node in _never_reached(tree_of(module)):
            found.append(f"{module.__file__}:{node.lineno}: {textwrap.shorten(ast.unparse(node), 80)}")
    if found:
        return warn("; ".join(found))


def _never_reached(tree):
    """Yield the first line of each block behind one that leaves it, but for a ``yield``, which makes a generator."""
    for node in ast.walk(tree):
        for block in (getattr(node, each, None) for each in ("body", "orelse", "finalbody")):
            for before, after in zip(block, block[1:], strict=False) if isinstance(block, list) else ():
                leaves = isinstance(before, LEAVES) and not _exit(before)
                if leaves and not any(isinstance(each, (ast.Yield, ast.YieldFrom)) for each in ast.walk(after)):
                    yield after


@check(
    83,
    "A file that the code names is not there",
    seen=RUN,
    symptom='"Run Details" leads to 404, or a run ends in a `FileNotFoundError`, where the package is installed from a '
    "wheel.",
    cause="A wheel holds the files that `pyproject.toml` names, or that the build finds. A file beside the modules may "
    "be left out, or have another name.",
    way_out="Correct the name, or name the file to the build.",
)
def files_are_there(runtime):
    """The constants of the package's modules that are paths inside the package."""
    found = []
    for module in authors_modules(runtime).values():
        folder = Path(module.__file__).resolve().parent
        for name, value in vars(module).items():
            if isinstance(value, Path) and value.is_absolute() and folder in value.parents and not value.exists():
                found.append(f"{module.__file__}: {name} is {value}, and there is no such file")
    if found:
        return warn("; ".join(found))
