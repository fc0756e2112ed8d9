"""The checks. Importing this package fills ``rows.ROWS``; it imports neither Elyra nor a runtime.

To add one, write a function with ``@check`` and the next free number.
"""

from elyra_runtime_doctor.checks import discovery, elyra, environment, forms, methods, running, runtime_types, schemas  # noqa: F401
