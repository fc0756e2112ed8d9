"""Elyra as the tests use it: in this process, by its commands, and behind a real Jupyter server."""

import asyncio
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests
from click.testing import CliRunner
from elyra.cli import pipeline_app
from elyra.metadata.schema import SchemaManager
from elyra.metadata.storage import FileMetadataCache
from elyra.pipeline.component_catalog import ComponentCache
from elyra.pipeline.processor import PipelineProcessorManager
from elyra.pipeline.registry import PipelineProcessorRegistry
from elyra.pipeline.validation import PipelineValidationManager

JUPYTER_DIRECTORIES = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
COMMANDS = Path(sys.executable).parent

FIELDS = {
    "api_endpoint": "https://demo.example.com/api",
    "cos_endpoint": "https://storage.example.com:9000",
    "cos_bucket": "my-bucket",
}
"""The least that a runtime configuration of the Demo Runtime needs."""


def own_jupyter(directory):
    """Return environment variables for a Jupyter whose files all lie in ``directory``.

    The runtime directory is made, too: Elyra's command line watches it, and ends where it is missing.
    """
    variables = {name: str(directory / name.lower()) for name in JUPYTER_DIRECTORIES}
    Path(variables["JUPYTER_RUNTIME_DIR"]).mkdir(parents=True)
    return variables


def forget():
    """Let Elyra start anew: drop what it has loaded in this process, and end its threads."""
    if FileMetadataCache.initialized():
        FileMetadataCache.instance().observer.stop()
    if ComponentCache.initialized():
        cache = ComponentCache.instance()
        if cache.is_server_process:
            cache.cache_manager.stop()
            if cache.observer.is_alive():
                cache.observer.stop()
    for singleton in (
        ComponentCache,
        FileMetadataCache,
        PipelineProcessorManager,
        PipelineProcessorRegistry,
        PipelineValidationManager,
        SchemaManager,
    ):
        singleton.clear_instance()


def elyra_pipeline(*arguments):
    """Run ``elyra-pipeline`` in this process. Return click's ``Result``."""
    forget()  # each run of the command is a process of its own, and starts with nothing loaded
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        return CliRunner().invoke(pipeline_app.pipeline, [str(argument) for argument in arguments])
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def run(command, *arguments, **options):
    """Run ``command``, one of this environment's, in a process of its own. Return the ``CompletedProcess``."""
    return subprocess.run(
        [COMMANDS / command, *map(str, arguments)], capture_output=True, text=True, timeout=120, **options
    )


# Of the extensions that pip enables, the one that starts workers of its own, and takes seconds to.
SLOW = {"ServerApp": {"jpserver_extensions": {"jupyter_ai": False}}}


class Server:
    """A Jupyter server with the extensions that pip enabled, and with files of its own."""

    def __init__(self, directory, base_url="/", **environment):
        self.root = directory / "root"
        self.root.mkdir(parents=True)
        self.base_url = base_url
        self.url = f"http://127.0.0.1:{_free_port()}{base_url}"
        self.directories = own_jupyter(directory)
        config = Path(self.directories["JUPYTER_CONFIG_DIR"], "jupyter_server_config.json")
        config.parent.mkdir()
        config.write_text(json.dumps(SLOW))
        self._token = secrets.token_hex()
        self._log = directory / "server.log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "jupyter", "server", "--allow-root", "--no-browser"),
                    f"--ServerApp.port={self.url.split(':')[2].split('/')[0]}",
                    "--ServerApp.port_retries=0",
                    f"--ServerApp.base_url={base_url}",
                    f"--ServerApp.root_dir={self.root}",
                ],
                cwd=self.root,
                env={**os.environ, **self.directories, "JUPYTER_TOKEN": self._token, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait_until_ready()

    def stop(self):
        """End the server."""
        self._process.terminate()
        self._process.wait(timeout=30)

    @property
    def log(self):
        """All that the server has logged by now."""
        return self._log.read_text(encoding="utf-8")

    def request(self, method, path, body=None):
        """Send a request as the browser does. Return the ``requests.Response``."""
        return requests.request(
            method, self.url + path, json=body, headers={"Authorization": f"token {self._token}"}, timeout=60
        )

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, body):
        return self.request("POST", path, body)

    def export(self, pipeline, path, *, format="json", overwrite=False):
        """Send what the editor's Export dialog sends."""
        return self.post(
            "elyra/pipeline/export",
            {"pipeline": pipeline, "export_format": format, "export_path": path, "overwrite": overwrite},
        )

    def _wait_until_ready(self):
        end = time.monotonic() + 90
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            try:
                if self.get("elyra/pipeline/runtimes/types").ok:
                    return
            except requests.ConnectionError:
                pass
            time.sleep(0.1)
        self._process.kill()
        raise RuntimeError(f"The Jupyter server did not start:\n{self.log}")


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
