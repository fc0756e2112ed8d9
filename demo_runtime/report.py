"""Step 2, the engine: facts as a line for the log, and as JSON to export."""

import json
from collections.abc import Iterable
from itertools import islice

LISTED = 20
"""So many items of one list appear in a line. A line counts the others; the
document holds them all."""


def line(facts):
    """Return ``facts``, a dict, as one line: ``key=value, key=value``."""
    return ", ".join(f"{key}={_value(value)}" for key, value in facts.items())


def one_line(text):
    """Return ``text`` for a line of the log, without line ends.

    Line ends and other control characters are escaped.
    """
    return repr(text)[1:-1]


def document(facts):
    """Yield ``facts``, a dict, as JSON, piece by piece.

    The same facts give the same text. The files that nodes hand down can make
    it as long as the nodes squared, too much for one string.
    """
    encoder = json.JSONEncoder(indent=2, ensure_ascii=False, default=list)
    yield from encoder.iterencode(facts)
    yield "\n"


def _value(value):
    if isinstance(value, (str, dict)) or not isinstance(value, Iterable):
        return repr(value)
    listed = ", ".join(repr(item) for item in islice(value, LISTED))
    more = len(value) - LISTED
    return f"[{listed}, and {more} more]" if more > 0 else f"[{listed}]"
