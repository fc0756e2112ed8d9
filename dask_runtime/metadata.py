"""Step 1 again: a runtime configuration of Dask, as Elyra loads it."""

from dask_runtime.schema import FIELDS
from demo_runtime.metadata import DemoRuntimeMetadata


class DaskMetadata(DemoRuntimeMetadata):
    """A runtime configuration of Dask (Elyra 4.1, ``elyra.metadata.metadata.Metadata``)."""

    fields = FIELDS
    masked = frozenset()

    def settings(self):
        """Return the values of all fields, a dict by name: those that are set, else the default, else ``None``."""
        return {name: self.metadata.get(name, field.get("default")) for name, field in self.fields.items()}
