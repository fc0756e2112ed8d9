"""The doctor reads code, and tells what is certain to be an error: no more, and no less."""

import importlib.util
import sys

import pytest

from elyra_runtime_doctor.reading import problems


@pytest.fixture
def read(tmp_path, monkeypatch):
    """A function that returns what is wrong in a module with the given text, without the name of the file."""

    def read(text):
        file = tmp_path / "written.py"
        file.write_text(text, encoding="utf-8")
        spec = importlib.util.spec_from_file_location("written", file)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "written", module)
        spec.loader.exec_module(module)
        return [problem.partition("written.py:")[2] for problem in problems(module, {"written", "written_before"})]

    return read


GUARDED = """
def f():
    try:
        return open("x", encodng="utf-8")
    except {caught}:
        {answer}
"""


@pytest.mark.parametrize(
    "caught, answer, certain",
    [
        ("OSError", "return None", True),
        ("(OSError, ValueError)", "return None", True),
        ("Exception as error", "raise RuntimeError('no') from error", True),
        ("Exception", "return None", False),
        ("(OSError, TypeError)", "return None", False),
        ("SomethingOfMine", "return None", False),
    ],
)
def test_an_error_is_certain_unless_it_is_caught_and_forgotten(read, caught, answer, certain):
    found = read(f"SomethingOfMine = Exception\n{GUARDED.format(caught=caught, answer=answer)}")
    assert [each for each in found if "open" in each and "'encodng'" in each] == found
    assert bool(found) == certain


@pytest.mark.parametrize(
    "use, certain",
    [
        ("x = self.f()", True),
        ("self.f().y", True),
        ("self.p.y", True),
        ("for x in self.f(): pass", True),
        ("x = g()", True),
        ("self.f()", False),
        ("return self.f()", False),
        ("x = imported()", True),
        ("x = self.none()", True),
        ("print(self.f())", False),
        ("x = self.abstract()", False),
        ("x = self.decorated()", False),
        ("x = self.gives()", False),
    ],
)
def test_who_uses_the_result_of_what_returns_nothing_is_told(read, use, certain, tmp_path, monkeypatch):
    (tmp_path / "written_before.py").write_text("def imported():\n    print()\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "written_before", raising=False)
    found = read(f"""
import contextlib
from written_before import imported


def g():
    print()


class A:
    def f(self):
        print()

    def none(self):
        return None

    @property
    def p(self):
        print()

    def abstract(self):
        raise NotImplementedError

    @contextlib.contextmanager
    def decorated(self):
        print()

    def gives(self):
        if self:
            return 1

    def user(self):
        {use}
""")
    assert bool(found) == certain, found
    assert all("returns nothing" in each for each in found)


@pytest.mark.parametrize(
    "call, said",
    [
        ("open('x', encoding='utf-8-sig')", None),
        ("open('x', encoding=None)", None),
        ("open('x', encoding='utf-9')", "'utf-9' is no encoding"),
        ("open('x', encoding=7)", "7 is no encoding"),
        ("itertools.compress([1])", "missing a required argument: 'selectors'"),
        ("itertools.compress([1], [1])", None),
        ("json.JSONEncoder(indnt=2)", "unexpected keyword argument 'indnt'"),
        ("json.JSONEncoder(indent=2)", None),
        ("inspect.Parameter('x', 1)", None),
    ],
)
def test_a_call_of_pythons_own_is_judged_as_far_as_it_is_certain(read, call, said):
    found = read(f"import inspect, itertools, json\n\n\ndef f():\n    return {call}\n")
    assert [said in each for each in found] == ([True] if said else [])


CLASS_IN_CLASS = """
class A:
    def f(self):
        class B:
            x = 1

            def g(self):
                self.x
"""
SUBCLASS = """
class A:
    def f(self):
        pass

    def g(self):
        self.f().x


class B(A):
    def f(self):
        return 1
"""
STORED = """
class A:
    def f(self):
        self.lists: dict[
            str, list
        ] = {}
        with open("x") as self.file:
            self.lists, self.file
"""
ANNOTATION = """
from __future__ import annotations
import hashlib


def f(x: hashlib.of_types):
    return __annotations__
"""


@pytest.mark.parametrize(
    "text",
    [
        CLASS_IN_CLASS,
        SUBCLASS,
        STORED,
        ANNOTATION,
        "import sys, itertools\nif sys.hexversion > 0xFF000000:\n    itertools.of_tomorrow\n",
        "import sys, platform\nif platform.python_implementation() == 'PyPy':\n    sys.pypy_version_info\n",
    ],
    ids=["class-in-class", "subclass", "stored", "annotation", "version", "implementation"],
)
def test_what_may_be_there_is_not_told(read, text):
    assert read(text) == []
