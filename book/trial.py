"""A copy of the Demo Runtime that a chapter breaks, and fixes. It is installed apart from all others."""

import difflib
import re
import sys
from pathlib import Path

from IPython.display import Markdown, display

sys.path.append(str(Path(__file__).parents[1] / "tests"))

import single_faults
from broken import Installation


class Trial(Installation):
    """The copy, and how to break it. The tests prove that Elyra shows each of its faults."""

    def __init__(self, folder):
        super().__init__(folder)
        self._faults = []

    def put(self, name):
        """Install the broken runtime called ``name``. Show its fault as a diff."""
        [found] = [each for each in single_faults.BROKEN_RUNTIMES if each.name == name]
        display(change(found, self.source))
        super().put(found)
        self._faults.append(found)

    def fix(self):
        """Undo the change that was made last."""
        super().fix(self._faults.pop())

    def ask(self, *command):
        """Run a command beside the runtime. Print its output and exit status."""
        done = self.run(*command)
        said = done.stdout + done.stderr
        print(re.sub(r"\[\w [^]]*\] | +$", "", said, flags=re.MULTILINE).strip())
        print("exit status", done.returncode)

    def log(self):
        """Return what Elyra logs when it loads the runtimes."""
        return single_faults.log(self)

    def configure(self):
        """Write a runtime configuration by hand, called ``trial``."""
        single_faults.configure(self)

    def submit_alone(self):
        """Submit a node that has an environment variable, where no other runtime is enabled. Return the log."""
        return single_faults.submit_alone(self)


def change(broken, folder):
    """Show, as a diff, what ``broken``, a broken runtime, changes in the source in ``folder``."""
    parts = []
    for file in dict.fromkeys(edit.file for edit in broken.edits):
        before = after = Path(folder, file).read_text(encoding="utf-8")
        for edit in broken.edits:
            if edit.file == file:
                after = after.replace(edit.old, edit.new)
        lines = [*difflib.unified_diff(before.splitlines(), after.splitlines(), n=1, lineterm="")][2:]
        shown = [line for line in lines if line.strip() and not line.startswith("@@")]
        parts.append("\n".join([f"`{file}`", "", "```diff", *shown, "```"]))
    return Markdown("\n\n".join(parts))
