"""The plan of a run: which files a node starts from, and what its properties mean on Dask."""

import fnmatch
import os
import shutil
import tarfile
import tempfile
from pathlib import Path

import pytest
from elyra.util.archive import create_temp_archive
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pipelines import by_id, operation

from elyra_runtime_engine.plan import copy_sources, plan
from elyra_runtime_kit import PipelineError
from elyra_runtime_kit.pipeline import nodes_of

FILES = (
    "work.py",
    "a.csv",
    "b.csv",
    "b.r",
    ".env",
    "data/a.csv",
    "data/deep/c.csv",
    "lib/a.py",
    ".hidden/a.csv",
    "[x].csv",
)
PATTERNS = (
    "*",
    "*.csv",
    "*.py",
    "*.r",
    "a.*",
    "data/*",
    "data/*.csv",
    "data/deep/c.csv",
    "data/d*",
    "lib/*.py",
    "?.csv",
)
PLAIN = ("a.csv", "b.csv", ".env", "data/a.csv", "data", "lost.csv", ".hidden/a.csv", "../work.py", "./a.csv", "data/")


@pytest.fixture(autouse=True, scope="module")
def place(tmp_path_factory):
    """The current directory: it holds the script of each node."""
    place = tmp_path_factory.mktemp("place")
    (place / "work.py").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        yield


def plan_of(*operations):
    return plan(nodes_of(by_id(*operations), "."), lambda node: {})


def planned(**properties):
    node = operation("work")
    node._component_props |= properties
    return plan_of(node)[0]


def selected_by_us(folder, target, dependencies, recursive):
    copy_sources(planned(dependencies=dependencies, include_subdirectories=recursive), folder, target)
    return {path.relative_to(target).as_posix() for path in Path(target).rglob("*") if path.is_file()}


def selected_by_elyra(folder, target, dependencies, recursive):
    archive = create_temp_archive(target, str(folder), ["work.py", *dependencies], recursive, require_complete=True)
    with tarfile.open(archive) as tar:
        return {member.name for member in tar if member.isfile()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    for name in FILES:
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(name)
    return folder


@given(st.lists(st.sampled_from(PATTERNS + PLAIN), unique=True, max_size=4), st.booleans())
@example(["*"], False)
@example(["*"], True)
@example(["*.py"], False)
@example(["*.r"], True)
def test_a_dependency_means_what_it_means_to_elyra(folder, dependencies, recursive):
    assume("*" not in dependencies or len(dependencies) == 1)
    with tempfile.TemporaryDirectory() as place:
        try:
            expected = selected_by_elyra(folder, os.path.join(place, "elyra.tar.gz"), dependencies, recursive)
        except FileNotFoundError as error:
            (missing,) = error.args
            try:
                selected = selected_by_us(folder, os.path.join(place, "ours"), dependencies, recursive)
            except PipelineError as refusal:
                assert any(repr(name) in str(refusal) for name in missing)
            else:  # Elyra misses what another dependency matches, too, now and then
                assert all(fnmatch.filter([*selected, *map(os.path.basename, selected)], name) for name in missing)
        else:
            assert selected_by_us(folder, os.path.join(place, "ours"), dependencies, recursive) == expected


def test_a_star_does_not_hide_the_other_dependencies(folder, tmp_path):
    """Elyra passes over them, and says nothing."""
    selected = selected_by_us(folder, tmp_path / "ours", ["*", "data/deep/c.csv"], False)
    assert selected == {name for name in FILES if "/" not in name or name == "data/deep/c.csv"}
    with pytest.raises(PipelineError, match="'data/lost.csv'"):
        selected_by_us(folder, tmp_path / "lost", ["*", "data/lost.csv"], False)


def test_a_missing_dependency_is_named(folder, tmp_path):
    with pytest.raises(PipelineError, match=r"Node 'work' depends on files that are not there: 'lost.csv', looked for"):
        selected_by_us(folder, tmp_path / "ours", ["lost.csv", "a.csv"], False)


def test_sources_are_copies(folder, tmp_path):
    selected_by_us(folder, tmp_path / "ours", ["a.csv"], False)
    (tmp_path / "ours" / "a.csv").write_text("changed")
    assert (folder / "a.csv").read_text() == "a.csv"


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "work.py").symlink_to("work.py")  # leads to itself
    with pytest.raises(PipelineError, match="work.py"):
        selected_by_us(tmp_path, tmp_path / "ours", [], False)


@pytest.mark.parametrize("path", ["/etc/motd", "../up.csv", "a/../../up.csv"])
def test_an_output_stays_in_the_folder_of_its_node(path):
    with pytest.raises(PipelineError, match="is outside its folder"):
        planned(outputs=[path])


def test_resources_are_those_of_dask():
    assert planned(cpu=2, gpu=1, memory=1.5).resources == {"CPU": 2, "GPU": 1, "MEMORY": 1.5e9}
    assert planned().resources == {}


def test_a_property_without_a_meaning_is_named():
    node = operation("work")
    node._component_props |= {"cpu": 1, "cpu_limit": 2, "memory_limit": 3, "gpu": 1, "gpu_vendor": "amd.com/gpu"}
    node._elyra_props["kubernetes_tolerations"] = ["one"]
    image, limits, others = plan_of(node)[0].notes
    assert "'example/image:1'" in image
    assert "cpu_limit, memory_limit, gpu_vendor" in limits
    assert "kubernetes_tolerations" in others


def test_parents_come_first_and_are_numbers():
    nodes = plan_of(operation("c", ["b", "a"]), operation("b", ["a"]), operation("a"))
    assert [(node.number, node.name, node.parents) for node in nodes] == [(0, "a", []), (1, "b", [0]), (2, "c", [1, 0])]


def test_the_time_for_a_node_does_not_grow_with_its_folder(folder, tmp_path):
    """A name without a wildcard is not searched for: the folder may hold thousands of files."""
    shutil.copytree(folder, tmp_path / "many")
    listed = []
    real = os.walk
    try:
        os.walk = lambda *arguments: listed.append(arguments) or real(*arguments)
        selected_by_us(tmp_path / "many", tmp_path / "ours", ["a.csv", "data/a.csv"], False)
        assert listed == []
        selected_by_us(tmp_path / "many", tmp_path / "theirs", ["*.csv"], False)
        assert listed
    finally:
        os.walk = real
