"""Use JupyterLab with the Dask runtime in a browser: the tile, the form, a node that is edited and saved, a run."""

import json

from lab import browser, choose_runtime, fill_form, jupyterlab, open_lab, open_pipeline, save_pipeline
from playwright.sync_api import Error, expect

expect.set_options(timeout=30_000)  # a busy machine is no failure

TILES = {
    "DEMO_RUNTIME": "Demo Runtime Pipeline Editor",
    "DASK": "Dask Pipeline Editor",
    "MACHINE": "This Machine Pipeline Editor",
}


def browse():
    """Return what is wrong with each step, or nothing, a dict by step. A step that fails does not hinder the others."""
    with browser() as chromium, jupyterlab("pipeline", "dask") as server:
        page = open_lab(chromium, server)
        return {step.__name__: _said(step, page, server) for step in (tile, form, edit, run)}


def _said(step, page, server):
    try:
        step(page, server)
    except (Error, AssertionError) as error:
        return " ".join(str(error).split())[:200]
    return ""


def tile(page, server):
    """The launcher has a tile for each runtime, with its icon and its name."""
    for runtime_type, title in TILES.items():
        cards = page.locator(f".jp-LauncherCard:has([data-icon='elyra:platform:{runtime_type}'])")
        expect(cards.first).to_be_visible()
        assert cards.count() == 1, f"the launcher has {cards.count()} tiles for {runtime_type}"
        named = cards.get_attribute("title")
        assert named == title, f"the tile of {runtime_type} is called {named!r}"


def form(page, server):
    """The form saves a runtime configuration, and the panel lists it."""
    panel, form = fill_form(page, "Dask", {"display_name": "Here"})
    form.get_by_role("button", name="Save & Close").click()
    expect(panel.locator(".elyra-metadata-item", has_text="Here")).to_have_count(1)


def edit(page, server):
    """A node that is deleted marks the file as changed, and saving it writes the file."""
    page.locator(".lm-TabBar-tab[data-id='filebrowser']").click()
    page.locator(".jp-DirListing-item[title*='dask']").dblclick()
    open_pipeline(page)
    page.locator(".d3-node-group", has_text="report").click()
    page.keyboard.press("Delete")
    expect(page.locator(".d3-node-group", has_text="report")).to_have_count(0)
    marked = page.locator("#jp-main-dock-panel .lm-TabBar-tab.jp-mod-dirty")
    try:
        expect(marked).to_have_count(1)
    except AssertionError as error:
        raise AssertionError("the tab of a changed pipeline has no mark, and the change may be lost") from error
    finally:
        save_pipeline(page)
    document = json.loads((server.root / "dask" / "temperatures.pipeline").read_text(encoding="utf-8"))
    names = [node["app_data"]["ui_data"]["label"] for node in document["pipelines"][0]["nodes"]]
    assert "report" not in names, "the file holds the deleted node"


def run(page, server):
    """A submission is answered with the address of the run, whose page says that it is done."""
    choose_runtime(page, "Run Pipeline", "DASK", "here").get_by_role("button", name="Ok").click()
    with page.expect_popup() as popup:
        page.get_by_text("Run Details").click(timeout=120_000)
    expect(popup.value.get_by_role("status").get_by_text("done")).to_have_count(1, timeout=120_000)
