"""Where an export goes, and how it gets there in one piece."""

import errno
import os
import stat
import uuid
from contextlib import suppress
from pathlib import Path

WITHOUT_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS})
"""What a file system says that has no hard links: vfat, for one, and some that are mounted over a network."""


class ExportError(OSError):
    """A file that cannot be exported. The message names the file and the way out."""


def export_target(root_dir, path):
    """Return the absolute ``Path`` for ``path``.

    The editor gives a path relative to ``root_dir``, the directory that JupyterLab shows; the command line gives an
    absolute one. Raises ``ExportError`` for a relative path that leaves ``root_dir``, which the editor could not show.
    """
    root = Path(os.path.abspath(root_dir))
    target = Path(os.path.abspath(root / path))
    if not os.path.isabs(path) and not target.is_relative_to(root):
        raise ExportError(f"The export path {path!r} leaves the directory {str(root)!r}. Choose a path inside it.")
    return target


def write_export(target, pieces, overwrite):
    """Write ``pieces`` to ``target``: all of them, or nothing.

    ``pieces`` is a text, bytes, or an iterable of these, and ``target`` a ``Path``. A file that is overwritten keeps
    its permissions, and a symbolic link to it stays one.

    Raises ``ExportError`` if ``target`` exists and ``overwrite`` is false, or cannot be written.
    """
    draft = target.parent / f".{uuid.uuid4().hex}"
    pieces = [pieces] if isinstance(pieces, (str, bytes)) else pieces
    try:
        if overwrite:
            target = Path(os.path.realpath(target))
            draft = target.parent / draft.name
        mode = stat.S_IMODE(target.stat().st_mode) if overwrite and target.exists() else None
        with open(draft, "xb", opener=_opener(mode)) as file:
            # JSON may hold half of a surrogate pair. UTF-8 cannot: it becomes the escape that JSON has for it.
            file.writelines(
                piece if isinstance(piece, bytes) else piece.encode("utf-8", "backslashreplace") for piece in pieces
            )
        if mode is not None:
            draft.chmod(mode)
        if overwrite:
            os.replace(draft, target)
        else:
            _put(draft, target)
    except FileExistsError as error:
        raise ExportError(
            f"The file {str(target)!r} exists. Choose another name, or choose to overwrite it."
        ) from error
    except (OSError, ValueError) as error:
        # A ValueError: the path holds what no path can hold.
        raise ExportError(
            f"The file {str(target)!r} cannot be written: {getattr(error, 'strerror', error)}. "
            "Choose a directory that exists and that you may write to."
        ) from error
    finally:
        with suppress(OSError, ValueError):
            draft.unlink()


def _opener(mode):
    """Return what opens a draft for those who may read the file. ``mode`` is its permissions, if there is one."""
    allowed = 0o666 if mode is None else mode & 0o666
    return lambda path, flags: os.open(path, flags, allowed)


def _put(draft, target):
    """Move ``draft`` to ``target``. Raises ``FileExistsError`` where that exists: of two exports at once, one wins."""
    try:
        os.link(draft, target)
    except OSError as error:
        if error.errno not in WITHOUT_LINKS:
            raise
        os.close(os.open(target, os.O_CREAT | os.O_EXCL))
        try:
            os.replace(draft, target)
        except BaseException:
            os.unlink(target)
            raise
