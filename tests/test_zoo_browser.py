"""What only a browser shows of a broken runtime: JupyterLab in the cage of an animal of the zoo."""

import json
from contextlib import ExitStack
from pathlib import Path

import pytest
from animals import ANIMALS, configure
from host import FIELDS, Server
from lab import NO_NEWS, open_lab, open_pipeline, save_pipeline
from pipelines import node, pipeline_file
from playwright.sync_api import expect
from zoo import Cage

RUNTIMES = "elyra-metadata:runtimes"


class JupyterLab(Server):
    """JupyterLab that sees what is in a cage."""

    command = "jupyter-lab"
    without = ()  # the browser would miss them

    def __init__(self, cage):
        overrides = Path(cage.variables["JUPYTER_CONFIG_DIR"], "labconfig", "default_setting_overrides.json")
        overrides.parent.mkdir()
        overrides.write_text(json.dumps(NO_NEWS), encoding="utf-8")
        super().__init__(cage.directory, root=cage.root, directories=cage.variables, **cage.environment)

    @property
    def lab_url(self):
        return f"{self.url}lab?token={self.token}"


class Visit:
    """A cage, the JupyterLab in it, and a page of that, with a configuration ``Zoo`` and one of another runtime."""

    def __init__(self, cage, server, page):
        self.cage, self.server, self.page = cage, server, page

    @property
    def configurations(self):
        """The names of the configurations that the server gives to the front end."""
        return [each["name"] for each in self.server.get("elyra/metadata/runtimes").json()["runtimes"]]

    def saved(self):
        """Return what is saved of the configuration ``Zoo``."""
        folder = Path(self.cage.variables["JUPYTER_DATA_DIR"], "metadata", "runtimes")
        return json.loads((folder / "zoo.json").read_text(encoding="utf-8"))["metadata"]

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
        """Open the form of the configuration ``Zoo`` in the panel. Return it."""
        entry = self.panel().locator(".elyra-metadata-item", has_text="Zoo")
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
        """Run a pipeline on the configuration ``Zoo``."""
        dialog = self.run_dialog()
        dialog.locator("#runtime_platform").select_option("ZOO_RUNTIME")
        dialog.locator("#runtime_config").select_option("zoo")
        dialog.get_by_role("button", name="Ok").click()


@pytest.fixture
def visit(chromium, nobodys_jupyter, tmp_path, request):
    """A function that puts the animal ``name`` of a row into a cage, and opens JupyterLab in it.

    Without a row, the runtime is the healthy one. ``fields`` change the configuration ``Zoo``. If the test fails,
    a picture of the page stays behind, beside the log of the server.
    """
    with ExitStack() as stack:

        def visit(row=None, name=None, **fields):
            cage = Cage(tmp_path / "cage")
            if row is not None:
                cage.put(next(animal for animal in ANIMALS if (animal.row, animal.name) == (row, name)))
            configure(cage, **fields)
            (cage.root / "weather.pipeline").write_text(json.dumps(pipeline_file(node("a"))), encoding="utf-8")
            (cage.root / "empty.pipeline").touch()
            server = stack.enter_context(JupyterLab(cage))
            body = {"schema_name": "demoruntime", "display_name": "Demo", "metadata": FIELDS}
            server.post("elyra/metadata/runtimes", body).raise_for_status()
            page = open_lab(chromium, server)
            stack.callback(page.close)
            stack.callback(lambda: request.node.failed and page.screenshot(path=tmp_path / "page.png"))
            return Visit(cage, server, page)

        yield visit


def test_nothing_of_this_is_so_with_the_healthy_runtime(visit):
    zoo = visit()
    others = "Generic", "Apache Airflow", "Dask", "Demo Runtime", "Kubeflow Pipelines", "This Machine"
    assert zoo.tiles() == [f"{name} Pipeline Editor" for name in (*others, "Zoo Runtime")]
    zoo.panel().get_by_text("Zoo", exact=True).wait_for()
    zoo.page.get_by_role("button", name="Create new runtime configuration").click()
    zoo.page.get_by_text("New Zoo Runtime runtime configuration").wait_for()
    zoo.page.keyboard.press("Escape")
    zoo.open("empty.pipeline")
    zoo.page.get_by_text("Runtime: Apache Airflow").wait_for()
    zoo.page.locator(".lm-TabBar-tab", has_text="empty.pipeline").locator(".lm-TabBar-tabCloseIcon").click()
    zoo.run()
    zoo.dialog("Job submission to Zoo Runtime succeeded").get_by_text("Run Details").wait_for()


def test_row_17_a_missing_icon_takes_the_editor_from_every_runtime(visit):
    zoo = visit(17, "icon-missing")
    dialog = zoo.dialog("Error making request")
    assert dialog.inner_text().split("\n\n") == [
        "Error making request",
        "Check the JupyterLab log for more details",
        "Ok",
    ]
    assert zoo.tiles() == []
    dialog.get_by_role("button", name="Ok").click()
    zoo.open("weather.pipeline")
    zoo.page.locator(".jp-FileEditor").get_by_text('"doc_type"').wait_for()
    assert zoo.page.locator(".elyra-PipelineEditor").count() == 0


def test_row_18_an_empty_file_opens_as_a_pipeline_of_the_type_that_comes_first(visit):
    zoo = visit(18, "first-in-the-alphabet", runtime_type="A_ZOO")
    zoo.open("empty.pipeline")
    zoo.page.get_by_text("Runtime: Zoo Runtime").wait_for()
    assert (zoo.cage.root / "empty.pipeline").read_bytes() == b""  # until it is saved
    save_pipeline(zoo.page)
    zoo.page.locator(".lm-TabBar-tab", has_text="empty.pipeline").locator(".lm-TabBar-tabCloseIcon").click()
    zoo.open("weather.pipeline")
    zoo.page.get_by_text("Runtime: Generic").wait_for()  # it holds nodes, and no type
    saved = json.loads((zoo.cage.root / "empty.pipeline").read_text(encoding="utf-8"))
    assert saved["pipelines"][0]["app_data"]["runtime_type"] == "A_ZOO"


def test_row_23_a_configuration_without_its_type_is_neither_shown_nor_offered(visit):
    zoo = visit(23, "type-not-saved", runtime_type=None)
    assert sorted(zoo.configurations) == ["demo", "zoo"]
    assert "Zoo" not in zoo.panel().inner_text()
    platforms = zoo.run_dialog().locator("#runtime_platform option").all_inner_texts()
    assert platforms == ["Run in-place locally", "Demo Runtime"]


def test_row_25_the_configurations_vanish(visit):
    zoo = visit(25, "no-such-metadata-class")
    assert zoo.configurations == ["demo"]
    assert "Zoo" not in zoo.panel().inner_text()
    assert "Fetch of instance 'zoo' of schemaspace 'runtimes' encountered an exception: No module" in zoo.server.log
    assert zoo.saved()["api_endpoint"] == FIELDS["api_endpoint"]  # its file is still there


def test_row_27_one_configuration_without_an_address_blanks_the_panel_for_all_runtimes(visit):
    zoo = visit(27, "endpoint-not-required", cos_endpoint=None)
    said = "Cannot read properties of undefined (reading 'endsWith')"
    with zoo.page.expect_event("pageerror", lambda error: said in str(error)):
        panel = zoo.show(RUNTIMES)
    expect(panel).to_have_text("")  # its title and its buttons are gone, too


def test_row_28_without_a_title_the_runtime_has_no_name(visit):
    zoo = visit(28, "no-title")
    zoo.panel().get_by_role("button", name="Create new runtime configuration").click()
    zoo.page.get_by_text("New undefined runtime configuration").wait_for()
    zoo.page.keyboard.press("Escape")
    platforms = zoo.run_dialog().locator("#runtime_platform option")
    assert ["ZOO_RUNTIME", ""] in platforms.evaluate_all("all => all.map(each => [each.value, each.text])")
    zoo.page.locator(".jp-Dialog").get_by_role("button", name="Cancel").click()
    zoo.page.locator(".lm-TabBar-tab", has_text="weather.pipeline").locator(".lm-TabBar-tabCloseIcon").click()
    zoo.page.locator(".jp-Dialog").get_by_role("button", name="Discard").click()  # JupyterLab takes it for changed
    zoo.page.locator(".jp-LauncherCard[title='Zoo Runtime Pipeline Editor']").click()  # the name of the type
    zoo.page.get_by_text("Runtime: Generic").wait_for()


def test_row_29_an_edit_in_the_form_drops_a_hidden_field_without_a_default(visit):
    zoo = visit(29, "hidden-without-default", region="north")
    assert zoo.saved()["region"] == "north"
    form = zoo.form()
    form.locator("input[id$='_api_username']").fill("ada")
    form.get_by_role("button", name="Save & Close").click()
    form.wait_for(state="detached")
    saved = zoo.saved()
    assert saved["api_username"] == "ada"
    assert "region" not in saved
    assert saved["runtime_type"] == "ZOO_RUNTIME"  # hidden, too, and on_load of the metadata class adds it


def test_row_30_the_form_shows_a_secret_and_the_panel_does_not(visit):
    zoo = visit(30, "password-shown", api_password="open sesame", cos_password="correct horse")
    panel = zoo.panel()
    panel.get_by_text("Zoo", exact=True).click()
    panel.get_by_text("Cloud Object Storage Endpoint").locator("visible=true").wait_for()
    assert "open sesame" not in panel.inner_text()
    fields = zoo.form().locator("input[id$='_api_password'], input[id$='_cos_password']")
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
    zoo = visit(row, name)
    zoo.run()
    dialog = zoo.dialog(title)
    assert text in dialog.inner_text()
    assert "Run Details" not in dialog.inner_text()
    assert ("nodes described: 1" in zoo.server.log) == (row != 31)  # the processor has done its work
