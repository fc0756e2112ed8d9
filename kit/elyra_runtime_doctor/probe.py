"""Examine runtimes. This runs in a process of its own, because it imports them.

``examine`` starts that process. It has Jupyter directories of its own, which are removed with it; the user's
are read where a check says so, and never written.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from elyra_runtime_doctor import checks  # noqa: F401 - fills ROWS
from elyra_runtime_doctor.form import meant
from elyra_runtime_doctor.rows import FAIL, ROWS, NoReport, ask, silenced, takes

SECONDS_TO_START = 120
"""So long may it take to import Elyra."""

SECONDS_TO_LOAD = 60
"""So long may it take to load a runtime. The checks have as long, after the last one."""

SECONDS_BETWEEN_LOOKS = 0.2

# The directory of the caller is on the path of `python -c`, and not on that of a Jupyter server.
START = "import sys; sys.path[:] = [p for p in sys.path if p]; from elyra_runtime_doctor.probe import main; main()"


class Unloadable(NoReport):
    """A process that ends, or never ends, while it loads the runtimes. The message says what it has said."""


def examine(names=()):
    """Examine the runtimes called ``names``, or all, in a fresh process. Return the report, a dict.

    Raises ``Unloadable`` if that process does not come to its end, and ``LookupError`` for an unknown name.
    """
    with tempfile.TemporaryDirectory(prefix="doctor-") as directory:
        answer = Path(directory, "report.json")
        command = [sys.executable, "-W", "ignore", "-c", START, str(answer), *names]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, text=True, errors="replace", **pipes) as process:
            try:
                output, errors = _said(process, answer)
            except BaseException:  # also if somebody interrupts the doctor
                process.kill()
                raise
        if not answer.exists():
            said = errors.strip() or output.strip() or "nothing"
            raise Unloadable(f"Loading {_last(answer)} ended the process, with {process.returncode}. It said:\n{said}")
        report = json.loads(answer.read_text(encoding="utf-8"))
    if "unknown" in report:
        raise LookupError(report["unknown"])
    return report


def _said(process, answer):
    """Return what ``process`` has said by its end. Raises ``Unloadable`` if it loads one thing for too long."""
    loading, seconds, deadline = "Elyra", SECONDS_TO_START, time.monotonic() + SECONDS_TO_START
    while True:
        try:
            return process.communicate(timeout=SECONDS_BETWEEN_LOOKS)
        except subprocess.TimeoutExpired:
            if _last(answer) != loading:
                loading, seconds, deadline = _last(answer), SECONDS_TO_LOAD, time.monotonic() + SECONDS_TO_LOAD
            elif time.monotonic() > deadline:
                raise Unloadable(f"Loading {loading} does not come to an end within {seconds} s.") from None


def _last(answer):
    """Say which entry point was loaded last."""
    announced = _announced(answer)
    return announced.read_text(encoding="utf-8") if announced.exists() else "Elyra"


def _announced(answer):
    return answer.with_name("loading.txt")


def main():
    """Write the report to the file that the first argument names; the others are names of runtimes."""
    answer, names = Path(sys.argv[1]), sys.argv[2:]
    report = json.dumps(_report(names, answer))
    draft = answer.with_suffix(".part")
    draft.write_text(report, encoding="utf-8")
    draft.rename(answer)
    # Threads that a runtime has started would keep this process alive.
    os._exit(0)


def _report(names, answer):
    directory = answer.parent
    started = time.perf_counter()
    from elyra_runtime_doctor import survey as surveys

    imported = time.perf_counter() - started
    from jupyter_core.paths import jupyter_path, jupyter_runtime_dir

    runtime_directory = Path(jupyter_runtime_dir())
    lab_extensions = [Path(folder) for folder in jupyter_path("labextensions")]
    root = directory / "root"
    root.mkdir()
    survey = surveys.Survey(root, lambda point: _announced(answer).write_text(point, encoding="utf-8"))
    survey.runtime_directory = runtime_directory
    survey.lab_extensions = lab_extensions
    survey.catalogs  # noqa: B018 - read before the directories of the user are out of sight
    known = sorted({*survey.runtimes(), *surveys.names()})
    unknown = [name for name in names if name not in known]
    if unknown:
        near = ask(ROWS[80].function, survey).found or "".join(meant(name, known) for name in unknown).lstrip("; ")
        said = f"No runtime is called {', '.join(unknown)}. Installed are: {', '.join(known)}."
        return {"unknown": f"{said} {near}".rstrip()}
    _leave_the_users_jupyter(directory)
    loaded = time.perf_counter()
    subjects = [("environment", survey)] + [(name, surveys.Runtime(survey, name)) for name in names or known]
    results = [
        result
        for name, subject in subjects
        for row in ROWS.values()
        if row.function and (name == "environment") == (takes(row.function) == "survey")
        for result in [_result(row, name, subject)]
    ]
    return {
        "runtimes": names or known,
        "elyra": _version(),
        "python": sys.version.split()[0],
        "results": results,
        "seconds": {
            "import Elyra": round(imported, 2),
            **{what: round(seconds, 2) for what, seconds in survey.seconds.items()},
            "checks": round(time.perf_counter() - loaded, 2),
        },
    }


def _result(row, name, subject):
    """Return what the check of ``row`` says about ``subject``, as a dict."""
    finding = silenced(ask(row.function, subject), row.number, getattr(subject, "silenced", {}))
    told = {"status": finding.status, "found": finding.found, "fix": finding.fix}
    return {"runtime": name, **told, **row.as_dict()}


def _leave_the_users_jupyter(directory):
    for name in ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        os.environ[name] = str(directory / name.lower())
        Path(os.environ[name]).mkdir()
    os.environ.pop("JUPYTER_PATH", None)


def _version():
    from elyra._version import __version__

    return __version__


def failed(report):
    """Tell whether ``report`` holds a failure."""
    return any(result["status"] == FAIL for result in report["results"])
