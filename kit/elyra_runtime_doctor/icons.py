"""Whether JupyterLab can draw an icon: it decodes the text as a part of an address, and reads it as SVG."""

import re
import xml.etree.ElementTree as ElementTree
from urllib.parse import unquote_to_bytes

LONE_PERCENT = "a percent sign that is no escape"
SVG = "{http://www.w3.org/2000/svg}svg"


def undrawn(file):
    """Say why JupyterLab cannot draw the icon in ``file``, a ``Path``, or return ``None`` (JupyterLab 4)."""
    try:
        text = file.read_text(encoding="utf-8")
        lone = re.search(r".{0,20}%(?![0-9a-fA-F]{2}).{0,10}", text)
        if lone:
            return f"{LONE_PERCENT}: {lone[0]!r}"
        unquote_to_bytes(text).decode("utf-8")
        root = ElementTree.fromstring(text)
    except UnicodeDecodeError as error:
        return f"it is no text in UTF-8: {error}"
    except ElementTree.ParseError as error:
        return f"it is no XML: {error}"
    if root.tag != SVG:
        return f"its root is {root.tag!r}, and has to be 'svg' with xmlns=\"http://www.w3.org/2000/svg\""
    return None
