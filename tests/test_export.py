"""Step 2: the export, a file that is there as a whole or not at all."""

import json
import os
from urllib.parse import unquote

import pytest
from host import FIELDS, elyra_pipeline, run
from pipelines import IMAGE, node, operation, parsed, pipeline_file, submission

NODES = [
    node("first", filename="work.py", outputs=["one.csv"], env_vars=[{"env_var": "SIZE", "value": "30"}], cpu=2),
    node("second", ["first"], label="두 번째", dependencies=["work.py"]),
]


@pytest.fixture
def pipeline(configuration):
    """A pipeline of one node."""
    return parsed(operation("a"), configuration=configuration)


# What is in it


def test_it_holds_the_facts_of_the_log(write, configuration, root):
    shown = elyra_pipeline("export", write(pipeline_file(*NODES)), "--runtime-config", configuration)
    assert shown.exit_code == 0, shown.output
    text = (root / "weather.json").read_text(encoding="utf-8")
    assert json.loads(text) == {
        "pipeline": "weather",
        "runtime": "demoruntime",
        "runtime_configuration": {
            "name": "demo",
            "display_name": "Demo",
            "runtime_type": "DEMO_RUNTIME",
            **FIELDS,
        },
        "nodes": [
            {
                "name": "first",
                "kind": "Python script",
                "file": "work.py",
                "runtime_image": IMAGE,
                "dependencies": [],
                "include_subdirectories": False,
                "inputs": [],
                "outputs": ["one.csv"],
                "environment_variables": ["SIZE"],
                "parents": [],
                "resources": {"cpu": 2},
                "ignored_properties": [],
                "id": "first",
            },
            {
                "name": "두 번째",
                "kind": "Python script",
                "file": "work.py",
                "runtime_image": IMAGE,
                "dependencies": ["work.py"],
                "include_subdirectories": False,
                "inputs": ["one.csv"],
                "outputs": [],
                "environment_variables": [],
                "parents": ["first"],
                "resources": {},
                "ignored_properties": [],
                "id": "second",
            },
        ],
    }
    assert "두 번째" in text
    assert text.endswith("}\n")


def test_long_lists_are_complete(processor, configuration, root):
    files = [f"{number}.csv" for number in range(100)]
    processor.export(parsed(operation("a", outputs=files), configuration=configuration), "json", "x.json", False)
    assert json.loads((root / "x.json").read_text())["nodes"][0]["outputs"] == files


def test_text_that_is_no_unicode_is_escaped(processor, configuration, root):
    # JSON can name half of a surrogate pair, and UTF-8 cannot hold it.
    processor.export(parsed(operation("a", name="\ud83d"), configuration=configuration), "json", "x.json", False)
    assert json.loads((root / "x.json").read_text(encoding="utf-8"))["nodes"][0]["name"] == "\ud83d"


def test_the_same_pipeline_gives_the_same_bytes_each_time_and_each_way(server):
    nodes = [
        node("many", outputs=[f"{number}.csv" for number in range(50)]),
        *(node(f"n{number}", ["many"], outputs=[f"from {number}.csv"]) for number in range(20)),
        node("last", [f"n{number}" for number in range(20)], label="마지막"),
    ]
    by_editor = []
    for _ in range(2):
        assert server.export(submission(*nodes, configuration="demo"), "editor.json", overwrite=True).ok
        by_editor.append((server.root / "editor.json").read_bytes())
    assert by_editor[0] == by_editor[1]
    assert by_editor[0].count(b"from 19.csv") == 2

    # The command line gives absolute paths. Another seed orders every set in another way.
    (server.root / "weather.pipeline").write_text(json.dumps(pipeline_file(*nodes)))
    shown = run(
        "elyra-pipeline", "export", "weather.pipeline", "--runtime-config=demo", "--output=command.json",
        cwd=server.root, env={**os.environ, **server.directories, "PYTHONHASHSEED": "1"},
    )  # fmt: skip
    assert shown.returncode == 0, shown.stdout
    assert (server.root / "command.json").read_bytes() == by_editor[0]


# Where it goes


def test_the_editor_names_the_target_from_the_root_and_finds_it_there(server):
    (server.root / "exports").mkdir()
    answer = server.export(submission(*NODES, configuration="demo"), "exports/weather.json")
    assert (answer.status_code, answer.json()["export_path"]) == (201, "exports/weather.json")
    assert (server.root / "exports" / "weather.json").is_file()
    found = server.get(answer.headers["Location"].removeprefix(server.base_url))
    assert found.json()["path"] == "exports/weather.json"


def test_the_editor_finds_a_target_with_spaces_and_korean_letters(server):
    answer = server.export(submission(*NODES, configuration="demo"), "날씨 100%.json")
    assert (answer.status_code, answer.json()["export_path"]) == (201, "날씨 100%.json")
    assert unquote(answer.headers["Location"]).endswith("api/contents/날씨 100%.json")
    assert server.get(answer.headers["Location"].removeprefix(server.base_url)).json()["path"] == "날씨 100%.json"


def test_the_command_line_takes_a_path_of_its_own(write, configuration, tmp_path):
    target = tmp_path / "elsewhere" / "날씨 예보.json"
    shown = elyra_pipeline(
        "export", write(pipeline_file(*NODES)), "--runtime-config", configuration, "--output", target
    )
    assert shown.exit_code == 0, shown.output
    assert json.loads(target.read_text(encoding="utf-8"))["pipeline"] == "weather"


@pytest.mark.parametrize("path", ["../weather.json", "folder/../../weather.json"])
def test_a_relative_path_does_not_leave_the_root(processor, pipeline, root, path):
    with pytest.raises(RuntimeError, match=f"'{path}' has '..': choose one without"):
        processor.export(pipeline, "json", path, False)
    assert not (root.parent / "weather.json").exists()


# What is refused, and leaves everything as it was


def test_an_existing_file_is_kept_unless_it_shall_be_overwritten(processor, pipeline, root):
    (root / "weather.json").write_text("mine")
    with pytest.raises(RuntimeError, match="File exists: '.*/weather.json'. Choose another file"):
        processor.export(pipeline, "json", "weather.json", False)
    assert (root / "weather.json").read_text() == "mine"
    processor.export(pipeline, "json", "weather.json", True)
    assert json.loads((root / "weather.json").read_text())["pipeline"] == "weather"


def test_the_editor_says_that_the_file_exists(server):
    document = submission(*NODES, configuration="demo")
    assert server.export(document, "twice.json").ok
    answer = server.export(document, "twice.json")
    assert answer.status_code == 500
    assert "twice.json'. Choose another file, or choose to overwrite it." in answer.json()["message"]


def test_the_command_line_says_that_the_file_exists(write, configuration, root):
    (root / "weather.json").write_text("mine")
    shown = elyra_pipeline("export", write(pipeline_file(*NODES)), "--runtime-config", configuration)
    assert shown.exit_code == 1
    assert "exists and option '--overwrite' was not specified" in shown.output  # Elyra's own words
    assert (root / "weather.json").read_text() == "mine"


def test_the_editor_says_which_formats_there_are(server):
    answer = server.export(submission(*NODES, configuration="demo"), "weather.yaml", format="yaml")
    assert answer.json()["message"] == "No export to 'yaml': choose json."
    assert not (server.root / "weather.yaml").exists()


def test_the_command_line_says_which_formats_there_are(write, configuration, root):
    shown = elyra_pipeline(
        "export", write(pipeline_file(*NODES)), "--runtime-config", configuration, "--format", "yaml"
    )
    assert shown.exit_code == 2
    assert "Valid export formats are ['json']." in shown.output  # Elyra's own words


NOWHERE = {
    "missing directory": ("missing/weather.json", "No such file or directory"),
    "file for a directory": ("work.py/weather.json", "Not a directory"),
    "name too long": ("n" * 300, "File name too long"),
    "no file name": ("a\0b.json", "embedded null"),
}


@pytest.mark.parametrize("path, reason", NOWHERE.values(), ids=NOWHERE)
@pytest.mark.parametrize("overwrite", [True, False])
def test_a_target_that_cannot_be_is_refused(processor, pipeline, root, path, reason, overwrite):
    with pytest.raises(RuntimeError, match=rf"{reason}.*\. Choose another file"):
        processor.export(pipeline, "json", path, overwrite)
    assert os.listdir(root) == ["work.py"]


@pytest.mark.parametrize("path", ["folder", "", "."])
def test_a_directory_is_never_replaced(processor, pipeline, root, path):
    (root / "folder").mkdir()
    with pytest.raises(RuntimeError, match="File exists: .* Choose another file"):
        processor.export(pipeline, "json", path, False)
    with pytest.raises(RuntimeError, match="Is a directory: .* Choose another file"):
        processor.export(pipeline, "json", path, True)
    assert sorted(os.listdir(root)) == ["folder", "work.py"]


def test_a_directory_that_may_not_be_written_to_is_refused(processor, pipeline, root, permissions):
    root.chmod(0o555)
    with pytest.raises(RuntimeError, match="Permission denied: '.*/weather.json'. Choose another file"):
        processor.export(pipeline, "json", "weather.json", False)


def test_the_command_line_says_why_a_target_cannot_be_written(write, configuration, root):
    shown = elyra_pipeline(
        "export", write(pipeline_file(*NODES)), "--runtime-config", configuration,
        "--output", root / ("n" * 300 + ".json"),
    )  # fmt: skip
    assert shown.exit_code != 0
    assert "File name too long" in shown.output + str(shown.exception)


def test_the_longest_name_that_the_disk_takes_is_taken(processor, pipeline, root):
    processor.export(pipeline, "json", "n" * 250 + ".json", False)
    assert len(os.listdir(root)) == 2


def test_an_export_runs_no_node_and_says_so(processor, pipeline, caplog):
    caplog.set_level("INFO", logger="demo_runtime")
    processor.export(pipeline, "json", "weather.json", False)
    assert "exported to 'weather.json'; nodes run: 0" in caplog.text
