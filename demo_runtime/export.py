"""Step 2: where an export goes, and how it gets there in one piece."""

import os
import uuid
from contextlib import suppress
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


def write_export(target, pieces, overwrite):
    """Write ``pieces`` of text, an iterable, to ``target``, a ``Path``: all of them, or nothing.

    Raises ``ExportError`` if ``target`` exists and ``overwrite`` is false, or cannot be written.
    """
    draft = target.parent / f".{uuid.uuid4().hex}"
    try:
        # JSON may hold half of a surrogate pair. UTF-8 cannot: it becomes the escape that JSON has for it.
        with draft.open("w", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(pieces)
        if overwrite:
            os.replace(draft, target)
        else:
            os.link(draft, target)  # fails where target exists, so that of two exports at once one wins
    except FileExistsError as error:
        raise ExportError(
            f"The file {str(target)!r} exists. Choose another name, or choose to overwrite it."
        ) from error
    except (OSError, ValueError) as error:  # a ValueError: the path holds what no path can hold
        raise ExportError(
            f"The file {str(target)!r} cannot be written: {getattr(error, 'strerror', error)}. "
            "Choose a directory that exists and that you may write to."
        ) from error
    finally:
        with suppress(OSError, ValueError):
            draft.unlink()
