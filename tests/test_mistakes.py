"""The generator of mistakes makes single changes by rule, and the oracle tells what hurts from what does not."""

import sys
from pathlib import Path

import pytest
from broken import healthy
from broken_kit import smallest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import mistakes  # noqa: E402
import oracle  # noqa: E402


@pytest.fixture(params=[healthy, smallest], ids=["by-hand", "on-the-kit"])
def files(request):
    return mistakes.texts(request.param() / "source")


def test_each_mistake_changes_one_file_of_the_project_and_nothing_else(files):
    made = mistakes.mistakes(files, seed=1, most=2)
    assert len({mistake.kind for mistake in made}) > 50
    for mistake in made:
        [(name, text)] = mistake.files.items()
        assert text != files[name]


def test_the_same_seed_makes_the_same_mistakes(files):
    first, again, other = (list(map(str, mistakes.mistakes(files, seed, most=2))) for seed in (1, 1, 2))
    assert first == again != other


def test_about_half_of_the_kinds_are_kept_away(files):
    kinds = {mistake.kind for mistake in mistakes.mistakes(files, seed=1, most=1)}
    assert 0.35 < sum(map(mistakes.kept_away, kinds)) / len(kinds) < 0.65


@pytest.mark.parametrize(
    "svg, drawn",
    [
        ('<svg xmlns="http://www.w3.org/2000/svg"/>', "drawn"),
        ('<svg xmlns="http://www.w3.org/2000/svg" width="100%"/>', "URIError"),
        ('<svg xmlns="http://www.w3.org/2000/svg">', "ParseError"),
        ("<svg/>", "no svg"),
    ],
)
def test_an_icon_is_drawn_as_jupyterlab_draws_it(svg, drawn):
    assert oracle._drawn(svg) == drawn


def test_what_differs_from_the_healthy_runtime_is_worse():
    assert oracle.worse({"a": 1, "b": [2]}, {"a": 1, "b": [2]}) == []
    assert oracle.worse({"a": 1, "b": 2}, {"a": 1, "c": 3}) == ["b: not reached", "c: 3"]
