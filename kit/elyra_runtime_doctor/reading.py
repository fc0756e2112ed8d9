"""What the code of a loaded module asks for, and what is not there: it would be an error as soon as it runs.

Only what is certain is told: names that nothing defines, attributes that no class gives, calls with arguments that the
function does not take, and what is done with the result of a function that returns none. Nothing is called.
"""

import ast
import builtins
import codecs
import inspect
import re
import symtable
import sys
from functools import cache
from pathlib import Path

from elyra_runtime_doctor.form import meant

OTHER_ERRORS = {"OSError", "ValueError", "KeyError", "IndexError", "RuntimeError", "ImportError", "ModuleNotFoundError"}
"""Errors that are no ``NameError``, ``AttributeError`` or ``TypeError``."""

FOR_WHAT_IS_THERE = re.compile(
    "hasattr|getattr|TYPE_CHECKING|sys[.]|version_info|os[.]name|platform|implementation|__name__"
)
"""What a test has in it that tells what is there."""

LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)


def problems(module, packages):
    """Yield what is wrong in ``module``, texts with file and line. Calls are judged that go to these ``packages``.

    Yields nothing where the source cannot be read.
    """
    try:
        source = _source(module.__file__)
        reading = _Reading(module, packages, ast.parse(source), symtable.symtable(source, module.__file__, "exec"))
        found = [
            *reading.undefined_names(),
            *reading.lost_attributes(),
            *reading.impossible_calls(),
            *reading.lost_results(),
            *reading.wrong_constants(),
        ]
    except (SyntaxError, ValueError, RecursionError):  # a module that is loaded and cannot be read is no Python
        return
    yield from (f"{module.__file__}:{line}: {problem}" for line, problem in sorted(set(found)))


@cache
def _source(file):
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


class _Reading:
    def __init__(self, module, packages, tree, table):
        self.module, self.packages, self.tree = module, packages, tree
        flags = _flags(tree)
        self.nodes = [*_certain(tree, flags)]
        self.parents = {id(child): node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        self.tables = [*_below(table)]
        functions = [each for each in self.tables if each.get_type() in ("function", "class")]
        symbols = [symbol for each in functions for symbol in each.get_symbols()]
        self.shadowed = {each.get_name() for each in symbols if each.is_parameter() or each.is_local()}
        self.kinds = {
            node: vars(module).get(node.name)
            for node in tree.body
            if isinstance(node, ast.ClassDef) and inspect.isclass(vars(module).get(node.name))
        }
        self.nodes_of = {kind: _certain_of(kind, flags) for kind in self.kinds}

    def undefined_names(self):
        symbols = [symbol for each in self.tables for symbol in each.get_symbols()]
        known = {*vars(self.module), *dir(builtins), "__class__", "__annotations__", "__module__", "__qualname__"}
        of_the_module = {*self.tables[0].get_symbols(), *(each for each in symbols if each.is_declared_global())}
        # Also what is bound only for type checkers, or only where an import succeeds.
        known |= {each.get_name() for each in of_the_module if each.is_assigned() or each.is_imported()}
        # What a function called "top" binds is global, too, for symtable (Python 3.11).
        used = {each.get_name() for each in symbols if each.is_global() and not each.is_local()}
        for node in self.nodes:
            if isinstance(node, ast.Name) and node.id in used - known and isinstance(node.ctx, ast.Load):
                yield node.lineno, f"nothing is called {node.id!r}{meant(node.id, known)}"

    def lost_attributes(self):
        for node in self.nodes:
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and isinstance(node.ctx, ast.Load):
                of = self._global(node.value.id)
                if inspect.ismodule(of) and not _has(of, node.attr):
                    yield node.lineno, f"the module {of.__name__} has no {node.attr!r}{meant(node.attr, dir(of))}"
        for tree, kind in self.kinds.items():
            given = _given(kind)
            for node in self.nodes_of[tree]:
                lost = _is_of_self(node) and isinstance(node.ctx, ast.Load) and node.attr not in given
                if given and lost and not node.attr.startswith("__"):
                    yield node.lineno, f"{kind.__name__} has no {node.attr!r}{meant(node.attr, given)}"

    def impossible_calls(self):
        for node in self.nodes:
            if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
                yield from self._impossible(node, self._called(node.func))
        for tree, kind in self.kinds.items():
            for node in self.nodes_of[tree]:
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    yield from self._impossible(node, _method(node.func, kind))

    def wrong_constants(self):
        for node in self.nodes:
            if isinstance(node, ast.Call) and self._opens_a_file(node.func):
                for word in node.keywords:
                    constant = word.arg == "encoding" and isinstance(word.value, ast.Constant)
                    if constant and not _is_codec(word.value.value):
                        yield node.lineno, f"{word.value.value!r} is no encoding"

    def _opens_a_file(self, func):
        if isinstance(func, ast.Name):
            return self._global(func.id) is open
        return isinstance(func, ast.Attribute) and func.attr in ("read_text", "write_text")

    def lost_results(self):
        for node in self.nodes:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                yield from self._lost_result(node, self._written(node.func.id), node.func)
        for tree, kind in self.kinds.items():
            if not type.__subclasses__(kind):  # where there are, they may return more
                methods = _functions(tree)
                for node in self.nodes_of[tree]:
                    of_self = node.func if isinstance(node, ast.Call) else node
                    if _is_of_self(of_self):
                        yield from self._lost_result(node, methods.get(of_self.attr), of_self)

    def _written(self, name):
        """Return the function ``name`` as a syntax tree, if it is the author's, in this module or another one."""
        function = self._global(name)
        if not inspect.isfunction(function) or hasattr(function, "__wrapped__"):
            return None
        if (function.__module__ or "").partition(".")[0] not in self.packages:
            return None
        found = _functions_in(function.__code__.co_filename).get(function.__name__)
        return found if found and found.lineno == function.__code__.co_firstlineno else None

    def _lost_result(self, node, function, name):
        asked = isinstance(node, ast.Call) != _is_property(function)
        if function and asked and _returns_nothing(function) and self._is_used(node):
            yield node.lineno, f"{ast.unparse(name)} returns nothing: it has no return with a value"

    def _is_used(self, node):
        """Tell whether something is asked of the result that ``None`` does not have. Who hands it on asks nothing."""
        parent = self.parents[id(node)]
        asked = {
            ast.Attribute: "value",
            ast.Subscript: "value",
            ast.Call: "func",
            ast.For: "iter",
            ast.Starred: "value",
        }
        if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
            target = parent.targets[0]
            return (
                isinstance(target, ast.Tuple) or isinstance(target, ast.Name) and self._is_relied_on(parent, target.id)
            )
        return getattr(parent, asked.get(type(parent), ""), None) is node

    def _is_relied_on(self, assignment, name):
        """Tell whether the function around ``assignment`` uses ``name``, and never looks whether it is ``None``."""
        around = self.parents[id(assignment)]
        while not isinstance(around, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Module)):
            around = self.parents[id(around)]
        nodes = [each for each in ast.walk(around) if isinstance(each, ast.Name) and each.id == name]
        uses = [self.parents[id(each)] for each in nodes if isinstance(each.ctx, ast.Load)]
        tests = (ast.If, ast.IfExp, ast.While, ast.BoolOp, ast.Compare, ast.UnaryOp, ast.Return, ast.Assert)
        stored = [each for each in nodes if isinstance(each.ctx, ast.Store)]
        return bool(uses) and len(stored) == 1 and not any(isinstance(each, tests) for each in uses)

    def _impossible(self, node, called):
        own = (getattr(called, "__module__", None) or "").partition(".")[0] in self.packages
        exact = own or inspect.isbuiltin(called) or _is_of_c(called)
        if not exact and not (inspect.isfunction(called) or _is_plain(called)):
            return
        starred = [each for each in node.args if isinstance(each, ast.Starred)]
        init = inspect.getattr_static(called, "__init__", None) if inspect.isclass(called) else None
        if (
            hasattr(called, "__signature__")
            or isinstance(init, (classmethod, staticmethod))
            or starred
            or any(each.arg is None for each in node.keywords)
        ):
            return
        try:
            signature = inspect.signature(called, follow_wrapped=False)  # a wrapper may take more
        except (TypeError, ValueError):
            return
        # Others' signatures may name as required what is not, as those of inspect.Parameter do.
        bind = signature.bind if exact else signature.bind_partial
        try:
            bind(*node.args, **{each.arg: each.value for each in node.keywords})
        except TypeError as error:
            yield node.lineno, f"{ast.unparse(node.func)}{signature} is called with other arguments: {error}"

    def _global(self, name):
        return None if name in self.shadowed else vars(self.module).get(name, getattr(builtins, name, None))

    def _called(self, func):
        if isinstance(func, ast.Name):
            return self._global(func.id)
        of = self._global(func.value.id) if isinstance(func.value, ast.Name) else None
        return getattr(of, func.attr) if inspect.ismodule(of) and _has(of, func.attr, otherwise=False) else None


def _has(module, name, otherwise=True):
    """Tell whether ``module`` has ``name``. Where it loads what is asked for, and fails, nobody can tell."""
    try:
        return hasattr(module, name)
    except Exception:
        return otherwise


def _is_codec(name):
    try:
        return name is None or bool(codecs.lookup(name))
    except (LookupError, TypeError, ValueError):
        return name == "locale"


def _is_of_c(kind):
    """Tell whether ``kind`` is a class of Python's own that is not written in Python: its signature is exact."""
    return type(kind) is type and kind.__module__ in sys.builtin_module_names and not inspect.isfunction(kind.__init__)


def _is_plain(kind):
    """Tell whether calling the class ``kind`` is nothing but calling its ``__init__``."""
    return type(kind) is type and inspect.isfunction(kind.__init__) and kind.__new__ is object.__new__


def _below(table):
    yield table
    for child in table.get_children():
        yield from _below(child)


def _is_of_self(node):
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"


@cache
def _functions_in(file):
    return _functions(ast.parse(_source(file)))


def _functions(tree):
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def _is_property(function):
    names = [ast.unparse(each).rpartition(".")[2] for each in getattr(function, "decorator_list", ())]
    return bool({"property", "cached_property"} & set(names))


def _returns_nothing(function):
    """Tell whether ``function`` ends without a value, as it is: an abstract one, or a decorated one, may do more."""
    if function.decorator_list and not _is_property(function):
        return False
    nodes = [*own_nodes(function)]
    values = [each.value for each in nodes if isinstance(each, ast.Return) and each.value is not None]
    gives = [each for each in values if not (isinstance(each, ast.Constant) and each.value is None)]
    generates = any(isinstance(each, (ast.Yield, ast.YieldFrom)) for each in nodes)
    return not gives and not generates and not _is_abstract(function)


def _is_abstract(function):
    """Tell whether ``function`` is there for others to write: it only raises, or has nothing but a docstring."""
    idle = [
        isinstance(each, ast.Pass) or isinstance(getattr(each, "value", None), ast.Constant) for each in function.body
    ]
    return all(idle) or isinstance(function.body[-1], ast.Raise) or "NotImplemented" in ast.unparse(function)


def own_nodes(tree):
    """Yield the nodes of a function, and none of the functions inside it."""
    for child in ast.iter_child_nodes(tree):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            yield child
            yield from own_nodes(child)


def _catches_mistakes(handler):
    """Tell whether ``handler`` lets the code go on after an error such as those that are looked for here."""
    named = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    others = [isinstance(each, ast.Name) and each.id in OTHER_ERRORS for each in named]
    goes_on = any(isinstance(each, (ast.Return, ast.Continue, ast.Break)) for each in own_nodes(handler))
    return not all(others) and (goes_on or not isinstance(handler.body[-1], ast.Raise))


def _certain(tree, flags):
    """Yield the nodes of ``tree`` that nothing keeps from an error: no ``try``, and no test for what is there.

    ``flags`` are names that hold the result of such a test. Annotations are left out: those that are evaluated at all
    are so when the module is loaded.
    """
    annotations = getattr(tree, "annotation", None), getattr(tree, "returns", None)
    for child in ast.iter_child_nodes(tree):
        if child in annotations:
            continue
        if type(child).__name__ in ("Try", "TryStar") and any(map(_catches_mistakes, child.handlers)):
            children = [*child.handlers, *child.orelse, *child.finalbody]
        elif isinstance(child, (ast.With, ast.AsyncWith)) and _catches(child):
            children = []
        elif isinstance(child, (ast.If, ast.IfExp, ast.BoolOp)) and _tests_what_is_there(child, flags):
            leaves = isinstance(child, ast.If) and isinstance(child.body[-1], LEAVES)
            if leaves and not isinstance(tree, ast.Module):
                return  # what follows is for who has it
            children = []
        else:
            yield child
            children = [child]
        for each in children:
            yield from _certain(each, flags)


def _catches(block):
    return any(re.search("suppress|raises", ast.unparse(each)) for each in block.items)


def _flags(tree):
    """Return the names of a module that hold whether something is there: ``NEW = sys.version_info >= (3, 12)``."""
    assignments = [each for each in tree.body if isinstance(each, ast.Assign)]
    found = [each for each in assignments if FOR_WHAT_IS_THERE.search(ast.unparse(each.value))]
    return {target.id for each in found for target in each.targets if isinstance(target, ast.Name)}


def _certain_of(kind, flags):
    """Return the nodes of a class as ``_certain`` does, but for a class inside it, whose ``self`` is another one."""
    inner = [each for each in ast.walk(kind) if isinstance(each, ast.ClassDef) and each is not kind]
    others = {id(node) for each in inner for node in ast.walk(each)}
    return [node for node in _certain(kind, flags) if id(node) not in others]


def _tests_what_is_there(node, flags):
    test = node.test if isinstance(node, (ast.If, ast.IfExp)) else node
    names = {each.id for each in ast.walk(test) if isinstance(each, ast.Name)}
    return bool(FOR_WHAT_IS_THERE.search(ast.unparse(test)) or names & flags)


def _given(kind):
    """Return the names that an instance of the class ``kind`` has, or nothing where nobody can tell."""
    given = set(dir(kind))
    if type.__subclasses__(kind) or "Mixin" in kind.__name__:
        return set()  # what it lacks, a subclass may have
    for base in kind.__mro__[:-1]:
        source = _source(getattr(sys.modules.get(base.__module__), "__file__", None) or "")
        if {"__getattr__", "__getattribute__"} & set(vars(base)):
            return set()
        if base.__module__.partition(".")[0] != "traitlets" and re.search(r"setattr\(|__dict__|vars\(self\)", source):
            return set()
        given |= set(vars(base).get("__annotations__", {})) | set(vars(base).get("__slots__", ()))
        given |= _stored(source)
    return given


@cache
def _stored(source):
    """Return the names of the attributes that the code ``source`` stores, in whatever object."""
    nodes = ast.walk(ast.parse(source))
    return {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}


def _method(func, kind):
    """Return the method of ``kind`` that ``self.x`` or ``super().x`` means, as it is called, or ``None``."""
    if _is_of_self(func):
        found = inspect.getattr_static(kind, func.attr, None)
    elif isinstance(func.value, ast.Call) and getattr(func.value.func, "id", None) == "super":
        found = next((vars(base)[func.attr] for base in kind.__mro__[1:] if func.attr in vars(base)), None)
    else:
        return None
    if isinstance(found, staticmethod):
        return found.__func__
    if isinstance(found, classmethod):
        return found.__get__(None, kind)
    if inspect.isfunction(found):
        return found.__get__(object.__new__(object), object)
    return None
