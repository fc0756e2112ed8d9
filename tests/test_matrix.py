"""The table of versions: which combinations are tried, and that the README shows what was found."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def matrix(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "matrix")
    import matrix

    return matrix


def test_each_pair_of_versions_that_can_be_installed_is_tried(matrix):
    every = [
        matrix.Combination(elyra, lab, kernel, python)
        for elyra in matrix.ELYRAS
        for lab in matrix.LABS
        for kernel in matrix.KERNELS
        for python in matrix.PYTHONS
    ]
    possible = {pair for each in every if each.can_be for pair in matrix.pairs(each)}
    chosen = matrix.covering()
    assert {pair for each in chosen for pair in matrix.pairs(each)} == possible
    assert len(chosen) < 20
    assert chosen == matrix.covering()


def test_the_table_says_what_does_not_work_and_why(matrix):
    versions = {"python": "3.12.1", "elyra": "4.1.1", "jupyterlab": "4.6.6", "ipykernel": "7.4.0"}
    found = dict.fromkeys(matrix.CHECKS, "")
    known = {"a": {"versions": versions, "found": found}}
    assert matrix.table(known).splitlines()[-1] == "| 4.1.1 | 4.6.6 | 7.4.0 | 3.12.1 | yes |"
    known["a"]["found"] = {**found, "edit": "the change is lost", "run": "no page"}
    assert matrix.table(known).endswith("| all but: edit: the change is lost; run: no page |")
    known["a"]["versions"] = {**versions, "odh-elyra": "5.0.3"}
    assert matrix.table(known).splitlines()[-1].startswith("| odh-elyra 5.0.3 | ")
    known["a"] = {"versions": {}, "found": {"install": "no solution"}}
    assert matrix.table(known).endswith("| no. install: no solution |")


def test_the_readme_shows_what_was_found(matrix):
    known = json.loads(matrix.FOUND.read_text(encoding="utf-8"))
    assert known and all(list(one["found"]) == list(matrix.CHECKS) for one in known.values())
    shown = (ROOT / "README.md").read_text(encoding="utf-8").partition(matrix.BEGIN)[2].partition(matrix.END)[0]
    assert shown.strip() == matrix.table(known)
