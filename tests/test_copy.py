"""The README's list "Start a runtime of your own": who follows it has a second runtime beside the first."""

import re
import shutil
import sys
from pathlib import Path

import pytest
from host import FIELDS, Server

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
STEPS = README.partition("## Start a runtime of your own\n")[2].partition("\n## ")[0]
COPIED = re.findall("`(.+?)`", STEPS.partition("1. Copy ")[2].partition(" to an empty folder")[0])
WORDS = re.findall(r"^ *\| `(.+?)` \| `(.+?)` \|", STEPS, re.MULTILINE)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The folder of a runtime made by steps 1 and 2 of the list."""
    folder = tmp_path_factory.mktemp("acme")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder)
    for path in sorted(folder.rglob("*"), reverse=True):  # files come before the folder that holds them
        if path.is_file():
            path.write_text(_replaced(path.read_text(encoding="utf-8")), encoding="utf-8")
        path.rename(path.with_name(_replaced(path.name)))
    return folder


@pytest.fixture(scope="module")
def server(copy, nobodys_jupyter, tmp_path_factory):
    """A Jupyter server with both runtimes. What pip would install of the copy is laid out by hand, offline."""
    settings = tomllib.loads((copy / "pyproject.toml").read_text(encoding="utf-8"))
    information = copy / "acme_runtime-0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-runtime\nVersion: 0\n", encoding="utf-8")
    with (information / "entry_points.txt").open("w", encoding="utf-8") as entry_points:
        for group, entries in settings["project"]["entry-points"].items():
            print(f"[{group}]", *(f"{name} = {value}" for name, value in entries.items()), sep="\n", file=entry_points)
    for source, target in settings["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"].items():
        shutil.copytree(copy / source, copy / target)
    server = Server(
        tmp_path_factory.mktemp("both"), PYTHONPATH=str(copy), JUPYTER_CONFIG_PATH=str(copy / "etc" / "jupyter")
    )
    try:
        yield server
    finally:
        server.stop()


def _replaced(text):
    for old, new in WORDS:
        text = text.replace(old, new)
    return text


def test_nothing_is_left_of_the_old_names(copy):
    old_name = re.compile(r"demo(?!\.example\.com)", re.IGNORECASE)
    files = [path for path in copy.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if old_name.search(str(path.relative_to(copy)))] == []
    assert [path for path in files if old_name.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    ("runtime", "processor", "type_id", "display_name"),
    [
        ("demoruntime", "demo_runtime.processor.DemoPipelineProcessor", "DEMO_RUNTIME", "Demo Runtime"),
        ("acmeruntime", "acme_runtime.processor.AcmePipelineProcessor", "ACME_RUNTIME", "Acme Runtime"),
    ],
)
def test_both_runtimes_are_there(server, runtime, processor, type_id, display_name):
    assert f"Registering {runtime} processor '{processor}'" in server.log

    types = {type["id"]: type for type in server.get("elyra/pipeline/runtimes/types").json()["runtime_types"]}
    assert types[type_id]["display_name"] == display_name
    icon = server.get(types[type_id]["icon"])
    assert (icon.status_code, icon.headers["Content-Type"]) == (200, "image/svg+xml")
    assert display_name in icon.text

    body = {"schema_name": runtime, "display_name": "Mine", "name": runtime, "metadata": FIELDS}
    assert server.post("elyra/metadata/runtimes", body).status_code == 201
    saved = server.get(f"elyra/metadata/runtimes/{runtime}").json()
    assert saved["metadata"]["runtime_type"] == type_id
