"""The Dask cluster that a run goes to, its own or somebody's, and whether it can take the run."""

import asyncio
import os
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

import distributed
from distributed import Scheduler, Security, SpecCluster, Worker
from distributed.core import rpc

import dask
from elyra_runtime_engine.executor import ExecutorError
from elyra_runtime_engine.processors import processors

LOCAL = "local"
LEAST_PARALLEL_NODES = 4

# The profiler asks for the frames of all threads 100 times a second. Python before 3.11.9, and 3.12 before 3.12.3, may
# hang in that for ever (python/cpython 106883), and the local cluster shows nobody what it finds.
UNWATCHED = {"distributed.worker.profile.enabled": False}
"""Dask's configuration while the local cluster starts. It is read as a scheduler or a worker is made."""


class _WithoutPages:
    """Serves no web pages. Dask's have no login: every user of this machine could read of the nodes there."""

    def start_http_server(self, *arguments, **options):
        pass


class LocalScheduler(_WithoutPages, Scheduler):
    """The scheduler of the local cluster."""


class LocalWorker(_WithoutPages, Worker):
    """The worker of the local cluster."""


@asynccontextmanager
async def cluster(settings, scratch, seconds):
    """Yield the address of a scheduler, the security to reach it, and the resources that its workers offer.

    The local one lives in this process, listens to nobody, and keeps its files in the folder ``scratch``. Raises
    ``ExecutorError``, also if a scheduler does not answer within so many ``seconds``.
    """
    address = settings["api_endpoint"]
    if address != LOCAL:
        security = _security(settings)
        yield address, security, await _examined(address, security, settings, seconds)
        return
    worker = {
        "nthreads": settings["parallel_nodes"] or max(LEAST_PARALLEL_NODES, processors()),
        "memory_limit": 0,  # nodes are processes of their own, which Dask does not count
        "local_directory": str(scratch),
    }
    async with AsyncExitStack() as stack:
        with dask.config.set(UNWATCHED):
            local = await stack.enter_async_context(
                SpecCluster(
                    workers={0: {"cls": LocalWorker, "options": {"protocol": "inproc://", **worker}}},
                    scheduler={"cls": LocalScheduler, "options": {"protocol": "inproc://", "dashboard": False}},
                    asynchronous=True,
                    silence_logs=50,
                )
            )
        yield local, None, []


def _security(settings):
    files = {name: settings[name] or None for name in ("tls_ca_file", "tls_cert", "tls_key")}
    for name, path in files.items():
        if path and not os.path.isfile(path):
            raise ExecutorError(f"The file {path!r} is not there. Correct {name!r} in the runtime configuration.")
    if not settings["api_endpoint"].startswith("tls://"):
        return Security()
    if not all(files.values()):
        missing = ", ".join(name for name, path in files.items() if not path)
        raise ExecutorError(f"A tls:// address needs three files. Fill in {missing} in the runtime configuration.")
    return Security(
        tls_ca_file=files["tls_ca_file"],
        tls_client_cert=files["tls_cert"],
        tls_client_key=files["tls_key"],
        require_encryption=True,
    )


async def _examined(address, security, settings, seconds):
    """Return what the scheduler's workers offer, a list of dicts. Raise ``ExecutorError`` if they cannot be used."""
    identity, versions = await _asked(address, security, seconds)
    _expect_ours(versions)
    workers = list(identity["workers"].values())
    if not workers and not settings["adaptive"]:
        raise ExecutorError(
            f"The Dask scheduler at {address} has no workers. Start one: dask worker {address}. If it starts workers "
            "by itself when work arrives, tick 'Adaptive Cluster' in the runtime configuration."
        )
    return [worker.get("resources") or {} for worker in workers]


async def _asked(address, security, seconds):
    """Return what the scheduler at ``address`` says of itself, and the versions of it and of its workers.

    Only plain messages are exchanged. A Dask client would hang if the other end is no scheduler, and its first task
    would crash a worker of another Python. Raises ``ExecutorError``.
    """
    advice = "Start a scheduler there, or correct the address in the runtime configuration."
    where = urlsplit(address)
    scheduler = rpc(address, connection_args=security.get_connection_args("client"))
    try:
        # First of all: Dask would knock again and again until its time is over.
        _, probe = await asyncio.wait_for(asyncio.open_connection(where.hostname, where.port), seconds)
        probe.close()
        identity = await asyncio.wait_for(scheduler.identity(), seconds)
        versions = await asyncio.wait_for(scheduler.versions(), seconds)
        workers = await _asked_workers(scheduler, seconds)
    except asyncio.TimeoutError:
        raise ExecutorError(f"No Dask scheduler answers at {address} within {seconds:g} s. {advice}") from None
    except Exception as error:  # whatever the other end makes of our question
        raise ExecutorError(
            f"No Dask scheduler answers at {address}: {str(error) or type(error).__name__}. {advice}"
        ) from error
    finally:
        await scheduler.close_rpc()
    if identity.get("type") != "Scheduler":
        raise ExecutorError(f"At {address} is a Dask {identity.get('type')}, not a scheduler. {advice}")
    return identity, {"scheduler": versions, **workers}


async def expect_usable_workers(scheduler, seconds):
    """Raise ``ExecutorError`` if a worker of ``scheduler``, an ``rpc`` to it, has come by now that would hang a run."""
    _expect_ours(await _asked_workers(scheduler, seconds))


async def _asked_workers(scheduler, seconds):
    """Return the versions of the workers that answer. One may hang, or be about to go: that is not for us to say."""
    question = scheduler.broadcast(msg={"op": "versions"}, on_error="ignore")
    try:
        return await asyncio.wait_for(question, seconds)
    except Exception:
        return {}


def _expect_ours(versions):
    for who, answer in versions.items():
        who = "The Dask scheduler" if who == "scheduler" else f"The worker {who}"
        _expect_our_python(who, answer)
        _expect_our_dask(who, answer)


def _expect_our_python(who, answer):
    theirs = answer["host"]["python"].split(".")[:2]
    ours = [str(number) for number in sys.version_info[:2]]
    if theirs != ours:
        raise ExecutorError(
            f"{who} runs Python {'.'.join(theirs)}, and this machine Python {'.'.join(ours)}. Dask needs the same on "
            "both sides: use an environment with the same Python there."
        )


def _expect_our_dask(who, answer):
    """Refuse another release: what one says to the other changes from release to release, and a run would hang.

    A release is a year and a month. What comes after that are corrections.
    """
    theirs, ours = str(answer["packages"].get("distributed")), distributed.__version__
    if theirs.split(".")[:2] != ours.split(".")[:2]:
        raise ExecutorError(
            f"{who} runs distributed {theirs}, and this machine distributed {ours}. Dask needs the same release on "
            f"both sides: use an environment with distributed {ours} there, or with distributed {theirs} here."
        )


def usable(asked, offers):
    """Return which of the resources ``asked``, a dict, the workers can be held to, and a note for the others.

    ``offers`` holds the resources of each worker. Raises ``ExecutorError`` if no worker offers enough: the node would
    wait for ever.
    """
    offered = {name for offer in offers for name in offer}
    held = {name: value for name, value in asked.items() if name in offered}
    fits = not held or any(all(offer.get(name, 0) >= value for name, value in held.items()) for offer in offers)
    if not fits:
        wants = ", ".join(f"{name} {value:g}" for name, value in held.items())
        has = "; ".join(", ".join(f"{name} {value:g}" for name, value in offer.items()) for offer in offers if offer)
        raise ExecutorError(f"asks for {wants}, and no worker offers that much. The workers offer: {has}.")
    free = [name for name in asked if name not in held]
    note = f"Not used, because no worker offers such a resource: {', '.join(free)}." if free else ""
    return held, note
