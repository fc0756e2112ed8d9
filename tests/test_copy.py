"""The README's list "Start a runtime of your own": who follows it has a second runtime beside the first."""

import re
import shutil
import sys

import pytest
from host import FIELDS, Server
from zoo import copy_of_the_demo

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The folder of a runtime made by steps 1 to 3 of the list."""
    folder = tmp_path_factory.mktemp("orbit")
    copy_of_the_demo(folder)
    return folder


@pytest.fixture(scope="module")
def server(copy, nobodys_jupyter, tmp_path_factory):
    """A Jupyter server with both runtimes. What pip would install of the copy is laid out by hand, offline."""
    settings = tomllib.loads((copy / "pyproject.toml").read_text(encoding="utf-8"))
    information = copy / "orbit_runtime-0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: orbit-runtime\nVersion: 0\n", encoding="utf-8")
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
        ("orbitruntime", "orbit_runtime.processor.OrbitPipelineProcessor", "ORBIT_RUNTIME", "Orbit Runtime"),
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
