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
        ("Exception", "if answer: return None\n        raise", False),
        ("(OSError, TypeError)", "return None", False),
        ("SomethingOfMine", "return None", False),
    ],
)
def test_an_error_is_certain_unless_it_is_caught_and_forgotten(read, caught, answer, certain):
    found = read(f"SomethingOfMine = Exception\nanswer = 1\n{GUARDED.format(caught=caught, answer=answer)}")
    assert [each for each in found if "open" in each and "'encodng'" in each] == found
    assert bool(found) == certain


@pytest.mark.parametrize(
    "use, certain",
    [
        ("x = self.f(); x.y", True),
        ("x = self.f(); print(x)", True),
        ("x, y = self.f()", True),
        ("self.f().y", True),
        ("self.p.y", True),
        ("for x in self.f(): pass", True),
        ("x = g(); x.y", True),
        ("self.f()", False),
        ("return self.f()", False),
        ("x = imported(); x.y", True),
        ("x = imported_twice(); x.y", False),
        ("x = self.none(); x.y", False),
        ("x = self.f()", False),
        ("x = self.f(); y = x or 1", False),
        ("x = self.f(); return x", False),
        ("x = self.f(); x = 1; x.y", False),
        ("x = self.stub(); x.y", False),
        ("print(self.f())", False),
        ("self.abstract().x", False),
        ("self.decorated().x", False),
        ("self.gives().x", False),
    ],
)
def test_who_uses_the_result_of_what_returns_nothing_is_told(read, use, certain, tmp_path, monkeypatch):
    (tmp_path / "written_before.py").write_text(
        "def imported():\n    print()\n\n\ndef imported_twice():\n    return 1\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "written_before", raising=False)
    found = read(f"""
import contextlib
from written_before import imported


def imported_twice():
    print()


from written_before import imported_twice


def g():
    print()


class A:
    def f(self):
        print()

    def none(self):
        return None

    def stub(self):
        \"\"\"A subclass may return more.\"\"\"

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


WRAPPED = """
import functools, inspect, itertools, json, pathlib


def wrapped(function):
    @functools.wraps(function)
    def wrapper(*arguments, more=3, encoding=None):
        return function(*arguments)

    return wrapper


@wrapped
def upload(file):
    return file
"""


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
        ("upload('x', encoding='gzip')", None),
        ("upload('x', more=1)", None),
        ("pathlib.Path('x').read_text(encoding='utf-9')", "'utf-9' is no encoding"),
    ],
)
def test_a_call_of_pythons_own_is_judged_as_far_as_it_is_certain(read, call, said):
    found = read(f"{WRAPPED}\n\n\ndef f():\n    return {call}\n")
    assert (found == []) if said is None else [said in each for each in found] == [True], found


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
        (
            self.a,
            self.b,
        ) = 1, 2
        for self.c in ():
            pass
        with open("x") as self.file:
            self.lists, self.file, self.a, self.b, self.c, self.d

    @classmethod
    def g(cls):
        new = cls.__new__(cls)
        new.d = 1
        return new


class B:
    name = __module__ + __qualname__
"""
GUARDS = """
import os, shutil, sys
from contextlib import suppress

NEW = sys.version_info >= (3, 99)


def f(path):
    if NEW:
        shutil.rmtree(path, of_tomorrow=1)
    if getattr(os, "of_tomorrow", None):
        os.of_tomorrow(path)
    with suppress(AttributeError):
        os.of_yesterday
    if sys.version_info < (3, 99):
        return shutil.rmtree(path)
    return shutil.rmtree(path, of_tomorrow=1)


def main():
    print()


if __name__ == "__main__":
    code = main()
    sys.exit(code)
"""
MADE = """
space = {"__name__": None}
exec("def made(): print()", space)
made = space["made"]


def f():
    x = made()
    x.y
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
        GUARDS,
        MADE,
        "import sys, itertools\nif sys.hexversion > 0xFF000000:\n    itertools.of_tomorrow\n",
        "import sys, platform\nif platform.python_implementation() == 'PyPy':\n    sys.pypy_version_info\n",
    ],
    ids=["class-in-class", "subclass", "stored", "annotation", "guards", "made", "version", "implementation"],
)
def test_what_may_be_there_is_not_told(read, text):
    assert read(text) == []
