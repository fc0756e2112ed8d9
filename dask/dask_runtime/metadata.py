"""Step 1 again: a runtime configuration of Dask, as Elyra loads it."""

from elyra.metadata.manager import MetadataManager
from elyra.metadata.schemaspaces import Runtimes

from dask_runtime.schema import FIELDS
from demo_runtime.metadata import DemoRuntimeMetadata


class DaskMetadata(DemoRuntimeMetadata):
    """A runtime configuration of Dask (Elyra 4.1, ``elyra.metadata.metadata.Metadata``)."""

    fields = FIELDS
    masked = frozenset()

    def settings(self):
        """Return the values of all fields, a dict by name: those that are set, else the default, else ``None``."""
        return {name: self.metadata.get(name, field.get("default")) for name, field in self.fields.items()}


def settings_of(name):
    """Return the settings of the runtime configuration ``name``, or ``None`` if it is gone."""
    try:
        return MetadataManager(schemaspace=Runtimes.RUNTIMES_SCHEMASPACE_ID).get(name).settings()
    except Exception:  # Elyra raises whatever a broken file leads to
        return None
