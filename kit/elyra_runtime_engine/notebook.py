"""Where a node runs: run one notebook in the current directory, and print what its cells print, as they print it.

``python notebook.py NOTEBOOK EXECUTED NAMES...`` leaves ``NOTEBOOK`` as it is, and writes ``EXECUTED``, with the
outputs, also after an error. The values of the environment variables ``NAMES`` are not in it. It needs nbclient, the
engine of papermill, and no more of papermill: that takes ten times as long to import.
"""

import asyncio
import itertools
import json
import os
import runpy
import sys
import tempfile

# nbformat imports jsonschema, which would take a second to build a grammar that no notebook needs.
sys.modules["rfc3987_syntax"] = None

from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel  # noqa: E402
from jupyter_client.manager import AsyncKernelManager  # noqa: E402
from jupyter_core.paths import jupyter_path  # noqa: E402

LONGEST_SOCKET_PATH = 90

SECONDS_TO_START = 60
"""So long may a kernel take to answer for the first time."""

FIXED = frozenset({"cell_type", "execution_count", "id", "name", "output_type"})
"""What a cell or an output holds under these names is a word of the format, not of the user."""

FIXED_METADATA = frozenset({"kernelspec", "language_info"})
"""What the notebook is opened with. Nothing that runs can change it."""


async def main(source, executed, *names):
    """Run the notebook at the path ``source``, and write it to ``executed`` without the values of ``names``."""
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    mask = runpy.run_path(os.path.join(os.path.dirname(__file__), "mask.py"))["Mask"](map(os.environ.get, names))
    try:
        with open(source, encoding="utf-8") as file:
            name = json.load(file)["metadata"].get("kernelspec", {}).get("name", "python3")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        sys.exit(f"{source} is no notebook: {type(error).__name__}: {error}")
    with tempfile.TemporaryDirectory() as place:
        kernel = await start(name, source, place)
        # While the kernel starts, there is time to import these.
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError, DeadKernelError

        class Client(NotebookClient):
            def output(self, *arguments):
                output = super().output(*arguments)
                if output:
                    at.say(output)
                return output

        notebook = nbformat.read(source, as_version=4)
        at = Reporter(len(notebook.cells))
        client = Client(
            notebook,
            km=kernel,
            kc=await contact(kernel, name, source),
            timeout=None,
            shutdown_kernel="immediate",
            on_cell_start=at.begin,
        )
        try:
            await client.async_execute(cleanup_kc=True)
        except CellExecutionError as error:
            at.print(f"{error.traceback}\n")
            sys.exit(f"{source}, cell {at.cell}: {error.ename}: {error.evalue}")
        except (DeadKernelError, RuntimeError) as error:
            at.print("")
            sys.exit(f"{source}, cell {at.cell}: the kernel {name!r} died ({type(error).__name__}: {error})")
        finally:
            nbformat.write(nbformat.from_dict(masked(notebook, mask)), executed)


async def start(name, source, place):
    """Start the kernel ``name``. Its sockets are files in the folder ``place``, which nobody else can enter."""
    # By default, the folder of IPython is among them. To learn its name, all of IPython would be imported.
    specs = KernelSpecManager(kernel_dirs=jupyter_path("kernels"))
    kernel = AsyncKernelManager(kernel_name=name, kernel_spec_manager=specs)
    if len(place) < LONGEST_SOCKET_PATH:
        kernel.transport, kernel.ip = "ipc", os.path.join(place, "kernel")
    try:
        # As nbclient does: kernels that run at the same time must not share a history.
        history = ["--HistoryManager.hist_file=:memory:"] if kernel.ipykernel else []
        await kernel.start_kernel(extra_arguments=history)
    except NoSuchKernel:
        found = ", ".join(sorted(specs.find_kernel_specs())) or "none"
        sys.exit(f"{source} asks for the kernel {name!r}, and the worker has: {found}. Install it there.")
    return kernel


async def contact(kernel, name, source):
    """Return a client of ``kernel`` as soon as it answers. nbclient would leave an error of its own behind."""
    client = kernel.client()
    client.start_channels()
    client.allow_stdin = False
    try:
        await client.wait_for_ready(timeout=SECONDS_TO_START)
    except RuntimeError as error:
        client.stop_channels()
        await kernel.shutdown_kernel(now=True)
        sys.exit(f"{source}: the kernel {name!r} does not answer: {error}")
    return client


def masked(notebook, mask):
    """Return ``notebook`` with all its texts masked, keys and metadata included.

    What a cell has printed in pieces is one text then: a value may lie across them.
    """
    opened_with = {key: item for key, item in notebook.metadata.items() if key in FIXED_METADATA}
    result = masked_part(notebook, mask)
    result["metadata"] |= opened_with
    return result


def masked_part(part, mask):
    """Return ``part``, a notebook, a cell or an output, with its texts masked."""
    result = {}
    for key, item in part.items():
        if key in ("cells", "outputs"):
            result[key] = [masked_part(inner, mask) for inner in joined(item)]
        else:
            result[key] = item if key in FIXED else mask.all(item)
    return result


def joined(parts):
    """Yield ``parts``, cells or outputs. What was printed in pieces, one after the other, is one output then."""
    for name, group in itertools.groupby(parts, lambda part: part.get("output_type") == "stream" and part["name"]):
        group = list(group)
        if name:
            yield {**group[0], "text": "".join(output["text"] for output in group)}
        else:
            yield from group


class Reporter:
    """Prints which cell runs, and what it prints."""

    def __init__(self, cells):
        self.cells = cells
        self.cell = 0
        self._is_in_line = False

    def begin(self, cell, cell_index):
        self.cell = cell_index + 1
        if cell["cell_type"] == "code":
            self.print(f"-- cell {self.cell} of {self.cells}\n")

    def say(self, output):
        """Print the new ``output`` of a cell: what it writes as it comes, anything else on lines of its own."""
        if output["output_type"] == "stream":
            self._write(output["text"])
        elif text := output.get("data", {}).get("text/plain"):
            self.print(text if text.endswith("\n") else f"{text}\n")

    def print(self, text):
        """Print ``text`` from the beginning of a line on."""
        self._write(f"\n{text}" if self._is_in_line else text)

    def _write(self, text):
        if text:
            print(text, end="", flush=True)
            self._is_in_line = not text.endswith("\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
