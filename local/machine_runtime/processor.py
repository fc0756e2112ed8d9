"""What the runtime is, as Elyra finds it."""

from pathlib import Path

from elyra_runtime_engine.runtime import RunningRuntime
from elyra_runtime_kit import Declaration

FOLDER = Path(__file__).parent


class MachinePipelineProcessor(RunningRuntime):
    """Runs the nodes of a pipeline, each as a task of its executor."""

    declaration = Declaration(
        name="machine",
        type_id="MACHINE",
        display_name="This Machine",
        fields=FOLDER / "machine.json",
        icon=FOLDER / "machine.svg",
    )

    # Where the nodes run: as processes on this machine. For another place,
    # name a class of yours here that derives from the engine's Executor.
    executor = "elyra_runtime_engine.processes:Processes"
