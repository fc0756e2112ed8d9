"""Step 2 again: the processor. It plans the run, lets it start, and returns."""

import time

from elyra.pipeline.pipeline_constants import ENV_VARIABLES

from dask_runtime.metadata import DaskMetadata
from dask_runtime.plan import is_taken, plan
from dask_runtime.runtime_type import DASK, DISPLAY_NAME
from dask_runtime.schema import SCHEMA
from dask_runtime.server import run_url
from dask_runtime.start import start
from demo_runtime.description import PipelineError
from demo_runtime.processor import DemoPipelineProcessor, DemoPipelineProcessorResponse
from demo_runtime.report import line, one_line


class DaskPipelineProcessorResponse(DemoPipelineProcessorResponse):
    """What the editor and the command line show after a submission: a link to the page of the run."""

    _type = DASK
    _name = SCHEMA["name"]


class DaskPipelineProcessor(DemoPipelineProcessor):
    """Runs the nodes of a pipeline on Dask distributed.

    It finds the runtime configuration, orders the nodes and locates their files as the Demo Runtime does.
    """

    _type = DASK
    _name = SCHEMA["name"]

    supported_properties = {ENV_VARIABLES}
    configuration_class = DaskMetadata

    def process(self, pipeline):
        """Start a run of ``pipeline``.

        Returns a ``DaskPipelineProcessorResponse`` as soon as the run is
        accepted. Raises ``RuntimeError`` for all that the user can mend at
        once; nothing of the run is left then.
        """
        name = one_line(pipeline.name)
        settings = self._runtime_configuration(pipeline).settings()
        try:
            nodes = [self._located(node) for node in plan(pipeline.operations)]
        except PipelineError as error:
            raise RuntimeError(f"Pipeline {pipeline.name!r}: {error}") from error
        facts = {
            "pipeline": pipeline.name,
            "configuration": pipeline.runtime_config,
            "settings": settings,
            "root": self.root_dir,
            "nodes": [node.facts for node in nodes],
        }
        run_name = f"{pipeline.name}-{time.strftime('%m%d%H%M%S')}"
        environment = [self._environment(pipeline.operations[node.id], run_name) for node in nodes]
        run = start(facts, environment)
        for note, names in _by_note(nodes).items():
            self.log_pipeline_info(name, f"{note} {line({'nodes': names})}")
        self.log_pipeline_info(name, f"run {run.id} is accepted; nodes: {len(nodes)}; its files: {run.folder}")
        return DaskPipelineProcessorResponse(run_url(run, getattr(self.parent, "serverapp", None)))

    def export(self, pipeline, pipeline_export_format, pipeline_export_path, overwrite):
        """Raise ``RuntimeError``: this runtime runs pipelines. The editor does not offer an export."""
        raise RuntimeError(f"{DISPLAY_NAME} runs pipelines and exports none. Choose Run Pipeline.")

    def _environment(self, operation, run_name):
        """Return the environment variables of a node: its own, and Elyra's, which win.

        ``PipelineProcessor._collect_envs`` (Elyra 4.1) would drop a node's own keys of an object storage.

        Raises ``RuntimeError`` for the name of a pipeline that no variable can hold.
        """
        if not is_taken(run_name):
            raise RuntimeError(
                f"The name of the pipeline, {run_name.rpartition('-')[0]!r}, holds a character that no system takes, "
                "such as a zero byte. Rename it."
            )
        elyras = {
            "ELYRA_RUNTIME_ENV": self.name,
            "ELYRA_RUN_NAME": run_name,
            "ELYRA_ENABLE_PIPELINE_INFO": str(self.enable_pipeline_info),
        }
        return {**operation.env_vars.to_dict(), **elyras}


def _by_note(nodes):
    """Return the names of the nodes that each note is about, a dict by note."""
    names = {}
    for node in nodes:
        for note in node.notes:
            names.setdefault(note, []).append(node.name)
    return names
