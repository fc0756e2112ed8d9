"""The source of a runtime, for checks that must not call it."""

import ast
import inspect
import sys
import textwrap
import traceback

from elyra_runtime_doctor.rows import Skip

NOT_THE_AUTHORS = {"elyra", "elyra_runtime_kit", "traitlets", "jupyter_server", "builtins", "abc", "enum", "typing"}
"""Packages whose classes an author derives from, and has not written."""


def syntax_tree(function):
    """Return ``function`` as a syntax tree. Raises ``Skip`` where its source cannot be read."""
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function)))).body[0]
    except (OSError, TypeError, SyntaxError) as error:
        raise Skip(f"the source of {getattr(function, '__name__', function)}() cannot be read") from error


def tree_of(module):
    """Return the syntax tree of ``module``, an empty one where its source cannot be read."""
    try:
        return ast.parse(inspect.getsource(module))
    except (OSError, TypeError, SyntaxError):
        return ast.Module([], [])


def top(module):
    """Return the package of a module, by name."""
    return module.partition(".")[0]


def is_authors(kind):
    """Tell whether the author of the runtime has written the class ``kind``."""
    return top(getattr(kind, "__module__", "builtins")) not in NOT_THE_AUTHORS


def authors_classes(runtime):
    """Return the classes of the runtime that Elyra calls and the author has written, bases included."""
    kinds = [point.loaded for point in [*runtime.entry_points, *runtime.providers]]
    for find in (lambda: type(runtime.resources), lambda: runtime.metadata_class):
        try:
            kinds.append(find())
        except Exception:  # it has a row of its own
            continue
    return list(
        dict.fromkeys(base for kind in kinds if inspect.isclass(kind) for base in kind.__mro__ if is_authors(base))
    )


def place(thing):
    """Return where ``thing``, a class or a function, is written: ``file:line``."""
    try:
        return f"{inspect.getsourcefile(thing)}:{inspect.getsourcelines(thing)[1]}"
    except (OSError, TypeError):
        return getattr(thing, "__module__", "?")


def where_raised(error):
    """Return the author's line that ``error`` comes from, ``file:line``, or ``None`` if no line of theirs ran."""
    while error.__cause__ is not None:
        error = error.__cause__
    others = {*NOT_THE_AUTHORS, "elyra_runtime_doctor", "jsonschema"}
    frames = traceback.walk_tb(error.__traceback__)
    own = [each for each in frames if top(each[0].f_globals.get("__name__", "")) not in others]
    return f"{own[-1][0].f_code.co_filename}:{own[-1][1]}" if own else None


def authors_modules(runtime):
    """Return the modules of the runtime's package that are loaded, by name."""
    packages = {top(kind.__module__) for kind in authors_classes(runtime)}
    return {
        name: module
        for name, module in sorted(sys.modules.items())
        if top(name) in packages and getattr(module, "__file__", None)
    }
