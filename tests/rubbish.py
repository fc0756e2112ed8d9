"""What no author means to write, and some do: schemas, code, icons and projects that are rubbish."""

import json

from hypothesis import strategies as st

from elyra_runtime_doctor import form
from elyra_runtime_doctor.checks.discovery import PROCESSORS, PROVIDERS

RUBBISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["string", "(["]),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.sampled_from(sorted(form.KEYWORDS)), each),
    max_leaves=12,
)
"""What a schema may hold, or be."""

WORDS = st.sampled_from(
    ["trial", "trial.schema", "trial.schema:Schemas", "trial/schema.py:Schemas", ":", "", ".", "é", "a:b:c"]
)
NAMES = ["name", "schemaspace", "schemaspace_id", "title", "runtime_type", "properties", "metadata_class_name"]
SCHEMAS = st.dictionaries(st.sampled_from(NAMES), RUBBISH | WORDS, max_size=6) | RUBBISH
FIELDS = st.dictionaries(st.sampled_from(["queue", "runtime_type", "api_endpoint"]), RUBBISH, max_size=3)
FRAMES = st.builds(
    lambda schema, fields, required: {
        **(schema if isinstance(schema, dict) else {}),
        "schemaspace": "runtime",
        "properties": {"metadata": {"properties": fields, "required": required}},
    },
    SCHEMAS,
    FIELDS,
    RUBBISH,
)
CODE = st.sampled_from(
    [
        "",
        "class Schemas:\n    pass\n",
        "x = 'static/trial/trail.svg'\n",
        "from trial import *\n",
        "def (",
        "\0",
        "x = 'schema.json'\n",
        "import elyra_runtime_kit\n",
        "(" * 300,
        "x = " + "-" * 5000 + "1\n",
    ]
) | st.text(max_size=20)
ICONS = st.sampled_from(["", "<svg", "<svg xmlns='http://www.w3.org/2000/svg'/>", "<a>100%</a>", "\ufffd"])


def _text(value):
    return json.dumps(value, ensure_ascii=False)


def _project(groups, more):
    lines = ["[project]", 'name = "trial"']
    for group, points in groups.items():
        lines += [
            f"[project.entry-points.{_text(group)}]",
            *(f"{_text(name)} = {_text(points[name])}" for name in points),
        ]
    return "\n".join([*lines, more, ""])


GROUPS = st.sampled_from([PROCESSORS, PROVIDERS, "elyra.pipeline.processor", "metadata.schemas_provider", "", "x"])
POINTS = st.dictionaries(WORDS, WORDS | st.integers() | st.booleans(), max_size=2)
MORE = st.sampled_from(
    [
        "",
        "[tool]\nelyra-runtime-doctor = 7",
        '[tool.elyra-runtime-doctor]\nsilence = ["28"]',
        "[tool.elyra-runtime-doctor.silence]\n28 = 7",
        '[build-system]\nrequires = 7\nbuild-backend = "setuptools.build_meta"',
        '[tool.setuptools]\npackage-data = "all"',
        '[build-system]\nbuild-backend = ["hatchling"]',
        "[",
    ]
)
USUAL = st.fixed_dictionaries({PROCESSORS: st.dictionaries(WORDS, WORDS | st.integers(), min_size=1, max_size=2)})
OTHERS = st.dictionaries(GROUPS, POINTS, max_size=3)
PROJECTS = st.builds(lambda others, usual, more: _project({**others, **usual}, more), OTHERS, USUAL, MORE)
PROJECTS |= st.builds(_project, OTHERS, MORE) | st.text(max_size=20)
FILES = st.fixed_dictionaries(
    {"pyproject.toml": PROJECTS},
    optional={
        "trial/__init__.py": CODE,
        "trial/schema.py": CODE,
        "trial/schema.json": st.builds(_text, FRAMES | SCHEMAS) | st.text(max_size=10),
        "trial/static/trial.svg": ICONS,
        "trial.py": CODE,
    },
)
"""The files of a project, texts by path."""
