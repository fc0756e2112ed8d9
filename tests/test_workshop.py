"""The reader's own runtime: its cells run twice, out of order, after a restart, and nothing that they wrote is lost."""

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import jupytext
import pytest
from nbclient import NotebookClient

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book"))

from workshop import (  # noqa: E402
    ANSWER,
    CELL,
    CHAPTERS,
    Differs,
    change,
    changed,
    differences,
    files_before,
    make_environment,
    put_away,
    put_files,
    write,
)

TEXT = "one\ntwo\nthree\n"


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    """The folder of a runtime, which is the current one."""
    folder = tmp_path / "with spaces" / "my-runtime"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def kept(runtime):
    """Return what is kept: texts by the number of the folder and the name of the file."""
    folder = runtime.parent / "kept"
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_cell_that_is_run_twice_writes_the_same_and_keeps_nothing(runtime):
    assert write("a/b.py", TEXT) == "a/b.py: 3 lines"
    assert write("a/b.py", TEXT) == "a/b.py: 3 lines, as before"
    assert kept(runtime) == {}


def test_what_a_cell_replaces_is_kept_each_time(runtime):
    for text in "first\n", "second\n", "third\n":
        said = write("b.py", text)
    assert said == "b.py: 1 line. What it held is in kept/2/b.py"
    assert kept(runtime) == {"1/b.py": "first\n", "2/b.py": "second\n"}


@pytest.mark.parametrize(
    "diff, after",
    [
        (" one\n-two\n+2\n three\n", "one\n2\nthree\n"),
        (" three\n+four\n", "one\ntwo\nthree\nfour\n"),
        ("+zero\n one\n", "zero\none\ntwo\nthree\n"),
        (" two\n-three\n", "one\ntwo\n"),
        ("-one\n two\n", "two\nthree\n"),
        ("-one\n two\n@@\n-three\n+3\n", "two\n3\n"),
        (" two\n+\n three\n", "one\ntwo\n\nthree\n"),
    ],
)
def test_a_change_is_made_once_however_often_its_cell_is_run(runtime, diff, after):
    write("b.py", TEXT)
    change("b.py", diff)
    assert (runtime / "b.py").read_text() == after
    assert change("b.py", diff) == "b.py: has this change already"
    assert (runtime / "b.py").read_text() == after


@pytest.mark.parametrize("text", ["one\n2\nthree\n", "", f"{TEXT}{TEXT}"])
def test_a_file_that_differs_is_left_alone_and_the_reader_is_told_what_to_do(runtime, text):
    write("b.py", text)
    with pytest.raises(Differs, match="(?s)b.py does not hold these lines.*two.*anew=True.*yours are in"):
        change("b.py", " one\n-two\n+zwei\n three\n")
    assert (runtime / "b.py").read_text() == text


def test_a_change_of_a_file_that_is_not_there_says_what_to_run(runtime):
    with pytest.raises(Differs, match="There is no b.py. Run the cells above"):
        change("b.py", "-one\n")


def test_a_part_of_a_line_is_no_line():
    with pytest.raises(Differs):
        changed("b.py", "not one\n", "-one\n+1\n")


def run(chapter):
    """Run the cells of ``chapter`` that write and change files, and go on where one says that it cannot."""
    for kind, file, text in CELL.findall((ROOT / "book" / f"{chapter}.md").read_text(encoding="utf-8")):
        with suppress(Differs):
            {"write": write, "change": change}[kind](file, text)


STEPS = CHAPTERS[:-1]


@pytest.mark.parametrize("chapter", STEPS)
def test_who_runs_a_whole_chapter_again_later_loses_nothing(runtime, chapter):
    put_files(runtime, files_before("kit"))
    run(chapter)
    assert {file: (runtime / file).read_text() for file in files_before("kit")} == files_before("kit")
    assert kept(runtime) == {}


@pytest.mark.parametrize("chapter", STEPS)
def test_cells_out_of_order_do_no_harm(runtime, chapter):
    after = files_before(CHAPTERS[CHAPTERS.index(chapter) + 1])
    put_files(runtime, files_before(chapter))
    cells = CELL.findall((ROOT / "book" / f"{chapter}.md").read_text(encoding="utf-8"))
    for kind, file, text in cells[::-1]:
        with suppress(Differs):
            {"write": write, "change": change}[kind](file, text)
    run(chapter)
    assert {file: (runtime / file).read_text() for file in after} == after


@pytest.mark.parametrize("options", ["", ":tags: [remove-output]\n", ":tags: [remove-output]\n\n"])
def test_a_cell_that_writes_is_found_whatever_options_it_has(options):
    cells = [f"```{{code-cell}} ipython3\n{options}%%write {name}\n{name}\n```\n" for name in ("a.py", "b.py")]
    assert CELL.findall("\n".join(cells)) == [("write", "a.py", "a.py\n"), ("write", "b.py", "b.py\n")]


def answers(chapter):
    """Return the changes that the answers to the exercises of ``chapter`` make: files and diffs."""
    text = (ROOT / "book" / f"{chapter}.md").read_text(encoding="utf-8")
    return re.findall(rf"{re.escape(ANSWER)}\n%%change (\S+)\n(.*?)^```$", text, re.M | re.S)


@pytest.mark.parametrize("chapter", STEPS)
def test_the_answers_to_exercises_take_their_changes_back(runtime, chapter):
    before = files_before(CHAPTERS[CHAPTERS.index(chapter) + 1])
    put_files(runtime, before)
    said = [change(file, diff) for file, diff in answers(chapter)]
    assert len(said) == 2 and not any("already" in each for each in said)
    assert {file: (runtime / file).read_text() for file in before} == before


@pytest.mark.parametrize("chapter", STEPS)
def test_an_answer_that_is_run_later_changes_nothing_that_lasts(runtime, chapter):
    put_files(runtime, files_before("kit"))
    for file, diff in answers(chapter):
        with suppress(Differs):
            change(file, diff)
    assert {file: (runtime / file).read_text() for file in files_before("kit")} == files_before("kit")


def test_names_that_the_reader_changes_in_the_middle_stay(runtime):
    own = {file: text.replace("demoruntime", "orbit") for file, text in files_before("processor").items()}
    put_files(runtime, own)
    run("processor")
    assert "orbit" in (runtime / "demo_runtime" / "processor.py").read_text()
    assert (runtime / "demo_runtime" / "demoruntime.json").read_text() == own["demo_runtime/demoruntime.json"]
    assert kept(runtime) == {}


def test_what_is_put_away_is_kept(runtime, capsys):
    write("a/b.py", TEXT)
    write("c.py", "new\n")
    put_away("a", "c.py")
    put_away("a", "c.py")  # the cell is run twice
    assert [*runtime.iterdir()] == []
    assert kept(runtime) == {"1/a/b.py": TEXT, "2/c.py": "new\n"}
    assert capsys.readouterr().out.splitlines() == [
        "a: is in kept/1",
        "c.py: is in kept/2",
        "a: is away already",
        "c.py: is away already",
    ]


def test_to_begin_anew_keeps_all_that_was_there(runtime):
    write("a/b.py", TEXT)
    put_files(runtime, {"c.py": "new\n"})
    assert [path.name for path in runtime.iterdir()] == ["c.py"]
    assert kept(runtime) == {"1/my-runtime/a/b.py": TEXT}


RESTARTED = """
import sys
sys.path.insert(0, {book!r})
from IPython.testing.globalipapp import start_ipython
shell = start_ipython()
from workshop import workshop
place = workshop({chapter!r}, anew={anew})
shell.run_cell_magic("write", "mine.py", "mine\\n")
print(sorted(path.name for path in place.iterdir()))
"""


@pytest.fixture
def kernel(tmp_path):
    """Run the first cell of a chapter in a new process. Returns what is in the folder then."""

    def kernel(chapter, anew=False):
        code = RESTARTED.format(book=str(ROOT / "book"), chapter=chapter, anew=anew)
        environment = {**os.environ, "WORKSHOP": str(tmp_path / "a place")}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[-1]

    return kernel


def test_after_a_restart_the_files_are_still_there(kernel):
    assert kernel("first") == "['mine.py']"
    assert kernel("first") == "['mine.py']"


def test_who_comes_from_the_first_chapter_sees_what_the_second_shows_to_others(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKSHOP", str(tmp_path))
    configuration = tmp_path / "jupyter" / "jupyter_data_dir" / "metadata" / "runtimes" / "my_first.json"
    configuration.parent.mkdir(parents=True)
    fields = {"api_endpoint": "https://demo.example.com/api", "cos_endpoint": "https://storage.example.com:9000"}
    saved = {"display_name": "My first", "schema_name": "demoruntime", "metadata": fields}
    configuration.write_text(json.dumps(saved))
    notebook = jupytext.read(ROOT / "book" / "schema.md")
    NotebookClient(notebook, resources={"metadata": {"path": str(ROOT / "book")}}).execute()
    assert "my_first" not in json.dumps([cell.get("outputs", []) for cell in notebook.cells])


def test_two_chapters_may_be_opened_at_once(kernel):
    with ThreadPoolExecutor() as pool:
        shown = [*pool.map(kernel, ["processor", "schema", "processor"])]
    assert all("demo_runtime" in each and "mine.py" in each for each in shown)


def test_who_begins_with_a_later_chapter_gets_what_the_chapters_before_write(kernel):
    assert kernel("schema") == str(sorted([*{Path(file).parts[0] for file in files_before("schema")}, "mine.py"]))


def test_anew_is_as_the_chapter_begins(kernel, tmp_path):
    kernel("schema")
    changed_by_reader = tmp_path / "a place" / "my-runtime" / "pyproject.toml"
    changed_by_reader.write_text("mine")
    kernel("schema", anew=True)
    assert changed_by_reader.read_text() == files_before("schema")["pyproject.toml"]
    assert (tmp_path / "a place" / "kept" / "1" / "my-runtime" / "pyproject.toml").read_text() == "mine"


def test_the_environment_has_elyra_and_no_runtime_of_this_repository(tmp_path):
    commands = make_environment(tmp_path / "a place") / "bin"
    make_environment(tmp_path / "a place")  # a second time, as after a restart
    ask = "from elyra.pipeline.registry import PipelineProcessorRegistry as R; print(sorted(R.instance()._processors))"
    done = subprocess.run([commands / "python", "-W", "ignore", "-c", ask], capture_output=True, text=True)
    assert {"local", "kfp"} <= set(eval(done.stdout)) <= {"local", "kfp", "airflow", "argo"}, done.stderr


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """The runtime that all cells of the chapters make, from the first to the last, in an environment that has it."""
    place = tmp_path_factory.mktemp("workshop") / "with spaces"
    runtime = place / "my-runtime"
    runtime.mkdir(parents=True)
    put_files(runtime, files_before("kit"))
    commands = make_environment(place) / "bin"
    pip = [commands / "pip", "install", "--quiet", "--no-build-isolation", "--no-deps", runtime]
    done = subprocess.run(pip, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return runtime


def test_what_the_chapters_write_is_the_demo_runtime_to_the_byte(grown):
    found = differences(grown)
    assert len(found) == 10
    assert set(found.values()) == {"the same"}
    own = {path.relative_to(grown).as_posix() for path in grown.rglob("*") if path.is_file()}
    assert own - set(found) == {"ask.py", "pyproject.toml"}


def test_it_is_built_and_registered_as_the_demo_runtime_is(grown):
    mine, shipped = (tomllib.loads((folder / "pyproject.toml").read_text("utf-8")) for folder in (grown, ROOT))
    assert mine["project"]["entry-points"] == shipped["project"]["entry-points"]
    assert mine["tool"]["hatch"]["build"]["targets"]["wheel"] == shipped["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert mine["build-system"] == shipped["build-system"]


def test_pip_installs_it_and_elyra_finds_it(grown, tmp_path):
    commands = grown.parent / "environment" / "bin"
    ask = shutil.copy(grown / "ask.py", tmp_path)  # beside the package, it would find that, installed or not
    done = subprocess.run([commands / "python", ask], cwd="/", capture_output=True, text=True)
    assert "demoruntime: Demo Runtime\n" in done.stdout, done.stderr
    [config] = (grown.parent / "environment" / "etc").rglob("demo_runtime.json")
    assert config.read_bytes() == (ROOT / "jupyter-config" / "demo_runtime.json").read_bytes()
