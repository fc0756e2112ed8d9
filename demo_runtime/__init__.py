"""A runtime of your own for the pipeline editor of Elyra, as small as can be.

Read the modules in the order of the three steps:

1. ``demoruntime.json``, ``schema`` and ``metadata``: the runtime
   configuration;
2. ``runtime_type``, ``description`` and ``processor``: what receives the
   pipeline;
3. ``pyproject.toml``: the entry points that register both, and ``server``:
   the icon.

"""

from importlib.util import find_spec

if find_spec("elyra") is None:
    raise ImportError(
        "demo_runtime extends Elyra, and Elyra is not installed in this "
        "environment. "
        "Install it: pip install 'demo-runtime[elyra]'"
    )


def _jupyter_server_extension_points():
    """Tell Jupyter Server which extension this package brings.

    That is an ``ExtensionPoint`` of jupyter_server 2.
    """
    from demo_runtime.server import DemoRuntimeExtension

    return [{"module": "demo_runtime.server", "app": DemoRuntimeExtension}]
