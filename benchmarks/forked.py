"""Elyra's commands, each in a fork of this process, which has imported Elyra and no runtime.

A command that is started from nothing imports Elyra, and that takes longer than all that it does then. Here it finds
Elyra imported, and the rest as it would find it: its environment variables, its search path, its directory.
"""

import contextlib
import importlib
import logging
import os
import signal
import site
import subprocess
import sys
import time
import traceback
from pathlib import Path
from types import SimpleNamespace

from elyra_runtime_doctor import contract, host, probe

SEARCH_PATH = list(sys.path)


def _server():
    from jupyter_server.serverapp import main

    main()


def _lab():
    from jupyterlab.labapp import main

    main()


def _metadata():
    from elyra.metadata.metadata_app import MetadataApp

    MetadataApp.main()


def _pipeline():
    from elyra.cli.pipeline_app import pipeline

    pipeline()


def _elyra_run():
    from elyra_runtime_engine.command import main

    sys.exit(main())


def _pytest():
    import pytest

    sys.exit(pytest.main(sys.argv[1:]))


def _python():
    """What ``python -W ignore -c CODE`` does, for the doctor's probe."""
    code = sys.argv[sys.argv.index("-c") + 1]
    sys.argv = ["-c", *sys.argv[sys.argv.index("-c") + 2 :]]
    exec(code, {"__name__": "__main__"})


def _doctor():
    from elyra_runtime_doctor.__main__ import main

    sys.exit(main())


COMMANDS = {
    "jupyter-server": _server,
    "jupyter-lab": _lab,
    "elyra-metadata": _metadata,
    "elyra-pipeline": _pipeline,
    "elyra-run": _elyra_run,
    "elyra-runtime-doctor": _doctor,
    "pytest": _pytest,
    Path(sys.executable).name: _python,
}


def import_what_they_import():
    """Import what all commands need, so that no fork has to."""
    modules = (
        "elyra.cli.pipeline_app",
        "elyra.elyra_app",
        "elyra.metadata.metadata_app",
        "elyra.pipeline.kfp.kfp_processor",
        "elyra.pipeline.airflow.airflow_processor",
        "elyra.pipeline.local.local_processor",
        "elyra_runtime_doctor.survey",
        "elyra_runtime_doctor.live",
        "jupyter_server.serverapp",
        "jupyter_server.services.contents.handlers",
        "jupyterlab.labapp",
        "pytest",
        "requests",
    )
    for module in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)


class Forked:
    """A fork that runs one of ``COMMANDS``. As much of ``subprocess.Popen`` as is used of it."""

    def __init__(self, command, cwd=None, env=None, stdout=None, stderr=None, text=None, errors=None):
        self.args = [*map(str, command)]
        self.returncode = None
        self._files = []
        out, err = self._file(stdout), self._file(stderr)
        sys.stdout.flush()
        self.pid = os.fork()
        if not self.pid:
            status = 1
            try:
                os.setpgid(0, 0)
                os.dup2(out.fileno() if out else os.open(os.devnull, os.O_WRONLY), 1)
                os.dup2(1 if stderr == subprocess.STDOUT else err.fileno() if err else 1, 2)
                status = _run(self.args, cwd, env)
            finally:
                os._exit(status)

    def _file(self, wanted):
        if wanted == subprocess.PIPE:
            import tempfile

            self._files.append(tempfile.TemporaryFile("w+", errors="replace"))
            return self._files[-1]
        return None if wanted == subprocess.STDOUT else wanted

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wait()

    def poll(self):
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout=None):
        end = time.monotonic() + (timeout or 10**6)
        while self.poll() is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(self.args, timeout)
            time.sleep(0.01)
        return self.returncode

    def communicate(self, timeout=None):
        self.wait(timeout)
        said = []
        for file in self._files:
            file.seek(0)
            said.append(file.read())
        return tuple([*said, "", ""][:2])

    def terminate(self):
        self._send(signal.SIGTERM)

    def kill(self):
        self._send(signal.SIGKILL)

    def _send(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)


def _run(command, cwd, env):
    """Become ``command``. Return its exit status."""
    if cwd:
        os.chdir(cwd)
    if env is not None:
        os.environ.clear()
        os.environ.update(env)
    sys.argv = command
    # Whoever tests replaces these.
    sys.stdout, sys.stderr = (open(number, "w", closefd=False, errors="replace") for number in (1, 2))
    logging.getLogger().handlers.clear()
    own = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:] = [*own, *(path for path in SEARCH_PATH if path not in own)]
    for path in own:
        site.addsitedir(path)
    importlib.invalidate_caches()
    sys.dont_write_bytecode = True
    try:
        COMMANDS[Path(command[0]).name]()
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        status = 1
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    return status


def run(command, **options):
    """Do what ``subprocess.run`` does, in a fork."""
    options.pop("capture_output", None)
    options.pop("text", None)
    timeout = options.pop("timeout", None)
    process = Forked(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    try:
        out, err = process.communicate(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def take_over():
    """Let the commands that the contract, the doctor and the tests start be forks of this process."""
    shim = SimpleNamespace(
        **{name: getattr(subprocess, name) for name in ("PIPE", "STDOUT", "TimeoutExpired", "CompletedProcess")},
        Popen=Forked,
        run=run,
    )
    for module in (host, probe):
        module.subprocess = shim
    contract.subprocess = shim
