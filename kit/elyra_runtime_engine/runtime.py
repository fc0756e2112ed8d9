"""The base of a runtime that runs the nodes: it plans the run, lets it start, and returns."""

import re
import threading
import time
from importlib.util import find_spec
from pathlib import Path

from elyra_runtime_engine.keeping import keeper
from elyra_runtime_engine.plan import is_taken, plan
from elyra_runtime_engine.server import HANDLERS, run_url
from elyra_runtime_engine.start import follow_up_all, start
from elyra_runtime_kit import DeclarationError, Runtime, line


class RunningRuntime(Runtime):
    """A runtime that runs the nodes of a pipeline. A subclass declares what it is, and names its executor::

        class MyRuntime(RunningRuntime):
            declaration = Declaration(name="myruntime", type_id="MY_RUNTIME", display_name="My Runtime")
            executor = "my_runtime.executor:MyExecutor"

    It is a name, because the server need not import what only the process of a run needs. Two fields of the
    configuration mean something to the engine: ``cos_endpoint``, the absolute path of a folder for the files of the
    runs, and ``retries``, how many times a node is tried again that the place has lost.

    A subclass with a declaration whose executor cannot be there raises ``DeclarationError``.
    """

    executor: str | None = None

    def __init_subclass__(cls, **options):
        problem = "declaration" in vars(cls) and _lost_executor(cls.executor)
        if problem:
            raise DeclarationError(f"The runtime {cls.__module__}:{cls.__qualname__}: {problem}")
        super().__init_subclass__(**options)

    def run(self, job):
        """Start a run of ``job``.

        Returns the address of its page as soon as the run is accepted. Raises
        ``RuntimeError`` for all that the user can fix at once; nothing of the
        run is left then.
        """
        nodes = plan(job.nodes, job.environment)
        facts = {
            "pipeline": job.name,
            "configuration": job.configuration.name,
            "executor": self.executor,
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
        if self.server:
            keeper(self.server).call()
        return run_url(run, self.server)

    def handlers(self):
        """Return the pages of the runs: the same ones for all runtimes that run.

        A server that starts follows up the runs whose drivers have gone, and deletes those that are not to be kept.
        """
        threading.Thread(target=follow_up_all, daemon=True).start()
        keeper(self.server)
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


def _lost_executor(name):
    """Say why ``name`` cannot lead to an executor, or return ``None``. Only its package is imported."""
    if name is not None and hasattr(type(name), "__get__"):  # a trait or a property: only an object knows
        return None
    if not isinstance(name, str) or not re.fullmatch(r"[\w.]+:\w+(\.\w+)*", name):
        return f"executor is {name!r}. Write the name of a class, such as 'my_runtime.executor:MyExecutor'"
    module, _, kind = name.partition(":")
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):  # the package of the module is not there, or is no package
        spec = None
    except Exception:  # the package fails for another reason, and the run says which
        return None
    if spec is None:
        return f"executor is {name!r}, and there is no module {module!r}"
    first = kind.partition(".")[0]
    try:
        text = Path(spec.origin).read_text(encoding="utf-8", errors="replace")
    except (OSError, TypeError):  # it has no file, or lies in an archive
        return None
    if not re.search(rf"\b{first}\b|import \*|__getattr__|globals\(\)", text):
        return f"executor is {name!r}, and {spec.origin} has no {first!r}"
    return None


def _by_note(nodes):
    """Return the names of the nodes that each note is about, a dict by note."""
    names = {}
    for node in nodes:
        for note in node.notes:
            names.setdefault(note, []).append(node.name)
    return names
