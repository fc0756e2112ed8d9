"""Runtimes that are rubbish: the doctor reports, and the contract fails with a sentence. A traceback of ours is a bug.

It takes a runtime of ``bench_doctor``, makes up to three mistakes in it at once, or puts rubbish into its JSON, and
installs it. Run it with ``make fuzz-contract``; ``--most`` says how many runtimes, ``--seed`` which ones.
"""

import argparse
import json
import random
import re
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import forked  # noqa: E402
from bench_doctor import PROJECTS, put  # noqa: E402
from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402
from hypothesis import seed as seeded  # noqa: E402
from mistakes import Mistake, mistakes, texts  # noqa: E402
from rubbish import FIELDS, FRAMES, SCHEMAS  # noqa: E402

PROMISE = re.compile("AssertionError|Failed|assert ")
ERROR = re.compile(r"[\w.]*(Error|Exception|Exit|Interrupt)\b")


def rubbish_schemas(most, seed):
    """Return ``most`` texts of JSON that hold rubbish, from schemas and from fields."""
    found = []

    @seeded(seed)
    @settings(
        max_examples=most,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(FRAMES | FIELDS | SCHEMAS)
    def collect(value):
        found.append(json.dumps(value))

    collect()
    return found


def broken(project, most, seed):
    """Yield ``most`` mistakes in ``project``, each of which is several at once."""
    rng = random.Random(seed)
    kind, _ = PROJECTS[project]
    with tempfile.TemporaryDirectory() as directory:
        files = texts(kind(Path(directory, "installation")).source)
    single = [each for each in mistakes(files, seed, 3) if None not in each.files.values()]
    schemas = rubbish_schemas(most, seed)
    json_file = next(name for name in files if name.endswith(".json") and "jupyter" not in name)
    for number in range(most):
        chosen = rng.sample(single, rng.randint(1, 3))
        changed = {name: text for each in chosen for name, text in each.files.items()}
        if number % 2 and schemas:
            changed[json_file] = schemas[number % len(schemas)]
        yield Mistake("several", " + ".join(map(str, chosen)), changed)


def said(installation, runtime):
    """Yield each traceback of ours."""
    for command in (["elyra-runtime-doctor", runtime], ["elyra-runtime-doctor", str(installation.source)]):
        done = installation.run(*command)
        if done.returncode not in (0, 1, 2) or "Traceback" in done.stderr or "could not be done" in done.stdout:
            yield f"{Path(command[1]).name}: " + (done.stderr.strip()[-400:] or done.stdout)
    done = installation.contract("test")
    if done.returncode not in (0, 1, 2, 5):
        yield f"pytest ended with {done.returncode}: {done.stdout[-400:]}{done.stderr[-400:]}"
    for what in sorted(set(errors_in(done.stdout))):
        yield f"contract: {what[:300]}"


def errors_in(printed):
    """Yield the errors in what pytest has ``printed`` that are no promise of the contract: the first line of each."""
    for section in re.split(r"^_+ .*Test.* _+$", printed, flags=re.MULTILINE)[1:]:
        first = re.search(r"^E +(.*)$", section, re.MULTILINE)
        if first and ERROR.match(first[1]) and not PROMISE.match(first[1]):
            yield first[1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--most", type=int, default=50, help="so many runtimes of each kind")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    forked.import_what_they_import()
    forked.take_over()
    tried = bugs = 0
    for project, (kind, user) in PROJECTS.items():
        for mistake in broken(project, options.most, options.seed):
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
                installation = kind(Path(directory, "installation"))
                try:
                    put(mistake, installation)
                except RuntimeError:  # it cannot be built
                    continue
                tried += 1
                for line in said(installation, user.runtime):
                    bugs += 1
                    print(f"{project}: {mistake.place}\n    {line}", flush=True)
    print(f"{tried} runtimes, {bugs} tracebacks of ours")


if __name__ == "__main__":
    main()
