"""Ask JupyterLab, in a browser, what only its form shows of a mistake. No check of ours is asked.

``ask`` returns facts as those of ``oracle``: each is as it is with the healthy runtime, or worse.
"""

import json
import sys
from pathlib import Path

from playwright.sync_api import Error

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "pictures"))

from lab import open_lab, open_panel  # noqa: E402
from test_broken_browser import JupyterLab  # noqa: E402

SOON = 5_000
"""Milliseconds in which a form that works does what it is told."""

DRAWN = """form => Object.fromEntries([...form.querySelectorAll("input, select, textarea")].map(control => {
    const field = control.closest(".field, .form-group") || control
    return [control.id.replace(/^.*?_(?=[a-z])/, ""), {
        label: field.querySelector("label")?.innerText.trim(),
        described: field.querySelector('.field-description')?.textContent.trim(),
        kind: control.type,
        value: control.value,
        placeholder: control.placeholder,
    }]
}))"""


def ask(installation, user, chromium, fields):
    """Return what ``user`` sees of the form of the runtime: facts by name.

    ``fields`` are the names of those that the healthy form has. What a mistake adds must be drawn, and no more.
    """
    facts = {}
    with JupyterLab(installation) as server:
        page = open_lab(chromium, server)
        page.set_default_timeout(SOON)
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)[:80]))
        try:
            for name, fact in _form(page, installation, user, fields):
                facts[f"browser: {name}"] = fact
        except Error as error:
            facts["browser: ended with"] = str(error).splitlines()[0][:80]
        facts["browser: errors of the page"] = sorted(set(errors))
        page.close()
    return facts


def _form(page, installation, user, fields):
    panel = open_panel(page, "runtimes")
    panel.locator("button[title^='Create']").click()
    page.get_by_text(f"New {user.title} runtime configuration").click()
    form = page.locator(".elyra-metadataEditor")
    form.get_by_role("button", name="Save & Close").wait_for()
    yield "nothing is unsupported", "nsupported" not in form.inner_text()
    drawn = form.evaluate(DRAWN)
    for name in fields:
        yield f"field {name}", drawn.get(name)
    entered = {name: value for name, value in user.fields.items() if name in drawn}
    _fill(form, {"display_name": "Mine", **entered})
    if "api_endpoint" in entered:
        _fill(form, {"api_endpoint": "no address"})
        form.get_by_role("button", name="Save & Close").click()
        page.wait_for_timeout(500)
        refused = [line for line in form.inner_text().splitlines() if line.startswith("must match")]
        yield "what is no address is refused", refused
        _fill(form, {"api_endpoint": entered["api_endpoint"]})
    form.get_by_role("button", name="Save & Close").click()
    form.wait_for(state="detached")
    file = Path(installation.variables["JUPYTER_DATA_DIR"], "metadata", "runtimes", "mine.json")
    saved = json.loads(file.read_text(encoding="utf-8"))["metadata"]
    yield "saved", {name: saved.get(name) for name in fields}
    entry = panel.locator(".elyra-metadata-item", has_text="Mine")
    entry.hover()
    entry.get_by_role("button", name="Edit").click()
    form.get_by_role("button", name="Save & Close").wait_for()
    shown = {name: form.locator(f"[id$='_{name}']").first.input_value() for name in entered}
    yield "shown again", shown


def _fill(form, values):
    for name, value in values.items():
        form.locator(f"input[id$='_{name}']").first.fill(str(value))
