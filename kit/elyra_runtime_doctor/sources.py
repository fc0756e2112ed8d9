"""What can be said of a runtime before it is installed: of a source tree, a wheel or an sdist.

No code of the runtime runs, and Elyra need not be there. The rows are those of ``checks``: a row that judges the schema
alone is asked as it is, and for the others stand the functions below, which look at the files.
"""

import ast
import configparser
import json
import re
import sys
import tarfile
import zipfile
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path, PurePosixPath

from elyra_runtime_doctor import form, icons
from elyra_runtime_doctor.checks.discovery import GROUPS, PROCESSORS, PROVIDERS, group_meant_by
from elyra_runtime_doctor.rows import ROWS, NoReport, Skip, ask, fail, reasons_in, silenced

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FIELDS_ROWS = (67, 68, 69, 70, 71, 72, 73)
"""The rows that are about the fields of a schema, and are asked of a file that holds nothing else, too."""

SCHEMA_ROWS = (19, 21, 22, 27, 28, 29, 30, 61, *FIELDS_ROWS)
"""The rows whose checks ask a runtime for its schema, and for nothing else."""

PROJECT = "pyproject.toml"
ELYRAS_OWN = "local", "kfp", "airflow"
"""The runtimes that Elyra 4.1 brings."""

OF_THE_KIT = "secret", "required"
"""What a field on the kit may say of itself, and what the kit makes no part of the field."""

OF_ELYRAS_TESTS = "metadata-tests"
"""A schemas provider that Elyra 4.1 passes over, unless it tests itself (``SchemaManager``)."""

ARCHIVES = (".whl", ".tar.gz", ".zip")
PLACEHOLDER = re.compile(r'"\{[A-Z_]+\}"')
POINT = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


def is_path(name):
    """Tell whether ``name`` means files, and no runtime that is installed."""
    return name.endswith(ARCHIVES) or "/" in name or "\\" in name or name in (".", "..")


def examine(path):
    """Return the report on the runtimes in ``path``, a dict as that of ``probe.examine``.

    Raises ``NoReport`` where nothing can be read there.
    """
    return report_on(_opened(Path(path)))


def report_on(package):
    """Return the report on the runtimes in ``package``, a ``Package``."""
    names = package.groups.get(PROCESSORS, {})
    of_the_kit = _fields_of_the_kit(package)
    asked = [("the package", {row: (function, package) for row, function in OF_THE_PACKAGE.items()})]
    asked += [(name, _questions(Source(package, name), of_the_kit)) for name in names]
    results = [
        {"runtime": name, **vars(finding), **ROWS[row].as_dict()}
        for name, questions in asked
        for row, (function, subject) in sorted(questions.items())
        for finding in [silenced(ask(function, subject), row, package.silenced)]
    ]
    return {"runtimes": list(names), "results": results}


def _questions(source, of_the_kit):
    """Return what is asked about the runtime ``source``: by row, the check and whom it asks."""
    schemas = {row: of_the_kit if of_the_kit and row in FIELDS_ROWS else source for row in SCHEMA_ROWS}
    questions = {row: (ROWS[row].function, subject) for row, subject in schemas.items()}
    return {**questions, **{row: (function, source) for row, function in OF_A_RUNTIME.items()}}


class Package:
    """The files of a distribution, by their paths, as texts, and its entry points by group."""

    def __init__(self, path, files, groups, declared_in, project=None):
        self.path, self.files, self.groups, self.declared_in = path, files, groups, declared_in
        self.project = project or {}
        self.silenced = reasons_in(self.project)

    def module(self, name):
        """Return the path of the module called ``name``, or ``None``."""
        stem = name.replace(".", "/")
        for folder in ("", "src/"):
            for file in (f"{folder}{stem}.py", f"{folder}{stem}/__init__.py"):
                if file in self.files:
                    return file
        return None

    def trees(self):
        """Yield the path and the syntax tree of each module that can be read."""
        for file, text in self.files.items():
            if file.endswith(".py"):
                try:
                    yield file, ast.parse(text)
                except (SyntaxError, ValueError):
                    continue

    def constants(self):
        """Yield the path of a module and a node for each text in it."""
        for file, tree in self.trees():
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield file, node

    @property
    def tops(self):
        """The packages that the entry points name."""
        return _tops(self.groups)

    @cached_property
    def on_the_kit(self):
        """Whether the kit brings the schema."""
        return any("elyra_runtime_kit" in text for file, text in self.files.items() if file.endswith(".py"))


class Source(form.OfSchema):
    """One runtime of a ``Package``: as much of a ``survey.Runtime`` as its files tell."""

    fields_file = None

    def __init__(self, package, name):
        self.package, self.name = package, name
        self.point = package.groups[PROCESSORS][name]

    @cached_property
    def schema_path(self):
        """The path of the JSON file with the schema. Raises ``Skip`` where there is none."""
        found = {file: part for file, part in _json(self.package).items() if _is_schema(part)}
        named = [file for file, schema in found.items() if schema.get("name") == self.name]
        if not (named or len(found) == 1):
            raise Skip("its schema is in no JSON file")
        return (named or [*found])[0]

    @property
    def schema(self):
        """The schema of its runtime configurations, without what its schemas provider fills in."""
        return _without_placeholders(_json(self.package)[self.schema_path])

    @property
    def schema_file(self):
        """The file of the schema."""
        return _Text(self.package.files[self.schema_path])

    @property
    def schema_place(self):
        """Where to look for the schema."""
        return self.schema_path


class FieldsOfTheKit(form.OfSchema):
    """The fields in ``file`` of a ``Package`` on the kit, as the schema that the kit makes of them."""

    def __init__(self, package, file):
        self.fields_file = self.schema_place = file
        self.schema_file = _Text(package.files[file])
        described = _without_placeholders(_json(package)[file])
        fields = {
            name: {key: field[key] for key in field if key not in OF_THE_KIT} for name, field in described.items()
        }
        required = [name for name, field in described.items() if field.get("required") is True]
        self.schema = {"properties": {"metadata": {"properties": fields, "required": required}}}


def _fields_of_the_kit(package):
    files = [file for file, document in _json(package).items() if form.holds_fields_alone(document)]
    return FieldsOfTheKit(package, files[0]) if package.on_the_kit and len(files) == 1 else None


class _Text(str):
    def read_text(self, encoding):
        return self


def _json(package):
    documents = {}
    for file, text in package.files.items():
        if file.endswith(".json"):
            try:
                documents[file] = json.loads(text)
            except (ValueError, RecursionError):
                continue
    return documents


def _without_placeholders(part):
    """Return ``part`` of a schema without the choices and defaults that are a word in braces, such as ``{SIZES}``."""
    if not isinstance(part, dict):
        return part
    kept = {
        key: value
        for key, value in part.items()
        if key not in ("enum", "default") or not PLACEHOLDER.search(json.dumps(value))
    }
    return {key: _without_placeholders(value) for key, value in kept.items()}


def _is_schema(document):
    return isinstance(document, dict) and bool({"schemaspace", "schemaspace_id"} & set(document))


def names_agree(source):
    """The entry point's name and the schema's `name`."""
    name = source.schema.get("name")
    if name != source.name:
        return fail(f"the entry point is called {source.name!r}; the schema in {source.schema_path} {name!r}")


def name_is_free(source):
    """The names of Elyra's own runtimes."""
    if source.name in ELYRAS_OWN and "elyra" not in source.package.tops:
        return fail(f"{source.package.declared_in}: {source.name!r} is the name of one of Elyra's own runtimes")


def processor_is_there(source):
    """The module and the class that the entry point names."""
    return _is_there(source.package, source.name, source.point)


def _is_there(package, name, point):
    if not isinstance(point, str) or not POINT.fullmatch(point):
        raise Skip("the entry point is written in another way (row 48)")
    module, _, attribute = point.partition(":")
    file = package.module(module)
    told = f"{package.declared_in}: {name} = {point!r}"
    if file is None:
        modules = [path.removesuffix(".py").replace("/", ".") for path in package.files if path.endswith(".py")]
        return fail(f"{told}: there is no module {module!r}{form.meant(module, modules)}")
    try:
        names = _bound(ast.parse(package.files[file]))
    except SyntaxError as error:
        return fail(f"{file}:{error.lineno}: {error.msg}")
    except ValueError as error:
        return fail(f"{file}: {error}")
    first = attribute.partition(".")[0]
    if first not in names and "*" not in names:
        return fail(f"{told}: {file} has no {first!r}{form.meant(first, names)}")
    return None


def bound_in(text):
    """Return the names that the module with this ``text`` binds, none if it cannot be read."""
    try:
        return _bound(ast.parse(text))
    except (SyntaxError, ValueError):
        return set()


def _bound(tree):
    """Return the names that a module binds."""
    names = {node.name for node in ast.walk(tree) if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    names |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    return names | {alias.asname or alias.name.partition(".")[0] for node in imports for alias in node.names}


def provider_is_there(source):
    """The module and the class of the schemas providers, and the JSON files of the package, also in the wheel."""
    for file, text in source.package.files.items():
        if file.endswith(".json"):
            try:
                json.loads(text)
            except ValueError as error:
                return fail(f"{file} is no JSON: {error}")
    for name, point in source.package.groups.get(PROVIDERS, {}).items():
        finding = None if name == OF_ELYRAS_TESTS else _is_there(source.package, name, point)
        if finding:
            return finding
    return _left_out(source.package, ".json")


def provider_is_declared(source):
    """The entry points in the group `metadata.schemas_providers`, and the JSON files that the code names."""
    if source.name == "local":
        raise Skip("the runtime local has no configurations")
    if not source.package.groups.get(PROVIDERS) and not source.package.on_the_kit:
        return fail(f"{source.package.declared_in}: no entry point in the group {PROVIDERS!r}")
    there = {PurePosixPath(file).name for file in source.package.files}
    schemas = [file for file, document in _json(source.package).items() if _is_schema(document)]
    for file, node in source.package.constants():
        if (
            not schemas
            and not source.package.on_the_kit
            and re.fullmatch(r"[\w-]+\.json", node.value)
            and node.value not in there
        ):
            return fail(f"no file holds a schema: {file}:{node.lineno} names {node.value!r}, which is not there")
    return None


def points_are_written_well(source):
    """The text of the entry points."""
    for group in GROUPS:
        for name, point in source.package.groups.get(group, {}).items():
            if not isinstance(point, str) or not POINT.fullmatch(point):
                return fail(f"{source.package.declared_in}: {name} = {point!r}")


def metadata_class_is_there(source):
    """The module and the class that `metadata_class_name` names."""
    name = source.schema.get("metadata_class_name", "elyra.metadata.metadata.Metadata")
    if not isinstance(name, str) or ":" in name or "." not in name:
        return fail(f"{source.schema_path}: {name!r} is no path such as 'package.module.Class'")
    module, _, kind = name.rpartition(".")
    own = _tops({PROCESSORS: source.package.groups[PROCESSORS]})
    if module.partition(".")[0] not in own and form.nearly(module.partition(".")[0], own) is None:
        raise Skip("it is the class of another package")
    finding = _is_there(source.package, "metadata_class_name", f"{module}:{kind}")
    return finding and fail(f"{source.schema_path}: {finding.found}")


def icon_is_there(source):
    """The addresses below `static/` and the package's name that the code has, and the files there."""
    there = {PurePosixPath(file).name for file in source.package.files}
    for file, node in source.package.constants():
        parts = PurePosixPath(node.value).parts
        own = len(parts) > 2 and parts[0] == "static" and parts[1] in source.package.tops
        if own and re.fullmatch(r"[\w.-]+", parts[-1]) and parts[-1] not in there:
            return fail(f"{file}:{node.lineno}: there is no file {parts[-1]!r}{form.meant(parts[-1], there)}")
    return _left_out(source.package, ".svg")


def _left_out(package, suffix):
    """Return the finding of the files with ``suffix`` that setuptools does not put into the wheel, or ``None``."""
    lost = [file for file in files_left_out(package) if file.endswith(suffix)]
    if lost:
        told = f"{package.declared_in}: setuptools leaves {', '.join(lost)} out of the wheel"
        return fail(told, fix="\n".join(package_data(package)))


def files_left_out(package):
    """Return the files of a source tree that its ``pyproject.toml`` does not name to setuptools, as data."""
    builds = form.part(package.project, "build-system")
    others = ("MANIFEST.in", "setup.py", "setup.cfg")
    by_setuptools = str(builds.get("build-backend", "setuptools")).startswith("setuptools")
    if not package.project or not by_setuptools or any((package.path / name).exists() for name in others):
        return []
    if any("scm" in str(each) or "git" in str(each) for each in _texts(builds.get("requires"))):
        return []  # it packages what the repository holds
    data = form.part(package.project, "tool", "setuptools", "package-data")
    patterns = {name: _texts(data.get(name)) + _texts(data.get("*")) for name in package.tops}
    lost = []
    for file in package.files:
        top, _, name = file.removeprefix("src/").partition("/")
        named = any(fnmatch(name, pattern) for pattern in patterns.get(top, ()))
        if file.endswith((".json", ".svg", ".html", ".css", ".js")) and top in package.tops and not named:
            lost.append(file)
    return lost


def package_data(package):
    """Return the lines of ``pyproject.toml`` that name ``files_left_out`` to setuptools."""
    kinds = {}
    for file in files_left_out(package):
        top, _, name = PurePosixPath(file.removeprefix("src/")).as_posix().partition("/")
        kinds.setdefault(top, []).append((PurePosixPath(name).parent / f"*{PurePosixPath(name).suffix}").as_posix())
    tables = [f"{top} = {json.dumps(sorted({*patterns}))}" for top, patterns in sorted(kinds.items())]
    return ["[tool.setuptools.package-data]", *tables]


def _texts(value):
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def icons_can_be_drawn(source):
    """The text of each SVG file."""
    for file, text in source.package.files.items():
        problem = icons.undrawn(_Text(text)) if file.endswith(".svg") else None
        if problem:
            return fail(f"{file}: {problem}")


def schema_is_accepted(source):
    """The schema's `name`, its `description` and its three properties, as Elyra's meta-schema has them."""
    schema = source.schema
    if not re.fullmatch(r"[a-z][a-z0-9_-]*[a-z0-9]", str(schema.get("name"))):
        return fail(f"{source.schema_path}: name: {schema.get('name')!r} does not match ^[a-z][a-z0-9-_]*[a-z0-9]$")
    if not isinstance(schema.get("description", ""), str) or len(schema.get("description", "")) > 80:
        return fail(f"{source.schema_path}: description: it is no text of 80 characters at most")
    for name in ("schema_name", "display_name", "metadata"):
        if name not in form.part(schema, "properties"):
            near = form.meant(name, form.part(schema, "properties"))
            return fail(f"{source.schema_path}: properties: there is no {name!r}{near}")


def groups_are_elyras(package):
    """The groups of the entry points."""
    for group in package.groups:
        close = group_meant_by(group)
        if close:
            told = f"{package.declared_in}: the group {group!r}; do you mean {close!r}?"
            return fail(told, fix=f'[project.entry-points."{close}"]')


OF_THE_PACKAGE = {80: groups_are_elyras}
OF_A_RUNTIME = {
    1: names_agree,
    3: processor_is_there,
    5: name_is_free,
    17: icon_is_there,
    20: schema_is_accepted,
    25: metadata_class_is_there,
    48: points_are_written_well,
    53: provider_is_there,
    54: provider_is_declared,
    79: icons_can_be_drawn,
}


def _opened(path):
    try:
        if path.suffix in (".whl", ".zip"):
            return _wheel(path)
        if path.is_dir():
            return _tree(path, (path / "pyproject.toml").read_text(encoding="utf-8"), _files_below)
        with tarfile.open(path) as archive:
            files = _files_of_the_sdist(archive)
            return _tree(path, files["pyproject.toml"], lambda path, tops: files)
    except (KeyError, FileNotFoundError) as error:
        raise NoReport(f"{path} has no pyproject.toml. Give the folder of a package, a wheel or an sdist.") from error
    except (OSError, ValueError, tarfile.TarError, zipfile.BadZipFile, configparser.Error) as error:
        said = " ".join(str(error).split())
        raise NoReport(f"{path} cannot be read: {type(error).__name__}: {said}") from error


def tree_with(path, changed):
    """Return the package in the folder ``path`` as it is with ``changed``: new texts of files, by path.

    Raises ``NoReport`` where ``path`` is no folder of a package.
    """
    project = changed.get(PROJECT)
    if project is None and not (Path(path) / PROJECT).is_file():
        raise NoReport(f"{path} has no {PROJECT}. Give the folder of a package: nothing else can be changed.")
    text = (Path(path) / PROJECT).read_text(encoding="utf-8") if project is None else project
    return _tree(Path(path), text, lambda path, tops: {**_files_below(path, tops), **changed})


def _tops(groups):
    points = [point for points in groups.values() for point in points.values() if isinstance(point, str)]
    return {re.split(r"[.:/]", point)[0] for point in points}


def _wheel(path):
    with zipfile.ZipFile(path) as archive:
        files = {name: _decoded(archive.read(name)) for name in archive.namelist() if _is_text(name)}
        points = next((name for name in archive.namelist() if name.endswith(".dist-info/entry_points.txt")), None)
        parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
        parser.optionxform = str
        parser.read_string(_decoded(archive.read(points)) if points else "")
    groups = {group: dict(parser[group]) for group in parser.sections()}
    return Package(path, files, groups, points or f"{path.name}, which has no entry_points.txt")


def _tree(path, text, read):
    try:
        project = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise NoReport(f"{path}/pyproject.toml is no TOML: {error}") from error
    groups = form.part(project, "project", "entry-points")
    groups = {group: points for group, points in groups.items() if isinstance(points, dict)}
    return Package(path, read(path, _tops(groups)), groups, PROJECT, project)


def _files_below(path, tops):
    files = {}
    for top in sorted(tops):
        for place in (path, path / "src"):
            found = [place / f"{top}.py", *(place / top).rglob("*")] if top else []
            for file in found:
                if file.is_file() and _is_text(file.name):
                    files[file.relative_to(path).as_posix()] = _decoded(file.read_bytes())
    return files


def _files_of_the_sdist(archive):
    files = {}
    for member in archive.getmembers():
        _, _, name = member.name.partition("/")
        if member.isfile() and _is_text(name):
            files[name] = _decoded(archive.extractfile(member).read())
    return files


def _is_text(name):
    return name.endswith((".py", ".json", ".svg", ".html", ".css", ".js", ".toml"))


def _decoded(content):
    return content.decode("utf-8", errors="replace")
