"""What the doctor says of a schema by itself, and that no rubbish makes it stumble."""

import json
import re
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright._impl._driver import compute_driver_executable
from rubbish import RUBBISH

from elyra_runtime_doctor import form
from elyra_runtime_doctor.patterns import refused_by_python, refused_by_the_browser
from elyra_runtime_doctor.rows import Skip
from elyra_runtime_doctor.sample import sample

FINDERS = (
    form.against_the_draft,
    form.unreadable_patterns,
    form.refused_values,
    form.refused_placeholders,
    form.unfillable_fields,
    form.undrawn_fields,
    form.misspelt_words,
)
SECONDS = 60


def schema(**fields):
    """Return a schema with these fields."""
    return {"properties": {"metadata": {"type": "object", "properties": fields, "required": []}}}


@pytest.mark.parametrize(
    "finder, field, said",
    [
        (form.against_the_draft, {"type": "strin"}, "queue.type: 'strin' is not valid .*; do you mean 'string'?"),
        (form.against_the_draft, "a text", "queue: 'a text' is not of type"),
        (form.against_the_draft, {"$ref": "#/definitions/none"}, "queue.\\$ref: '#/definitions/none' leads nowhere"),
        (form.unreadable_patterns, {"pattern": "(["}, "queue.pattern: Python cannot read"),
        (form.unreadable_patterns, {"pattern": r"\Aa"}, "queue.pattern: a browser cannot read .*is no escape"),
        (form.refused_values, {"type": "integer", "default": "3"}, "queue.default: '3' is not of type 'integer'"),
        (form.refused_values, {"enum": ["a"], "const": "b"}, "queue.const: 'b' is not one of"),
        (form.refused_placeholders, {"pattern": "^a", "uihints": {"ui:placeholder": "b"}}, "ui:placeholder: 'b'"),
        (form.unfillable_fields, {"minLength": 3, "maxLength": 1}, "queue: minLength is 3, and maxLength is 1"),
        (form.unfillable_fields, {"enum": []}, "queue.enum: there is nothing to choose"),
        (form.undrawn_fields, {}, "queue: it has no type"),
        (form.undrawn_fields, {"type": "array"}, "queue: it is an array without items"),
        (form.misspelt_words, {"titel": "Queue"}, "queue.titel: nobody reads this word; do you mean 'title'?"),
        (
            form.misspelt_words,
            {"uihints": {"pattern": "a"}},
            "uihints.pattern: nobody .* belongs into .*queue$",
        ),
        (form.misspelt_words, {"ui:field": "a"}, "queue.ui:field: nobody reads this word there; .*queue.uihints$"),
        (form.misspelt_words, {"format": "emial"}, "queue.format: nobody checks 'emial'; do you mean 'email'?"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_its_value(finder, field, said):
    [problem] = finder(schema(queue=field))
    assert problem.startswith("properties.metadata.properties.queue")
    assert re.search(said, problem), problem


def test_a_healthy_field_is_not_named():
    field = {"title": "Queue", "type": "string", "pattern": r"^[\w.-]+$", "default": "all", "examples": ["one"]}
    field["uihints"] = {"category": "Mine", "ui:placeholder": "all"}
    assert [problem for finder in FINDERS for problem in finder(schema(queue=field))] == []


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.sampled_from(["queue", "runtime_type"]), RUBBISH, max_size=2), RUBBISH, RUBBISH)
def test_no_rubbish_makes_it_stumble(fields, required, anything):
    rubbish = [{"properties": {"metadata": {"properties": fields, "required": required}}}, anything]
    for each in rubbish:
        for finder in FINDERS:
            assert all(isinstance(problem, str) for problem in finder(each))
        try:
            sample(each)
        except Skip:
            pass


PATTERNS = [
    r"^https?://[^\s/?#@]+([/?#][^\s]*)?$",
    r"a\-b",
    r"[a\-b]",
    r"[\w-.]",
    r"\Z",
    r"(?P<a>b)",
    r"(?i)a",
    "a{2}",
    "a{",
]
PATTERNS += ["}", "]", r"\d{1,3}(\.\d+)*", "(?<!a)b", "a**", "(?:a|b)+?", r"\@", r"\u00e9", r"[^]a]", r"\/", "^+"]


def read_by_the_browser(patterns):
    """Return for each of ``patterns`` whether the engine of Chromium reads it as Elyra's form does."""
    code = (
        "const read = p => { try { new RegExp(p, 'u'); return true } catch { return false } };"
        "let text = ''; process.stdin.on('data', d => text += d)"
        ".on('end', () => console.log(JSON.stringify(JSON.parse(text).map(read))))"
    )
    node = compute_driver_executable()[0]
    done = subprocess.run(
        [node, "-e", code], input=json.dumps(patterns), capture_output=True, text=True, timeout=SECONDS
    )
    return json.loads(done.stdout)


def test_patterns_are_read_as_the_browser_reads_them():
    readable = [pattern for pattern in PATTERNS if not refused_by_python(pattern)]
    assert len(readable) > 10
    judged = {pattern: refused_by_the_browser(pattern) is None for pattern in readable}
    assert judged == dict(zip(readable, read_by_the_browser(readable), strict=True))


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.text(alphabet="ab1\\-[]{}()?:=!<>|*+.,^$PZdw_", max_size=8), min_size=50, max_size=100))
def test_no_pattern_that_the_browser_reads_is_refused(patterns):
    readable = [pattern for pattern in patterns if not refused_by_python(pattern)]
    for pattern, is_read in zip(readable, read_by_the_browser(readable), strict=True):
        assert not (is_read and refused_by_the_browser(pattern)), pattern


def test_a_schema_that_requires_what_it_does_not_have_is_told():
    lost = {**schema(), "required": ["metdata", 7]}
    assert [*form.unfillable_fields(lost)] == ["required: there is no 'metdata' in properties; do you mean 'metadata'?"]


def test_what_is_no_json_schema_and_hurts_nobody_is_not_told():
    harmless = schema(queue={"type": "string"})
    harmless["properties"]["metadata"]["required"] = ["queue", "queue"]
    assert [*form.against_the_draft({**harmless, "$schema": None, "$comment": 7})] == []
