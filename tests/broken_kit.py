"""The smallest runtime on the kit, which the kit's README shows, installed in a place of its own."""

import functools
import re

from broken import ROOT, Installation, installed_from

README = (ROOT / "kit" / "README.md").read_text(encoding="utf-8")
SOURCE = README.partition("## A runtime on the kit")[2]
[MODULE] = re.findall("in the file `smallest.py`:\n\n```python\n(.+?)```", SOURCE, re.DOTALL)
[PROJECT] = re.findall("```toml\n(.+?)```", SOURCE, re.DOTALL)
[CONTRACT] = re.findall("```python\n(from elyra_runtime_doctor.contract.+?)```", SOURCE, re.DOTALL)


@functools.cache
def smallest():
    """Return a folder with the source of the runtime, and with what is installed of it. It is made once."""
    return installed_from(_write)


def _write(source):
    (source / "smallest.py").write_text(MODULE, encoding="utf-8")
    (source / "pyproject.toml").write_text(PROJECT, encoding="utf-8")


class KitInstallation(Installation):
    """A place with the smallest runtime on the kit."""

    contract_of_it = CONTRACT
    healthy = staticmethod(smallest)

    def findings(self, name="smallest"):
        return super().findings(name)
