"""Step 2: the processor, the class that Elyra hands a pipeline to."""

import logging
import os
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from elyra.metadata.manager import MetadataManager
from elyra.metadata.schemaspaces import Runtimes
from elyra.pipeline.pipeline_constants import ENV_VARIABLES
from elyra.pipeline.processor import (
    RuntimePipelineProcessor,
    RuntimePipelineProcessorResponse,
)
from traitlets import default

from demo_runtime.description import PipelineError, describe, repeated_names
from demo_runtime.export import ExportError, export_target, write_export
from demo_runtime.metadata import DemoRuntimeMetadata
from demo_runtime.report import document, line, one_line
from demo_runtime.runtime_type import (
    DEMO_RUNTIME,
    DISPLAY_NAME,
    DemoRuntimeResources,
)
from demo_runtime.schema import SCHEMA
from demo_runtime.server import page_url


class DemoPipelineProcessorResponse(RuntimePipelineProcessorResponse):
    """What the editor and the command line show after a submission.

    They link to ``run_url``, a page that says that no node was run. There is
    no object storage to show. Without a ``run_url`` the editor would say
    "executed in-place in your local environment".
    """

    _type = DEMO_RUNTIME
    _name = SCHEMA["name"]

    def __init__(self, run_url):
        super().__init__(
            run_url=run_url, object_storage_url=None, object_storage_path=None
        )


class DemoPipelineProcessor(RuntimePipelineProcessor):
    """Logs the metadata of the runtime and of the pipeline.

    It does not run the nodes. Elyra 4.1 builds it as ``cls(root_dir=...,
    parent=...)`` (``PipelineProcessorRegistry``).
    """

    _type = DEMO_RUNTIME
    _name = SCHEMA["name"]

    supported_properties = {ENV_VARIABLES}
    """The node properties that the editor offers for this runtime, beside
    those of every generic node."""

    configuration_class = DemoRuntimeMetadata
    """What Elyra makes of a runtime configuration that this processor takes:
    ``metadata_class_name`` in the schema."""

    @default("log")
    def _log_default(self):
        """Log where the server logs.

        Without a server log to stderr: Elyra's command line shows no log.
        """
        if self.parent is not None:
            return self.parent.log
        log = logging.getLogger("demo_runtime")
        log.setLevel(logging.INFO)
        if not log.hasHandlers():
            log.addHandler(logging.StreamHandler())
        return log

    def process(self, pipeline):
        """Log a line for the runtime configuration, and one for each node.

        Parents come first.
        Returns a ``DemoPipelineProcessorResponse``. Raises ``RuntimeError``
        with a message for the user: Elyra calls a ``ValueError`` an error of
        its parser.
        """
        configuration, nodes = self._describe(pipeline)
        name = one_line(pipeline.name)
        for repeated in repeated_names(pipeline.operations):
            self.log.warning(
                f"{self.name} '{name}' - more than one node is called "
                f"{repeated!r}: the log tells them apart by their id. To "
                "tell them apart by name, change the label in the "
                "properties of a node."
            )
        self.log_pipeline_info(
            name, f"runtime configuration: {line(configuration)}"
        )
        for node in nodes:
            self.log_pipeline_info(
                name, line(vars(node)), operation_name=one_line(node.name)
            )
        self.log_pipeline_info(
            name,
            f"nodes described: {len(nodes)}, nodes run: 0 "
            f"({DISPLAY_NAME} runs no node)",
        )
        return DemoPipelineProcessorResponse(
            page_url(
                "demo_runtime.html", getattr(self.parent, "serverapp", None)
            )
        )

    def export(
        self,
        pipeline,
        pipeline_export_format,
        pipeline_export_path,
        overwrite,
    ):
        """Write what ``process`` logs to ``pipeline_export_path``, as JSON.

        The same pipeline and configuration give the same bytes. Returns
        ``pipeline_export_path``, quoted for a URL: Elyra answers the editor
        with a link made of it, and fails on a letter that is not ASCII.
        Raises ``RuntimeError`` with a message for the user, and leaves no
        half-written file.
        """
        formats = DemoRuntimeResources().get_export_extensions()
        if pipeline_export_format not in formats:
            raise RuntimeError(
                f"{DISPLAY_NAME} does not export to "
                f"{pipeline_export_format!r}. Choose one of: "
                f"{', '.join(formats)}."
            ) from ValueError(pipeline_export_format)
        configuration, nodes = self._describe(pipeline)
        facts = {
            "pipeline": pipeline.name,
            "runtime": self.name,
            "runtime_configuration": configuration,
            "nodes": [vars(node) for node in nodes],
        }
        try:
            write_export(
                export_target(self.root_dir, pipeline_export_path),
                document(facts),
                overwrite,
            )
        except ExportError as error:
            raise RuntimeError(str(error)) from error
        self.log_pipeline_info(
            one_line(pipeline.name),
            f"exported to {pipeline_export_path!r}; nodes run: 0",
        )
        return quote(pipeline_export_path)

    def _describe(self, pipeline):
        """Return what others may see of the configuration, and the nodes.

        Parents come first.
        """
        configuration = self._runtime_configuration(pipeline)
        try:
            nodes = [
                self._located(node) for node in describe(pipeline.operations)
            ]
        except PipelineError as error:
            raise RuntimeError(
                f"Pipeline {pipeline.name!r}: {error}"
            ) from error
        return configuration.visible(), nodes

    def _runtime_configuration(self, pipeline):
        name = pipeline.runtime_config
        try:
            configuration = MetadataManager(
                schemaspace=Runtimes.RUNTIMES_SCHEMASPACE_ID
            ).get(name)
        except Exception as error:
            # Elyra raises what a broken file leads to, such as a TypeError.
            raise RuntimeError(
                f"Pipeline {pipeline.name!r} cannot use the runtime "
                f"configuration {name!r}: {error} Choose, mend or create a "
                "configuration in the Runtimes panel."
            ) from error
        if not isinstance(configuration, self.configuration_class):
            raise RuntimeError(
                f"Pipeline {pipeline.name!r} cannot use the runtime "
                f"configuration {name!r}: it is made for the runtime "
                f"{configuration.schema_name!r}. Choose one that is made for "
                f"{self.name!r}."
            ) from TypeError(configuration.schema_name)
        return configuration

    def _located(self, node):
        """Return ``node`` with its file relative to the root directory."""
        path = os.path.abspath(os.path.join(self.root_dir, node.file))
        if not os.path.isfile(path):
            raise PipelineError(
                f"Node {node.name!r} has no file: {path!r} does not exist. "
                "Restore the file, or choose another one in the properties "
                "of the node."
            )
        return replace(
            node, file=Path(os.path.relpath(path, self.root_dir)).as_posix()
        )
