"""Facts as a line for the log, and what no log may show."""

from collections.abc import Iterable
from itertools import islice

LISTED = 20
"""So many items of one list appear in a line. A line counts the others."""

HIDDEN = "(hidden)"

MASKED_LENGTH = 6
"""Values of environment variables that are at least so long are masked. Shorter ones are part of words."""


def line(facts):
    """Return ``facts``, a dict, as one line: ``key=value, key=value``."""
    return ", ".join(f"{key}={_value(value)}" for key, value in facts.items())


def one_line(text):
    """Return ``text`` for a line of the log: line ends and other control characters are escaped."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _value(value):
    if isinstance(value, (str, dict)) or not isinstance(value, Iterable):
        return repr(value)
    listed = ", ".join(repr(item) for item in islice(value, LISTED))
    more = len(value) - LISTED
    return f"[{listed}, and {more} more]" if more > 0 else f"[{listed}]"


class Mask:
    """Hides secrets and values of environment variables in a text. ``secrets`` and ``values`` are iterables of texts.

    A value is found as it is, and as Python writes it.
    """

    def __init__(self, secrets, values):
        words = {*secrets, *(value for value in values if len(value) >= MASKED_LENGTH)}
        words |= {written for word in words for written in (repr(word)[1:-1], one_line(word))}
        self._words = sorted(filter(None, words), key=len, reverse=True)  # one may be part of another

    def __call__(self, text):
        """Return ``text`` without them."""
        for word in self._words:
            text = text.replace(word, HIDDEN)
        return text
