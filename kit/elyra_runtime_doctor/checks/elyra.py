"""Rows that are faults of Elyra itself: known, with a way around."""

import re
from importlib.metadata import PackageNotFoundError, version

from elyra_runtime_doctor.rows import ELYRA, PANEL, REFUSED, RUN, SILENT, Skip, check, explain, fail, warn


@check(
    36,
    "The Jupyter runtime directory is missing",
    seen=RUN,
    symptom="`elyra-pipeline submit` ends with a `FileNotFoundError`, before it has read the pipeline.",
    cause="The command watches the directory for changes. It is made when a Jupyter server starts for the first time.",
    way_out="Make the directory that `jupyter --runtime-dir` prints.",
    fault_of=ELYRA,
)
def runtime_directory_is_there(survey):
    """The directory that `jupyter --runtime-dir` prints."""
    if not survey.runtime_directory.is_dir():
        return warn(f"{survey.runtime_directory} does not exist")


@check(
    63,
    "The pipeline editor loses changes in JupyterLab 4.6",
    seen=SILENT,
    symptom="You change a pipeline. Its tab gets no mark, and JupyterLab closes it without a question. What you have "
    "not saved is lost.",
    cause="Since 4.6, JupyterLab leaves it to the editor to mark a changed file, and the editor of Elyra 4.1 does not.",
    way_out="Run `pip install 'jupyterlab<4.6'`. If you use jupytext, run `pip install 'jupytext<1.19.5'`, too: newer "
    "ones do not open notebooks there.",
    fault_of=ELYRA,
)
def changes_are_marked(survey):
    """The version of JupyterLab, and whether the code of Elyra's pipeline editor marks a file as changed."""
    try:
        jupyterlab = version("jupyterlab")
    except PackageNotFoundError:
        raise Skip("JupyterLab is not installed") from None
    folders = [folder / "@elyra" / "pipeline-editor-extension" / "static" for folder in survey.lab_extensions]
    found = next((folder for folder in folders if folder.is_dir()), None)  # JupyterLab, too, takes the first
    if found is None:
        raise Skip("Elyra's pipeline editor is not installed")
    if [int(number) for number in re.findall(r"\d+", jupyterlab)[:2]] >= [4, 6] and not _marks_changes(found):
        return fail(f"JupyterLab is {jupyterlab}, and the pipeline editor in {found} does not mark a changed file")


def _marks_changes(folder):
    """Tell whether the scripts in ``folder`` do what Elyra's pull request 3406 does: ``model.dirty = true``."""
    scripts = (path.read_text(encoding="utf-8", errors="replace") for path in folder.glob("*.js"))
    return any(re.search(r"\.dirty ?= ?(!0|true)\b", script) for script in scripts)


explain(
    14,
    "`elyra-pipeline describe` ends with a `KeyError`",
    seen=RUN,
    symptom="`describe`, and `validate` without a runtime configuration, fail for a pipeline with components of a "
    "runtime's own, even of a healthy one.",
    cause="The commands load neither schemas nor processors, so nobody has added the runtime's type.",
    way_out="Use `elyra-pipeline validate --runtime-config ...`, or open the pipeline in the editor.",
    undetected="No package can fix it. Pipelines of notebooks and scripts are not affected.",
)

explain(
    35,
    "The command line shows no log",
    seen=SILENT,
    symptom="Whatever the processor logs with `self.log`, errors too, is not seen after `elyra-pipeline submit`.",
    cause="Without a server, `self.log` is the logger of traitlets, and its handler drops everything.",
    way_out="Let the processor log to stderr where it has no parent. Put what matters into the response or the error.",
    undetected="What has to be seen, only you know.",
)

explain(
    42,
    "Run as Pipeline drops environment variables",
    seen=SILENT,
    symptom="A single notebook or script, run from its own editor, lacks the environment variables of the dialog. A "
    "script arrives as a notebook node.",
    cause="The front end sends each variable as a text, and the server expects a dictionary. It sends every node as a "
    "notebook.",
    way_out="Make a pipeline with one node.",
    undetected="It happens in the browser, before the runtime is asked, for every runtime.",
)

explain(
    43,
    "A component's property is called `inputs` or `outputs`",
    seen=SILENT,
    symptom="The value of the property is lost: a list of its keys, `['widget', 'value']`, arrives.",
    cause="Elyra keeps the files of a node under these two names, in the same dictionary.",
    way_out="Give the property of the component another name.",
    undetected="Components come from catalogs, which may lie on the network. The doctor reads none.",
)

explain(
    44,
    "A node needs a runtime image, even where no container runs",
    seen=REFUSED,
    symptom="The editor says `The property 'Runtime Image' on node ... is required`, the command line `Required "
    "property value is missing`.",
    cause="Elyra requires the property of each generic node, for every runtime, even for a local run.",
    way_out="Choose any image in the pipeline's properties. Say in your documentation that it has no effect.",
    undetected="It is so for every runtime, and a matter of the pipeline.",
)

explain(
    47,
    "The log says `No components could be found in any catalog`",
    seen=SILENT,
    symptom="The log has this line, as an error, each time that the palette is loaded.",
    cause="Elyra expects components of its own for each type. A runtime of notebooks and scripts has none.",
    way_out="None is needed: the line is harmless.",
    undetected="It is so for every runtime without components.",
)

explain(
    58,
    "A node shows the properties of every runtime",
    seen=SILENT,
    symptom="The editor offers Kubernetes properties in a pipeline for your runtime, and they have no effect.",
    cause="For a generic node, the editor shows what any of the enabled runtimes supports.",
    way_out="Let the processor say which properties it ignores.",
    undetected="It is so for every runtime. Row 41 finds what the package itself promises.",
)

explain(
    65,
    "The command line drops 0 and `false`",
    seen=SILENT,
    symptom="`elyra-metadata create runtimes ... --max_jobs=0` ends with 0, and the default of the field is saved. "
    "`elyra-metadata update` leaves the old value. A required field is refused: `Parameter '--max_jobs' requires a "
    "value`.",
    cause="The command asks whether a value is true, and takes 0, `false`, `[]` and `{}` for no value.",
    way_out="Give such a value as JSON, `--json=\"{'max_jobs': 0}\"` beside the other options, or in the form.",
    undetected="It is so for every field of such a type, and only who calls the command knows what was meant.",
)

explain(
    66,
    "The command line fails on an empty value",
    seen=PANEL,
    symptom="`elyra-metadata create runtimes ... --notify_email=` ends in a traceback: `ValueError: list.remove(x): x "
    "not in list`.",
    cause="The command looks for the option among its arguments without the equals sign.",
    way_out="Leave the option out. To empty a field that has a value, use the form, or "
    "`elyra-metadata update ... --json=\"{'notify_email': ''}\"`.",
    undetected="It is so for every field of every runtime.",
)
