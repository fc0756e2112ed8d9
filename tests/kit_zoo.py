"""The smallest runtime on the kit, which the kit's README shows, installed in a place of its own."""

import atexit
import functools
import re
import shutil
import tempfile
from pathlib import Path

from zoo import ROOT, Cage, _install

README = (ROOT / "kit" / "README.md").read_text(encoding="utf-8")
SOURCE = README.partition("## A runtime on the kit")[2]
[MODULE] = re.findall("in the file `smallest.py`:\n\n```python\n(.+?)```", SOURCE, re.DOTALL)
[PROJECT] = re.findall("```toml\n(.+?)```", SOURCE, re.DOTALL)
[CONTRACT] = re.findall("```python\n(from elyra_runtime_doctor.contract.+?)```", SOURCE, re.DOTALL)


@functools.cache
def smallest():
    """Return a folder with the source of the runtime, and with what pip installs of it. It is made once."""
    folder = Path(tempfile.mkdtemp(prefix="smallest-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "source").mkdir()
    (folder / "source" / "smallest.py").write_text(MODULE, encoding="utf-8")
    (folder / "source" / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    _install(folder / "source", folder / "site")
    return folder


class KitCage(Cage):
    """A place with the smallest runtime on the kit."""

    contract_of_it = CONTRACT

    def _lay_out(self):
        for name in ("source", "site"):
            shutil.rmtree(self.directory / name, ignore_errors=True)
            shutil.copytree(smallest() / name, self.directory / name)

    def findings(self, name="smallest"):
        return super().findings(name)
