"""Step 3: the Jupyter Server extension, for the icon and "Run Details"."""

from pathlib import Path

from jupyter_server.extension.application import ExtensionApp
from jupyter_server.utils import url_path_join

STATIC = Path(__file__).parent / "static"


class DemoRuntimeExtension(ExtensionApp):
    """Serves ``static/`` under ``<base url>/static/demo_runtime/``.

    It answers to jupyter_server 2, ``ExtensionApp``. Elyra's front end shows
    no pipeline editor at all, for any runtime, while one icon is missing.
    Each file there carries the package's name: Jupyter Server finds a static
    file by its bare name, and once it has served an ``icon.svg`` of one
    extension, it refuses those of all others.
    """

    name = "demo_runtime"
    static_paths = [str(STATIC)]


def page_url(page, serverapp=None):
    """Return where a browser finds ``page``, a file of ``static/``.

    That is on ``serverapp``, or else on disk.
    """
    if serverapp is None:
        return (STATIC / page).as_uri()
    return url_path_join(
        serverapp.base_url, "static", DemoRuntimeExtension.name, page
    )
