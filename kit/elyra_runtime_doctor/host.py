"""Elyra as its users have it: its commands, and a real Jupyter server. Neither touches the user's own Jupyter."""

import json
import os
import secrets
import subprocess
import sysconfig
import tempfile
import time
from pathlib import Path

import requests

COMMANDS = Path(sysconfig.get_path("scripts"))
"""Where the commands of this Python's environment are."""

JUPYTER_DIRECTORIES = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")


def own_jupyter(directory):
    """Return environment variables for a Jupyter whose files all lie in ``directory``.

    The directories are made, too: Elyra's command line watches the runtime directory, and ends where it is missing.
    """
    variables = {name: str(Path(directory, name.lower())) for name in JUPYTER_DIRECTORIES}
    for path in variables.values():
        Path(path).mkdir(parents=True, exist_ok=True)
    return variables


def environment(**variables):
    """Return the environment variables of this process and ``variables``, without those of the user's own Jupyter.

    The search paths stay, as ``PYTHONPATH`` does: they say what is installed.
    """
    elyras = ("ELYRA_METADATA_PATH", "ELYRA_PROCESSOR_RUNTIMES")
    paths = ("JUPYTER_CONFIG_PATH", "JUPYTER_PATH")
    own = {name for name in os.environ if (name.startswith("JUPYTER") and name not in paths) or name in elyras}
    return {**{name: text for name, text in os.environ.items() if name not in own}, **variables}


def run(command, *arguments, **options):
    """Run ``command``, one of this environment's, in a process of its own. Return the ``CompletedProcess``."""
    return subprocess.run(
        [COMMANDS / command, *map(str, arguments)], capture_output=True, text=True, timeout=120, **options
    )


class Server:
    """A Jupyter server with the extensions that pip enabled, on a free port that only this machine reaches.

    Its files lie in ``directory``: the Jupyter directories, the log, and ``root``, which holds the users' files.
    ``variables`` are added to its environment. It ends with ``stop``, or with the ``with`` block that it heads.
    Raises ``RuntimeError``, with the log, if it does not start.
    """

    command = "jupyter-server"

    without = (
        "jupyter_ai",
        "jupyter_lsp",
        "jupyter_resource_usage",
        "jupyterlab_git",
        "jupyterlab_jupytext",
        "jupyterlab_magic_wand",
        "nbdime",
        "notebook_shim",
    )
    """Extensions to leave aside: none has to do with runtimes, and together they take longer to start than Elyra."""

    seconds = 120
    """So long may the start take."""

    def __init__(self, directory, base_url="/", *, root=None, directories=None, **variables):
        self.root = Path(root or Path(directory, "root"))
        self.root.mkdir(parents=True, exist_ok=True)
        self.base_url = base_url
        self.directories = directories or own_jupyter(directory)
        self.token = secrets.token_hex()
        self.environment = environment(**{**self.directories, "JUPYTER_TOKEN": self.token, **variables})
        self._leave_extensions_aside()
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy does not know this machine's servers
        self._session.headers["Authorization"] = f"token {self.token}"
        file, self._log = tempfile.mkstemp(prefix="server-", suffix=".log", dir=directory)
        with open(file, "w") as log:
            self._process = subprocess.Popen(
                [
                    *(COMMANDS / self.command, "--allow-root", "--no-browser"),
                    *("--ServerApp.ip=127.0.0.1", "--ServerApp.port=0"),
                    *(f"--ServerApp.base_url={base_url}", f"--ServerApp.root_dir={self.root}"),
                ],
                # Not the root: who takes the current directory for it shall not get away with it.
                cwd=directory,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """End the server, and wait for its end."""
        self._session.close()
        self._process.terminate()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def log(self):
        """All that the server has logged by now."""
        return Path(self._log).read_text(encoding="utf-8", errors="replace")

    def request(self, method, path, body=None):
        """Send a request as the browser does: ``path`` follows the base URL. Return the ``requests.Response``."""
        return self._session.request(method, self.url + path.lstrip("/"), json=body, timeout=120)

    def get(self, path):
        """Send a GET request."""
        return self.request("GET", path)

    def post(self, path, body):
        """Send a POST request."""
        return self.request("POST", path, body)

    def put(self, path, body):
        """Send a PUT request."""
        return self.request("PUT", path, body)

    def delete(self, path):
        """Send a DELETE request."""
        return self.request("DELETE", path)

    def export(self, pipeline, path, *, format="json", overwrite=False):
        """Send what the editor's Export dialog sends."""
        return self.post(
            "elyra/pipeline/export",
            {"pipeline": pipeline, "export_format": format, "export_path": path, "overwrite": overwrite},
        )

    def _leave_extensions_aside(self):
        if self.without:
            settings = {"ServerApp": {"jpserver_extensions": dict.fromkeys(self.without, False)}}
            path = Path(self.directories["JUPYTER_CONFIG_DIR"], "jupyter_server_config.json")
            path.write_text(json.dumps(settings), encoding="utf-8")

    def _wait_until_ready(self):
        end = time.monotonic() + self.seconds
        while self._process.poll() is None and time.monotonic() < end:
            try:
                self.url = f"http://127.0.0.1:{self._port()}{self.base_url}"
                self.get("api")  # it answers when all extensions are loaded
                return
            except (OSError, ValueError, LookupError):
                time.sleep(0.05)
        state = "did not start" if self._process.poll() is None else f"ended with {self._process.returncode}"
        raise RuntimeError(f"The Jupyter server {state}. Its log:\n{self.log}")

    def _port(self):
        """Return the port that the server has found, and noted beside its token."""
        for path in Path(self.directories["JUPYTER_RUNTIME_DIR"]).glob("jpserver-*.json"):
            facts = json.loads(path.read_text(encoding="utf-8"))
            if facts["token"] == self.token:
                return facts["port"]
        raise LookupError("the server has noted no port yet")
