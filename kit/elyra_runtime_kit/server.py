"""The icons and the pages of the runtimes, on the Jupyter server. There is no Jupyter Server extension for it.

Elyra builds each processor with its own extension as ``parent`` (Elyra 4.1, ``ElyraApp``), and that knows the server.
"""

from pathlib import Path
from xml.etree import ElementTree

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join

ICON = Path(__file__).with_name("icon.svg")
PAGE = Path(__file__).with_name("submitted.html")
PLACE = "elyra_runtime_kit"
ELYRAS_ICON = "static/elyra/pipeline-flow.svg"

_served = set()


class FileHandler(JupyterHandler):
    """Serves one file: everybody may read it, as they may read Elyra's own icons."""

    def initialize(self, type, content):
        self.type, self.content = type, content

    @allow_unauthenticated
    def get(self):
        self.set_header("Content-Type", self.type)
        self.set_header("Cache-Control", "no-cache")
        self.finish(self.content)


def serve(runtime):
    """Let the server, if there is one, serve the icon and the pages of ``runtime``, a ``Runtime``."""
    app = server_of(runtime)
    if app is None:
        return
    name = runtime.declaration.name
    content, complaint = icon(runtime.declaration.icon)
    if complaint:
        runtime.log.warning(f"The icon of the runtime {name!r}: {complaint}")
    page = {"type": "text/html", "content": PAGE.read_text(encoding="utf-8")}
    handlers = [
        (f"{PLACE}/{name}.svg", FileHandler, {"type": "image/svg+xml", "content": content}),
        (f"{PLACE}/{PAGE.name}", FileHandler, page),
        *runtime.handlers(),
    ]
    base = app.base_url
    app.web_app.add_handlers(".*$", [(url_path_join(base, address), *rest) for address, *rest in handlers])
    _served.add(name)


def server_of(runtime):
    """Return the server (jupyter_server 2, ``ServerApp``) on which Elyra has built ``runtime``, or ``None``."""
    return getattr(runtime.parent, "serverapp", None)


def icon_endpoint(name):
    """Return the address of the icon of the runtime ``name``, below the base URL. One icon that is not served takes
    the pipeline editor away, from all runtimes: where no server of this process serves it, it is one of Elyra's."""
    return f"{PLACE}/{name}.svg" if name in _served else ELYRAS_ICON


def page_url(runtime):
    """Return where a browser finds the page that says that the pipeline was handed over: on the server, or on disk."""
    app = server_of(runtime)
    return PAGE.as_uri() if app is None else url_path_join(app.base_url, PLACE, PAGE.name)


def icon(path):
    """Return the text of an icon that the launcher can show, and what is wrong with the one at ``path``, if anything.

    JupyterLab's launcher takes an icon for a part of an address (4.5, ``svgstrShim``): a percent sign that is no escape
    leaves it empty, for everybody.
    """
    own = ICON.read_text(encoding="utf-8")
    if path is None:
        return own, ""
    try:
        text = path.read_text(encoding="utf-8")
        root = ElementTree.fromstring(text).tag
    except (OSError, ValueError, ElementTree.ParseError) as error:
        return own, f"{path} cannot be used: {error}. The kit's own takes its place."
    if root != "{http://www.w3.org/2000/svg}svg":
        return own, f"{path} cannot be used: it begins with {root!r}, and is no SVG. The kit's own takes its place."
    if "%" in text:
        return text.replace("%", "&#37;"), f"{path} holds a percent sign, which is served as &#37;."
    return text, ""
