"""The source of a runtime's methods, for checks that must not call them."""

import ast
import inspect
import textwrap

from elyra_runtime_doctor.rows import Skip


def syntax_tree(function):
    """Return ``function`` as a syntax tree. Raises ``Skip`` where its source cannot be read."""
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function)))).body[0]
    except (OSError, TypeError, SyntaxError) as error:
        raise Skip(f"the source of {function.__name__}() cannot be read") from error
