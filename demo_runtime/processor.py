"""The processor: the class that Elyra hands a pipeline to."""

import json
import logging
from collections import Counter
from pathlib import Path
from urllib.parse import quote

from elyra.metadata.manager import MetadataManager
from elyra.pipeline.pipeline_constants import ENV_VARIABLES
from elyra.pipeline.processor import (
    RuntimePipelineProcessor,
    RuntimePipelineProcessorResponse,
)
from traitlets import default

from demo_runtime.description import describe, in_order, line
from demo_runtime.runtime_type import DEMO_RUNTIME

PAGE = Path(__file__).parent / "static" / "demo_runtime.html"
ADDRESS = f"static/demo_runtime/{PAGE.name}"


class DemoPipelineProcessorResponse(RuntimePipelineProcessorResponse):
    """What the editor and the command line show of a submission."""

    _type = DEMO_RUNTIME
    _name = "demoruntime"


class DemoPipelineProcessor(RuntimePipelineProcessor):
    """Logs what it receives (Elyra 4.1, ``RuntimePipelineProcessor``).

    Both methods raise ``RuntimeError`` with a message for the user: Elyra
    takes a ``ValueError`` for an error of its parser.
    """

    _type = DEMO_RUNTIME
    _name = "demoruntime"
    supported_properties = {ENV_VARIABLES}

    @default("log")
    def _log_default(self):
        if self.parent:
            return self.parent.log
        log = logging.getLogger("demo_runtime")
        log.setLevel(logging.INFO)
        if not log.hasHandlers():  # Elyra's command line has none
            log.addHandler(logging.StreamHandler())
        return log

    def process(self, pipeline):
        """Log the configuration, and each node. Return the page to show."""
        configuration = self._visible_configuration(pipeline)
        order = in_order(pipeline.operations)
        names = Counter(node.name for node in pipeline.operations.values())
        for name in [name for name in names if names[name] > 1]:
            self.log.warning(
                f"{self.name} {pipeline.name!r} - more than one "
                f"node is called {name!r}: the log tells them apart by their "
                "id. To tell them apart by name, change the label in the "
                "properties of a node."
            )
        self._log(pipeline, f"runtime configuration: {line(configuration)}")
        for node in describe(order, self.root_dir):
            self._log(pipeline, line(node), node["name"])
        count = f"nodes described: {len(order)}, nodes run: 0"
        self._log(pipeline, f"{count} (Demo Runtime runs no node)")
        page = PAGE.as_uri()
        if hasattr(self.parent, "serverapp"):
            page = f"{self.parent.serverapp.base_url}{ADDRESS}"
        return DemoPipelineProcessorResponse(page, None, None)

    def export(self, pipeline, format, path, overwrite):
        """Write the same facts to ``path``, in place. Return it, quoted."""
        if format != "json":
            raise RuntimeError(f"No export to {format!r}: choose json.")
        if ".." in Path(path).parts:
            raise RuntimeError(f"{path!r} has '..': choose one without.")
        order = in_order(pipeline.operations)
        facts = {
            "pipeline": pipeline.name,
            "runtime": self.name,
            "runtime_configuration": self._visible_configuration(pipeline),
            "nodes": [*describe(order, self.root_dir)],
        }
        target = Path(self.root_dir, path)
        mode, errors = "w" if overwrite else "x", "backslashreplace"
        try:
            with open(target, mode, encoding="utf-8", errors=errors) as file:
                json.dump(facts, file, indent=2, ensure_ascii=False)
                file.write("\n")
        except (OSError, ValueError) as error:
            raise RuntimeError(
                f"{error.args[-1]}: {str(target)!r}. Choose another file, or "
                "choose to overwrite it."
            ) from error
        self._log(pipeline, f"exported to {path!r}; nodes run: 0")
        return quote(path)

    def _log(self, pipeline, text, node=""):
        names = [repr(name)[1:-1] for name in (pipeline.name, node)]
        self.log_pipeline_info(names[0], text, operation_name=names[1])

    def _visible_configuration(self, pipeline):
        name = pipeline.runtime_config
        try:
            return MetadataManager(schemaspace="runtimes").get(name).visible()
        except Exception as error:  # a broken file leads to any
            raise RuntimeError(
                f"Pipeline {pipeline.name!r} cannot use the runtime "
                f"configuration {name!r}: {error} Choose, fix or create a "
                "configuration in the Runtimes panel."
            ) from error
