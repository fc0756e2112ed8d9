"""Take the pictures of the book from the shipped code: ``make pictures``.

Beside the pictures, ``said.json`` keeps what the marked part of each page says. The tests walk the same way
and compare the words, so a picture that no longer shows the shipped runtime is found.
"""

import json
from functools import partial

from lab import (
    CONFIGURATION,
    ROOT,
    browser,
    choose_runtime,
    fill_form,
    jupyterlab,
    open_lab,
    open_pipeline,
    save_pipeline,
    workshop_jupyterlab,
)
from workshop import files_of

HERE = {
    "schema_name": "machine",
    "display_name": "This machine",
    "metadata": {},
}
"""A runtime configuration of the runtime for this machine."""

IMAGES = ROOT / "book" / "images"
SAID = IMAGES / "said.json"

NO_CHANCE = """
#jp-bottom-panel, #jp-main-statusbar, .jp-DirListing-itemModified, .jp-id-modified { visibility: hidden !important; }
* { caret-color: transparent !important; transition: none !important; animation: none !important; }
"""
SHOWN = {"width": 688, "height": 430}
"""The size of a picture that a page of the book shows as large as JupyterLab does."""
MARGIN = 16
FIELDS = [name for name, field in json.loads(files_of("fields")["fields.json"]).items() if "uihints" not in field]
"""What the form of the chapter about fields shows."""

MARK = "outline: 3px solid #d6336c; outline-offset: 3px; border-radius: 4px;"


def walk(page):
    """Go the way of the book through JupyterLab on ``page``. Yield the name of each picture, and what matters in it."""
    yield "tile", page.locator(".jp-LauncherCard[title='Demo Runtime Pipeline Editor']")

    fields = {"display_name": CONFIGURATION["display_name"], **CONFIGURATION["metadata"]}
    panel, form = fill_form(page, "Demo Runtime", fields)
    form.locator("input[id$='_api_endpoint']").scroll_into_view_if_needed()
    yield "form", form

    form.get_by_role("button", name="Save & Close").click()
    entry = panel.locator(".elyra-metadata-item", has_text=CONFIGURATION["display_name"])
    entry.get_by_text(CONFIGURATION["display_name"]).click()
    entry.get_by_text("API Endpoint").wait_for()
    yield "configuration", entry

    page.locator(".lm-TabBar-tab[data-id='filebrowser']").click()
    open_pipeline(page)
    dialog = choose_runtime(page, "Run Pipeline")
    yield "run", dialog.locator(".jp-Dialog-content")

    dialog.get_by_role("button", name="Ok").click()
    page.get_by_text("Run Details").wait_for()
    yield "submitted", page.locator(".jp-Dialog-content")

    page.locator(".jp-Dialog").get_by_role("button", name="Ok").click()
    save_pipeline(page)  # else the editor asks to do so before it exports
    dialog = choose_runtime(page, "Export Pipeline")
    yield "export", dialog.locator(".jp-Dialog-content")


def walk_first(page):
    """Look at the runtime of the first chapter on ``page``. Yield the name of each picture, and what matters in it."""
    yield "first-tile", page.locator(".jp-LauncherCard[title='Demo Runtime Pipeline Editor']")
    _, form = fill_form(page, "Demo Runtime", {"display_name": "My first"})
    yield "first-form", form


def walk_fields(page):
    """Fill in the form of the chapter about fields on ``page``. Yield the name of each picture, and the field in it."""
    values = {"queue": "short", "note": "be quick", "hours": "1.5", "notify": "ada@example.com", "token": "s3cret"}
    _, form = fill_form(page, "Fields", {"display_name": "Mine", **values})
    form.get_by_role("button", name="Add", exact=True).click()
    form.locator("[id$='_hosts_0']").fill("node1")
    for name in FIELDS:
        yield f"field-{name}", form.locator(f".elyra-formEditor-form-{name}")


WALKS = (
    (partial(workshop_jupyterlab, "first"), walk_first, SHOWN),
    (partial(workshop_jupyterlab, "fields"), walk_fields, {"width": 0, "height": 0}),
    (jupyterlab, walk, SHOWN),
)
"""The ways through JupyterLab: where each starts, its steps, and how large its pictures are at least."""


def walk_to_run(page, server):
    """Break a node of the chapter about running, run the pipeline in the editor on ``page``, and follow "Run Details".

    Yield the name of each picture, and what matters in it, on the page of the run.
    """
    server.post("elyra/metadata/runtimes", HERE)
    script = server.root / "dask" / "extremes.py"
    script.write_text(script.read_text(encoding="utf-8").replace("row[1]", "row[2]"), encoding="utf-8")
    page.locator(".jp-DirListing-item[title*='dask']").dblclick()
    open_pipeline(page)
    choose_runtime(page, "Run Pipeline", "MACHINE", "this_machine").get_by_role("button", name="Ok").click()
    with page.expect_popup() as popup:
        page.get_by_text("Run Details").click(timeout=60_000)
    run = popup.value
    run.set_viewport_size({"width": 900, "height": 1100})
    run.get_by_role("status").get_by_text("failed").wait_for(timeout=60_000)
    run.locator("#graph").get_by_role("button", name="extremes").click()
    run.locator("#details pre").get_by_text("IndexError").first.wait_for()
    yield "run-page", run.locator("#graph")
    run.set_viewport_size({"width": 390, "height": 800})
    yield "run-page-phone", run.locator("#error")


def words(part):
    """Return what ``part`` of a page says: its title, its text, and what its fields hold. A password is dots."""
    return part.evaluate(
        """part => [part.title, part.innerText, ...[...part.querySelectorAll("input")].map(
            field => field.type === "password" ? field.value.replace(/./g, "•") : field.value
        )].flatMap(text => text.split("\\n")).map(text => text.trim()).filter(Boolean)"""
    )


def shoot(name, page, clip=None):
    """Take the picture ``name`` of ``page`` or of the rectangle ``clip`` in it, when nothing moves any more."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)
    page.screenshot(path=IMAGES / f"{name}.png", clip=clip, animations="disabled", caret="hide")


def around(part, least):
    """Return the rectangle of a picture with ``part`` in the middle, ``least`` in size, as far as the window goes."""
    box, window = part.bounding_box(), part.page.viewport_size
    clip = {}
    for start, length in (("x", "width"), ("y", "height")):
        clip[length] = min(max(box[length] + 2 * MARGIN, least[length]), window[length])
        middle = box[start] + box[length] / 2
        clip[start] = min(max(middle - clip[length] / 2, 0), window[length] - clip[length])
    return clip


def take():
    """Write every picture, and what it says, to ``book/images``."""
    said = {}
    with browser() as chromium:
        for start, way, least in WALKS:
            with start() as server:
                page = open_lab(chromium, server)
                page.add_style_tag(content=NO_CHANCE)
                for name, part in way(page):
                    said[name] = words(part)
                    part.scroll_into_view_if_needed()
                    style = part.evaluate(
                        "(part, mark) => { const s = part.style.cssText; part.style.cssText += mark; return s }", MARK
                    )
                    shoot(name, page, around(part, least))
                    part.evaluate("(part, style) => { part.style.cssText = style }", style)
        with jupyterlab("pipeline", "dask") as server:
            for name, part in walk_to_run(open_lab(chromium, server), server):
                said[name] = words(part)
                part.scroll_into_view_if_needed()
                shoot(name, part.page)
    SAID.write_text(json.dumps(said, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    take()
