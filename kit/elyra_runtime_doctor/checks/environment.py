"""Rows about what is installed beside Elyra and the runtimes."""

import subprocess
import sys
from importlib.metadata import version

from elyra_runtime_doctor.rows import ENVIRONMENT, SILENT, check, warn

GRAMMAR = "rfc3987_syntax"


@check(
    64,
    "Importing `jsonschema` is slow",
    seen=SILENT,
    symptom="Each `elyra-pipeline` command, and the start of JupyterLab, takes a second or two longer than it has to.",
    cause="From 4.25 on, `jsonschema` builds the grammar of the package `rfc3987-syntax` each time that it is "
    "imported, and everything that imports Elyra imports `jsonschema`.",
    way_out='Run `pip install "jsonschema<4.25"`. No package that comes with Elyra 4.1 needs a newer one.',
    fault_of=ENVIRONMENT,
)
def jsonschema_is_quick(survey):
    """Whether importing Elyra has imported `rfc3987_syntax`, and the processor time of that import."""
    if GRAMMAR in sys.modules:
        return warn(
            f"jsonschema {version('jsonschema')} imports {GRAMMAR}, and that takes {_seconds_to_import(GRAMMAR):.1f} s "
            "of processor time"
        )


def _seconds_to_import(module):
    code = f"import time; start = time.process_time(); import {module}; print(time.process_time() - start)"
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
