"""How long the driver of a run waits before it takes something for lost."""

from typing import NamedTuple


class Limits(NamedTuple):
    """So many seconds each."""

    answer: float = 5
    """For a place to answer that is asked whether it can take the run. Else the run is refused."""

    node: float = 5
    """For a node to end after it was asked to. Then it is killed."""

    ending: float = 10
    """For a place to end the nodes of a run that has to end. Then the run ends without them."""

    silence: float = 20
    """For a place that is silent. Then the run fails, where its nodes do not outlive the driver."""

    beat: float = 6
    """For an attempt to show that it runs, where the place says that it does not. Then it counts as lost."""

    settling: float = 1
    """For a task to show up that the place does not know. Then it is another attempt, which gets twice as long."""
