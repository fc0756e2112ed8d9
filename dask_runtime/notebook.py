"""On a worker: run one notebook in the current directory, and print what its cells print.

``python notebook.py NOTEBOOK EXECUTED`` leaves ``NOTEBOOK`` as it is, and writes ``EXECUTED``, with the outputs, also
after an error. It needs nbclient, the engine of papermill, and no more of papermill: that takes ten times as long to
import.
"""

import asyncio
import json
import os
import sys
import tempfile

# nbformat imports jsonschema, which would take a second to build a grammar that no notebook needs.
sys.modules["rfc3987_syntax"] = None

from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel  # noqa: E402
from jupyter_client.manager import AsyncKernelManager  # noqa: E402
from jupyter_core.paths import jupyter_path  # noqa: E402

LONGEST_SOCKET_PATH = 90


async def main(source, executed):
    """Run the notebook at the path ``source``, and write it to ``executed``."""
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

        notebook = nbformat.read(source, as_version=4)
        at = Reporter(len(notebook.cells))
        client = NotebookClient(
            notebook,
            km=kernel,
            timeout=None,
            shutdown_kernel="immediate",
            on_cell_start=at.begin,
            on_cell_executed=at.end,
        )
        try:
            await client.async_execute(cleanup_kc=True)
        except CellExecutionError as error:
            print(error.traceback)
            sys.exit(f"{source}, cell {at.cell}: {error.ename}: {error.evalue}")
        except (DeadKernelError, RuntimeError) as error:
            sys.exit(f"{source}, cell {at.cell}: the kernel {name!r} died ({type(error).__name__}: {error})")
        finally:
            nbformat.write(notebook, executed)


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


class Reporter:
    """Prints which cell runs, and what it has printed."""

    def __init__(self, cells):
        self.cells = cells
        self.cell = 0

    def begin(self, cell, cell_index):
        self.cell = cell_index + 1
        if cell["cell_type"] == "code":
            print(f"-- cell {self.cell} of {self.cells}", flush=True)

    def end(self, cell, cell_index, execute_reply=None):
        for output in cell.get("outputs", ()):
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            print(text, end="" if text.endswith("\n") else "\n", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
