"""The pipeline editor keeps what you change, in a browser: the mark of a changed file, the question, the file."""

import json
import shutil

import pytest
from lab import jupyterlab, open_lab, open_pipeline
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def server():
    with jupyterlab() as server:
        yield server


@pytest.fixture
def pipeline(server, request):
    """A pipeline file of this test alone: a ``Path``."""
    path = server.root / f"{request.node.originalname}.pipeline"
    shutil.copy(server.root / "temperatures.pipeline", path)
    return path


class Tab:
    """A browser tab in which the editor has opened ``pipeline``."""

    def __init__(self, page, pipeline):
        self.page = page
        open_pipeline(page, pipeline.name)
        self.handle = page.locator("#jp-main-dock-panel .lm-TabBar-tab", has_text=pipeline.name)

    def node(self, name):
        return self.page.locator(".d3-node-group", has_text=name)

    def delete(self, name):
        self.node(name).click()
        self.page.keyboard.press("Delete")
        expect(self.node(name)).to_have_count(0)

    def open_properties(self, name):
        """Open the properties of a node. That alone changes the pipeline: the editor adds empty ones. So, save it."""
        self.node(name).click(button="right")
        self.page.get_by_text("Open Properties").click()
        self.page.locator("input#root_label").wait_for()
        self.expect_mark()
        self.save()
        self.expect_mark(False)

    def rename(self, name, label):
        """Change the property "Label" of a node, whose properties are open."""
        self.page.locator("input#root_label").fill(label)
        expect(self.node(label)).to_have_count(1)

    def expect_mark(self, there=True):
        """Expect the mark of a changed file, or none."""
        marked = expect(self.handle)
        (marked.to_contain_class if there else marked.not_to_contain_class)("jp-mod-dirty")

    def close(self):
        self.handle.locator(".lm-TabBar-tabCloseIcon").click()

    def save(self):
        self.page.get_by_role("button", name="Save Pipeline").click()

    def answer(self, title, button):
        """Answer the dialog ``title``. Return its text."""
        dialog = self.page.locator(".jp-Dialog", has_text=title)
        dialog.wait_for()
        text = dialog.inner_text()
        dialog.get_by_role("button", name=button).click()
        dialog.wait_for(state="detached")
        return text


@pytest.fixture
def open_tab(chromium, server, pipeline, request, tmp_path):
    """A function that opens the pipeline in a new browser tab. If the test fails, a picture of each stays behind."""
    pages = []

    def open_tab():
        pages.append(open_lab(chromium, server))
        return Tab(pages[-1], pipeline)

    yield open_tab
    for number, page in enumerate(pages):
        if request.node.failed:
            page.screenshot(path=tmp_path / f"page-{number}.png")
        page.close()


def labels(pipeline):
    """Return the labels of the nodes in the file."""
    nodes = json.loads(pipeline.read_text(encoding="utf-8"))["pipelines"][0]["nodes"]
    return [node["app_data"]["ui_data"]["label"] for node in nodes]


@pytest.fixture
def tab(open_tab):
    tab = open_tab()
    tab.expect_mark(False)
    return tab


def expect_a_question_and_save(tab, pipeline):
    """Expect the mark of a changed file, close the tab, and let it save the file."""
    tab.expect_mark()
    tab.close()
    assert pipeline.name in tab.answer("Save your work", "Save")
    tab.handle.wait_for(state="detached")


def test_a_deleted_node_is_a_change(tab, pipeline):
    tab.delete("summarise")
    expect_a_question_and_save(tab, pipeline)
    assert labels(pipeline) == ["collect", "clean", "report"]


def test_another_property_is_a_change(tab, pipeline):
    tab.open_properties("clean")
    tab.rename("clean", "tidy")
    expect_a_question_and_save(tab, pipeline)
    assert labels(pipeline) == ["collect", "tidy", "summarise", "report"]


def test_a_change_is_kept_where_the_question_is_cancelled_and_dropped_where_the_user_says_so(tab, pipeline):
    before = pipeline.read_bytes()
    tab.delete("summarise")
    tab.close()
    tab.answer("Save your work", "Cancel")
    tab.expect_mark()
    assert pipeline.read_bytes() == before
    tab.close()
    tab.answer("Save your work", "Discard")
    tab.handle.wait_for(state="detached")
    assert pipeline.read_bytes() == before


@pytest.fixture
def outdated(open_tab):
    """A tab with a change, whose file another tab has changed, too, and saved. It is about to save."""
    first, second = open_tab(), open_tab()
    first.delete("summarise")
    first.save()
    first.expect_mark(False)
    second.delete("report")
    second.save()
    return second


def test_what_another_tab_has_saved_is_overwritten_only_where_the_user_says_so(outdated, pipeline):
    outdated.answer("has changed on disk", "Cancel")
    outdated.expect_mark()
    assert labels(pipeline) == ["collect", "clean", "report"]
    outdated.save()
    outdated.answer("has changed on disk", "Overwrite")
    outdated.expect_mark(False)
    assert labels(pipeline) == ["collect", "clean", "summarise"]


def test_what_another_tab_has_saved_can_be_loaded(outdated, pipeline):
    outdated.answer("has changed on disk", "Revert")
    expect(outdated.node("report")).to_have_count(1)
    expect(outdated.node("summarise")).to_have_count(0)
    outdated.expect_mark(False)
    assert labels(pipeline) == ["collect", "clean", "report"]
