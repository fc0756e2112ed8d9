"""The report as text for a terminal."""

import shutil
import textwrap

from elyra_runtime_doctor.rows import FAIL, PACKAGE, PASS, SKIPPED, WARNING

SIGNS = {PASS: "ok", WARNING: "WARNING", FAIL: "FAIL", SKIPPED: "-"}


def text(report, verbose=False):
    """Yield the lines of ``report``: what was found, and, if ``verbose``, what was looked at and is well, too."""
    width = min(shutil.get_terminal_size().columns, 100)
    for name in dict.fromkeys(result["runtime"] for result in report["results"]):
        results = [result for result in report["results"] if result["runtime"] == name]
        yield f"{name}: {_summary(results)}"
        for result in results:
            if result["status"] in (WARNING, FAIL):
                yield from _finding(result, width)
            elif verbose or result["found"].startswith("silenced"):
                looked_at = result["looks_at"].rstrip(".")
                why = f" ({result['found']})" if result["found"] else ""
                yield f"  {SIGNS[result['status']]:<8}{result['number']:>3}  {_plain(looked_at)}{why}"


def table_of_checks(rows):
    """Yield a line for each of ``rows``: its number, what it is about, and who finds it."""
    for row in sorted(rows, key=lambda row: row.number):
        ways = [way for way, finds in (("doctor", row.function), ("--server", row.live)) if finds]
        yield f"{row.number:>3}  {_plain(row.title)} ({', '.join(ways) or 'not found by a check'})"


def _summary(results):
    counts = {status: sum(result["status"] == status for result in results) for status in SIGNS}
    words = {PASS: "passed", WARNING: "with a warning", FAIL: "failed", SKIPPED: "not done"}
    said = ", ".join(f"{counts[status]} {words[status]}" for status in SIGNS if counts[status])
    return f"{len(results)} checks: {said}"


def _finding(result, width):
    yield f"  {SIGNS[result['status']]:<8}{result['number']:>3}  {_plain(result['title'])}"
    parts = {
        "Found": result["found"],
        "Way out": result["way_out"],
        "Cause": result["cause"],
        "You see": result["symptom"],
        "Looked at": result["looks_at"],
        "More": f"{result['section']}, in the book",
    }
    if result["fault_of"] != PACKAGE:
        parts["Fault of"] = result["fault_of"]
    for label, content in parts.items():
        yield textwrap.fill(
            f"{label}: {_plain(content)}",
            width,
            initial_indent=" " * 4,
            subsequent_indent=" " * 6,
            break_long_words=False,
            break_on_hyphens=False,
        )
    for number, line in enumerate(result["fix"].splitlines()):
        if not number:
            yield "    Write:"
        yield f"        {line}"


def _plain(markdown):
    return markdown.replace("`", "")
