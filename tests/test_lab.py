"""``make lab``: each chapter opens as a notebook, and saving it after a run leaves its file as it was."""

import shutil
from pathlib import Path

import pytest
from jupytext import TextFileContentsManager
from nbformat.v4 import new_output
from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).parents[1]


@pytest.fixture
def manager(tmp_path):
    """What JupyterLab reads and writes files with, on a copy of the book."""
    shutil.copy(ROOT / "jupytext.toml", tmp_path)
    shutil.copytree(ROOT / "book", tmp_path / "book")
    return TextFileContentsManager(root_dir=str(tmp_path))


@pytest.mark.parametrize("chapter", parse_toc_yaml(ROOT / "_toc.yml"))
def test_a_chapter_is_saved_as_it_was(manager, chapter):
    path = f"{chapter}.md"
    model = manager.get(path, type="notebook", content=True)
    assert model["content"].metadata.get("kernelspec", {}).get("name") == "python3"
    model["content"].metadata.language_info = {"name": "python", "version": "3.13.0"}
    for cell in model["content"].cells:
        if cell.cell_type == "code":
            cell.execution_count = 1
            cell.outputs = [new_output("stream", name="stdout", text="an output\n")]
    manager.save(model, path)
    assert Path(manager.root_dir, path).read_bytes() == (ROOT / path).read_bytes()
