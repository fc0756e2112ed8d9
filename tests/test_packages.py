"""Which package may import which: the demo stands alone, the kit knows no runtime, and the doctor looks before both."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from host import run

ROOT = Path(__file__).parents[1]
FORBIDDEN = {
    "demo_runtime": {"dask_runtime", "elyra_runtime_kit", "elyra_runtime_doctor"},
    "dask/dask_runtime": {"demo_runtime", "elyra_runtime_doctor"},
    "local/machine_runtime": {"demo_runtime", "dask_runtime", "distributed", "elyra_runtime_doctor"},
    "kit/elyra_runtime_kit": {"demo_runtime", "dask_runtime", "elyra_runtime_doctor", "elyra_runtime_engine"},
    "kit/elyra_runtime_template": {
        *("demo_runtime", "dask_runtime", "elyra_runtime_doctor", "elyra_runtime_engine", "elyra_runtime_kit"),
    },
    "kit/elyra_runtime_engine": {"demo_runtime", "dask_runtime", "distributed", "elyra_runtime_doctor"},
    "kit/elyra_runtime_doctor": {"demo_runtime", "dask_runtime", "elyra_runtime_engine", "elyra_runtime_kit"},
}


def imported(folder):
    """Return the packages that the modules in ``folder`` import anywhere, as ``{package: module}``."""
    found = {}
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            found |= {name.partition(".")[0]: path.name for name in names}
    return found


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_package_imports_none_that_it_must_do_without(package):
    found = imported(ROOT / package)
    assert {"os", "pathlib"} & set(found)
    assert {name: module for name, module in found.items() if name in FORBIDDEN[package]} == {}


def test_what_is_imported_is_found(tmp_path):
    (tmp_path / "a.py").write_text(
        "def f():\n    from demo_runtime import schema\n    import elyra_runtime_engine.plan as plan\n"
    )
    assert imported(tmp_path) == {"demo_runtime": "a.py", "elyra_runtime_engine": "a.py"}


@pytest.mark.parametrize("source", ["raise ImportError('broken')", "import nothing_that_there_is"])
def test_the_doctor_speaks_where_the_kit_is_broken(tmp_path, monkeypatch, source):
    (tmp_path / "elyra_runtime_kit.py").write_text(source, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = run("elyra-runtime-doctor", "demoruntime")
    assert done.returncode == 0, done.stdout + done.stderr
    done = run("elyra-runtime-doctor", "dask")
    assert done.returncode == 1
    assert "The processor cannot be loaded" in done.stdout


def test_the_doctor_says_that_elyra_is_missing():
    code = (
        "import importlib.util as util, sys\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, package=None: None if name == 'elyra' else find(name, package)\n"
        "from elyra_runtime_doctor.__main__ import main\n"
        "status = main([])\n"
        "sys.exit(status if not {'elyra', 'elyra_runtime_kit'} & set(sys.modules) else 'it imports them')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr.strip()) == (
        2,
        "Elyra is not installed in this environment. Install it: pip install 'elyra-runtime-kit[elyra]'",
    )
