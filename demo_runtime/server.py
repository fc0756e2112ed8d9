"""The Jupyter Server extension, for the icon and "Run Details"."""

from pathlib import Path

from jupyter_server.extension.application import ExtensionApp


class DemoRuntimeExtension(ExtensionApp):
    """Serves ``static/`` at ``static/demo_runtime/`` (jupyter_server 2)."""

    name = "demo_runtime"
    static_paths = [str(Path(__file__).parent / "static")]
