"""The types of the runtimes on the kit, in Elyra's enumeration and among its resources.

Elyra lists the types in a closed enumeration, and their resources in a closed chain of ``if``. It asks third parties to
extend both (docstring of ``RuntimeProcessorType``, Elyra 4.1).
"""

from aenum import extend_enum
from elyra.pipeline.runtime_type import RuntimeProcessorType, RuntimeTypeResources

from elyra_runtime_kit import server
from elyra_runtime_kit.declaration import DeclarationError


def register(declaration, owner):
    """Return the member of Elyra's enumeration for the type of ``declaration``, and let Elyra know its resources.

    ``owner`` is the place of the class that declares it. Doing it again, for example after a reload, renews what Elyra
    knows. Raises ``DeclarationError`` if the name or the type belongs to another one.
    """
    table = _table()
    for name, (other, known) in table.items():
        if other != owner and declaration.name == known.name:
            raise DeclarationError(f"The runtime {owner} has the name {known.name!r}, and so has {other}: rename one.")
        if other != owner and declaration.type_id == name:
            raise DeclarationError(f"The runtime {owner} has the type {name!r}, and so has {other}: rename one.")
    if declaration.type_id not in RuntimeProcessorType.__members__:
        extend_enum(RuntimeProcessorType, declaration.type_id, declaration.display_name)
    elif declaration.type_id not in table:
        raise DeclarationError(
            f"The runtime {owner} has the type {declaration.type_id!r}, which is not of the kit: choose another one."
        )
    table[declaration.type_id] = (owner, declaration)
    _answer_for(table)
    return RuntimeProcessorType[declaration.type_id]


def _table():
    """Return the owners and the declarations by type. They stay with Elyra's class, also if the kit is reloaded."""
    if not hasattr(RuntimeTypeResources, "_of_the_kit"):
        RuntimeTypeResources._of_the_kit = {}
    return RuntimeTypeResources._of_the_kit


def _answer_for(table):
    """Answer for the types in ``table``. For all others, ask whoever answered before: Elyra or another plugin."""
    answer_before = RuntimeTypeResources.get_instance_by_type
    if getattr(answer_before, "is_of_the_kit", False):
        return

    def get_instance_by_type(cls, runtime_type, runtime_enabled=True):
        _, declaration = table.get(getattr(runtime_type, "name", None), (None, None))
        if declaration is None:
            return answer_before(runtime_type, runtime_enabled=runtime_enabled)
        return Resources(declaration, runtime_enabled)

    get_instance_by_type.is_of_the_kit = True
    RuntimeTypeResources.get_instance_by_type = classmethod(get_instance_by_type)


class Resources(RuntimeTypeResources):
    """What the editor shows of the type of ``declaration`` (Elyra 4.1, ``RuntimeTypeResources``)."""

    def __init__(self, declaration, runtime_enabled=True):
        super().__init__(runtime_enabled=runtime_enabled)
        self.type = RuntimeProcessorType[declaration.type_id]
        self.icon_endpoint = server.icon_endpoint(declaration.name)
        self.export_file_types = [
            {"id": suffix, "display_name": title} for suffix, title in declaration.exports.items()
        ]
