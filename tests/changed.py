"""Print the tests that prove what has changed since the last commit: ``make check`` runs them.

A chapter is proved by itself, a test file by itself, and each other file by the tests that ``PROVED_BY`` names for it.
These are the ones that speak of it first, and most take less than a minute. The tests of broken runtimes and of the
template, and the chapter on executors, take longer. Others use it, too: before you commit, run them all.
"""

import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[1]

PROVED_BY = (
    ("demo_runtime/*.json", ("test_schema", "test_node_properties")),
    ("demo_runtime/schema.py", ("test_schema",)),
    ("demo_runtime/runtime_type.py", ("test_runtime_type",)),
    ("demo_runtime/description.py", ("test_description", "test_processor")),
    ("demo_runtime/processor.py", ("test_processor", "test_export")),
    ("demo_runtime/*", ("test_processor", "test_export", "test_installation")),
    ("kit/elyra_runtime_engine/command.py", ("test_engine_command",)),
    ("kit/elyra_runtime_engine/again.py", ("test_dask_runs",)),
    ("kit/elyra_runtime_engine/runtime.py", ("test_engine_runtime", "test_engine_command")),
    ("kit/elyra_runtime_engine/start.py", ("test_engine_start", "test_engine_follow_up")),
    ("kit/elyra_runtime_engine/plan.py", ("test_dask_plan",)),
    ("dask/dask_runtime/cluster.py", ("test_dask_cluster",)),
    ("kit/elyra_runtime_engine/deletion.py", ("test_run_deletion",)),
    ("kit/elyra_runtime_engine/keeping.py", ("test_run_deletion",)),
    ("kit/elyra_runtime_engine/usage.py", ("test_run_deletion",)),
    ("kit/elyra_runtime_engine/server.py", ("test_run_page",)),
    ("kit/elyra_runtime_engine/answers.py", ("test_run_page",)),
    ("kit/elyra_runtime_engine/files.py", ("test_run_page",)),
    ("kit/elyra_runtime_engine/threads.py", ("test_run_page",)),
    ("kit/elyra_runtime_engine/static/*", ("test_run_page_browser",)),
    ("kit/elyra_runtime_engine/mask.py", ("test_dask_masking",)),
    ("kit/elyra_runtime_engine/conformance/*", ("test_engine_conformance",)),
    ("kit/elyra_runtime_engine/*", ("test_engine_processes", "test_engine_follow_up", "test_engine_awkward")),
    ("local/*", ("test_engine_command",)),
    ("dask/dask_runtime/*", ("test_dask_plan", "test_dask_runs")),
    ("kit/elyra_runtime_doctor/form.py", ("test_doctor_forms",)),
    ("kit/elyra_runtime_doctor/reading.py", ("test_doctor_reading",)),
    ("kit/elyra_runtime_doctor/patterns.py", ("test_doctor_forms",)),
    ("kit/elyra_runtime_doctor/sources.py", ("test_doctor_sources", "test_doctor_fixes", "test_doctor_rubbish")),
    ("tests/rubbish.py", ("test_doctor_rubbish", "test_doctor_forms")),
    ("kit/elyra_runtime_doctor/fixes.py", ("test_doctor_fixes",)),
    ("kit/elyra_runtime_doctor/json_text.py", ("test_doctor_fixes",)),
    ("kit/elyra_runtime_doctor/contract.py", ("test_contract",)),
    ("kit/elyra_runtime_doctor/levels.py", ("test_levels",)),
    ("kit/elyra_runtime_doctor/live.py", ("test_doctor_server",)),
    ("kit/elyra_runtime_doctor/*", ("test_doctor_command", "test_elyras_faults")),
    ("kit/elyra_runtime_kit/pipeline.py", ("test_kit_pipeline",)),
    ("kit/elyra_runtime_kit/export.py", ("test_kit_export",)),
    ("kit/elyra_runtime_kit/*", ("test_kit_declaration", "test_kit_runtime", "test_kit_host")),
    ("kit/elyra_runtime_template/*", ("test_template",)),
    ("copier.yml", ("test_template",)),
    ("kit/README.md", ("test_kit_host",)),
    ("conftest.py", ("test_chapters",)),
    ("book/lesson.py", ("test_errors", "_toc.yml::book/result", "_toc.yml::book/own")),
    ("book/kernels.py", ("test_chapters",)),
    ("book/workshop.py", ("test_workshop", "_toc.yml::book/first")),
    ("book/sequence.py", ("test_sequence",)),
    ("book/trial.py", ("_toc.yml::book/troubleshooting",)),
    ("book/*.py", ("test_make",)),
    ("book/*", ("test_errors", "test_words")),
    ("benchmarks/mistakes.py", ("test_mistakes",)),
    ("benchmarks/oracle.py", ("test_mistakes",)),
    ("benchmarks/*", ("test_benchmark",)),
    ("matrix/*", ("test_matrix",)),
    ("Makefile", ("test_make",)),
    ("README.md", ("test_matrix",)),
    ("*pyproject.toml", ("test_installation", "test_make")),
)
"""Patterns of files, and the tests that prove them. The first pattern that fits counts."""


def changed():
    """Return the files that differ from the last commit, new ones included, as paths below the root."""
    listed = [["diff", "--name-only", "HEAD"], ["ls-files", "--others", "--exclude-standard"]]
    lines = [subprocess.run(["git", *each], cwd=ROOT, capture_output=True, text=True, check=True) for each in listed]
    return sorted({name for each in lines for name in each.stdout.splitlines()})


def proving(file):
    """Return what pytest is to run because ``file`` has changed, as arguments."""
    path = Path(file)
    if path.parts[0] == "tests":
        return [file] if path.match("test_*.py") else []
    named = next((tests for pattern, tests in PROVED_BY if fnmatch(file, pattern)), ())
    chapter = [f"_toc.yml::{path.with_suffix('')}"] if path.match("book/*.md") else []
    return chapter + [name if name.startswith("_toc.yml") else f"tests/{name}.py" for name in named]


if __name__ == "__main__":
    print(*dict.fromkeys(test for file in sys.argv[1:] or changed() for test in proving(file)))
