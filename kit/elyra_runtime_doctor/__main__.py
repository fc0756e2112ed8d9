"""The command ``elyra-runtime-doctor``."""

import argparse
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from elyra_runtime_doctor import fixes, sources
from elyra_runtime_doctor.checks.discovery import PROCESSORS
from elyra_runtime_doctor.probe import examine, failed
from elyra_runtime_doctor.report import table_of_checks, text
from elyra_runtime_doctor.rows import FAIL, ROWS, NoReport, to_json


def main(arguments=None):
    """Examine runtimes and print a report. Return the exit status: 0 if nothing failed, 1 if something did, else 2."""
    parser = argparse.ArgumentParser(
        prog="elyra-runtime-doctor",
        description="Say why a runtime of your own does not show up in Elyra, or does not work there. "
        "It loads the runtimes as Elyra does, in a process of its own, and changes nothing.",
        epilog="The exit status is 0 if no check failed, 1 if one did, and 2 if there is no report.",
    )
    parser.add_argument(
        "name",
        nargs="?",
        help="the name of the runtime's entry point (without it: all runtimes), or what is not installed yet: the "
        "folder of a package, such as ./, a wheel or an sdist. Of that, no code runs",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--verbose", action="store_true", help="print the checks that pass, too")
    parser.add_argument("--diff", action="store_true", help="show what --fix would change, and change nothing, instead")
    parser.add_argument(
        "--fix",
        action="store_true",
        help="fix what can be fixed in the folder of a package, where only one change is right: show it, make it, "
        f"and write it to the file {fixes.UNDO} there. `git apply -R` with that file takes it back",
    )
    parser.add_argument("--list", action="store_true", help="print all checks with the numbers of their rows, instead")
    parser.add_argument(
        "--server",
        metavar="URL",
        help="ask a running Jupyter server, too; its token is read from the environment variable JUPYTER_TOKEN. "
        "This saves a runtime configuration there, and removes it",
    )
    parser.add_argument(
        "--levels",
        nargs="?",
        const="",
        metavar="FILE",
        help="print which levels of the contract the runtime has reached, instead. This submits a small pipeline and "
        "exports it. FILE holds a test class of yours, if the contract needs a configuration",
    )
    options = parser.parse_args(arguments)
    if (options.fix or options.diff) and not (options.name and sources.is_path(options.name)):
        parser.error("--fix and --diff need the folder of a package, such as ./")
    if options.levels is not None and not options.name:
        parser.error("--levels needs the name of a runtime")
    token = os.environ.pop("JUPYTER_TOKEN", "")  # the runtimes that are loaded have no business with it
    if options.list:
        rows = sorted(ROWS.values(), key=lambda row: row.number)
        listed = [row.as_dict() for row in rows]
        _print(to_json(listed) if options.json else "\n".join(table_of_checks(rows)))
        return 0
    if options.name and sources.is_path(options.name):
        return _of_files(options)
    if find_spec("elyra") is None:
        return _error("Elyra is not installed in this environment. Install it: pip install 'elyra-runtime-kit[elyra]'")
    try:
        if options.levels is not None:
            return _levels(options)
        report = _report(options, token)
    except (LookupError, NoReport) as error:
        return _error(str(error.args[0]))
    except KeyboardInterrupt:
        return _error("Interrupted, without a report.")
    _print(to_json(report) if options.json else "\n".join(_lines(report, options.verbose)))
    return int(failed(report))


def _of_files(options):
    """Print the report on files, after the changes that are asked for. Return the exit status."""
    try:
        if options.fix or options.diff:
            _print(_fixed(Path(options.name), options.fix))
        if options.diff:
            return 0
        report = sources.examine(options.name)
    except NoReport as error:
        return _error(str(error))
    if not report["runtimes"] and not failed(report):
        return _error(f"{options.name} registers no runtime: it has no entry point in the group {PROCESSORS!r}.")
    report["results"] = [{**result, "where": "here"} for result in report["results"]]
    _print(to_json(report) if options.json else "\n".join(text(report, options.verbose)))
    return int(failed(report))


def _fixed(folder, make):
    """Return what can be fixed in ``folder``, as a diff and a sentence. ``make`` says whether to make the changes."""
    changed = fixes.changes(folder)
    if not changed:
        return "There is nothing that only one change can fix."
    said = fixes.difference(folder, changed)
    if make:
        fixes.apply(folder, changed)
        said += f"\nChanged: {', '.join(changed)}. To undo it, run in {folder}: git apply -R {fixes.UNDO}\n"
    return said


def _report(options, token):
    """Return the report of ``probe``, each result with the key ``where``, and what the server tells, if asked."""
    names = [options.name] if options.name else []
    if options.server:
        from elyra_runtime_doctor import live  # importing requests takes its time

        server = live.connect(options.server, token)
    report = examine(names)
    report["results"] = [{**result, "where": "here"} for result in report["results"]]
    if options.server:
        report["server"] = server.address
        report["results"] += live.examine(server, names, also=report["runtimes"])
    return report


def _levels(options):
    """Print the levels of the contract. Return the exit status."""
    from elyra_runtime_doctor.levels import levels, table  # the contract needs pytest, and nothing else here does

    results = levels(options.name, options.levels or None)
    _print(to_json(results) if options.json else "\n".join([f"{options.name}:", *table(results)]))
    return int(any(result[FAIL] for result in results))


def _lines(report, verbose):
    for where, heading in (("here", "In this environment:"), ("server", f"On the server {report.get('server')}:")):
        results = [result for result in report["results"] if result["where"] == where]
        if "server" in report:
            yield heading
        yield from text({**report, "results": results}, verbose)


def _print(text):
    """Print ``text``, or as much of it as is read: a pipe may end in ``head``."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Python flushes once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _error(message):
    print(message, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
