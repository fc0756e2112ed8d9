"""The runtime in the real JupyterLab, as its users meet it: in a browser, with a server of its own."""

import json
import re
import tempfile
from pathlib import Path

import pytest
from lab import (
    CONFIGURATION,
    choose_runtime,
    fill_form,
    jupyterlab,
    open_lab,
    open_pipeline,
    save_pipeline,
)
from take import SAID, WALKS, walk_to_run, words

from demo_runtime.processor import PAGE

KNOWN_ERRORS = re.compile("Failed to load resource: (the server responded with a status of 405|net::ERR_NAME)")
"""What stock Elyra 4.1 shows, too: it asks for the pipeline parameters of runtimes that have none, and, where
there is a network, for a font of Google's."""


@pytest.fixture(scope="module")
def server():
    with jupyterlab() as server:
        server.post("elyra/metadata/runtimes", CONFIGURATION)
        yield server


@pytest.fixture
def errors():
    """What the browser's console shows as an error. A test fails if something is left here at its end."""
    errors = []
    yield errors
    assert [error for error in errors if not KNOWN_ERRORS.match(error)] == []


@pytest.fixture
def page(server, chromium, errors, request):
    """JupyterLab. If the test fails, a picture of it and the log of the server stay behind."""
    page = open_lab(chromium, server)
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    if request.node.failed:
        folder = Path(tempfile.mkdtemp(prefix=f"{request.node.name}-"))
        page.screenshot(path=folder / "page.png")
        (folder / "server.log").write_text("\n".join(server.log()), encoding="utf-8")
        print(f"A picture of the page and the log of the server are in {folder}")
    page.close()


def runtimes(server):
    """Return the runtime configurations on disk, by name."""
    folder = server.root.parent / "jupyter_data_dir" / "metadata" / "runtimes"
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}


def press(dialog, button):
    dialog.get_by_role("button", name=button, exact=True).click()


def said(page, title):
    """Wait for the dialog ``title``, close it, and return its text."""
    dialog = page.locator(".jp-Dialog", has_text=title)
    dialog.wait_for()
    text = dialog.inner_text()
    press(dialog, "Ok")
    dialog.wait_for(state="detached")
    return text


def take_refusal(errors):
    """Take the error from ``errors`` that the browser shows when the server refuses a request."""
    errors.remove(next(error for error in errors if "status of 500" in error))


def test_the_launcher_shows_the_tile_with_its_icon_beside_the_others(page):
    titles = page.locator(".jp-LauncherCard[title$='Pipeline Editor']").evaluate_all("cards => cards.map(c => c.title)")
    names = "Generic", "Apache Airflow", "Dask", "Demo Runtime", "Kubeflow Pipelines", "This Machine"
    assert titles == [f"{name} Pipeline Editor" for name in names]
    icon = page.locator(".jp-LauncherCard[title='Demo Runtime Pipeline Editor'] svg")
    shapes = re.findall(r' d="([^"]+)"', PAGE.with_suffix(".svg").read_text(encoding="utf-8"))
    assert icon.locator("path").evaluate_all("paths => paths.map(p => p.getAttribute('d'))") == shapes


def test_the_form_makes_a_configuration_and_changes_it_without_losing_a_field(page, server):
    panel, form = fill_form(page, "Demo Runtime", {})
    form.get_by_role("button", name="Save & Close").wait_for()
    shown = form.inner_text()
    assert shown.index("Demo Runtime\n") < shown.index("API Endpoint*") < shown.index("Cloud Object Storage\n")

    press(form, "Save & Close")
    form.get_by_text("Cannot save invalid form.").wait_for()
    form.get_by_role("group", name="Demo Runtime").get_by_text("must have required property 'API Endpoint'").wait_for()

    def field(name):
        return form.locator(f"input[id$='_{name}']")

    values = {
        "display_name": "From the form",
        "api_endpoint": "https://demo.example.com/api",
        "api_password": "correct horse",
        "cos_endpoint": "https://storage.example.com:9000",
        "cos_bucket": "My Bucket",
    }
    for name, value in values.items():
        field(name).fill(value)
    assert [field(name).get_attribute("type") for name in ("api_password", "cos_password")] == ["password", "password"]
    press(form, "Save & Close")
    form.get_by_role("group", name="Cloud Object Storage").get_by_text("must match pattern").wait_for()
    field("cos_bucket").fill("my-bucket")
    press(form, "Save & Close")
    entry = panel.locator(".elyra-metadata-item", has_text="From the form")
    entry.wait_for()
    entry.get_by_text("From the form").click()
    entry.get_by_text("https://demo.example.com/api").wait_for()

    entry.hover()
    entry.get_by_role("button", name="Edit").click()
    field("api_username").fill("ada")
    press(form, "Save & Close")
    form.wait_for(state="detached")
    saved = runtimes(server)["from_the_form"]
    fields = {**values, "cos_bucket": "my-bucket", "api_username": "ada", "runtime_type": "DEMO_RUNTIME", "tags": []}
    assert saved["display_name"] == fields.pop("display_name")
    assert saved["metadata"] == fields


def test_a_run_ends_in_a_dialog_that_leads_to_the_truth_and_in_the_log(page, server):
    before = len(server.log())
    open_pipeline(page)
    press(choose_runtime(page, "Run Pipeline"), "Ok")
    dialog = page.locator(".jp-Dialog", has_text="Job submission to Demo Runtime succeeded")
    with page.context.expect_page() as details:
        dialog.get_by_text("Run Details").click()
    assert details.value.locator("h1").inner_text() == "Your pipeline was described, not run"
    details.value.close()
    assert "object storage" not in said(page, "Job submission")
    logged = [line for line in server.log()[before:] if line.startswith("demoruntime 'temperatures'")]
    nodes = [re.search(":'(.*?)' - |$", line)[1] for line in logged]
    assert nodes == [None, "collect", "clean", "summarise", "report", None]
    assert "api_password='(hidden)'" in logged[0]
    assert not any("correct horse" in line or "open sesame" in line for line in server.log())


def export(page):
    save_pipeline(page)  # else the editor asks to do so before it exports
    press(choose_runtime(page, "Export Pipeline"), "Ok")


def test_an_export_is_written_and_is_not_overwritten_unasked(page, server, errors):
    open_pipeline(page)
    export(page)
    assert "temperatures.json" in said(page, "Pipeline export succeeded")
    exported = (server.root / "temperatures.json").read_bytes()
    assert [node["name"] for node in json.loads(exported)["nodes"]] == ["collect", "clean", "summarise", "report"]
    export(page)
    assert "temperatures.json'. Choose another file, or choose to overwrite it." in said(page, "File exists:")
    take_refusal(errors)
    assert (server.root / "temperatures.json").read_bytes() == exported


def test_the_tile_opens_a_pipeline_whose_nodes_have_environment_variables(page):
    page.locator(".jp-LauncherCard[title='Demo Runtime Pipeline Editor']").click()
    page.get_by_text("Runtime: Demo Runtime").wait_for()
    page.locator(".jp-DirListing-item[title*='clean.py']").drag_to(page.locator(".d3-svg-canvas-div"))
    page.locator(".d3-node-group").click(button="right")
    page.get_by_text("Open Properties").click()
    page.locator(".elyra-PipelineEditor").get_by_text("Environment Variables").first.wait_for()


def test_a_run_that_must_fail_says_what_is_wrong(page, server, errors):
    folder = server.root.parent / "jupyter_data_dir" / "metadata" / "runtimes"
    open_pipeline(page)
    dialog = choose_runtime(page, "Run Pipeline")
    (folder / "my_demo.json").rename(folder / "my_demo.txt")
    try:
        press(dialog, "Ok")
        assert "No such instance named 'my_demo'" in said(page, "Error making request")
        take_refusal(errors)
    finally:
        (folder / "my_demo.txt").rename(folder / "my_demo.json")


@pytest.mark.parametrize("name", ["Kubeflow Pipelines", "Apache Airflow"])
def test_the_tiles_of_other_runtimes_work_as_before(page, name):
    page.locator(f".jp-LauncherCard[title='{name} Pipeline Editor']").click()
    page.get_by_text(f"Runtime: {name}").wait_for()


def test_the_local_runtime_works_as_before(page, server):
    pipeline = json.loads((server.root / "temperatures.pipeline").read_text(encoding="utf-8"))
    pipeline["pipelines"][0]["nodes"] = pipeline["pipelines"][0]["nodes"][:1]
    pipeline["pipelines"][0]["nodes"][0].update(op="execute-python-node")
    pipeline["pipelines"][0]["nodes"][0]["app_data"]["component_parameters"]["filename"] = "hello.py"
    (server.root / "hello.py").write_text("open('hello.txt', 'w').write('hello')\n", encoding="utf-8")
    (server.root / "local.pipeline").write_text(json.dumps(pipeline), encoding="utf-8")
    open_pipeline(page, "local.pipeline")
    page.get_by_role("button", name="Run Pipeline").click()
    press(page.locator(".jp-Dialog"), "Ok")
    assert "executed in-place in your local environment" in said(page, "Job execution succeeded")
    assert (server.root / "hello.txt").read_text(encoding="utf-8") == "hello"


def test_the_pictures_of_the_book_say_what_the_shipped_runtime_says(chromium):
    said = {}
    for start, way, _ in WALKS:
        with start() as server:
            page = open_lab(chromium, server)
            said |= {name: words(part) for name, part in way(page)}
            page.close()
    with jupyterlab("pipeline", "dask") as server:
        page = open_lab(chromium, server)
        said |= {name: words(part) for name, part in walk_to_run(page, server)}
        page.close()
    assert said == json.loads(SAID.read_text(encoding="utf-8")), "run 'make pictures', and look at the pictures"
