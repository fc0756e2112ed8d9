"""The limits that the node "clean" needs as a file dependency."""


def is_plausible(temperature):
    """Return whether ``temperature``, in degrees Celsius, can be right."""
    return 10 <= temperature <= 30
