"""Step 3: the Jupyter Server extension, which serves the icon and the page behind "Run Details"."""

from pathlib import Path

from jupyter_server.extension.application import ExtensionApp
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join

STATIC = Path(__file__).parent / "static"


class DemoRuntimeExtension(ExtensionApp):
    """Serves ``static/`` under ``<base url>/static/demo_runtime/`` (jupyter_server 2, ``ExtensionApp``).

    Elyra's front end shows no pipeline editor at all, for any runtime, while one icon is missing.
    """

    name = "demo_runtime"
    static_paths = [str(STATIC)]


def page_url(page):
    """Return where a browser finds ``page``, a file of ``static/``: on this server, or else on disk."""
    if ServerApp.initialized():
        return url_path_join(ServerApp.instance().base_url, "static", DemoRuntimeExtension.name, page)
    return (STATIC / page).as_uri()
