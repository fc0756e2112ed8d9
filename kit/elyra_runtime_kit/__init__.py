"""What every runtime for the pipeline editor of Elyra needs, once.

A runtime on the kit is a class: what it is, in a ``Declaration``, and what it does with a pipeline, in ``run``. Its
entry point in the group ``elyra.pipeline.processors`` names the class. There is nothing else to register.

Read the modules in this order:

1. ``declaration``: what a runtime is, and ``fields``: the fields of its runtime configurations;
2. ``schema``, ``configuration``, ``types`` and ``discovery``: what Elyra is told of it;
3. ``runtime``: the processor, with ``pipeline``: the facts about nodes, ``text``: how they are written, and hidden,
   and ``export``: how a file gets to its place;
4. ``server``: the icons and the pages;
5. ``testing``: pipelines and runtimes in a few lines, for the tests of a runtime.

What this module names is public, and so is ``testing``. ``README.md`` of the distribution says what that means.
"""

from importlib.util import find_spec

if find_spec("elyra") is None:
    raise ImportError(
        "elyra_runtime_kit extends Elyra, and Elyra is not installed in this environment. "
        "Install it: pip install 'elyra-runtime-kit[elyra]'"
    )

from elyra_runtime_kit.configuration import Configuration
from elyra_runtime_kit.declaration import Declaration, DeclarationError
from elyra_runtime_kit.pipeline import Node, PipelineError
from elyra_runtime_kit.runtime import Job, Runtime
from elyra_runtime_kit.text import line

__all__ = ["Configuration", "Declaration", "DeclarationError", "Job", "Node", "PipelineError", "Runtime", "line"]
