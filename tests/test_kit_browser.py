"""A runtime on the kit in JupyterLab: an icon that the launcher cannot show takes nothing away from anybody."""

import pytest
from broken import Edit
from broken_kit import KitInstallation
from lab import fill_form, jupyterlab, open_lab
from playwright.sync_api import expect

ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><title>Mine</title><rect width="100%" height="9"/></svg>'
)
CODE = "smallest.py"
WITH_ICON = (
    Edit(CODE, 'display_name="Smallest"', 'display_name="Smallest", icon=Path(__file__).with_name("smallest.svg")'),
    Edit(CODE, "from elyra", "from pathlib import Path\nfrom elyra"),
)


@pytest.fixture(scope="module")
def page(nobodys_jupyter, tmp_path_factory, chromium):
    """JupyterLab with the smallest runtime, whose icon holds a bare percent sign."""
    installation = KitInstallation(tmp_path_factory.mktemp("kit"))
    for edit in WITH_ICON:
        edit.apply(installation.site)
    (installation.site / "smallest.svg").write_text(ICON, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(installation.site))
        with jupyterlab() as server:
            yield open_lab(chromium, server)


def test_the_launcher_shows_the_tiles_of_all_runtimes(page):
    for name in ("Smallest", "Dask", "Demo Runtime"):
        expect(page.locator(f".jp-LauncherCard[title='{name} Pipeline Editor'] svg")).to_have_count(1)
    expect(page.locator(".jp-LauncherCard[title='Smallest Pipeline Editor'] svg rect")).to_have_attribute(
        "width", "100%"
    )


def test_the_form_of_a_runtime_without_fields_is_saved_and_listed(page):
    panel, form = fill_form(page, "Smallest", {"display_name": "Mine"})
    form.get_by_role("button", name="Save & Close").click()
    expect(panel.locator(".elyra-metadata-item", has_text="Mine")).to_have_count(1)
