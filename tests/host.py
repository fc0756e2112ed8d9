"""Elyra as the tests use it: in this process, by its commands, and behind a real Jupyter server."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from click.testing import CliRunner
from elyra.cli import pipeline_app
from elyra.metadata.schema import SchemaManager
from elyra.metadata.storage import FileMetadataCache
from elyra.pipeline.component_catalog import ComponentCache
from elyra.pipeline.processor import PipelineProcessorManager
from elyra.pipeline.registry import PipelineProcessorRegistry
from elyra.pipeline.validation import PipelineValidationManager

from elyra_runtime_doctor.host import Server, own_jupyter, run

__all__ = ["FIELDS", "Server", "elyra_pipeline", "forget", "own_jupyter", "run"]

FIELDS = {
    "api_endpoint": "https://demo.example.com/api",
    "cos_endpoint": "https://storage.example.com:9000",
    "cos_bucket": "my-bucket",
}
"""The least that a runtime configuration of the Demo Runtime needs."""


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
    # The command runs an event loop. In the thread of the tests, Playwright may have one that runs already.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_invoke, [str(argument) for argument in arguments]).result()


def _invoke(arguments):
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        return CliRunner().invoke(pipeline_app.pipeline, arguments)
    finally:
        asyncio.set_event_loop(None)
        loop.close()
