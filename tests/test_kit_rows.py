"""The doctor's rows on the kit: which faults a runtime cannot have any more, which are caught, and which are left."""

import json
import re
import tempfile
from pathlib import Path

import pytest
from broken import BrokenRuntime, Edit
from broken_kit import KitInstallation
from single_faults import CATALOG_OF, editable, renamed, second_distribution

from elyra_runtime_doctor import checks  # noqa: F401 - fills ROWS
from elyra_runtime_doctor.rows import PACKAGE, ROWS
from elyra_runtime_kit import Declaration, DeclarationError, Runtime

IMPOSSIBLE = {4, 9, 10, 11, 13, 15, 16, 17, 19, 20, 21, 22, 23, 24, 25, 26, 28}
IMPOSSIBLE |= {32, 33, 34, 37, 38, 51, 52, 53, 55, 57, 60, 61, 77, 79, 81}
"""The kit does what these rows are about, and a runtime cannot replace it."""

NAMES = {"name": "kitrows", "type_id": "KIT_ROWS", "display_name": "Kit Rows"}


def declare(fields=(), run=lambda self, job: None, body=(), **changes):
    """Make the class of a runtime on the kit."""
    declaration = Declaration(**{**NAMES, "fields": dict(fields), **changes})
    return type("Made", (Runtime,), {"declaration": declaration, "run": run, "__module__": __name__, **dict(body)})


async def run_later(self, job):
    pass


def declare_in_a_file(text):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "fields.json")
        path.write_text(text, encoding="utf-8")
        Declaration(**NAMES, fields=path)


WHEN_DECLARED = {
    5: lambda: [declare(type_id="KIT_ROWS_B", display_name="B", body={"__qualname__": each}) for each in "ab"],
    12: lambda: declare(type_id="Kit_rows"),
    27: lambda: declare(fields={"api_endpoint": {"type": "integer"}}),
    29: lambda: declare(fields={"queue": {"type": "string", "uihints": {"hidden": True}}}),
    30: lambda: declare(fields={"api_token": {"type": "string"}}),
    31: lambda: declare(run=None),
    39: lambda: declare(exports={"JSON": "JSON"}, body={"render": lambda self, job, format: ""}),
    40: lambda: declare(body={"supported_properties": set()}),
    41: lambda: declare(body={"supported_properties": {"kubernetes_secrets"}}),
    56: lambda: declare(exports={"json": "JSON"}),
    62: lambda: declare(run=lambda self: None),
    67: lambda: declare(fields={"queue": {"type": "strng"}}),
    69: lambda: declare(fields={"queue": {"type": "string", "enum": ["all"], "default": "any"}}),
    70: lambda: declare(fields={"jobs": {"type": "integer", "minimum": 9, "maximum": 1}}),
    71: lambda: declare(fields={"queue": {"title": "Queue"}}),
    72: lambda: declare(fields={"queue": {"type": "string", "maxLenght": 3}}),
    73: lambda: declare_in_a_file('{"queue": {"type": "string", "title": "First", "title": "Last"}}'),
    74: lambda: declare(run=run_later),
    78: lambda: declare(display_name="Local"),
}
"""What makes the fault of a row: an error, as soon as Python reads the class."""

IMPORT = "from elyra_runtime_kit import Declaration, Runtime\n"
POINT = 'smallest = "smallest:Smallest"'
PROVIDERS = '\n[project.entry-points."metadata.schemas_providers"]\nparts = "parts:PartsProvider"\n'
GROUP = '[project.entry-points."elyra.pipeline.processors"]\n'
PARTS = CATALOG_OF.format(name="parts", type="SMALLEST")


def catalog(installation):
    """Write a catalog of components for the runtime, as the Component Catalogs panel does, and what describes it."""
    (installation.site / "parts.py").write_text(PARTS, encoding="utf-8")
    fields = {"runtime_type": "SMALLEST", "paths": ["ours.yaml"], "categories": []}
    path = Path(installation.variables["JUPYTER_DATA_DIR"], "metadata", "component-catalogs", "ours.json")
    path.parent.mkdir(parents=True)
    content = {"display_name": "Ours", "schema_name": "parts", "metadata": fields}
    path.write_text(json.dumps(content), encoding="utf-8")


def planted(row, *edits, **more):
    return BrokenRuntime(row, "kit", None, "", edits, **more)


CODE, PROJECT = "smallest.py", "pyproject.toml"

WHEN_BUILT = {
    1: planted(1, Edit(PROJECT, POINT, 'other = "smallest:Smallest"')),
    54: planted(54, Edit(PROJECT, '"elyra-runtime-kit"', "")),
}
"""What makes the fault of a row, and what the log says, in one line, when Elyra asks for the runtime."""

SAID = {
    1: "The entry point of smallest:Smallest is called 'other', and the runtime 'smallest': use one name.",
    54: "The distribution 'smallest' holds smallest:Smallest, and does not require elyra-runtime-kit: add it.",
}

POSSIBLE = {
    3: planted(3, Edit(CODE, IMPORT, f"import no_sdk\n{IMPORT}")),
    6: planted(6, installed=second_distribution("clumsy", "[console_scripts]\na = a:b\na = a:c\n")),
    7: planted(7, installed=renamed("elyra-smallest-0.1.0.dist-info")),
    8: planted(8, later=(Edit(PROJECT, POINT, 'renamed = "smallest:Smallest"'),), installed=editable),
    18: planted(18, Edit(CODE, '"SMALLEST"', '"A_SMALLEST"')),
    45: planted(45, Edit(PROJECT, POINT + "\n", POINT + "\n" + PROVIDERS), installed=catalog),
    46: planted(46, Edit(PROJECT, GROUP + POINT + "\n", PROVIDERS), installed=catalog),
    48: planted(48, Edit(PROJECT, "smallest:Smallest", "smallest.py:Smallest/")),
    59: planted(59, Edit(CODE, IMPORT, f"raise SystemExit\n{IMPORT}")),
    68: planted(68, Edit(CODE, '"Smallest")', '"Smallest", fields={"q": {"type": "string", "pattern": "(?P<q>a)"}})')),
    75: planted(75, Edit(CODE, "    def run", "    def handler(self):\n        return []\n\n    def run")),
    76: planted(76, Edit(CODE, '"would run"', "would_run")),
    82: planted(82, Edit(CODE, "    def run(self, job):\n", "    def run(self, job):\n        return\n")),
    83: planted(
        83, Edit(CODE, IMPORT, f'from pathlib import Path\n\n{IMPORT}PAGE = Path(__file__).with_name("page.html")\n')
    ),
    80: planted(80, Edit(PROJECT, "elyra.pipeline.processors", "elyra.pipeline.processor")),
}
"""What makes the fault of a row, on the kit, too. The doctor names it."""

MOST_POSSIBLE = 15


def test_each_row_that_a_package_can_cause_is_counted_once():
    rows = [*IMPOSSIBLE, *WHEN_DECLARED, *WHEN_BUILT, *POSSIBLE]
    assert sorted(rows) == sorted(number for number, row in ROWS.items() if row.fault_of == PACKAGE)
    assert len(POSSIBLE) <= MOST_POSSIBLE


@pytest.mark.parametrize("row", WHEN_DECLARED, ids=lambda row: f"row-{row}")
def test_it_is_caught_when_it_is_declared(row):
    with pytest.raises(DeclarationError):
        WHEN_DECLARED[row]()


def test_without_a_fault_nothing_is_caught():
    exports = {"json": "JSON"}
    names = {"name": "kitsound", "type_id": "KIT_SOUND", "display_name": "Kit Sound"}
    render = {"render": lambda self, job, format: ""}
    made = declare(fields={"queue": {"type": "string"}}, exports=exports, body=render, **names)
    assert made._name == "kitsound"


@pytest.fixture
def installation(nobodys_jupyter, tmp_path):
    return KitInstallation(tmp_path / "installation")


@pytest.mark.parametrize("row", WHEN_BUILT, ids=lambda row: f"row-{row}")
def test_it_is_caught_when_elyra_builds_it(installation, row):
    installation.put(WHEN_BUILT[row])
    code = "from elyra.pipeline.registry import PipelineProcessorRegistry as Registry; Registry.instance(root_dir='.')"
    assert SAID[row] in installation.python(code).splitlines()
    name = "other" if row == 1 else "smallest"
    [found] = [
        each for each in installation.doctor(name)["results"] if each["status"] == "fail" and each["number"] == 3
    ]
    assert SAID[row] in found["found"]


@pytest.mark.parametrize("row", POSSIBLE, ids=lambda row: f"row-{row}")
def test_it_is_possible_and_the_doctor_names_it(installation, row):
    installation.put(POSSIBLE[row])
    assert row in installation.findings()


def test_the_readme_of_the_kit_counts_them():
    readme = (Path(__file__).parents[1] / "kit" / "README.md").read_text(encoding="utf-8")
    counted = re.search(
        r"Of (\d+) faults .+?, (\d+) cannot happen .+?, (\d+) are .+?, and (\d+) are left", readme, re.DOTALL
    )
    caught = len(WHEN_DECLARED) + len(WHEN_BUILT)
    numbers = len(IMPOSSIBLE) + caught + len(POSSIBLE), len(IMPOSSIBLE), caught, len(POSSIBLE)
    assert tuple(map(int, counted.groups())) == numbers


def test_the_book_names_each_fault_that_cannot_happen_once():
    chapter = (Path(__file__).parents[1] / "book" / "kit.md").read_text(encoding="utf-8")
    assert sorted(map(int, re.findall(r"\[\d+\]\(faults\.md#row-(\d+)\)", chapter))) == sorted(IMPOSSIBLE)


@pytest.mark.parametrize(
    "svg, found",
    [
        (None, {79: "warning"}),
        ("an icon", {79: "warning"}),
        ('<svg xmlns="http://www.w3.org/2000/svg" width="100%"/>', {}),  # the kit escapes it
    ],
)
def test_an_icon_that_the_kit_does_not_show_is_named(installation, svg, found):
    icon = '"Smallest", icon=__import__("pathlib").Path(__file__).with_name("mine.svg"))'
    installation.put(planted(79, Edit(CODE, '"Smallest")', icon)))
    if svg:
        (installation.site / "mine.svg").write_text(svg, encoding="utf-8")
    assert installation.findings() == found
