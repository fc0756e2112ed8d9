"""A JupyterLab of its own in a real browser, for the pictures of the book and for the tests."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "book"))

from lesson import Server, WholeJupyterLab  # noqa: E402
from workshop import files_of, make_environment, put_files  # noqa: E402

from elyra_runtime_doctor.host import own_jupyter  # noqa: E402

NO_NEWS = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "doNotDisturbMode": True}}
CONFIGURATION = {
    "schema_name": "demoruntime",
    "display_name": "My demo",
    "metadata": {
        "description": "A place to try things",
        "api_endpoint": "https://demo.example.com/api",
        "api_username": "ada",
        "api_password": "correct horse",
        "cos_endpoint": "https://storage.example.com:9000",
        "cos_bucket": "my-bucket",
    },
}


def find_browser():
    """Return the path of an installed Chromium, or ``None``."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def quiet_jupyter(place):
    """Return environment variables for a Jupyter whose files all lie in ``place``, and which asks nobody for news."""
    directories = own_jupyter(place)
    overrides = Path(directories["JUPYTER_CONFIG_DIR"], "labconfig", "default_setting_overrides.json")
    overrides.parent.mkdir()
    overrides.write_text(json.dumps(NO_NEWS))
    return directories


@contextmanager
def jupyterlab(*folders):
    """Yield a ``Server`` in a copy of the example pipeline's directory, or of ``folders`` of the book side by side.

    It has Jupyter directories of its own, and asks nobody for news.
    """
    with tempfile.TemporaryDirectory() as place:
        directories = quiet_jupyter(place)
        work = Path(place, "work")
        for folder in folders or ["pipeline"]:
            shutil.copytree(ROOT / "book" / folder, work / folder if folders else work)
        with patch.dict(os.environ, directories):
            server = Server(work, WholeJupyterLab)
            try:
                yield server
            finally:
                server.stop()


@contextmanager
def workshop_jupyterlab(chapter):
    """Yield a ``Server`` of an environment that has the runtime that ``chapter`` writes, and no other of this book."""
    with tempfile.TemporaryDirectory() as place:
        runtime = Path(place, "runtime")
        runtime.mkdir()
        put_files(runtime, files_of(chapter))
        commands = make_environment(Path(place)) / "bin"
        pip = [commands / "pip", "install", "--quiet", "--no-build-isolation", "--no-deps", "--editable", runtime]
        subprocess.run(pip, check=True)
        whole = type("WholeJupyterLab", (WholeJupyterLab,), {"command": str(commands / "jupyter-lab")})
        with patch.dict(os.environ, quiet_jupyter(Path(place, "jupyter"))):
            server = Server(runtime, whole)
            try:
                yield server
            finally:
                server.stop()


@contextmanager
def browser():
    """Yield a Chromium (``playwright.sync_api.Browser``). Raises ``FileNotFoundError`` where none is installed."""
    executable = find_browser()
    if executable is None:
        raise FileNotFoundError("No Chromium was found. Install one, on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        try:
            yield chromium
        finally:
            chromium.close()


def open_lab(chromium, server):
    """Open JupyterLab on ``server`` in ``chromium``. Return the page, when the launcher is there."""
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    page.goto(f"{server.lab_url}&reset")
    page.locator(".jp-LauncherCard").first.wait_for(timeout=60_000)
    return page


def open_panel(page, name):
    """Open the panel ``name`` of Elyra, such as "runtimes", in the left sidebar. Return it."""
    page.locator(f'.lm-TabBar-tab[data-id="elyra-metadata:{name}"]').click()
    return page.locator(f'[id="elyra-metadata:{name}"]')


def fill_form(page, runtime, fields):
    """Fill in the form of a new configuration of ``runtime``, such as "Dask". Return the panel and the form."""
    panel = open_panel(page, "runtimes")
    panel.locator("button[title^='Create']").click()
    page.get_by_text(f"New {runtime} runtime configuration").click()
    form = page.locator(".elyra-metadataEditor")
    for name, value in fields.items():
        form.locator(f"input[id$='_{name}']").fill(value)
    return panel, form


def open_pipeline(page, name="temperatures.pipeline"):
    """Open the pipeline ``name`` from the file browser, and wait until its nodes are drawn."""
    page.locator(f'.jp-DirListing-item[title*="{name}"]').dblclick()
    page.locator(".d3-node-group").first.wait_for(timeout=60_000)


def save_pipeline(page):
    """Press the button "Save Pipeline", and wait until the file is written and the tab carries no mark of a change."""
    with page.expect_response(lambda response: response.request.method == "PUT" and "/api/contents/" in response.url):
        page.get_by_role("button", name="Save Pipeline").click()
    page.locator(".lm-TabBar-tab.jp-mod-dirty").wait_for(state="detached")


def choose_runtime(page, action, platform="DEMO_RUNTIME", configuration="my_demo"):
    """Press the button ``action``, such as "Run Pipeline", and choose a runtime. Return the dialog."""
    page.get_by_role("button", name=action).click()
    dialog = page.locator(".jp-Dialog")
    dialog.locator("#runtime_platform").select_option(platform)
    dialog.locator("#runtime_config").select_option(configuration)
    return dialog
