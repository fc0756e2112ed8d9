"""Step 1: a runtime configuration, as Elyra loads it and as others see it."""

from elyra.metadata.metadata import Metadata

from demo_runtime.schema import FIELDS, MASKED

HIDDEN = "(hidden)"


class DemoRuntimeMetadata(Metadata):
    """A configuration of the Demo Runtime.

    It answers to Elyra 4.1, ``elyra.metadata.metadata.Metadata``.
    """

    fields = FIELDS
    masked = MASKED

    def on_load(self, **kwargs):
        """Add a missing ``runtime_type``, and drop a second display name.

        A file written by hand often lacks its type, and Elyra then refuses
        every pipeline. Elyra's form repeats the display name among the
        fields. Only the loaded configuration is mended: the file may belong
        to somebody else.
        """
        # If it is no dict, Elyra's validation comes next and says so.
        if isinstance(self.metadata, dict):
            self.metadata.pop("display_name", None)
            self.metadata.setdefault(
                "runtime_type", self.fields["runtime_type"]["default"]
            )

    def pre_save(self, **kwargs):
        """Mend what is to be saved in the same way.

        Elyra calls this for the form, not for its command line.
        """
        self.on_load()

    def visible(self):
        """Return what a log or an export may show, a dict.

        Each masked value is replaced by ``(hidden)``.
        """
        fields = {
            name: self.metadata[name]
            for name in self.fields
            if name in self.metadata
        }
        hidden = {name: HIDDEN for name in fields if name in self.masked}
        return {
            "name": self.name,
            "display_name": self.display_name,
            **fields,
            **hidden,
        }
