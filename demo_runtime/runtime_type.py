"""The runtime's type, added to Elyra's by importing this module."""

from aenum import extend_enum
from elyra.pipeline.runtime_type import (
    RuntimeProcessorType,
    RuntimeTypeResources,
)

if "DEMO_RUNTIME" not in RuntimeProcessorType.__members__:
    extend_enum(RuntimeProcessorType, "DEMO_RUNTIME", "Demo Runtime")
DEMO_RUNTIME = RuntimeProcessorType.DEMO_RUNTIME


class DemoRuntimeResources(RuntimeTypeResources):
    """What the editor shows (Elyra 4.1, ``RuntimeTypeResources``)."""

    type = DEMO_RUNTIME
    icon_endpoint = "static/demo_runtime/demo_runtime.svg"
    export_file_types = [
        {"id": "json", "display_name": "JSON description of the pipeline"}
    ]


# Elyra's function knows Elyra's types. Other plugins may have replaced it.
before = RuntimeTypeResources.get_instance_by_type


def _answer(cls, runtime_type, runtime_enabled=True, before=before):
    if runtime_type is DEMO_RUNTIME:
        return DemoRuntimeResources(runtime_enabled=runtime_enabled)
    return before(runtime_type, runtime_enabled=runtime_enabled)


RuntimeTypeResources.get_instance_by_type = classmethod(_answer)
