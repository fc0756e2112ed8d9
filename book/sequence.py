"""Who calls whom when you press Run Pipeline: the figure on the first page. A test watches the calls in a real run."""

import re
from html import escape
from typing import NamedTuple

from IPython.display import HTML

PARTS = {
    "Browser": "the pipeline editor and the run page, in JupyterLab",
    "Elyra": "in the Jupyter server",
    "Kit": "elyra_runtime_kit: what every runtime needs",
    "Runtime": "your class",
    "Engine": "elyra_runtime_engine: what every runtime needs that runs nodes. Each run has a driver, its own process",
    "Executor": "a class that knows one place where nodes run, such as your queue",
}
"""The parts, from left to right, and what each one is."""


class Call(NamedTuple):
    """One part calls another one. ``function`` is ``module:name``, as it is installed."""

    source: str
    target: str
    what: str
    function: str


ANSWER = "elyra.pipeline.processor:RuntimePipelineProcessorResponse.to_json"
CALLS = (
    Call("Browser", "Elyra", "sends the pipeline", "elyra.pipeline.handlers:PipelineSchedulerHandler.post"),
    Call("Elyra", "Elyra", "checks the pipeline", "elyra.pipeline.validation:PipelineValidationManager.validate"),
    Call("Elyra", "Kit", "gives it the pipeline", "elyra_runtime_kit.runtime:Runtime.process"),
    Call("Kit", "Runtime", "gives it the nodes in their order", "elyra_runtime_engine.runtime:RunningRuntime.run"),
    Call("Runtime", "Engine", "starts a run", "elyra_runtime_engine.start:start"),
    Call("Engine", "Executor", "asks whether the nodes fit", "elyra_runtime_engine.executor:Executor.examine"),
    Call("Elyra", "Browser", "sends the address of the run page", ANSWER),
    Call("Engine", "Executor", "submits the nodes that can run", "elyra_runtime_engine.processes:Processes.submit"),
    Call("Engine", "Executor", "asks how they are, until they end", "elyra_runtime_engine.processes:Processes.poll"),
    Call("Browser", "Engine", "asks for the states, logs and outputs", "elyra_runtime_engine.server:RunHandler.get"),
)
"""The calls of a runtime on the kit and its engine, in their order. Without a kit, Elyra calls the runtime itself."""


def sequence(caption):
    """Show ``CALLS``, with a column for each part. On a narrow page, and to a screen reader, they are a list."""
    heads = "".join(f'<span title="{escape(what)}">{escape(part)}</span>' for part, what in PARTS.items())
    calls = "".join(_call(call) for call in CALLS)
    return HTML(
        f'<figure class="sequence"><div class="parts" aria-hidden="true">{heads}</div><ol>{calls}</ol>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _call(call):
    """Return an item of the list. Its style says from which column to which its arrow goes."""
    columns = [*PARTS]
    start, end = columns.index(call.source), columns.index(call.target)
    left, right = min(start, end), max(start, end)
    way = "itself" if start == end else "right" if end > start else "left"
    name = re.sub(r"\B(?=[.A-Z])", "<wbr>", call.function.partition(":")[2])
    return (
        f'<li style="--left: {left + 1}; --span: {right - left + 1}"><div class="call {way}">'
        f"<b>{escape(call.source)} → {escape(call.target)}</b> {escape(call.what)} "
        f"<code>{name}</code></div></li>"
    )
