"""A runtime configuration, as Elyra loads it and as others see it."""

from elyra.metadata.metadata import Metadata
from elyra.metadata.schema import SchemaManager
from elyra.metadata.schemaspaces import Runtimes

from elyra_runtime_kit.schema import PASSWORD_FIELD
from elyra_runtime_kit.text import HIDDEN


class Configuration(Metadata):
    """A runtime configuration of a runtime on the kit (Elyra 4.1, ``elyra.metadata.metadata.Metadata``)."""

    def on_load(self, **kwargs):
        """Add hidden fields that are missing, and drop a second display name.

        A file written by hand often lacks its type, and Elyra then refuses every pipeline. Elyra's form repeats the
        display name among the fields. Only the loaded configuration is fixed: the file may belong to somebody else.
        """
        # If it is no dict, Elyra's validation comes next and says so.
        if isinstance(self.metadata, dict):
            self.metadata.pop("display_name", None)
            for name, field in self._fields().items():
                if field.get("uihints", {}).get("hidden") and "default" in field:
                    self.metadata.setdefault(name, field["default"])

    def pre_save(self, **kwargs):
        """Fix what is to be saved in the same way. Elyra calls this for the form, not for its command line."""
        self.on_load()

    def values(self):
        """Return the values of all fields, a dict by name: those that are set, else the default, else ``None``."""
        return {name: self.metadata.get(name, field.get("default")) for name, field in self._fields().items()}

    def visible(self):
        """Return what a log or an export may show, a dict: each secret that is set is replaced by ``(hidden)``."""
        secrets = self.secrets()
        fields = {name: self.metadata[name] for name in self._fields() if name in self.metadata}
        shown = {name: HIDDEN if name in secrets else value for name, value in fields.items()}
        return {"name": self.name, "display_name": self.display_name, **shown}

    def secrets(self):
        """Return the values of the masked fields that are set, a dict by name."""
        masked = [
            n for n, field in self._fields().items() if field.get("uihints", {}).get("ui:field") == PASSWORD_FIELD
        ]
        return {name: self.metadata[name] for name in masked if name in self.metadata}

    def _fields(self):
        schema = SchemaManager.instance().get_schema(Runtimes.RUNTIMES_SCHEMASPACE_ID, self.schema_name)
        return schema["properties"]["metadata"]["properties"]
