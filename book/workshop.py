"""The reader's own runtime: where it lies, how cells write and change it, and an Elyra that knows no other.

Nothing that a reader writes is lost. The files stay when the kernel ends, and what a cell replaces is kept.
"""

import atexit
import fcntl
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from contextlib import suppress
from importlib.metadata import distribution, entry_points
from pathlib import Path

from IPython import get_ipython

from elyra_runtime_doctor.host import own_jupyter

BOOK = Path(__file__).parent
CHAPTERS = ("first", "schema", "processor", "registration", "kit")
"""The chapters that write the runtime, in their order."""

FOR_LATER = ("demo-runtime", "elyra-dask-runtime", "elyra-machine-runtime")
"""The distributions of this repository that a reader's environment does not see."""

COMMANDS = (
    *("elyra-metadata", "elyra-pipeline", "elyra-run", "elyra-runtime-doctor", "elyra-runtime-kit"),
    *("jupyter-lab", "jupyter-server", "pip", "pytest"),
)
ANSWER = ":tags: [hide-cell]\n"
"""What marks the answer to an exercise. It changes the runtime, and takes the change back."""

OPTIONS = rf"(?:(?!{re.escape(ANSWER)}):[^\n]*\n|\n)*"
CELL = re.compile(rf"^```\{{code-cell\}} ipython3\n{OPTIONS}%%(write|change) (\S+)\n(.*?)^```$", re.M | re.S)
"""A cell of a chapter that takes the runtime a step further: what it does, the file, the text."""

SHIPPED, CONFIGURED = BOOK.parent / "demo_runtime", BOOK.parent / "jupyter-config"
"""The folders of the Demo Runtime, which the reader's runtime becomes."""

SINGLETONS = (
    ("elyra.metadata.schema", "SchemaManager"),
    ("elyra.pipeline.registry", "PipelineProcessorRegistry"),
    ("elyra.pipeline.processor", "PipelineProcessorManager"),
)
"""What Elyra loads once in a process: modules and classes."""

LAUNCHER = """#!/bin/sh
'''exec' '{python}' "$0" "$@"
'''
import os
import sys

from importlib.metadata import EntryPoint

# What a command of this environment starts, such as a test with a Jupyter of its own, keeps what it is given.
if "IN_WORKSHOP" not in os.environ:
    os.environ.update({variables!r}, IN_WORKSHOP="yes")
sys.exit(EntryPoint("{name}", "{command}", "console_scripts").load()())
"""


class Differs(ValueError):
    """A file is not as the chapter expects it. The message says what to do."""

    def _render_traceback_(self):
        """Show the message alone (IPython 8)."""
        return [str(self)]


def workshop(chapter, anew=False):
    """Go to the folder of the reader's runtime, and return it, a ``Path``.

    If it holds none yet, or is to be made ``anew``, it gets what the chapters before ``chapter`` write. What was there
    is kept. A chapter that is none of ``CHAPTERS`` has a folder of its own. Commands such as ``python`` and
    ``elyra-pipeline`` are from now on those of an environment of its own, with Elyra, and with no runtime of this
    repository. ``WORKSHOP`` names the folder of all this; where it is set and empty, that is a temporary one.
    """
    place = _place()
    runtime = place / ("my-runtime" if chapter in CHAPTERS else f"my-{chapter}")
    runtime.mkdir(parents=True, exist_ok=True)
    with open(place / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two chapters may be opened at once
        environment = make_environment(place)
        if anew or not any(runtime.iterdir()):
            put_files(runtime, files_before(chapter))
        if chapter in CHAPTERS[1:] and not [*environment.rglob("demo_runtime-*.dist-info")]:
            _install(runtime, environment)
    os.environ.update(own_jupyter(place / "jupyter"))
    path = [str(environment / "bin"), *os.environ["PATH"].split(os.pathsep)]
    os.environ["PATH"] = os.pathsep.join(dict.fromkeys(path))
    os.chdir(runtime)
    if str(runtime) not in sys.path:
        sys.path.insert(0, str(runtime))
    for kind, do in (("write", write), ("change", change)):
        get_ipython().register_magic_function(_magic(do), "cell", kind)
    return runtime


def _magic(do):
    def magic(file, text):
        """Do it, print what was done, and let the kernel import the runtime anew."""
        print(do(file, text))
        forget()

    return magic


def forget():
    """Let this kernel import the runtime anew, and Elyra look for runtimes and schemas anew."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "demo_runtime"]:
        del sys.modules[name]
    for module, singleton in SINGLETONS:
        if module in sys.modules:
            getattr(sys.modules[module], singleton).clear_instance()


def files_before(chapter):
    """Return the files that the cells of all chapters before ``chapter`` make: a dict of texts by path."""
    return files_of(*CHAPTERS[: CHAPTERS.index(chapter)]) if chapter in CHAPTERS else {}


def files_of(*chapters):
    """Return the files that the cells of ``chapters``, from the first to the last, make: a dict of texts by path."""
    return {file: made for _, file, _, made in _cells(chapters)}


def _cells(chapters):
    """Yield the kind, the file and the text of each cell of ``chapters`` that makes a file, and what it makes of it."""
    files = {}
    for each in chapters:
        for kind, file, text in CELL.findall((BOOK / f"{each}.md").read_text(encoding="utf-8")):
            files[file] = text if kind == "write" else changed(file, files[file], text)
            yield kind, file, text, files[file]


def _is_later(kind, file, text, found):
    """Tell whether ``found`` is what a later cell of the chapters makes of ``file``: then this cell was run before."""
    cells = [(cell, made) for *cell, made in _cells(CHAPTERS) if cell[1] == file]
    own = [number for number, (cell, _) in enumerate(cells) if cell == [kind, file, text]]
    return bool(own) and found in [made for _, made in cells[own[0] :]]


def put_files(folder, files):
    """Let ``folder`` hold ``files``, a dict of texts by path, and no other. What it held is kept beside it."""
    if any(folder.iterdir()):
        folder.rename(_kept(folder) / folder.name)
        folder.mkdir()
    for file, text in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text, encoding="utf-8")


def differences(folder):
    """Compare ``folder`` with the Demo Runtime of this repository. Return how each file differs, a dict by path."""
    files = [path for each in (SHIPPED, CONFIGURED) for path in each.rglob("*") if path.is_file()]
    # Bytecode is no source, and the other file is for the formatter of this repository.
    names = sorted(path.relative_to(BOOK.parent) for path in files if path.suffix not in (".pyc", ".toml"))
    return {name.as_posix(): _difference(folder / name, BOOK.parent / name) for name in names}


def _difference(path, shipped):
    if not path.exists():
        return "missing"
    return "the same" if path.read_bytes() == shipped.read_bytes() else "differs"


def write(file, text):
    """Write ``text`` to ``file``. Return what was done, in words."""
    path = Path(file)
    lines = f"{file}: {_lines(len(text.splitlines()))}"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return f"{lines}, as before"
    if path.exists() and _is_later("write", file, text, path.read_text(encoding="utf-8")):
        return f"{file}: is left as it is, because it has later changes already"
    if path.exists():
        kept = _kept(Path.cwd()) / path.name
        shutil.copy(path, kept)
        lines += f". What it held is in {kept.relative_to(Path.cwd().parent)}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return lines


def change(file, diff):
    """Apply ``diff`` to ``file``, unless that was done before. Return what was done, in words."""
    path = Path(file)
    if not path.exists():
        raise Differs(f"There is no {file}. Run the cells above, and this one again.")
    before = path.read_text(encoding="utf-8")
    try:
        after = changed(file, before, diff)
    except Differs:
        if not _is_later("change", file, diff, before):
            raise
        return f"{file}: has this change already, and later ones"
    path.write_text(after, encoding="utf-8")
    if after == before:
        return f"{file}: has this change already"
    signs = [line[:1] for line in diff.splitlines()]
    return f"{file}: {_lines(signs.count('+'))} more, {_lines(signs.count('-'))} less"


def _lines(number):
    return "1 line" if number == 1 else f"{number} lines"


def put_away(*files):
    """Move ``files``, or folders, out of the runtime. They are kept. Print what was done."""
    for file in files:
        if not Path(file).exists():
            print(f"{file}: is away already")
            continue
        kept = _kept(Path.cwd())
        shutil.move(file, kept)
        print(f"{file}: is in {kept.relative_to(Path.cwd().parent)}")
    forget()


def changed(file, text, diff):
    """Return ``text``, the text of ``file``, with ``diff`` applied, a diff without numbers: ``@@`` parts its places.

    Raises ``Differs``, with what to do, if ``text`` does not hold the old lines or the new ones, once.
    """
    for part in re.split(r"^@@.*\n", diff, flags=re.MULTILINE):
        old, new = (_side(part, sign) for sign in "-+")
        there = [len(re.findall(f"^{re.escape(side)}", text, re.M)) for side in (old, new)]
        if there[1] == 1 and (there[0] == 0 or old in new) or _is_added(part, text):
            continue
        if there[0] != 1:
            raise Differs(
                f"{file} does not hold these lines, once:\n\n{old}\nYour file differs from this chapter's. Change it "
                "yourself: - is a line to take out, + is a line to add. Or let the first cell of this chapter say "
                'workshop("...", anew=True): then the files are as the chapter needs them, and yours are in "kept".'
            )
        text = re.sub(f"^{re.escape(old)}", lambda _, new=new: new, text, flags=re.M)
    return text


def _is_added(part, text):
    """Tell whether ``part`` only adds lines, and all of them are in ``text``: a later change may have come between."""
    lines = part.splitlines()
    added = {line[1:] for line in lines if line[:1] == "+" and line[1:].strip()}
    return bool(added) and not any(line[:1] == "-" for line in lines) and added <= {*text.splitlines()}


def _side(part, sign):
    lines = [line or " " for line in part.splitlines()]
    return "".join(f"{line[1:]}\n" for line in lines if line[0] in (" ", sign))


def make_environment(place):
    """Make or renew ``environment`` in ``place``: a Python with all that this one has, but for ``FOR_LATER``."""
    folder = place / "environment"
    if not (folder / "bin" / "python").exists():
        venv.create(folder, symlinks=True)
    hidden = {file.parts[0] for name in FOR_LATER for file in distribution(name).files}
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    for source in {sysconfig.get_path(name) for name in ("purelib", "platlib")}:
        for path in Path(source).iterdir():
            if path.name not in hidden:
                with suppress(FileExistsError):
                    (site / path.name).symlink_to(path)
    for name in ("share", "etc"):
        _link(Path(sys.prefix, name), folder / name, FOR_LATER)
    for name in COMMANDS:
        _launcher(folder, name, own_jupyter(place / "jupyter"))
    return folder


def _install(runtime, environment):
    """Do what the first chapter does."""
    pip = [environment / "bin" / "pip", "install", "--quiet", "--no-build-isolation", "--no-deps", "--editable"]
    subprocess.run([*pip, runtime], check=True)


def _link(source, target, hidden):
    """Link what lies below ``source``, and keep folders of our own, in which pip may write."""
    target.mkdir(exist_ok=True)
    words = tuple(name.replace("-", "_").removeprefix("elyra_") for name in hidden)
    for path in source.iterdir() if source.exists() else ():
        if path.is_dir() and not path.is_symlink() and len(path.relative_to(sys.prefix).parts) < 4:
            _link(path, target / path.name, hidden)
        elif not path.name.startswith(words):
            with suppress(FileExistsError):
                (target / path.name).symlink_to(path)


def _launcher(folder, name, variables):
    [command] = entry_points(group="console_scripts", name=name)
    python = folder / "bin" / "python"
    text = LAUNCHER.format(python=python, name=name, command=command.value, variables=variables)
    path = folder / "bin" / name
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def _place():
    named = os.environ.get("WORKSHOP")
    if named is None:
        return BOOK.parent / "workshop"
    if not named:
        named = os.environ["WORKSHOP"] = tempfile.mkdtemp(prefix="workshop-")
        atexit.register(shutil.rmtree, named, ignore_errors=True)
    return Path(named)


def _kept(folder):
    """Return a new folder beside ``folder``, to keep what is replaced."""
    for number in range(1, sys.maxsize):
        with suppress(FileExistsError):
            (folder.parent / "kept" / str(number)).mkdir(parents=True)
            return folder.parent / "kept" / str(number)
