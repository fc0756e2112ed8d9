"""The schemas of all runtimes on the kit. A runtime needs no schemas provider, and no entry point for one."""

import logging
import re
from importlib.metadata import entry_points

from elyra.metadata.schema import SchemasProvider

from elyra_runtime_kit.schema import Validator

DISTRIBUTION = "elyra-runtime-kit"
PROCESSORS = "elyra.pipeline.processors"


class KitSchemasProvider(SchemasProvider):
    """Serves the schemas of the runtimes on the kit (Elyra 4.1, ``elyra.metadata.schema.SchemasProvider``)."""

    def get_schemas(self):
        """Return a list of schemas, one for each runtime on the kit that can be imported."""
        return [runtime.declaration.schema for runtime in _runtimes()]

    def get_validator(self, schema):
        """Return the validator of ``schema``. Elyra applies it to each configuration that it saves or loads."""
        return Validator(schema)


def _runtimes():
    """Yield the classes of the runtimes whose distributions require the kit. No other one is imported."""
    from elyra_runtime_kit.runtime import Runtime

    for point in entry_points(group=PROCESSORS):
        if requires_the_kit(point.dist):
            try:
                runtime = point.load()
            except (Exception, SystemExit) as error:  # the registry meets the same, and the server logs it
                log_without_server(None).error(
                    f"The runtime {point.name!r} cannot be loaded: {type(error).__name__}: {error}"
                )
                continue
            if isinstance(runtime, type) and issubclass(runtime, Runtime) and hasattr(runtime, "declaration"):
                yield runtime


def requires_the_kit(distribution):
    """Tell whether ``distribution``, of ``importlib.metadata``, names the kit among its requirements."""
    return any(_normal(re.match(r"[\w.-]*", line)[0]) == DISTRIBUTION for line in distribution.requires or ())


def misregistered(runtime):
    """Return what is wrong with the entry points of the class ``runtime``: a sentence, or nothing."""
    place, name = f"{runtime.__module__}:{runtime.__qualname__}", runtime.declaration.name
    for point in entry_points(group=PROCESSORS):
        if point.value.replace(" ", "") != place:
            continue
        if point.name != name:
            return f"The entry point of {place} is called {point.name!r}, and the runtime {name!r}: use one name."
        if not requires_the_kit(point.dist):
            return f"The distribution {point.dist.name!r} holds {place}, and does not require {DISTRIBUTION}: add it."
    return ""


def log_without_server(parent, name="elyra_runtime_kit"):
    """Return the log of ``parent``, or, without it, one that goes to stderr: Elyra's command line shows no log."""
    if parent is not None:
        return parent.log
    log = logging.getLogger(name)
    log.setLevel(logging.INFO)
    if not log.hasHandlers():
        log.addHandler(logging.StreamHandler())
    return log


def _normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()
