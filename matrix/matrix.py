"""Find out with which versions the runtimes work: ``make matrix``.

Each combination gets an environment with all distributions. The doctor examines it, the contract submits and
exports there, and a browser uses JupyterLab: the tile, the form, a node that is edited and saved, a run. The
combinations cover all pairs of versions that can be installed together. What is found is kept in ``versions.json``, and
``README.md`` shows it as a table. The exit status is 1 where something does not work, and this is new.

``make matrix ARGS="elyra-4.1 3.13"`` runs the combinations whose names hold each of these words.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from itertools import combinations, product
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "matrix"), str(ROOT / "pictures")]

FOUND = ROOT / "matrix" / "versions.json"
ENVIRONMENTS = ROOT / ".matrix"
BEGIN, END = "<!-- What make matrix has found, from here -->", "<!-- to here. -->"

ELYRAS = {"elyra-4.0": "elyra[kfp]==4.0.0", "elyra-4.1": "elyra==4.1.*", "odh-elyra-5": "odh-elyra==5.*"}
LABS = "4.2", "4.4", "4.5", "4.6"
KERNELS = "6", "7"
PYTHONS = "3.10", "3.11", "3.12", "3.13"
CHECKS = "install", "doctor", "contract", "tile", "form", "edit", "run"
RUNTIMES = "demoruntime", "dask", "machine"
UV = sys.executable, "-m", "uv"


class Combination(NamedTuple):
    """Versions that are installed together."""

    elyra: str
    lab: str
    kernel: str
    python: str

    @property
    def name(self):
        return f"{self.elyra} lab-{self.lab} ipykernel-{self.kernel} python-{self.python}"

    @property
    def can_be(self):
        """Whether Elyra allows it: what it says of JupyterLab and of Python."""
        if self.elyra == "odh-elyra-5":
            return self.lab == "4.5" and self.python != "3.10"
        return self.lab != "4.2"

    @property
    def requirements(self):
        lab, kernel = f"jupyterlab=={self.lab}.*", f"ipykernel=={self.kernel}.*"
        return [ELYRAS[self.elyra], lab, kernel, "jsonschema<4.25", "pytest"]


def covering():
    """Return combinations in which each pair of versions occurs that can be installed together: few, not the fewest."""
    possible = [each for each in map(Combination._make, product(ELYRAS, LABS, KERNELS, PYTHONS)) if each.can_be]
    missing, chosen = {pair for each in possible for pair in pairs(each)}, []
    while missing:
        chosen.append(max(possible, key=lambda each: len(pairs(each) & missing)))
        missing -= pairs(chosen[-1])
    return sorted(chosen)


def pairs(combination):
    """Return the pairs of versions in ``combination``, a set."""
    return set(combinations(zip(Combination._fields, combination, strict=True), 2))


class Environment:
    """An environment with the versions of ``combination`` and all distributions."""

    def __init__(self, combination):
        self.combination = combination
        self.path = ENVIRONMENTS / combination.name.replace(" ", "_")
        self.commands = self.path / "bin"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def install(self):
        """Return what hinders the installation, or nothing."""
        ours = [f"{name} @ {path.as_uri()}" for name, path in wheels().items()]
        python = self.combination.python
        made = said([*UV, "venv", "--quiet", "--clear", "--python", python, self.path])
        install = [
            *UV,
            "pip",
            "install",
            "--quiet",
            "--no-config",
            "--compile-bytecode",
            "--python",
            self.commands / "python",
        ]
        return made or said([*install, *self.combination.requirements, *ours])

    def versions(self):
        """Return the exact versions, a dict by distribution."""
        names = "elyra", "odh-elyra", "jupyterlab", "ipykernel", "jupyter-server"
        code = f"""
import json, sys
from importlib.metadata import distributions
found = {{each.name.lower().replace("_", "-"): each.version for each in distributions()}}
print(json.dumps({{"python": sys.version.split()[0], **{{n: found[n] for n in {names!r} if n in found}}}}))
"""
        return json.loads(subprocess.check_output([self.commands / "python", "-c", code], text=True))

    def doctor(self):
        """Return what the doctor finds wrong with our runtimes, or nothing."""
        failed = []
        for name in RUNTIMES:
            done = self.run("elyra-runtime-doctor", name, "--json")
            if done.returncode == 2:
                return done.stderr.strip()
            results = json.loads(done.stdout)["results"]
            failed += [f"row {each['number']}: {each['title']}" for each in results if each["status"] == "fail"]
        return "; ".join(dict.fromkeys(failed))

    def contract(self):
        """Return which tests of the contract fail, but for those that repeat what the doctor says, or nothing."""
        failed = []
        for name in RUNTIMES:
            done = self.run("elyra-runtime-doctor", name, "--levels", "--json")
            if done.returncode == 2:
                return done.stderr.strip()
            failed += [f"{name}: {test}" for level in json.loads(done.stdout) for test in level["fail"]]
        return "; ".join(test for test in failed if "the_doctor_finds" not in test)

    def run(self, command, *arguments):
        with tempfile.TemporaryDirectory() as directory:
            return subprocess.run([self.commands / command, *arguments], cwd=directory, capture_output=True, text=True)


def said(command):
    """Run ``command``. Return its last lines if it fails, or nothing."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    return " ".join(done.stderr.split())[-300:] if done.returncode else ""


def wheels():
    """Return the wheels that ``make dist`` has made, by distribution."""
    return {path.name.split("-")[0].replace("_", "-"): path for path in (ROOT / "dist").glob("*.whl")}


def examine(combination):
    """Return what was found with ``combination``: the exact versions, and what is wrong, by check."""
    from browse import browse

    found = {}
    with Environment(combination) as environment:
        found["install"] = environment.install()
        if found["install"]:
            return {"versions": {}, "found": found}
        versions = environment.versions()
        found["doctor"] = environment.doctor()
        found["contract"] = environment.contract()
        with patch("elyra_runtime_doctor.host.COMMANDS", environment.commands):
            found |= browse()
    return {"versions": versions, "found": found}


def wrong_in(found):
    """Return in one line what does not work, or nothing."""
    return "; ".join(f"{check}: {reason}" for check, reason in found.items() if reason)


def table(known):
    """Return the Markdown table of what is ``known``, a dict by the names of combinations."""
    lines = ["| Elyra | JupyterLab | ipykernel | Python | it works |", "|---|---|---|---|---|"]
    for one in known.values():
        versions = one["versions"]
        elyra = f"odh-elyra {versions['odh-elyra']}" if "odh-elyra" in versions else versions.get("elyra")
        wrong = wrong_in(one["found"])
        cells = [elyra, versions.get("jupyterlab"), versions.get("ipykernel"), versions.get("python")]
        works = "no. " if one["found"]["install"] else "all but: "
        lines.append(f"| {' | '.join(map(str, cells))} | {works + wrong if wrong else 'yes'} |")
    return "\n".join(lines)


def write(known):
    """Keep what is ``known``, and show it in the README."""
    FOUND.write_text(json.dumps(known, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    marked = re.compile(f"(?<={re.escape(BEGIN)}\n).*?(?={re.escape(END)})", re.DOTALL)
    readme.write_text(marked.sub(lambda _: f"\n{table(known)}\n\n", text), encoding="utf-8")


def main(*words):
    known = {}
    with suppress(FileNotFoundError):
        known = json.loads(FOUND.read_text(encoding="utf-8"))
    chosen, worse = covering(), []
    for combination in chosen:
        if all(word in combination.name for word in words):
            if said([*UV, "python", "find", "--quiet", "--no-python-downloads", combination.python]):
                print(f"{combination.name}: Python {combination.python} is not installed.", flush=True)
                continue
            print(f"{combination.name} ...", flush=True)
            before = known.get(combination.name, {"found": {}})["found"]
            known[combination.name] = examine(combination)
            found = known[combination.name]["found"]
            worse += [check for check, reason in found.items() if reason and not before.get(check)]
            print(f"  {wrong_in(found) or 'works'}", flush=True)
            write({each.name: known[each.name] for each in chosen if each.name in known})
    if worse:
        sys.exit("Something does not work that is not known not to work.")


if __name__ == "__main__":
    main(*sys.argv[1:])
