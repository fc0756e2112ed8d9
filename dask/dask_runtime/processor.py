"""The processor. It plans the run, lets it start, and returns."""

import time
from pathlib import Path

from dask_runtime.plan import is_taken, plan
from dask_runtime.server import HANDLERS, run_url
from dask_runtime.start import start
from elyra_runtime_kit import Declaration, Runtime, line

FOLDER = Path(__file__).parent


class DaskPipelineProcessor(Runtime):
    """Runs the nodes of a pipeline on Dask distributed."""

    declaration = Declaration(
        name="dask",
        type_id="DASK",
        display_name="Dask",
        fields=FOLDER / "dask.json",
        icon=FOLDER / "static" / "dask_runtime.svg",
    )

    def run(self, job):
        """Start a run of ``job``.

        Returns the address of its page as soon as the run is accepted. Raises
        ``RuntimeError`` for all that the user can mend at once; nothing of the
        run is left then.
        """
        nodes = plan(job.nodes, job.environment)
        facts = {
            "pipeline": job.name,
            "configuration": job.configuration.name,
            "settings": job.configuration.values(),
            "root": job.root,
            "nodes": [node.facts for node in nodes],
        }
        run_name = f"{job.name}-{time.strftime('%m%d%H%M%S')}"
        run = start(facts, [self._environment(job, node, run_name) for node in job.nodes])
        for note, names in _by_note(nodes).items():
            job.log(f"{note} {line({'nodes': names})}")
        said = f"run {run.id} is accepted; nodes: {len(nodes)}"
        job.log(f"{said}; its files: {run.folder}")
        return run_url(run, self.server)

    def handlers(self):
        """Return the pages of the runs."""
        return HANDLERS

    def _environment(self, job, node, run_name):
        """Return the environment variables of a node: its own, and Elyra's,
        which win.

        ``PipelineProcessor._collect_envs`` (Elyra 4.1) would drop a node's own
        keys of an object storage. Raises ``RuntimeError`` for the name of a
        pipeline that no variable can hold.
        """
        if not is_taken(run_name):
            raise RuntimeError(
                f"The name of the pipeline, {job.name!r}, holds a character that "
                "no system takes, such as a zero byte. Rename it."
            )
        elyras = {
            "ELYRA_RUNTIME_ENV": self.name,
            "ELYRA_RUN_NAME": run_name,
            "ELYRA_ENABLE_PIPELINE_INFO": str(self.enable_pipeline_info),
        }
        return {**job.environment(node), **elyras}


def _by_note(nodes):
    """Return the names of the nodes that each note is about, a dict by note."""
    names = {}
    for node in nodes:
        for note in node.notes:
            names.setdefault(note, []).append(node.name)
    return names
