"""Step 2: where an export goes, and how it gets there in one piece."""

import os
import uuid
from pathlib import Path


class ExportError(OSError):
    """A file that cannot be exported. The message names the file and the way out."""


def export_target(root_dir, path):
    """Return the absolute ``Path`` for ``path``.

    The editor gives a path relative to ``root_dir``, the directory that JupyterLab shows; the
    command line gives an absolute one. Raises ``ExportError`` for a relative path that leaves
    ``root_dir``, which the editor could not show.
    """
    root = Path(os.path.abspath(root_dir))
    target = Path(os.path.abspath(root / path))
    if not os.path.isabs(path) and not target.is_relative_to(root):
        raise ExportError(f"The export path {path!r} leaves the directory {str(root)!r}. Choose a path inside it.")
    return target


def write_export(target, text, overwrite):
    """Write ``text`` to ``target``, a ``Path``: all of it, or nothing.

    Raises ``ExportError`` if ``target`` exists and ``overwrite`` is false, or cannot be written.
    """
    draft = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        draft.write_text(text, encoding="utf-8")
        if not overwrite:
            _claim(target)
        os.replace(draft, target)
    except FileExistsError as error:
        raise ExportError(
            f"The file {str(target)!r} exists. Choose another name, or choose to overwrite it."
        ) from error
    except OSError as error:
        raise ExportError(
            f"The file {str(target)!r} cannot be written: {error.strerror}. "
            "Choose a directory that exists and that you may write to."
        ) from error
    finally:
        draft.unlink(missing_ok=True)


def _claim(target):
    """Take the name ``target`` for us alone, so that two exports at once cannot both have it."""
    target.touch(exist_ok=False)
