"""What ``elyra-runtime-kit new`` makes of each kind, installed in a place of its own."""

import functools
import shutil

from broken import Installation, installed_from

from elyra_runtime_template.__main__ import new

NAME = "orbit"
CONTRACT = f"""from elyra_runtime_doctor.contract import RuntimeContract


class TestContract(RuntimeContract):
    runtime = "{NAME}"
"""


def _kind_of_installation(kind):
    def write(source):
        new(source, {"name": NAME, "kind": kind}, defaults=True)
        shutil.rmtree(source / "tests")  # a mistake in a test is none in the runtime

    @functools.cache
    def healthy():
        return installed_from(write)

    members = {
        "healthy": staticmethod(healthy),
        "contract_of_it": CONTRACT,
        "__doc__": f"A runtime that {kind} pipelines.",
    }
    return type(kind.capitalize(), (Installation,), members)


Describes, Runs = map(_kind_of_installation, ("describes", "runs"))
