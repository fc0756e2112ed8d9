"""The runtime, as Elyra finds it."""

from pathlib import Path

from elyra_runtime_engine.runtime import RunningRuntime
from elyra_runtime_kit import Declaration

FOLDER = Path(__file__).parent


class MachinePipelineProcessor(RunningRuntime):
    """Runs the nodes of a pipeline on this machine."""

    declaration = Declaration(
        name="machine",
        type_id="MACHINE",
        display_name="This Machine",
        fields=FOLDER / "machine.json",
        icon=FOLDER / "machine.svg",
    )

    executor = "elyra_runtime_engine.processes:Processes"
