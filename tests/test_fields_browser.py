"""What Elyra's form saves of each kind of field: left alone, emptied, and 0. The chapter about fields says it."""

import json
import os
from pathlib import Path

import pytest
from lab import open_lab, open_panel, workshop_jupyterlab

COMMON = {"queue": "short", "size": "small"}


@pytest.fixture(scope="module")
def saved(chromium):
    """Save a configuration in the form. Returns what is on disk for the fields of the chapter."""
    with workshop_jupyterlab("fields") as server:
        page = open_lab(chromium, server)
        panel = open_panel(page, "runtimes")
        folder = Path(os.environ["JUPYTER_DATA_DIR"], "metadata", "runtimes")

        def saved(name, unticked=False, emptied=(), **values):
            panel.locator("button[title^='Create']").click()
            page.get_by_text("New Fields runtime configuration").click()
            form = page.locator(".elyra-metadataEditor")
            for field, value in {"display_name": name, "queue": "short", **values}.items():
                form.locator(f"input[id$='_{field}']").fill(value)
            for field in emptied:
                form.locator(f"input[id$='_{field}']").fill("")
            form.locator("[id$='_verbose']").set_checked(not unticked)
            form.get_by_role("button", name="Save & Close").click()
            form.wait_for(state="detached")
            metadata = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))["metadata"]
            others = {"tags", "runtime_type", "version", "api_endpoint", "cos_endpoint"}
            return {field: value for field, value in metadata.items() if field not in others}

        yield saved


def test_what_is_left_alone_has_its_default_or_is_not_there(saved):
    assert saved("alone") == {**COMMON, "jobs": 3, "verbose": True}


def test_zero_and_a_box_without_a_tick_are_saved(saved):
    assert saved("zero", jobs="0", hours="0", unticked=True) == {**COMMON, "jobs": 0, "hours": 0, "verbose": False}


def test_what_is_emptied_is_as_if_left_alone(saved):
    typed = {"jobs": "7", "hours": "2", "note": "x", "notify": "ada@example.com", "token": "x"}
    assert saved("emptied", emptied=typed, **typed) == {**COMMON, "jobs": 3, "verbose": True}
