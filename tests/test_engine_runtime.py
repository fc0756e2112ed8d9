"""A runtime that runs says which executor it has, when Python reads its class."""

import pytest
from traitlets import Unicode

from elyra_runtime_engine.runtime import RunningRuntime
from elyra_runtime_kit import Declaration, DeclarationError

HERE = __name__


def declare(executor, name):
    declaration = Declaration(name=name, type_id=name.upper(), display_name=name.title())
    return type("Made", (RunningRuntime,), {"declaration": declaration, "executor": executor, "__module__": HERE})


@pytest.mark.parametrize(
    "executor, said",
    [
        (None, "executor is None. Write the name of a class, such as 'my_runtime.executor:MyExecutor'"),
        (object, "executor is <class 'object'>. Write"),
        ("elyra_runtime_engine.processes.Processes", "Write the name of a class"),
        ("elyra_runtime_engine.proceses:Processes", "there is no module 'elyra_runtime_engine.proceses'"),
        ("no_such_package.executor:Mine", "there is no module 'no_such_package.executor'"),
        ("elyra_runtime_engine.processes:Proceses", "processes.py has no 'Proceses'"),
    ],
)
def test_an_executor_that_is_not_there_is_an_error_of_the_declaration(executor, said):
    with pytest.raises(DeclarationError) as error:
        declare(executor, "lostexecutor")
    assert f"The runtime {HERE}:Made: executor is {executor!r}" in str(error.value)
    assert said in str(error.value)


def test_an_executor_that_is_there_is_not_imported(monkeypatch, tmp_path):
    (tmp_path / "busy_executor.py").write_text("class Busy: pass\nraise RuntimeError('it is imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert declare("busy_executor:Busy", "busyexecutor").executor == "busy_executor:Busy"


@pytest.mark.parametrize("text", ["from elsewhere import *", "def __getattr__(name): return object"])
def test_an_executor_that_only_the_import_shows_is_taken(monkeypatch, tmp_path, text):
    (tmp_path / "places.py").write_text(f"{text}\n")
    monkeypatch.syspath_prepend(tmp_path)
    name = f"taken_{len(text)}"
    assert declare("places:Slurm.Partition", name).executor == "places:Slurm.Partition"


def test_an_executor_that_the_configuration_gives_is_taken():
    trait = Unicode("elyra_runtime_engine.processes:Processes").tag(config=True)
    assert declare(trait, "configured").executor is trait


def test_a_base_without_a_declaration_needs_no_executor():
    assert type("Base", (RunningRuntime,), {}).executor is None
