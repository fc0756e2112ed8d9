"""Step 1 again: the schema of the runtime configurations of Dask.

What validates it is in ``demo_runtime``.
"""

from dask_runtime import runtime_type  # noqa: F401
from demo_runtime.schema import DemoRuntimeSchemasProvider, fields_of, load

SCHEMA = load("dask_runtime", "dask.json")
"""The schema as Elyra serves it: a dict."""

FIELDS = fields_of(SCHEMA)
"""The fields of a runtime configuration, by name. None of them is a secret."""


class DaskSchemasProvider(DemoRuntimeSchemasProvider):
    """Serves the schema (Elyra 4.1, ``elyra.metadata.schema.SchemasProvider``)."""

    schema = SCHEMA
