"""Changes of a source tree that fix what the doctor finds there, and nothing else.

A change is proposed where one text has to be another one, such as a name that is nearly right. It is kept only if the
doctor, asked again, says less than before, and nothing new: what it is not sure of stays as it is.
"""

import difflib
import json
import re
from pathlib import Path

from elyra_runtime_doctor import form, json_text
from elyra_runtime_doctor.checks.discovery import GROUPS, PROCESSORS, group_meant_by
from elyra_runtime_doctor.checks.schemas import RUNTIMES
from elyra_runtime_doctor.rows import FAIL, PASS, WARNING, NoReport, Skip
from elyra_runtime_doctor.sources import PROJECT, Source, bound_in, files_left_out, package_data, report_on, tree_with

UNDO = "elyra-runtime-doctor.diff"
"""The file that holds what was changed, so that ``git apply -R`` or ``patch -R -p1`` takes it back."""


def changes(path):
    """Return the new texts of the files in the folder ``path`` that would be changed, by their paths.

    Raises ``NoReport`` where ``path`` is no folder of a package.
    """
    kept, tried = {}, set()
    package = tree_with(path, kept)
    while True:
        new = [each for each in _proposed(package, kept) if each not in tried]
        if not new:
            return kept
        file, text = new[0]
        tried.add((file, text))
        changed = tree_with(path, {**kept, file: text})
        if _is_better(report_on(package), report_on(changed)):
            kept, package = {**kept, file: text}, changed


def _is_better(before, after):
    """Tell whether less is found in the report ``after``, and nothing in what was well ``before``."""
    well = {(each["runtime"], each["number"]) for each in before["results"] if each["status"] == PASS}
    gone, new = _found(before) - _found(after), _found(after) - _found(before)
    return bool(gone) and not any(subject in well for *subject, _ in new for subject in [tuple(subject)])


def _found(report):
    """Return what is found in ``report``: a set of runtime, row and what is wrong."""
    return {
        (each["runtime"], each["number"], part)
        for each in report["results"]
        if each["status"] in (WARNING, FAIL)
        for part in re.sub(r"^\S+\.json: ", "", each["found"]).split("; ")
    }


def difference(path, changed):
    """Return ``changed``, as of ``changes``, as the text of a unified diff."""
    lines = []
    for file, new in changed.items():
        old = (Path(path) / file).read_bytes().decode("utf-8")
        both = old.splitlines(keepends=True), new.splitlines(keepends=True)
        for line in difflib.unified_diff(*both, f"a/{file}", f"b/{file}"):
            lines.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    return "".join(lines)


def apply(path, changed):
    """Write ``changed``, as of ``changes``, and what it was before to the file ``UNDO``.

    Raises ``NoReport`` if that file is there, and if a file cannot be written.
    """
    undo = Path(path) / UNDO
    try:
        with open(undo, "x", encoding="utf-8", newline="") as file:
            file.write(difference(path, changed))
        for name, text in changed.items():
            (Path(path) / name).write_bytes(text.encode("utf-8"))
    except FileExistsError:
        raise NoReport(
            f"{undo} is there, from an earlier --fix. Remove it when you do not want to undo that."
        ) from None
    except OSError as error:
        raise NoReport(
            f"{error.filename} cannot be written: {error.strerror}. {undo} says what was to change."
        ) from error


def _proposed(package, changed):
    """Yield a file and its new text, for each change that may fix something in ``package``."""
    project = changed.get(PROJECT) or (package.path / PROJECT).read_bytes().decode("utf-8")
    for old, new in _in_the_project(package):
        if project.count(f'"{old}"') == 1:
            yield PROJECT, project.replace(f'"{old}"', f'"{new}"')
    if files_left_out(package) and "package-data" not in project:
        yield PROJECT, "\n".join([project.rstrip("\n"), "", *package_data(package), ""])
    for file, old, new in _in_the_code(package):
        if package.files[file].count(f'"{old}"') == 1:
            yield file, package.files[file].replace(f'"{old}"', f'"{new}"')
    for name in package.groups.get(PROCESSORS, {}):
        try:
            source = Source(package, name)
            file, schema, text = source.schema_path, source.schema, package.files[source.schema_path]
            spans = json_text.spans(text)
        except (Skip, ValueError):
            continue
        for edits in _in_the_schema(schema, spans, text, name):
            yield file, _edited(text, edits)


def _in_the_project(package):
    """Yield a text of ``pyproject.toml``, and what it has to be: groups, and modules and classes of entry points."""
    for group, points in package.groups.items():
        close = group_meant_by(group)
        if close:
            yield group, close
        for point in points.values() if group in GROUPS else ():
            found = _point(package, point) if isinstance(point, str) else None
            if found and found != point:
                yield point, found


def _point(package, point):
    """Return the entry point of ``package`` that ``point`` nearly is, or ``None``."""
    module, _, name = point.partition(":")
    paths = [file for file in package.files if file.endswith(".py")]
    modules = {_module(file): file for file in paths}
    module = form.nearly(re.sub(r"\.py$", "", module).replace("/", "."), modules)
    names = bound_in(package.files[modules[module]]) if module else ()
    name = name if name in names else form.nearly(name, names)
    return f"{module}:{name}" if name else None


def _module(file):
    return re.sub(r"(/__init__)?\.py$", "", file.removeprefix("src/")).replace("/", ".")


def _in_the_code(package):
    """Yield a file of code, a text in it that is the address of no icon, and what it has to be."""
    there = {Path(file).name for file in package.files if file.endswith(".svg")}
    for file, node in package.constants():
        folder, _, name = node.value.rpartition("/")
        close = form.nearly(name, there) if folder.startswith("static/") and name not in there else None
        if close:
            yield file, node.value, f"{folder}/{close}"


def _in_the_schema(schema, spans, text, name):
    """Yield edits that belong together: each a list of where from, where to, and what to write there."""
    for place, word, close in form.misspelt_keys(schema):
        yield [(*spans[(*place, word)].key, json.dumps(close))]
    for place, word, home in form.misplaced_keys(schema):
        if form.part(schema, *home):
            value = text[slice(*spans[(*place, word)].value)]
            yield [_without(spans, (*place, word)), _with(spans, home, word, value)]
    for path, new in _values(schema, name):
        if path in spans:
            yield [(*spans[path].value, json.dumps(new))]
    for word, new in _missing(schema):
        if ("name",) in spans:
            end = spans["name",].value[1]
            yield [(end, end, f',\n  "{word}": {json.dumps(new)}')]


def _values(schema, name):
    """Yield the path of a value that has to be another one in the schema of the runtime ``name``, and that."""
    container = ("properties", "metadata")
    known, required = form.fields(schema), form.required(schema)
    for place, field in form.places_of_fields(schema):
        hints = form.part(field, "uihints")
        for path, value, words in (
            ((*place, "type"), field.get("type"), form.TYPES),
            ((*place, "format"), field.get("format"), form.FORMATS),
            ((*place, "uihints", "ui:field"), hints.get("ui:field"), form.WIDGETS),
        ):
            close = form.nearly(value, words) if isinstance(value, str) and value not in words else None
            if close:
                yield path, close
    for number, word in enumerate(required):
        close = None if word in known else form.nearly(word, set(known) - set(required))
        if close:
            yield (*container, "required", number), close
    lost = [word for word in ("api_endpoint", "cos_endpoint") if word in known and word not in required]
    if lost:
        yield (*container, "required"), [*required, *lost]
    for word, right in zip(("schemaspace", "schemaspace_id"), RUNTIMES, strict=True):
        if schema.get(word, right) != right:
            yield (word,), right
    if schema.get("name") == name != form.part(schema, "properties", "schema_name").get("const", name):
        yield ("properties", "schema_name", "const"), name


def _missing(schema):
    """Yield the words that the schema lacks beside its name, and their values."""
    for word, right in zip(("schemaspace", "schemaspace_id"), RUNTIMES, strict=True):
        if word not in schema:
            yield word, right
    type = form.fields(schema).get("runtime_type", {}).get("const")
    if type and "runtime_type" not in schema:
        yield "runtime_type", type


def _without(spans, path):
    """Return the edit that takes the member at ``path`` out."""
    members = sorted(span for other, span in spans.items() if len(other) == len(path) and other[:-1] == path[:-1])
    number = members.index(spans[path])
    if number:
        return members[number - 1].value[1], spans[path].value[1], ""
    end = members[1].key[0] if len(members) > 1 else spans[path].value[1]
    return spans[path].key[0], end, ""


def _with(spans, home, word, value):
    """Return the edit that adds ``word`` with ``value``, a text of JSON, to the dict at ``home``, which has members."""
    first = min(span for path, span in spans.items() if len(path) == len(home) + 1 and path[:-1] == home)
    return first.key[0], first.key[0], f"{json.dumps(word)}: {value}, "


def _edited(text, edits):
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text
