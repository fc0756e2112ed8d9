"""Regular expressions as the two that read them do: Python, for the server, and the browser, for the form."""

import re
import warnings

ESCAPES = frozenset("^$\\.*+?()[]{}|/dDwWsSbBfnrtv0123456789")
"""What may follow a backslash, beside the longer escapes below."""

LONG_ESCAPES = re.compile(r"x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|u\{[0-9a-fA-F]+\}|c[A-Za-z]|k<\w+>|[pP]\{[\w=]+\}")
GROUPS = re.compile(r"\(\?(?::|=|!|<=|<!|<[A-Za-z_$][\w$]*>)")
QUANTIFIER = re.compile(r"[*+?]|\{\d+(?:,\d*)?\}")
CLASS_ESCAPES = re.compile(r"\\[dDwWsS]-[^\]]|[^\\]-\\[dDwWsS]")


def refused_by_python(pattern):
    """Say why Python cannot read ``pattern``, a text, or return ``None``."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a future Python may read in another way is readable now
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return str(error)
    return None


def refused_by_the_browser(pattern):
    """Say why a browser cannot read ``pattern``, which Python reads, or return ``None``.

    Elyra's form hands it to ajv 8, which builds ``new RegExp(pattern, "u")`` (Elyra 4.1).
    """
    place, quantified, names = 0, True, set()
    while place < len(pattern):
        char = pattern[place]
        if char == "\\":
            length = _escape(pattern, place)
            if not length:
                return f"{pattern[place : place + 2]!r} is no escape there"
            place, quantified = place + length, pattern[place + 1] in "bB"
        elif char == "[":
            end, problem = _class(pattern, place)
            if problem:
                return problem
            place, quantified = end, False
        elif char == "(":
            opened = GROUPS.match(pattern, place)
            if pattern.startswith("(?", place) and not opened:
                return f"{pattern[place : place + 4]!r} begins no group there"
            name = opened and opened[0][3:-1]
            if name in names and name:
                return f"the name {name!r} is there twice"
            names.add(name)
            place, quantified = opened.end() if opened else place + 1, True
        elif QUANTIFIER.match(pattern, place):
            found = QUANTIFIER.match(pattern, place)
            if quantified:
                return f"{found[0]!r} has nothing to repeat there"
            place, quantified = found.end(), True
            place += pattern.startswith("?", place)
        elif char in "{}]":
            return f"write {char!r} as '\\{char}'"
        else:
            place, quantified = place + 1, char in "^$|"
    return None


def _escape(pattern, place, inside=False):
    """Return the length of the escape at ``place``, 0 if it is none."""
    following = pattern[place + 1 : place + 2]
    if following in ESCAPES or (inside and following == "-"):
        return 2 if following and not (inside and following == "B") else 0
    long = LONG_ESCAPES.match(pattern, place + 1)
    return 1 + len(long[0]) if long else 0


def _class(pattern, place):
    """Return the end of the class that begins at ``place``, and what is wrong with it, or ``None``."""
    start = place
    place += 2 if pattern.startswith("[^", place) else 1
    while place < len(pattern) and pattern[place] != "]":
        if pattern[place] == "\\":
            length = _escape(pattern, place, inside=True)
            if not length:
                return place, f"{pattern[place : place + 2]!r} is no escape there"
            place += length
        else:
            place += 1
    text = pattern[start : place + 1]
    if place >= len(pattern):
        return place, f"the class {text!r} has no end"
    if CLASS_ESCAPES.search(text[1:]):
        return place, f"{text!r} has a '-' beside a class such as '\\w': write it as '\\-'"
    return place + 1, None
