"""``make lab``: a chapter reads in JupyterLab like its page, in a browser, in a directory with spaces in its name."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jupytext
import pytest
import requests
from bs4 import BeautifulSoup
from markdown_it import MarkdownIt
from playwright.sync_api import expect
from sphinx_external_toc.parsing import parse_toc_yaml

from elyra_runtime_doctor.host import environment

ROOT = Path(__file__).parents[1]
CHAPTERS = [Path(chapter).name for chapter in parse_toc_yaml(ROOT / "_toc.yml")]
WITH_CODE = [name for name in CHAPTERS if "{code-cell}" in (ROOT / "book" / f"{name}.md").read_text(encoding="utf-8")]
slow = pytest.mark.skipif("RUN_SLOW_CHAPTERS" not in os.environ, reason="slow; to run it, set RUN_SLOW_CHAPTERS=1")
FOLDED = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
"""Tags of cells that MyST-NB folds or leaves out."""

LOOK = """panel => {
  const text = (element) => element.textContent.replace(/¶$/, "").trim();
  const prose = (rendered) => {
    const copy = rendered.cloneNode(true);
    copy.querySelectorAll("code, pre").forEach((code) => code.remove());
    return copy.textContent;
  };
  const all = (selector) => [...panel.querySelectorAll(selector)];
  const cells = all(".jp-Cell");
  return {
    headings: all(".jp-RenderedMySTMarkdown :is(h1, h2, h3, h4, h5, h6)")
      .filter((heading) => heading.checkVisibility())
      .map((heading) => [heading.tagName.toLowerCase(), text(heading)]),
    prose: all(".jp-RenderedMySTMarkdown").map(prose).join("\\n"),
    pictures: all(".jp-RenderedMySTMarkdown img").map((image) => [image.alt, image.complete && image.naturalWidth > 0]),
    folded: cells.flatMap((cell, number) => cell.querySelector(".jp-InputPlaceholder") ? [number] : []),
  };
}"""


def left_out(_, names):
    """Name what a clone of the repository does not hold."""
    hidden = {name for name in names if name.startswith(".")} - {".gitignore", ".jupyter"}
    return hidden | {*names} & {"__pycache__", "_build", "dist"}


class Repository:
    """A copy of this repository, in which ``make lab`` starts JupyterLab."""

    def __init__(self, root):
        self.root = root
        shutil.copytree(ROOT, root, ignore=left_out)
        (root / ".venv").symlink_to(sys.prefix)
        self._git("init")
        self._git("add", "--all")
        # The environment is there: without its set-up.
        options = "ARGS=--no-browser --allow-root --ServerApp.ip=127.0.0.1 --port=0"
        command = ["make", "-o", "setup", "lab", options]
        with open(root.parent / "lab.log", "w") as log:
            self._make = subprocess.Popen(command, cwd=root, env=environment(), stdout=log, stderr=log)
        end = time.monotonic() + 300
        while (server := self._server()) is None:
            if self._make.poll() is not None or time.monotonic() > end:
                self._make.kill()
                raise RuntimeError((root.parent / "lab.log").read_text(encoding="utf-8"))
            time.sleep(0.1)
        self.server = server

    def _server(self):
        """Return what the server notes about itself when it is up, or ``None``."""
        for path in self.root.glob(".lab/runtime/jpserver-*.json"):
            try:
                return json.loads(path.read_text(encoding="utf-8"))
            except ValueError:  # it is being written
                return None

    def stop(self):
        os.kill(self.server["pid"], signal.SIGTERM)
        self._make.wait(timeout=60)

    def _git(self, *arguments):
        done = subprocess.run(["git", *arguments], cwd=self.root, capture_output=True, text=True, check=True)
        return done.stdout

    def changes(self):
        """Return what git takes for changed or new since JupyterLab was started."""
        return self._git("diff", "--name-only") + self._git("ls-files", "--others", "--exclude-standard")

    def end_kernels(self):
        """End the kernels of all chapters. JupyterLab keeps them when a chapter is closed, with what they have run."""
        sessions = f"{self.server['url']}api/sessions"
        with requests.Session() as session:
            session.trust_env = False  # a proxy does not know this machine's servers
            session.headers["Authorization"] = f"token {self.server['token']}"
            for each in session.get(sessions).json():
                session.delete(f"{sessions}/{each['id']}").raise_for_status()

    def open(self, chromium):
        """Open JupyterLab as ``make lab`` does, with the first chapter, and leave it. Return the page."""
        page = chromium.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"{self.server['url']}lab/tree/book/start.md?token={self.server['token']}&reset")
        Chapter(page, "start").leave()
        return page


@pytest.fixture(scope="module")
def repository(nobodys_jupyter, tmp_path_factory):
    repository = Repository(tmp_path_factory.mktemp("lab") / "a copy with spaces")
    yield repository
    repository.stop()


@pytest.fixture(scope="module")
def tabs(repository, chromium):
    """The browser tabs in which JupyterLab is open. It takes long to load, so one is enough for all chapters."""
    return []


@pytest.fixture
def page(tabs, repository, chromium, request, tmp_path):
    """JupyterLab. If the test fails, a picture of it stays behind, and the next test gets a new one."""
    if not tabs:
        tabs.append(repository.open(chromium))
    yield tabs[0]
    if request.node.failed:
        tabs[0].screenshot(path=tmp_path / "page.png")
        tabs.pop().close()
    repository.end_kernels()


class Chapter:
    """A chapter that is shown in JupyterLab."""

    def __init__(self, page, name):
        self.page = page
        self.cells = jupytext.read(ROOT / "book" / f"{name}.md", fmt="md:myst").cells
        self.handle = page.locator("#jp-main-dock-panel .lm-TabBar-tab", has_text=f"{name}.md")
        expect(self.handle).to_contain_class("lm-mod-current")
        self.panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        expect(self.panel.locator(".jp-Cell")).to_have_count(len(self.cells))
        expect(self.panel.locator(".jp-Cell:has(.jp-RenderedMySTMarkdown > *)")).to_have_count(self.texts)
        expect(self.panel.locator(".jp-InputPlaceholder")).to_have_count(len(self.folded_on_its_page))
        idle = self.panel.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']")
        expect(idle).to_be_visible()

    @classmethod
    def open(cls, page, name):
        page.locator(f".jp-DirListing-item[title*='Name: {name}.md']").dblclick()
        return cls(page, name)

    @property
    def texts(self):
        """How many of its cells are text."""
        return sum(cell.cell_type == "markdown" for cell in self.cells)

    @property
    def folded_on_its_page(self):
        """The numbers of the cells that the page folds or leaves out."""
        return [number for number, cell in enumerate(self.cells) if FOLDED & {*cell.metadata.get("tags", [])}]

    def look(self):
        pictures = self.panel.locator(".jp-RenderedMySTMarkdown img")
        pictures.evaluate_all("all => Promise.allSettled(all.map(image => image.decode()))")
        return self.panel.evaluate(LOOK)

    def run(self):
        """Run all cells, none of which is folded, and wait for the end of the last one, or for an error."""
        self.page.locator(".lm-MenuBar-item", has_text="Run").click()
        self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        self.wait_for(self.panel.locator(".jp-CodeCell").last)

    def run_to(self, source):
        """Run the cells down to the code cell with ``source``, and wait as ``run`` does. Return the cell."""
        cell = self.panel.locator(".jp-CodeCell").filter(has=self.page.get_by_text(source, exact=True))
        cell.locator(".jp-InputArea-editor").click()
        self.page.locator(".lm-MenuBar-item", has_text="Run").click()
        self.page.get_by_role("menuitem", name="Run All Above Selected Cell", exact=True).click()
        self.page.keyboard.press("Control+Enter")
        self.wait_for(cell)
        return cell

    def wait_for(self, cell):
        """Wait until ``cell`` has run, or for an error."""
        done = cell.locator(".jp-InputPrompt", has_text=re.compile(r"\[\d+\]:"))
        expect(done.or_(self.errors).first).to_be_attached(timeout=600_000)

    @property
    def errors(self):
        """The outputs in which Jupyter shows an error."""
        return self.panel.locator("[data-mime-type='application/vnd.jupyter.error']")

    @property
    def numbers(self):
        """What stands before the code cells: in which order they were run."""
        return self.panel.locator(".jp-CodeCell .jp-InputPrompt").all_text_contents()

    def unfold(self):
        while self.panel.locator(".jp-InputPlaceholder").count():
            self.panel.locator(".jp-InputPlaceholder").first.click()

    def save(self):
        """Save the chapter, and wait until nothing is left to save."""
        with self.page.expect_response(lambda answer: answer.url.partition("?")[0].endswith(".md/checkpoints")):
            self.page.get_by_role("button", name="Save and create checkpoint").locator("visible=true").click()
        self.expect_nothing_to_save()

    def expect_a_change(self):
        expect(self.handle).to_contain_class("jp-mod-dirty")

    def expect_nothing_to_save(self):
        expect(self.handle).not_to_contain_class("jp-mod-dirty")

    def leave(self):
        """Close the chapter as it was opened. A chapter that stays open is saved by JupyterLab, two minutes later."""
        self.handle.click()
        self.expect_a_change()  # JupyterLab adds what the kernel says of its language, and some time may pass
        self.save()
        self.close()

    def close(self):
        """Close the chapter, where nothing is left to save: JupyterLab asks nothing."""
        self.handle.locator(".lm-TabBar-tabCloseIcon").click()
        expect(self.handle).to_have_count(0)


def headings(name):
    """Return the headings of the chapter, as MyST's parser finds them: ``[tag, text]``."""
    found = []
    for cell in jupytext.read(ROOT / "book" / f"{name}.md", fmt="md:myst").cells:
        tokens = MarkdownIt("commonmark").parse(cell.source) if cell.cell_type == "markdown" else []
        for opening, inline in zip(tokens, tokens[1:], strict=False):
            if opening.type == "heading_open":
                found.append([opening.tag, "".join(part.content for part in inline.children)])
    return found


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_headings_of_a_chapter_are_those_of_its_page(missing, name):
    page = ROOT / "_build" / "html" / "book" / f"{name}.html"
    if not page.exists():
        missing("the book is not built; build it: make book")
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    for other in soup.select(".headerlink, .cell_output"):
        other.decompose()
    shown = [[heading.name, heading.get_text()] for heading in soup.select("article :is(h1, h2, h3, h4, h5, h6)")]
    assert shown == headings(name)


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_reads_like_its_page_and_is_saved_as_it_was(page, repository, name):
    chapter = Chapter.open(page, name)
    expect(chapter.panel.locator(".jp-RenderedMySTMarkdown > :first-child")).to_have_count(chapter.texts)
    shown = chapter.look()
    assert shown["headings"] == headings(name)
    for raw in (":::", "```", "{figure}", "{admonition}", "]("):
        assert raw not in shown["prose"]
    figures = sum(cell.source.count("```{figure}") for cell in chapter.cells)
    assert [there for _, there in shown["pictures"]] == [True] * figures
    assert shown["folded"] == chapter.folded_on_its_page
    chapter.leave()
    assert repository.changes() == ""


@pytest.mark.parametrize("name", [pytest.param(name, marks=slow if name != "schema" else ()) for name in WITH_CODE])
def test_a_chapter_that_was_run_leaves_nothing_to_save(page, repository, name):
    """The tests of the chapters run all cells of all chapters, too, so that one is enough here in everyday life."""
    chapter = Chapter.open(page, name)
    chapter.expect_a_change()
    chapter.save()
    chapter.unfold()
    chapter.expect_nothing_to_save()
    chapter.run()
    assert chapter.errors.all_inner_texts() == []
    assert chapter.numbers == [f"[{number}]:" for number in range(1, len(chapter.numbers) + 1)]
    chapter.save()
    chapter.close()
    assert repository.changes() == ""


def test_a_link_leads_to_a_chapter_and_to_its_heading(page):
    before = Chapter.open(page, "troubleshooting")
    before.panel.get_by_role("link", name="chapter on registration", exact=True).click()
    linked = Chapter(page, "registration")
    expect(linked.panel.get_by_role("heading", name="Where did it go?")).to_be_in_viewport()
    linked.panel.get_by_role("link", name="Processor: say more about the pipeline").first.click()
    for chapter in Chapter(page, "processor"), linked, before:
        chapter.leave()


def test_a_link_that_a_cell_prints_leads_to_the_fault(page):
    """On the page, the link leads to the page with the faults. Here, its cells print the faults when they are run."""
    faults, title = Chapter.open(page, "faults"), "The entry points that are installed are not those of the source"
    faults.unfold()
    faults.run()
    troubleshooting = Chapter.open(page, "troubleshooting")
    troubleshooting.run_to("faults(MISSING)").get_by_role("link", name=title).click()
    expect(faults.handle).to_contain_class("lm-mod-current")
    expect(faults.panel.locator("section.fault", has_text=title)).to_be_in_viewport()
    for chapter in faults, troubleshooting:
        chapter.leave()


def test_a_chapter_that_is_open_twice_is_saved_in_both_tabs(page, chromium, repository):
    first = Chapter.open(page, "registration")
    second = Chapter.open(repository.open(chromium), "registration")
    first.save()
    second.save()
    first.save()
    second.page.close()
    first.close()
    assert repository.changes() == ""
