"""The command ``elyra-runtime-kit``. It needs no Elyra: a project can be made where Elyra is not installed yet."""

import argparse
import json
import pkgutil
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution, entry_points
from pathlib import Path

import yaml
from copier import run_copy
from copier.errors import CopierError

TEMPLATE = Path(__file__).parent


def main(arguments=None):
    """Run the command. Return its exit status: 0 if there is a new project, 2 if there is none."""
    options = vars(_parser().parse_args(arguments))
    folder, defaults = Path(options.pop("folder")), options.pop("defaults")
    del options["command"]
    answers = {name: answer for name, answer in options.items() if answer is not None}
    if not (defaults or sys.stdin.isatty()):
        print("There is no terminal to ask in. Add --defaults, and give the other answers as options.", file=sys.stderr)
        return 2
    try:
        new(folder, answers, defaults)
    except (CopierError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def new(folder, answers, defaults=False):
    """Make a project in ``folder``, a ``Path``, with ``answers``, a dict by the names of the questions.

    It asks for what is missing, or takes the default if ``defaults`` is true. Raises ``ValueError`` for an answer that
    no runtime can have, ``OSError`` for a folder that holds something, and ``CopierError``.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} is there, and not empty. Choose another folder.")
    run_copy(
        str(TEMPLATE),
        folder,
        data={**taken(), **answers},
        user_defaults={"kit": kit()},
        defaults=defaults,
    )


def taken():
    """Return what is taken here: names of ``runtimes``, ``packages`` and ``types``, and ``display_names``, as lists."""
    runtimes = entry_points(group="elyra.pipeline.processors")
    types = _types(runtimes)
    return {
        "runtimes": sorted({point.name for point in runtimes}),
        "packages": sorted({module.name for module in pkgutil.iter_modules()}),
        "types": sorted(types),
        "display_names": sorted(name.lower() for name in types.values()),
    }


def _types(runtimes):
    """Return the display names of all types by type. Elyra knows a type once its runtime, an entry point, is loaded."""
    try:
        from elyra.pipeline.runtime_type import RuntimeProcessorType
    except Exception:  # there is none, or one that is broken
        return {}
    for point in runtimes:
        with suppress(Exception, SystemExit):  # why it cannot be loaded is for the doctor to say
            point.load()
    return {type.name: type.value for type in RuntimeProcessorType}


def kit():
    """Return from where pip has taken the kit, as a line of a requirements file.

    pip writes down a folder or an address (PEP 610), and neither an index nor a folder of wheels.
    """
    name = "elyra-runtime-kit"
    try:
        origin = json.loads(distribution(name).read_text("direct_url.json") or "{}")
    except PackageNotFoundError:
        return name
    url = origin.get("url", "")
    if origin.get("dir_info", {}).get("editable"):
        return f"--editable {url}"
    if "vcs_info" in origin:
        url = f"{origin['vcs_info']['vcs']}+{url}#subdirectory={origin.get('subdirectory', '')}"
    return f"{name} @ {url}" if url else name


def _parser():
    """Return the parser of the command line. Each question is an option, too."""
    parser = argparse.ArgumentParser(prog="elyra-runtime-kit", description="Start a runtime for Elyra of your own.")
    command = parser.add_subparsers(dest="command", required=True).add_parser(
        "new", help="make a project for a runtime"
    )
    command.add_argument("folder", help="where to make it: a folder that is empty, or not there yet")
    command.add_argument("--defaults", action="store_true", help="ask nothing: take the default for what is not given")
    for name, question in yaml.safe_load((TEMPLATE / "copier.yml").read_text(encoding="utf-8")).items():
        if not name.startswith("_") and "when" not in question:
            choices = question.get("choices", {}).values()
            command.add_argument(f"--{name.replace('_', '-')}", help=question["help"], choices=[*choices] or None)
    return parser


if __name__ == "__main__":
    sys.exit(main())
