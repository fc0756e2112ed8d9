"""Are the classes of the runtime what Elyra calls? These checks look at the classes and their source."""

import ast
import inspect

from elyra_runtime_doctor.checks.code import authors_classes, authors_modules, is_authors, place, top
from elyra_runtime_doctor.form import nearly
from elyra_runtime_doctor.reading import problems
from elyra_runtime_doctor.rows import GONE, RUN, SILENT, check, fail, warn

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
    "A method is of another kind than Elyra calls",
    seen=RUN,
    symptom="A submission, an export or the start of Elyra ends in an error, or the method does nothing at all.",
    cause="Elyra calls the method of an object, with the arguments of its own base class, and takes what it returns at "
    "once. Nobody awaits a coroutine, nobody calls a property.",
    way_out="Write it as the base class does: `def name(self, ...)`, with the same arguments.",
)
def methods_are_as_elyra_calls_them(runtime):
    """The methods of the author's classes that replace one of Elyra's, and those that the kit asks for."""
    found = [
        f"{place(getattr(own, 'fget', own))}: {kind.__name__}.{name} {problem}"
        for kind in authors_classes(runtime)
        for name, own in vars(kind).items()
        for problem in _wrong_kind(kind, name, own)
    ]
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
    elif isinstance(own, (staticmethod, classmethod)) and name in BY_OTHER_ROWS:
        yield "takes no self"


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
    """The modules of the package that are loaded: names, attributes of `self` and of modules, arguments of calls."""
    modules = authors_modules(runtime)
    packages = {top(name) for name in modules} | {"elyra", "elyra_runtime_kit"}
    found = [problem for module in modules.values() for problem in problems(module, packages)]
    if found:
        return fail("; ".join(found[:5]))


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
        try:
            tree = ast.parse(inspect.getsource(module))
        except (OSError, TypeError, SyntaxError):
            continue
        if name.rpartition(".")[2] != "__main__":
            found += [f"{module.__file__}:{node.lineno}: {ast.unparse(node)}" for node in _exits(tree)]
    if found:
        return fail("; ".join(found))


def _exits(tree):
    """Yield what ends the process, but not in functions called ``main``, which are for a command of their own."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef) and node.name == "main" or _is_main(node):
            continue
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("sys.exit", "exit", "quit", "os._exit"):
            yield node
        elif isinstance(node, ast.Raise) and node.exc and ast.unparse(node.exc).partition("(")[0] == "SystemExit":
            yield node
        yield from _exits(node)


def _is_main(node):
    return isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)
