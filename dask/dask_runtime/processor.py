"""The runtime, as Elyra finds it."""

from importlib.util import find_spec
from pathlib import Path

from dask_runtime.earlier import HANDLERS
from elyra_runtime_engine.runtime import RunningRuntime
from elyra_runtime_kit import Declaration

FOLDER = Path(__file__).parent


class DaskPipelineProcessor(RunningRuntime):
    """Runs the nodes of a pipeline on Dask distributed."""

    declaration = Declaration(
        name="dask",
        type_id="DASK",
        display_name="Dask",
        fields=FOLDER / "dask.json",
        icon=FOLDER / "dask_runtime.svg",
    )

    executor = "dask_runtime.executor:DaskExecutor"

    def run(self, job):
        """Start a run of ``job``. Returns the address of its page. Raises ``RuntimeError`` if Dask is not installed."""
        if find_spec("distributed") is None:
            raise RuntimeError("The Dask runtime needs the package distributed. Install it: pip install distributed")
        return super().run(job)

    def handlers(self):
        """Return the pages of the runs, and what leads on from the addresses that they had."""
        return [*super().handlers(), *HANDLERS]
