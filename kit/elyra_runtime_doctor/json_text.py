"""Where in a text of JSON each value stands, so that one can be changed and the rest stays as it was written."""

import json
import re
from typing import NamedTuple

BLANK = re.compile(r"[ \t\n\r]*")
DECODER = json.JSONDecoder()


class Span(NamedTuple):
    """Where a value stands, and its key: from and to, in letters. An item of a list has no key, its span is empty."""

    key: tuple
    value: tuple


def spans(text):
    """Return the ``Span`` of each value in ``text``, by its path, a tuple. Raises ``ValueError`` if it is no JSON."""
    json.loads(text)
    found = {}
    _value(text, _blank(text, 0), (), (0, 0), found)
    return found


def _value(text, start, path, key, found):
    """Note the value at ``start``, and all below it. Return where it ends."""
    if text[start] not in "{[":
        end = DECODER.raw_decode(text, start)[1]
    else:
        end = _members(text, start, path, found)
    found[path] = Span(key, (start, end))
    return end


def _members(text, start, path, found):
    at, number, of_a_dict = _blank(text, start + 1), 0, text[start] == "{"
    while text[at] not in "}]":
        name, key = number, (at, at)
        if of_a_dict:
            name, end = DECODER.raw_decode(text, at)
            key, at = (at, end), _blank(text, _blank(text, end) + 1)
        at = _blank(text, _value(text, at, (*path, name), key, found))
        at, number = _blank(text, at + 1) if text[at] == "," else at, number + 1
    return at + 1


def _blank(text, at):
    return BLANK.match(text, at).end()
