"""Step 2: the runtime's type: its id, its name in the editor, its icon, its export formats.

Elyra lists the types in a closed enumeration, and their resources in a closed chain of ``if``.
It asks third parties to extend both (docstring of ``RuntimeProcessorType``, Elyra 4.1); importing
this module does so, once.
"""

from aenum import extend_enum
from elyra.pipeline.runtime_type import RuntimeProcessorType, RuntimeTypeResources

TYPE_ID = "DEMO_RUNTIME"
DISPLAY_NAME = "Demo Runtime"

if TYPE_ID not in RuntimeProcessorType.__members__:
    extend_enum(RuntimeProcessorType, TYPE_ID, DISPLAY_NAME)

DEMO_RUNTIME = RuntimeProcessorType[TYPE_ID]
"""The member of Elyra's enumeration that stands for this runtime."""


class DemoRuntimeResources(RuntimeTypeResources):
    """What the editor shows of the type (Elyra 4.1, ``RuntimeTypeResources``)."""

    type = DEMO_RUNTIME
    icon_endpoint = "static/demo_runtime/demo_runtime.svg"
    export_file_types = [{"id": "json", "display_name": "JSON description of the pipeline"}]


def _is_known_to_elyra():
    try:
        RuntimeTypeResources.get_instance_by_type(DEMO_RUNTIME)
    except ValueError:
        return False
    return True


def _add_to_elyra():
    """Answer for our type; ask whoever answered before, Elyra or another plugin, for all others."""
    answer_before = RuntimeTypeResources.get_instance_by_type

    def get_instance_by_type(cls, runtime_type, runtime_enabled=True):
        if runtime_type is DEMO_RUNTIME:
            return DemoRuntimeResources(runtime_enabled=runtime_enabled)
        return answer_before(runtime_type, runtime_enabled=runtime_enabled)

    RuntimeTypeResources.get_instance_by_type = classmethod(get_instance_by_type)


if not _is_known_to_elyra():
    _add_to_elyra()
