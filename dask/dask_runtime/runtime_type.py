"""Step 2 again: the runtime's type, its name in the editor and its icon. It has no export formats: it runs."""

from elyra.pipeline.runtime_type import RuntimeTypeResources

from demo_runtime.runtime_type import add_resources, add_type

DISPLAY_NAME = "Dask"

DASK = add_type("DASK", DISPLAY_NAME)
"""The member of Elyra's enumeration that stands for this runtime."""


class DaskResources(RuntimeTypeResources):
    """What the editor shows of the type (Elyra 4.1, ``RuntimeTypeResources``)."""

    type = DASK
    icon_endpoint = "static/dask_runtime/dask_runtime.svg"
    export_file_types = []


add_resources(DASK, DaskResources)
