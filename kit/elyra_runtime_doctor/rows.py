"""What a check is: one function for one row of the table of faults."""

import json
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, metadata

PASS, WARNING, FAIL, SKIPPED = "pass", "warning", "fail", "skipped"

MISSING = "The tile is missing, or the log names an error"
GONE = "The tiles or the pipeline editor are gone, for every runtime"
PANEL = "The Runtimes panel is blank, or a configuration is refused or lost"
REFUSED = "A pipeline is refused"
RUN = "A run or an export ends in an error"
SILENT = "Nothing fails, and the result is wrong"

SYMPTOMS = MISSING, GONE, PANEL, REFUSED, RUN, SILENT
"""The groups in which the book lists the rows: what you see first."""

PACKAGE, ENVIRONMENT, ELYRA = "the package", "the environment", "Elyra"


class Skip(Exception):
    """A check that cannot be done, or makes no sense, here. The message says why."""


class NoReport(RuntimeError):
    """An examination that cannot be made. The message says why."""


@dataclass(frozen=True)
class Finding:
    """What a check has found: a status and a sentence."""

    status: str
    found: str
    fix: str = ""
    """What to write, as text that can be copied, where that is certain."""


def fail(found, fix=""):
    """Return the ``Finding`` of something that does not work."""
    return Finding(FAIL, found, fix)


def warn(found, fix=""):
    """Return the ``Finding`` of something that works, but not always or not well."""
    return Finding(WARNING, found, fix)


def silenced(finding, number, reasons):
    """Return ``finding`` of the row ``number``, as one that is not done if ``reasons``, a dict by row, holds a reason.

    Only what has a reason is silenced.
    """
    reason = reasons.get(str(number)) if finding.status in (WARNING, FAIL) else None
    if isinstance(reason, str) and reason.strip():
        return Finding(SKIPPED, f"silenced in pyproject.toml: {reason.strip()} (found: {finding.found})")
    if reason is not None:
        return Finding(finding.status, f"{finding.found} (silenced in pyproject.toml without a reason)", finding.fix)
    return finding


def reasons_in(project):
    """Return what ``pyproject.toml``, a dict, silences: reasons by row, ``[tool.elyra-runtime-doctor.silence]``."""
    for key in ("tool", "elyra-runtime-doctor", "silence"):
        project = project.get(key) if isinstance(project, dict) else None
    return project if isinstance(project, dict) else {}


@dataclass(frozen=True)
class Row:
    """One way to fail, and how it is found. The texts are Markdown."""

    number: int
    title: str
    seen: str
    symptom: str
    cause: str
    way_out: str
    fault_of: str = PACKAGE
    looks_at: str = ""
    function: object = field(default=None, repr=False)
    live: object = field(default=None, repr=False)
    undetected: str = ""

    @property
    def section(self):
        """The address of the row in the book, a whole one if the distribution names its documentation."""
        return f"{_book()}faults.html#row-{self.number}"

    def as_dict(self):
        """Return the row for JSON."""
        facts = {key: value for key, value in asdict(self).items() if key not in ("function", "live")}
        return {**facts, "section": self.section}


ROWS = {}
"""Every row, by number. The modules of ``checks`` fill it."""


def check(number, title, *, seen, symptom, cause, way_out, fault_of=PACKAGE):
    """Make the decorated function the check of row ``number``.

    Its docstring says what it looks at. It takes a ``survey.Runtime``, or, where the fault is not that of
    a package, the ``survey.Survey``. It returns ``None`` if all is well, or a ``Finding``. It raises ``Skip``
    where there is nothing to look at.
    """

    def decorate(function):
        _add(Row(number, title, seen, symptom, cause, way_out, fault_of, function.__doc__, function))
        return function

    return decorate


def live_check(number):
    """Make the decorated function look for row ``number`` on a running server.

    It takes a ``live.Subject``, or, where its argument is called ``server``, a ``live.Server``.
    """

    def decorate(function):
        row = ROWS[number]
        ROWS[number] = Row(**{**vars(row), "live": function, "looks_at": row.looks_at or function.__doc__})
        return function

    return decorate


def explain(number, title, *, seen, symptom, cause, way_out, undetected, fault_of=ELYRA):
    """Add a row that no check finds. ``undetected`` says why, and what finds it instead."""
    _add(Row(number, title, seen, symptom, cause, way_out, fault_of, undetected=undetected))


def _add(row):
    if row.number in ROWS:
        raise ValueError(f"Two checks have the row {row.number}: {ROWS[row.number].title!r} and {row.title!r}")
    ROWS[row.number] = row


@cache
def _book():
    try:
        addresses = metadata("elyra-runtime-kit").get_all("Project-URL") or []
    except PackageNotFoundError:
        addresses = []
    for address in addresses:
        label, _, url = address.partition(", ")
        if label == "Documentation":
            return url.rstrip("/") + "/book/"
    return ""


def ask(function, subject):
    """Return what the check ``function`` finds about ``subject``, a ``Finding``. Raises ``NoReport`` as it does."""
    try:
        return function(subject) or Finding(PASS, "")
    except Skip as reason:
        return Finding(SKIPPED, str(reason))
    except NoReport:
        raise
    except Exception as error:  # a check that breaks must not hide what the others find
        return Finding(WARNING, f"this check could not be done: {type(error).__name__}: {error}")


def takes(function):
    """Return the name of the argument of a check, which tells what it is about."""
    return function.__code__.co_varnames[0]


def to_json(report):
    """Return ``report``, a dict, as JSON for people and for programs."""
    return json.dumps(report, indent=2, ensure_ascii=False)
