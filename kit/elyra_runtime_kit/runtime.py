"""The base of a runtime: the processor that Elyra hands a pipeline to, and what is the same in all of them."""

import inspect
import os
import traceback
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import quote

from elyra.metadata.manager import MetadataManager
from elyra.metadata.schemaspaces import Runtimes
from elyra.pipeline.pipeline_constants import ENV_VARIABLES
from elyra.pipeline.processor import RuntimePipelineProcessor, RuntimePipelineProcessorResponse
from traitlets import default

from elyra_runtime_kit import server
from elyra_runtime_kit.configuration import Configuration
from elyra_runtime_kit.declaration import Declaration, DeclarationError
from elyra_runtime_kit.discovery import log_without_server, misregistered
from elyra_runtime_kit.export import ExportError, export_target, write_export
from elyra_runtime_kit.pipeline import PipelineError, describe, nodes_of, repeated_names
from elyra_runtime_kit.text import Mask, one_line
from elyra_runtime_kit.types import register

OF_THE_KIT = "__init__ process export name type log root_dir job server supported_properties _name _type".split()
"""What a runtime does not replace: there, Elyra punishes each mistake without a word."""


@dataclass(frozen=True)
class Job:
    """A pipeline that was handed to a runtime.

    ``nodes`` is a list of ``Node``, parents first, and ``configuration`` the ``Configuration`` that the user chose.
    ``root`` is the directory that the files of the nodes are relative to. ``pipeline`` is what Elyra's parser made of
    it (Elyra 4.1, ``elyra.pipeline.pipeline.Pipeline``), for those who need more.
    """

    name: str
    nodes: list
    configuration: Configuration
    root: str
    pipeline: object = field(repr=False)
    runtime: object = field(repr=False)

    def log(self, text, node=None):
        """Log ``text`` as one line about this pipeline, or about ``node``.

        Secrets of the configuration are hidden, and so are values of the environment variables of ``node``, or of all
        nodes without it.
        """
        mask = Mask(self._secrets, self.environment(node).values()) if node else self.mask
        of = {"operation_name": one_line(node.name)} if node else {}
        self.runtime.log_pipeline_info(one_line(self.name), one_line(mask(text)), **of)

    def path(self, node):
        """Return the absolute path of the file of ``node``."""
        return os.path.join(self.root, node.file)

    def environment(self, node):
        """Return the environment variables of ``node``, their values by name. Show them to nobody."""
        return self.pipeline.operations[node.id].env_vars.to_dict() if node.environment_variables else {}

    def describe(self):
        """Yield the facts about each node, in the order of ``nodes``: a dict that a log, JSON and a template can hold.

        It has what a ``Node`` has but for ``label``, ``inputs``, the files that come from the nodes above it, and for
        ``parents`` their labels. No value of an environment variable is in it.
        """
        return describe(self.nodes, self.pipeline.operations)

    @cached_property
    def mask(self):
        """A function that hides secrets of the configuration and values of environment variables in a text."""
        return Mask(self._secrets, [value for node in self.nodes for value in self.environment(node).values()])

    @cached_property
    def _secrets(self):
        return [str(secret) for secret in self.configuration.secrets().values()]


class Runtime(RuntimePipelineProcessor):
    """A runtime for the pipeline editor. Derive a class from it that says what it is, and what it does::

        class MyRuntime(Runtime):
            declaration = Declaration(name="myruntime", type_id="MY_RUNTIME", display_name="My Runtime")

            def run(self, job):
                for node in job.nodes:
                    job.log("starts", node)

    It answers to Elyra 4.1, ``RuntimePipelineProcessor``, which is built as ``cls(root_dir=..., parent=...)``.
    ``run`` takes a ``Job``, and returns the address of a page about the run, or nothing: then it is a page of the kit.
    It runs while the editor waits. Where ``exports`` are declared, ``render(job, format)`` returns what belongs into
    the file: a text, bytes, or an iterable of these. Both may raise ``PipelineError`` with a message for the user.

    A subclass that lacks one of these, or replaces what is the kit's, raises ``DeclarationError``.
    """

    declaration: Declaration = None  # what it is to a type checker: each subclass has one

    supported_properties = {ENV_VARIABLES}

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if "declaration" not in vars(cls):
            return
        problems = list(_problems(cls))
        if problems:
            raise DeclarationError(f"The runtime {_place(cls)}: {'; '.join(problems)}")
        cls._type = register(cls.declaration, _place(cls))
        cls._name = cls.declaration.name

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        problem = misregistered(type(self))
        if problem:
            log_without_server(self.parent).error(problem)
            raise RuntimeError(problem)
        server.serve(self)

    @default("log")
    def _log_default(self):
        """Log where the server logs. Without a server log to stderr: Elyra's command line shows no log."""
        return log_without_server(self.parent, type(self).__module__)

    def handlers(self):
        """Return the pages of the runtime: a list of ``(pattern, handler)``, as tornado takes them.

        A pattern is below the base URL of the server, such as ``my_runtime/runs/([^/]+)``.
        """
        return []

    @property
    def server(self):
        """The Jupyter server (jupyter_server 2, ``ServerApp``), or ``None``: the command line has none."""
        return server.server_of(self)

    def job(self, pipeline):
        """Return the ``Job`` that ``run`` gets for ``pipeline`` (Elyra 4.1, ``Pipeline``).

        Raises ``RuntimeError`` with a message for the user.
        """
        configuration = self._configuration(pipeline)
        try:
            nodes = nodes_of(pipeline.operations, self.root_dir)
        except PipelineError as error:
            message = f"Pipeline {pipeline.name!r}: {error}"
        else:
            return Job(pipeline.name, nodes, configuration, self.root_dir, pipeline, self)
        raise for_user(message)

    def process(self, pipeline):
        """Let ``run`` take ``pipeline``. Returns what the editor and the command line show: the address of the run.

        Raises ``RuntimeError`` with a message for the user: Elyra calls a ``ValueError`` an error of its parser.
        """
        job = self.job(pipeline)
        for repeated in repeated_names(job.nodes):
            self.log.warning(
                f"{self.name} '{one_line(job.name)}' - more than one node is called {repeated!r}. To tell them apart, "
                "change the label in the properties of a node."
            )
        url = self._told(job, lambda: self.run(job))
        if not (url is None or isinstance(url, str)):
            # The pipeline is on its way. An error would make the user submit it twice.
            self.log.error(f"{_place(type(self))}.run returned {url!r}: it must return an address, or nothing.")
        response = RuntimePipelineProcessorResponse(
            url if url and isinstance(url, str) else server.page_url(self), None, None
        )
        response._type, response._name = self._type, self._name
        return response

    def export(self, pipeline, pipeline_export_format, pipeline_export_path, overwrite):
        """Write what ``render`` returns to ``pipeline_export_path``: all of it, or nothing.

        Returns ``pipeline_export_path``, quoted for a URL: Elyra answers the editor with a link made of it, and fails
        on a letter that is not ASCII. Raises ``RuntimeError`` with a message for the user.
        """
        formats = self.declaration.exports
        if not formats:
            raise for_user(f"{self.declaration.display_name} runs pipelines and exports none. Choose Run Pipeline.")
        if pipeline_export_format not in formats:
            raise for_user(
                f"{self.declaration.display_name} does not export to {pipeline_export_format!r}. "
                f"Choose one of: {', '.join(formats)}."
            )
        job = self.job(pipeline)
        self._told(job, lambda: self._write(job, pipeline_export_format, pipeline_export_path, overwrite))
        self.log_pipeline_info(one_line(job.name), f"exported to {pipeline_export_path!r}")
        return quote(pipeline_export_path)

    def _write(self, job, format, path, overwrite):
        target = export_target(self.root_dir, path)
        pieces = self.render(job, format)
        # What the author's code raises half-way is no fault of the file.
        write_export(target, pieces if isinstance(pieces, (str, bytes)) else _each(pieces), overwrite)

    def _configuration(self, pipeline):
        name = pipeline.runtime_config
        wrong = f"Pipeline {pipeline.name!r} cannot use the runtime configuration {name!r}: "
        try:
            configuration = MetadataManager(schemaspace=Runtimes.RUNTIMES_SCHEMASPACE_ID).get(name)
        except Exception as error:  # Elyra raises what a broken file leads to, such as a TypeError
            problem = f"{error} Choose, fix or create a configuration in the Runtimes panel."
        else:
            if configuration.schema_name == self.name:
                return configuration
            problem = (
                f"it is made for the runtime {configuration.schema_name!r}. Choose one that is made for {self.name!r}."
            )
        raise for_user(wrong + problem)

    def _told(self, job, do):
        """Return what ``do`` returns. Raise a ``RuntimeError`` for the user instead of what it raises."""
        try:
            return do()
        except (Exception, SystemExit) as error:
            error = error.__cause__ if isinstance(error, _Raised) else error
            if isinstance(error, PipelineError):
                message = f"Pipeline {job.name!r}: {error}"
            elif type(error) is RuntimeError or isinstance(error, ExportError):
                message = str(error)
            else:
                said = f"{type(error).__name__}: {error}"
                message = f"Pipeline {job.name!r}: {self.declaration.display_name} has failed: {said}"
                self.log.error(job.mask("".join(traceback.format_exception(error))))
        # Here, the error does not drag along another one, which may hold a secret.
        raise for_user(job.mask(message))


def for_user(message):
    """Return the error whose message Elyra shows as it is, in the editor and on the command line."""
    error = RuntimeError(message)
    error.__cause__ = Exception()  # the command line prints the cause, too: "None", if there is none
    return error


class _Raised(Exception):
    """Carries what a renderer has raised past those who look for errors of the file."""


def _each(pieces):
    try:
        yield from pieces
    except Exception as error:
        raise _Raised from error


def _problems(cls):
    if not isinstance(cls.declaration, Declaration):
        yield f"declaration is {cls.declaration!r}, and no Declaration"
        return
    replaced = [name for name in OF_THE_KIT for each in cls.__mro__[: cls.__mro__.index(Runtime)] if name in vars(each)]
    if replaced:
        yield f"it replaces {', '.join(dict.fromkeys(replaced))}, which is the kit's. Write run, and render, instead"
    wanted = {"run": "job", "render": "job, format"} if cls.declaration.exports else {"run": "job"}
    for name in ("run", "render"):
        method = getattr(cls, name, None)
        if name not in wanted:
            if method is not None:
                yield f"it has a method {name}, and declares no exports"
        elif not callable(method) or not _takes(method, 1 + len(wanted[name].split(","))):
            yield f"it has no method {name}(self, {wanted[name]})"
        if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
            yield f"{name} is async, and Elyra does not wait for it. Write def {name}"


def _takes(method, count):
    try:
        inspect.signature(method).bind(*range(count))
    except TypeError:
        return False
    return True


def _place(cls):
    return f"{cls.__module__}:{cls.__qualname__}"
