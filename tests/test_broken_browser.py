"""What only a browser shows of a broken runtime: JupyterLab beside its installation."""

import json
from contextlib import ExitStack
from pathlib import Path

import pytest
from broken import Installation
from host import FIELDS, Server
from lab import NO_NEWS, open_lab, open_pipeline, save_pipeline
from pipelines import node, pipeline_file
from playwright.sync_api import expect
from single_faults import BROKEN_RUNTIMES, configure

RUNTIMES = "elyra-metadata:runtimes"


class JupyterLab(Server):
    """JupyterLab that sees what is in an installation."""

    command = "jupyter-lab"
    without = ()  # the browser would miss them

    def __init__(self, installation):
        overrides = Path(installation.variables["JUPYTER_CONFIG_DIR"], "labconfig", "default_setting_overrides.json")
        overrides.parent.mkdir()
        overrides.write_text(json.dumps(NO_NEWS), encoding="utf-8")
        super().__init__(
            installation.directory,
            root=installation.root,
            directories=installation.variables,
            **installation.environment,
        )

    @property
    def lab_url(self):
        return f"{self.url}lab?token={self.token}"


class Visit:
    """An installation, its JupyterLab, and a page of it, with a configuration ``Trial`` and one of another runtime."""

    def __init__(self, installation, server, page):
        self.installation, self.server, self.page = installation, server, page

    @property
    def configurations(self):
        """The names of the configurations that the server gives to the front end."""
        return [each["name"] for each in self.server.get("elyra/metadata/runtimes").json()["runtimes"]]

    def saved(self):
        """Return what is saved of the configuration ``Trial``."""
        folder = Path(self.installation.variables["JUPYTER_DATA_DIR"], "metadata", "runtimes")
        return json.loads((folder / "trial.json").read_text(encoding="utf-8"))["metadata"]

    def tiles(self):
        return self.page.locator(".jp-LauncherCard[title$='Pipeline Editor']").evaluate_all(
            "all => all.map(c => c.title)"
        )

    def show(self, name):
        """Show a panel in the left sidebar. Return it. A click on the tab of what is shown already would hide it."""
        tab = self.page.locator(f".lm-TabBar-tab[data-id='{name}']")
        if "lm-mod-current" not in tab.get_attribute("class"):
            tab.click()
        return self.page.locator(f"[id='{name}']")

    def panel(self):
        """Show the Runtimes panel, and wait for the configuration of the other runtime. Return it."""
        panel = self.show(RUNTIMES)
        panel.get_by_text("Demo", exact=True).wait_for()
        return panel

    def form(self):
        """Open the form of the configuration ``Trial`` in the panel. Return it."""
        entry = self.panel().locator(".elyra-metadata-item", has_text="Trial")
        entry.hover()
        entry.get_by_role("button", name="Edit").click()
        form = self.page.locator(".elyra-metadataEditor")
        form.get_by_role("button", name="Save & Close").wait_for()
        return form

    def open(self, name):
        self.show("filebrowser")
        self.page.locator(f".jp-DirListing-item[title*='{name}']").dblclick()

    def dialog(self, title):
        """Wait for the dialog ``title``. Return it."""
        dialog = self.page.locator(".jp-Dialog", has_text=title)
        dialog.wait_for()
        return dialog

    def run_dialog(self):
        """Open a pipeline, and the dialog that runs it. Return the dialog."""
        self.show("filebrowser")
        open_pipeline(self.page, "weather.pipeline")
        self.page.get_by_role("button", name="Run Pipeline").click()
        return self.dialog("Run pipeline")

    def run(self):
        """Run a pipeline on the configuration ``Trial``."""
        dialog = self.run_dialog()
        dialog.locator("#runtime_platform").select_option("TRIAL_RUNTIME")
        dialog.locator("#runtime_config").select_option("trial")
        dialog.get_by_role("button", name="Ok").click()


@pytest.fixture
def visit(chromium, nobodys_jupyter, tmp_path, request):
    """A function that installs the broken runtime ``name`` of a row, and opens JupyterLab beside it.

    Without a row, the runtime is the healthy one. ``fields`` change the configuration ``Trial``. If the test fails,
    a picture of the page stays behind, beside the log of the server.
    """
    with ExitStack() as stack:

        def visit(row=None, name=None, **fields):
            installation = Installation(tmp_path / "installation")
            if row is not None:
                installation.put(next(broken for broken in BROKEN_RUNTIMES if (broken.row, broken.name) == (row, name)))
            configure(installation, **fields)
            (installation.root / "weather.pipeline").write_text(json.dumps(pipeline_file(node("a"))), encoding="utf-8")
            (installation.root / "empty.pipeline").touch()
            server = stack.enter_context(JupyterLab(installation))
            body = {"schema_name": "demoruntime", "display_name": "Demo", "metadata": FIELDS}
            server.post("elyra/metadata/runtimes", body).raise_for_status()
            page = open_lab(chromium, server)
            stack.callback(page.close)
            stack.callback(lambda: request.node.failed and page.screenshot(path=tmp_path / "page.png"))
            return Visit(installation, server, page)

        yield visit


def test_nothing_of_this_is_so_with_the_healthy_runtime(visit):
    lab = visit()
    others = "Generic", "Apache Airflow", "Dask", "Demo Runtime", "Kubeflow Pipelines", "This Machine"
    assert lab.tiles() == [f"{name} Pipeline Editor" for name in (*others, "Trial Runtime")]
    lab.panel().get_by_text("Trial", exact=True).wait_for()
    lab.page.get_by_role("button", name="Create new runtime configuration").click()
    lab.page.get_by_text("New Trial Runtime runtime configuration").wait_for()
    lab.page.keyboard.press("Escape")
    lab.open("empty.pipeline")
    lab.page.get_by_text("Runtime: Apache Airflow").wait_for()
    lab.page.locator(".lm-TabBar-tab", has_text="empty.pipeline").locator(".lm-TabBar-tabCloseIcon").click()
    lab.run()
    lab.dialog("Job submission to Trial Runtime succeeded").get_by_text("Run Details").wait_for()


def test_row_17_a_missing_icon_takes_the_editor_from_every_runtime(visit):
    lab = visit(17, "icon-missing")
    dialog = lab.dialog("Error making request")
    assert dialog.inner_text().split("\n\n") == [
        "Error making request",
        "Check the JupyterLab log for more details",
        "Ok",
    ]
    assert lab.tiles() == []
    dialog.get_by_role("button", name="Ok").click()
    lab.open("weather.pipeline")
    lab.page.locator(".jp-FileEditor").get_by_text('"doc_type"').wait_for()
    assert lab.page.locator(".elyra-PipelineEditor").count() == 0


def test_row_18_an_empty_file_opens_as_a_pipeline_of_the_type_that_comes_first(visit):
    lab = visit(18, "first-in-the-alphabet", runtime_type="A_TRIAL")
    lab.open("empty.pipeline")
    lab.page.get_by_text("Runtime: Trial Runtime").wait_for()
    assert (lab.installation.root / "empty.pipeline").read_bytes() == b""  # until it is saved
    save_pipeline(lab.page)
    lab.page.locator(".lm-TabBar-tab", has_text="empty.pipeline").locator(".lm-TabBar-tabCloseIcon").click()
    lab.open("weather.pipeline")
    lab.page.get_by_text("Runtime: Generic").wait_for()  # it holds nodes, and no type
    saved = json.loads((lab.installation.root / "empty.pipeline").read_text(encoding="utf-8"))
    assert saved["pipelines"][0]["app_data"]["runtime_type"] == "A_TRIAL"


def test_row_23_a_configuration_without_its_type_is_neither_shown_nor_offered(visit):
    lab = visit(23, "type-not-saved", runtime_type=None)
    assert sorted(lab.configurations) == ["demo", "trial"]
    assert "Trial" not in lab.panel().inner_text()
    platforms = lab.run_dialog().locator("#runtime_platform option").all_inner_texts()
    assert platforms == ["Run in-place locally", "Demo Runtime"]


def test_row_25_the_configurations_vanish(visit):
    lab = visit(25, "no-such-metadata-class")
    assert lab.configurations == ["demo"]
    assert "Trial" not in lab.panel().inner_text()
    assert "Fetch of instance 'trial' of schemaspace 'runtimes' encountered an exception: No module" in lab.server.log
    assert lab.saved()["api_endpoint"] == FIELDS["api_endpoint"]  # its file is still there


def test_row_27_one_configuration_without_an_address_blanks_the_panel_for_all_runtimes(visit):
    lab = visit(27, "endpoint-not-required", cos_endpoint=None)
    said = "Cannot read properties of undefined (reading 'endsWith')"
    with lab.page.expect_event("pageerror", lambda error: said in str(error)):
        panel = lab.show(RUNTIMES)
    expect(panel).to_have_text("")  # its title and its buttons are gone, too


def test_row_28_without_a_title_the_runtime_has_no_name(visit):
    lab = visit(28, "no-title")
    lab.panel().get_by_role("button", name="Create new runtime configuration").click()
    lab.page.get_by_text("New undefined runtime configuration").wait_for()
    lab.page.keyboard.press("Escape")
    platforms = lab.run_dialog().locator("#runtime_platform option")
    assert ["TRIAL_RUNTIME", ""] in platforms.evaluate_all("all => all.map(each => [each.value, each.text])")
    lab.page.locator(".jp-Dialog").get_by_role("button", name="Cancel").click()
    lab.page.locator(".lm-TabBar-tab", has_text="weather.pipeline").locator(".lm-TabBar-tabCloseIcon").click()
    lab.page.locator(".jp-Dialog").get_by_role("button", name="Discard").click()  # JupyterLab takes it for changed
    lab.page.locator(".jp-LauncherCard[title='Trial Runtime Pipeline Editor']").click()  # the name of the type
    lab.page.get_by_text("Runtime: Generic").wait_for()


def test_row_29_an_edit_in_the_form_drops_a_hidden_field_without_a_default(visit):
    lab = visit(29, "hidden-without-default", region="north")
    assert lab.saved()["region"] == "north"
    form = lab.form()
    form.locator("input[id$='_api_username']").fill("ada")
    form.get_by_role("button", name="Save & Close").click()
    form.wait_for(state="detached")
    saved = lab.saved()
    assert saved["api_username"] == "ada"
    assert "region" not in saved
    assert saved["runtime_type"] == "TRIAL_RUNTIME"  # hidden, too, and on_load of the metadata class adds it


def test_row_30_the_form_shows_a_secret_and_the_panel_does_not(visit):
    lab = visit(30, "password-shown", api_password="open sesame", cos_password="correct horse")
    panel = lab.panel()
    panel.get_by_text("Trial", exact=True).click()
    panel.get_by_text("Cloud Object Storage Endpoint").locator("visible=true").wait_for()
    assert "open sesame" not in panel.inner_text()
    fields = lab.form().locator("input[id$='_api_password'], input[id$='_cos_password']")
    shown = fields.evaluate_all("all => all.map(each => [each.type, each.value])")
    assert shown == [["text", "open sesame"], ["password", "correct horse"]]


@pytest.mark.parametrize(
    "row, name, title, text",
    [
        (31, "no-process", "Error making request", "NotImplementedError:"),
        (32, "returns-nothing", "Error making request", "'NoneType' object has no attribute 'to_json'"),
        (33, "no-run-url", "Job execution succeeded", "executed in-place in your local environment"),
    ],
)
def test_rows_31_to_33_what_the_dialog_says_after_a_run(visit, row, name, title, text):
    lab = visit(row, name)
    lab.run()
    dialog = lab.dialog(title)
    assert text in dialog.inner_text()
    assert "Run Details" not in dialog.inner_text()
    assert ("nodes described: 1" in lab.server.log) == (row != 31)  # the processor has done its work
