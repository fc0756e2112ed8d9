"""Step 2: the runtime's type: its id, its name, its icon, its exports.

Elyra lists the types in a closed enumeration, and their resources in a closed
chain of ``if``. It asks third parties to extend both (docstring of
``RuntimeProcessorType``, Elyra 4.1); importing this module does so, once.
"""

from aenum import extend_enum
from elyra.pipeline.runtime_type import (
    RuntimeProcessorType,
    RuntimeTypeResources,
)

TYPE_ID = "DEMO_RUNTIME"
DISPLAY_NAME = "Demo Runtime"


def add_type(type_id, display_name):
    """Return the member ``type_id`` of Elyra's enumeration.

    Add it if it is not there yet.
    """
    if type_id not in RuntimeProcessorType.__members__:
        extend_enum(RuntimeProcessorType, type_id, display_name)
    return RuntimeProcessorType[type_id]


def add_resources(our_type, resources):
    """Answer for ``our_type`` with the class ``resources``.

    For all other types, ask whoever answered before: Elyra or another plugin.
    If ``our_type`` is answered for by now,
    nothing changes.
    """
    if _is_known_to_elyra(our_type):
        return
    answer_before = RuntimeTypeResources.get_instance_by_type

    def get_instance_by_type(cls, runtime_type, runtime_enabled=True):
        if runtime_type is our_type:
            return resources(runtime_enabled=runtime_enabled)
        return answer_before(runtime_type, runtime_enabled=runtime_enabled)

    RuntimeTypeResources.get_instance_by_type = classmethod(
        get_instance_by_type
    )


def _is_known_to_elyra(runtime_type):
    try:
        RuntimeTypeResources.get_instance_by_type(runtime_type)
    except ValueError:
        return False
    return True


DEMO_RUNTIME = add_type(TYPE_ID, DISPLAY_NAME)
"""The member of Elyra's enumeration that stands for this runtime."""


class DemoRuntimeResources(RuntimeTypeResources):
    """What the editor shows of the type.

    It answers to Elyra 4.1, ``RuntimeTypeResources``.
    """

    type = DEMO_RUNTIME
    icon_endpoint = "static/demo_runtime/demo_runtime.svg"
    export_file_types = [
        {"id": "json", "display_name": "JSON description of the pipeline"}
    ]


add_resources(DEMO_RUNTIME, DemoRuntimeResources)
