"""What Elyra loads from this environment, loaded as Elyra loads it, and what becomes of it.

Importing a runtime runs its code, so this module belongs into a process of its own: see ``probe``.
"""

import configparser
import copy
import glob
import json
import logging
import os
import re
import sys
import time
import traceback
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

import entrypoints
from elyra.metadata.manager import MetadataManager
from elyra.metadata.schema import SchemaManager
from elyra.metadata.schemaspaces import ComponentCatalogs, Runtimes
from elyra.pipeline.registry import PipelineProcessorRegistry
from elyra.pipeline.runtime_type import RuntimeProcessorType, RuntimeTypeResources

from elyra_runtime_doctor import form
from elyra_runtime_doctor.checks.discovery import PROCESSORS, PROVIDERS, source_of, tomllib
from elyra_runtime_doctor.rows import Skip, reasons_in
from elyra_runtime_doctor.sample import sample

SCHEMASPACE_ID = Runtimes.RUNTIMES_SCHEMASPACE_ID
SCHEMASPACE = Runtimes.RUNTIMES_SCHEMASPACE_NAME


@dataclass
class EntryPointsFile:
    """One ``entry_points.txt``: its entry points by group, or the error with which Elyra meets it."""

    path: Path
    groups: dict = field(default_factory=dict)
    other_groups: list = field(default_factory=list)
    error: Exception = None

    @property
    def distribution(self):
        """The name that the distribution gives itself, not the one that Elyra reads from the folder."""
        information = self.path.parent
        for file in ("METADATA", "PKG-INFO"):
            if (information / file).exists():
                for line in (information / file).read_text(encoding="utf-8", errors="replace").splitlines():
                    if line.startswith("Name: "):
                        return line.removeprefix("Name: ").strip()
        return information.stem

    @property
    def name_for_elyra(self):
        """The name that Elyra takes the distribution for: what stands before the first dash of its folder."""
        return entrypoints.Distribution.from_name_version(self.path.parent.stem).name


@dataclass
class EntryPoint:
    """An entry point of one of Elyra's groups, and how Elyra fared with it."""

    group: str
    name: str
    value: str
    file: EntryPointsFile
    loaded: object = None
    error: BaseException = None
    lost_types: list = field(default_factory=list)

    @property
    def ends_the_process(self):
        """Whether it raises what Elyra does not catch, such as ``SystemExit``."""
        return self.error is not None and not isinstance(self.error, Exception)

    @property
    def origin(self):
        """The code that was running when the error was raised, innermost last: lines of source."""
        return [frame.line or "" for frame in traceback.extract_tb(self.error.__traceback__)] if self.error else []

    def no_json(self, error):
        """Say which file of the package is no JSON, if ``error`` is about one, which does not name it."""
        if not isinstance(error, json.JSONDecodeError):
            return ""
        for folder in _folders(self):
            for path in sorted(folder.rglob("*.json")):
                if path.read_text(encoding="utf-8", errors="replace") == error.doc:
                    return f" ({path} is no JSON)"
        return ""


class Survey:
    """What Elyra makes of this environment. Building one imports every runtime, as a Jupyter server does.

    ``root`` is the root directory that the processors are told. ``announce`` is called with each entry point
    before it is loaded, because loading it may end the process.
    """

    def __init__(self, root, announce):
        self.root = str(root)
        self.announce = announce
        self.log = []
        self.seconds = {}
        self.files = list(_entry_points_files())
        self.entry_points = [
            EntryPoint(group, name, value, file)
            for file in self.visible_files
            for group in (PROVIDERS, PROCESSORS)
            for name, value in file.groups.get(group, {}).items()
        ]
        self.registry = self.schemas = None
        self.types_of_providers = set()
        self._load()

    def runtimes(self):
        """Return the names of all runtimes, in Elyra's order."""
        return list(dict.fromkeys(point.name for point in self.entry_points if point.group == PROCESSORS))

    @cached_property
    def visible_files(self):
        """The files that Elyra reads: of distributions that it takes for one, the first."""
        seen = {}
        for file in self.files:
            seen.setdefault(file.name_for_elyra, file)
        return list(seen.values())

    @cached_property
    def shadowed_files(self):
        """Pairs of a file that Elyra never reads, and the file of another distribution that hides it."""
        first = {file.name_for_elyra: file for file in reversed(self.files)}
        pairs = [(file, first[file.name_for_elyra]) for file in self.files]
        return [(file, other) for file, other in pairs if _normal(file.distribution) != _normal(other.distribution)]

    @cached_property
    def catalogs(self):
        """The user's component catalogs that Elyra takes for valid, ``(path, runtime type)``. They are not opened."""
        try:
            instances = MetadataManager(schemaspace=ComponentCatalogs.COMPONENT_CATALOGS_SCHEMASPACE_ID).get_all()
        except Exception:  # there are none, or the schemaspace is hidden, which has a row of its own
            return []
        return [(instance.resource, instance.metadata.get("runtime_type")) for instance in instances]

    def _load(self):
        logger = logging.getLogger("traitlets")
        logger.setLevel(logging.DEBUG)
        logger.addHandler(_Lines(self.log))
        original = entrypoints.EntryPoint.load
        entrypoints.EntryPoint.load = lambda point: self._observe(point, original)
        try:
            started = time.perf_counter()
            self.schemas = SchemaManager.instance()
            self.types_of_providers = set(RuntimeProcessorType.__members__)
            self.seconds["schemas"] = time.perf_counter() - started
            started = time.perf_counter()
            self.registry = PipelineProcessorRegistry.instance(root_dir=self.root)
            self.seconds["processors"] = time.perf_counter() - started
        except (configparser.Error, UnicodeDecodeError):
            pass  # one of self.files holds the error
        finally:
            entrypoints.EntryPoint.load = original

    def _observe(self, point, load):
        """Load ``point`` for Elyra, and note what comes of it."""
        value = f"{point.module_name}:{point.object_name}"
        ours = [entry for entry in self.entry_points if (entry.name, entry.value) == (point.name, value)]
        known = _known_types()
        self.announce(f"{point.name} = {value}")
        try:
            loaded = load(point)
            for entry in ours:
                entry.loaded = loaded
            return loaded
        except BaseException as error:
            for entry in ours:
                entry.error = error
            if isinstance(error, Exception):
                raise
            # Elyra would end here. The other runtimes are still to be examined.
            raise RuntimeError(f"{type(error).__name__}: {error}") from error
        finally:
            for entry in ours:
                entry.lost_types = sorted(known - _known_types())


class Runtime(form.OfSchema):
    """One runtime, by the name of its entry point. What is not there raises ``Skip``, with the reason."""

    def __init__(self, survey, name):
        self.survey = survey
        self.name = name

    @cached_property
    def entry_points(self):
        """The entry points of this name, one for each distribution that has one."""
        return [point for point in self.survey.entry_points if (point.group, point.name) == (PROCESSORS, self.name)]

    @property
    def entry_point(self):
        """The entry point whose processor Elyra keeps: the last."""
        if not self.entry_points:
            raise Skip("Elyra cannot read its entry point")
        return self.entry_points[-1]

    @cached_property
    def providers(self):
        """The schemas providers that come with the runtime, and those of others that serve its schema."""
        own = self.entry_point.file
        points = [point for point in self.survey.entry_points if point.group == PROVIDERS]
        return [point for point in points if point.file is own or self.name in _served_by(point)]

    @cached_property
    def silenced(self):
        """The rows that the ``pyproject.toml`` silences from which it was installed as editable: reasons by row."""
        source = source_of(self.entry_points[-1].file) if self.entry_points else None
        try:
            return reasons_in(tomllib.loads(source.read_text(encoding="utf-8"))) if source else {}
        except (OSError, ValueError):
            return {}

    @property
    def no_json(self):
        """Say which file is no JSON, if importing a schemas provider, or asking it, fails because of that."""
        for point in self.providers:
            try:
                point.loaded().get_schemas()
            except Exception as error:
                return point.no_json(point.error or error)
        return ""

    @property
    def provider_log(self):
        """What Elyra logs if it cannot load the schemas providers: lines."""
        starts = tuple(f"Error loading schemas for SchemasProvider '{point.name}' - " for point in self.providers)
        return [line for line in self.survey.log if starts and line.startswith(starts)]

    @property
    def error(self):
        """What Elyra logs instead of registering the processor, or ``None``."""
        start = f"Error registering {self.name} processor"
        return next((line.partition('" - ')[2] for line in reversed(self.survey.log) if line.startswith(start)), None)

    @cached_property
    def processor(self):
        """The processor that Elyra has built."""
        if self.survey.registry is None:
            raise Skip("Elyra loads no processor at all")
        kind = self.entry_point.loaded
        for processor in self.survey.registry.get_all_processors():
            if type(processor) is kind:
                return processor
        raise Skip("Elyra has no processor of it")

    @property
    def type(self):
        """The runtime type of the processor, a member of ``RuntimeProcessorType``."""
        if not isinstance(self.processor._type, RuntimeProcessorType):
            raise Skip("its type is no runtime type")
        return self.processor._type

    @property
    def remote_type(self):
        """The same, for a runtime with runtime configurations, which the local one has not."""
        if self.type is RuntimeProcessorType.LOCAL:
            raise Skip("the local runtime has none")
        return self.type

    @property
    def resources(self):
        """What Elyra shows of the type, an instance of ``RuntimeTypeResources``."""
        try:
            return RuntimeTypeResources.get_instance_by_type(self.type)
        except Skip:
            raise
        except Exception as error:  # rows 11 and 16 are about it
            raise Skip("Elyra knows no resources of its type") from error

    @cached_property
    def own_schemas(self):
        """The schemas that come with the runtime, as its providers give them, before Elyra judges them."""
        schemas = []
        for point in self.providers:
            if point.loaded is not None:
                try:
                    schemas += copy.deepcopy(point.loaded().get_schemas())
                except Exception:  # Elyra has met the same error, and logged it
                    continue
        return [schema for schema in schemas if isinstance(schema, dict)]

    @cached_property
    def schema(self):
        """The schema of its runtime configurations, as its provider gives it."""
        others = set(self.survey.runtimes()) - {self.name}
        own = [schema for schema in self.own_schemas if schema.get("name") not in others]
        named = [schema for schema in own if schema.get("name") == self.name]
        unnamed = [schema for schema in own if schema.get("schemaspace") in (SCHEMASPACE, None)]
        if not (named or len(unnamed) == 1):
            raise Skip("it has no schema")
        return (named or unnamed)[0]

    @cached_property
    def schema_file(self):
        """The JSON file in the packages of the runtime's providers that holds the schema: a ``Path``, or ``None``."""
        return _json_file(self.providers, lambda document: document == self.schema)

    @cached_property
    def fields_file(self):
        """The JSON file in its package that holds nothing but the fields of the schema: a ``Path``, or ``None``."""
        return _json_file(
            self.entry_points,
            lambda document: form.holds_fields_alone(document) and set(document) <= set(self.fields),
        )

    @property
    def schema_place(self):
        """Where to look for the schema: its file, or the provider that gives it."""
        return self.schema_file or self.fields_file or ", ".join(point.value for point in self.providers)

    @property
    def metadata_class(self):
        """The class of its runtime configurations. Raises what importing it raises."""
        from traitlets.utils.importstring import import_item

        return import_item(self.schema.get("metadata_class_name", "elyra.metadata.metadata.Metadata"))

    @cached_property
    def made_up(self):
        """What is in the file of a made-up runtime configuration: a dict. Raises ``Skip`` as ``sample`` does."""
        type = form.part(self.fields.get("runtime_type"))
        fields = {"runtime_type": type["const"]} if "const" in type else {}
        return {"display_name": "Doctor", "schema_name": self.schema["name"], "metadata": sample(self.schema, fields)}

    def load_configuration(self, *, without=None):
        """Return a made-up runtime configuration as Elyra loads it from a file that lacks the field ``without``.

        The file lies in the Jupyter directory of the process, which is a temporary one. Raises what Elyra raises.
        """
        try:
            served = self.survey.schemas.get_schemaspace_schemas(SCHEMASPACE_ID) if self.survey.schemas else {}
        except ValueError as error:  # a distribution has taken Elyra's name
            raise Skip("Elyra knows no schemaspace for runtimes") from error
        if self.schema.get("name") not in served:
            raise Skip("Elyra does not serve its schema")
        folder = Path(os.environ["JUPYTER_DATA_DIR"], "metadata", SCHEMASPACE)
        folder.mkdir(parents=True, exist_ok=True)
        fields = {name: value for name, value in self.made_up["metadata"].items() if name != without}
        path = folder / ("doctor-2.json" if without else "doctor.json")  # Elyra remembers files by their names
        path.write_text(json.dumps({**self.made_up, "metadata": fields}), encoding="utf-8")
        try:
            return MetadataManager(schemaspace=SCHEMASPACE_ID).get(path.stem)
        finally:
            path.unlink()


class _Lines(logging.Handler):
    def __init__(self, lines):
        super().__init__()
        self.lines = lines

    def emit(self, record):
        self.lines.append(record.getMessage())


def _entry_points_files():
    """Find every ``entry_points.txt`` where ``entrypoints``, the library that Elyra asks, looks for them."""
    for folder in dict.fromkeys(sys.path):
        for kind in ("dist-info", "egg-info"):
            for path in glob.iglob(os.path.join(glob.escape(folder), f"*.{kind}", "entry_points.txt")):
                yield _read(EntryPointsFile(Path(path)))


def _read(file):
    parser = entrypoints.CaseSensitiveConfigParser(delimiters=("=",))
    try:
        parser.read([str(file.path)])
        for group in (PROVIDERS, PROCESSORS, "metadata.schemaspaces", "elyra.component.catalog_types"):
            if group in parser:
                file.groups[group] = dict(parser[group].items())
        file.other_groups = [group for group in parser.sections() if group not in file.groups]
    except (configparser.Error, UnicodeDecodeError) as error:
        file.error = error
    return file


def _json_file(points, is_it):
    """Return the first JSON file in the packages of ``points`` whose content ``is_it``: a ``Path``, or ``None``."""
    for point in points:
        for path in sorted(path for folder in _folders(point) for path in folder.rglob("*.json")):
            try:
                if is_it(json.loads(path.read_text(encoding="utf-8-sig"))):
                    return path
            except (OSError, ValueError):
                continue
    return None


def _served_by(point):
    """Return the names of the schemas of runtimes that a schemas provider gives."""
    try:
        schemas = point.loaded().get_schemas()
        return [schema.get("name") for schema in schemas if schema.get("schemaspace_id") == SCHEMASPACE_ID]
    except Exception:  # Elyra has met the same error, and logged it
        return []


def _folders(point):
    """Return the folders of the package that an entry point names."""
    package = find_spec(re.match(r"\w*", point.value)[0])
    return [Path(folder) for folder in (package and package.submodule_search_locations) or ()]


def _known_types():
    """Return the names of the runtime types for which Elyra finds the resources."""
    known = set()
    for name, member in RuntimeProcessorType.__members__.items():
        try:
            if RuntimeTypeResources.get_instance_by_type(member) is not None:
                known.add(name)
        except Exception:  # a plugin may raise anything here; what counts is that it gives no answer
            continue
    return known


def _normal(name):
    return name.lower().replace("_", "-").replace(".", "-")


def names():
    """Return the names of all runtimes that any distribution registers, even where Elyra cannot read them."""
    return sorted({point.name for dist in distributions() for point in dist.entry_points if point.group == PROCESSORS})
