"""How far a runtime has come: the levels of the contract, as a table. It runs the contract, which needs pytest."""

import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

from elyra_runtime_doctor.rows import FAIL, PASS, SKIPPED, NoReport

EXPECTED = "expected"

CONTRACT = """\
from elyra_runtime_doctor.contract import RuntimeContract


class TestIt(RuntimeContract):
    runtime = {name!r}
"""


def levels(name, file=None):
    """Run the contract for the runtime ``name``, or the tests in ``file``. Return a list of levels, dicts.

    Each has its ``level``, and lists of names of tests by what came of them. Raises ``NoReport`` if pytest is not
    installed, or runs no test of the contract.
    """
    if find_spec("pytest") is None:
        raise NoReport("The levels are tests, and need pytest. Install it: pip install pytest")
    with tempfile.TemporaryDirectory(prefix="levels-") as directory:
        report = Path(directory, "report.xml")
        if file is None:
            file = Path(directory, "test_levels.py")
            file.write_text(CONTRACT.format(name=name), encoding="utf-8")
        options = [f"--junitxml={report}", "-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit2"]
        done = subprocess.run([sys.executable, "-m", "pytest", *options, str(file)], capture_output=True, text=True)
        results = _results(report) if report.exists() else []
    if not results:
        raise NoReport(f"No test of the contract has run. pytest says:\n{done.stdout}{done.stderr}".rstrip())
    return results


def _results(report):
    from elyra_runtime_doctor.contract import LEVELS, TESTS

    found = {level: {PASS: [], FAIL: [], SKIPPED: [], EXPECTED: []} for level in LEVELS}
    for case in ElementTree.parse(report).iter("testcase"):
        test = TESTS.get(case.get("name").partition("[")[0])
        if test:
            found[test.level][_outcome(case)].append(case.get("name"))
    has_run = any(tests for level in found.values() for tests in level.values())
    return [{"level": level, **tests} for level, tests in found.items()] if has_run else []


def _outcome(case):
    if case.find("failure") is not None or case.find("error") is not None:
        return FAIL
    skipped = case.find("skipped")
    if skipped is None:
        return PASS
    return EXPECTED if skipped.get("type") == "pytest.xfail" else SKIPPED


def table(results):
    """Yield the lines of the table of ``results``, as ``levels`` returns them, and what comes next."""
    for result in results:
        sign = "FAIL" if result[FAIL] else "ok" if result[PASS] else "-"
        words = {PASS: "passed", FAIL: "failed", EXPECTED: "expected to fail", SKIPPED: "not done"}
        counts = ", ".join(f"{len(result[key])} {word}" for key, word in words.items() if result[key]) or "no test"
        yield f"  {sign:<6}{result['level']:<20}{counts}"
    failed = next((result for result in results if result[FAIL]), None)
    if failed:
        yield f"Next: {failed['level']}. These tests of the contract fail: {', '.join(failed[FAIL])}."
