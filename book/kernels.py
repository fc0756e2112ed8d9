"""Kernels that cannot lose their ports, for chapters that run at the same time."""

import contextlib
import os
import tempfile
import uuid
from unittest import mock

import jupyter_client
from traitlets import default


@contextlib.contextmanager
def sockets_in_files():
    """Let the kernels that nbclient starts, here and in forked processes, talk through files instead of ports.

    Jupyter looks for free ports, and a kernel takes them a second later (jupyter_client 8, ``LocalPortCache``). Where
    much runs at once, another process has one of them by then: the kernel ends, and the chapter waits for it in vain.
    """
    # Not in the runtime directory of Jupyter: the path of a socket has at most 103 characters.
    with tempfile.TemporaryDirectory(prefix="kernels-") as folder:

        class KernelManager(jupyter_client.AsyncKernelManager):
            @default("transport")
            def _sockets_are_files(self):
                return "ipc"

            @default("ip")
            def _beginning_of_their_paths(self):
                return os.path.join(folder, uuid.uuid4().hex[:12])

        with mock.patch.object(jupyter_client, "AsyncKernelManager", KernelManager):
            yield
