"""What a runtime is: said once, and checked when it is said."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from elyra.pipeline.runtime_type import RuntimeProcessorType

from elyra_runtime_kit.fields import checked, read
from elyra_runtime_kit.schema import frame


class DeclarationError(ValueError):
    """A runtime that Elyra would refuse, or get wrong. The message names each place, the value and the way out."""


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """What a runtime is.

    ``name`` is the name of the runtime, and of its entry point. ``type_id`` is its type, in capital letters (Elyra 4.1,
    ``RuntimeProcessorType``), and ``display_name`` what people read. ``fields`` are the fields of its runtime
    configurations: a dict by name, or the ``Path`` of a JSON file that holds one. Each is JSON Schema, and two words
    of the kit: ``"secret": true`` masks a field, ``"required": true`` demands a value. ``exports`` are the export
    formats: their titles, by the suffix of the file. ``icon`` is the ``Path`` of an SVG file.

    Raises ``DeclarationError`` for what Elyra would refuse, or would pass over, later. A missing or broken icon is no
    error: the kit's own takes its place, and the log says so.
    """

    name: str
    type_id: str
    display_name: str
    fields: dict | Path = field(default_factory=dict)
    exports: dict = field(default_factory=dict)
    icon: Path | None = None

    def __post_init__(self):
        place = f"{self.fields}: " if isinstance(self.fields, Path) else "fields "
        problems = [*self._problems()]
        try:
            fields = read(self.fields)
            problems += [f"{place}{problem}" for problem in checked(fields)]
        except ValueError as error:
            problems.append(f"{place}{error}")
        if problems:
            raise DeclarationError(f"The declaration of the runtime {self.name!r}: " + "; ".join(problems))
        object.__setattr__(self, "fields", fields)

    @property
    def schema(self):
        """The schema of its runtime configurations, as Elyra takes it: a new dict (Elyra 4.1, ``SchemasProvider``)."""
        return frame(self.name, self.type_id, self.display_name, self.fields)

    def _problems(self):
        if not _is(r"[a-z][a-z0-9_-]*[a-z0-9]", self.name):
            yield (
                f"name {self.name!r}: Elyra takes two or more small letters, digits, dashes and underscores, with a "
                "letter first and no dash or underscore last"
            )
        if not _is(r"[A-Z][A-Z0-9_]*", self.type_id):
            yield f"type_id {self.type_id!r}: write it in capital letters, digits and underscores, with a letter first"
        if not isinstance(self.display_name, str) or not self.display_name.strip():
            yield f"display_name {self.display_name!r}: write what people are to read in the launcher"
        for member in RuntimeProcessorType:
            if member.value == self.display_name and member.name != self.type_id:
                yield f"display_name {self.display_name!r}: the type {member.name} is called so. Choose another one"
        if not isinstance(self.exports, dict):
            yield f"exports {self.exports!r}: write a dict, such as {{'json': 'JSON'}}"
            return
        for suffix, title in self.exports.items():
            if not _is(r"[a-z0-9]+", suffix):
                yield f"exports {suffix!r}: write the suffix of the file in small letters and digits, without a dot"
            if not isinstance(title, str) or not title.strip():
                yield f"exports {suffix!r}: its title is {title!r}. Write what the Export dialog is to show"


def _is(pattern, text):
    return isinstance(text, str) and re.fullmatch(pattern, text)
