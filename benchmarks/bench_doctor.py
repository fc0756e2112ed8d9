"""How many mistakes that hurt are named by the doctor, how many only by the contract, and how many by nobody.

It makes mistakes in healthy runtimes by rule, and asks Elyra, the doctor and the contract about each. Run it with
``make bench-doctor``. It takes about half an hour on two processors. ``--all`` shows the kinds that are kept away, too,
and ``--look`` asks a browser about what is named, and harmless as far as the server tells.
"""

import argparse
import collections
import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import forked  # noqa: E402
import oracle  # noqa: E402
from broken import Installation, installed  # noqa: E402
from generated import Describes, Runs  # noqa: E402
from mistakes import PROJECT, described_in, kept_away, mistakes, texts  # noqa: E402

SEED = 25
FIELDS = {
    "api_endpoint": "https://demo.example.com/api",
    "api_username": "me",
    "api_password": oracle.PASSWORD,
    "cos_endpoint": "https://storage.example.com:9000",
    "cos_bucket": "my-bucket",
    "cos_username": "me",
    "cos_password": oracle.PASSWORD,
}
PROJECTS = {
    "by hand": (
        Installation,
        oracle.User("trialruntime", "TRIAL_RUNTIME", "Trial Runtime", {**FIELDS, "description": "Mine"}, ("json",)),
    ),
    "generated, describes": (Describes, oracle.User("orbit", "ORBIT", "Orbit", FIELDS, ("json",))),
    "generated, runs": (
        Runs,
        oracle.User("orbit", "ORBIT", "Orbit", {"parallel_nodes": 2, "retries": 1}, (), runs=True),
    ),
}
UNBUILT, HARMLESS, DOCTOR, CONTRACT, NOBODY = "not built", "harmless", "doctor", "contract", "nobody"


def put(mistake, installation):
    """Make ``mistake`` in ``installation``. Raises ``RuntimeError`` if it cannot be built any more."""
    for name, text in mistake.files.items():
        file, there = installation.source / name, installation.site / installed(name)
        if text is None:
            file.unlink()
            there.unlink(missing_ok=True)
        else:
            file.write_text(text, encoding="utf-8")
            there.parent.mkdir(parents=True, exist_ok=True)
            if PROJECT not in mistake.files:
                shutil.copy(file, there)
    (installation.site / PROJECT).unlink(missing_ok=True)
    if PROJECT in mistake.files:
        installation.install()


def examine(project, mistake, healthy, worse):
    """Return what Elyra, the doctor and the contract say of ``mistake``: a dict for JSON.

    ``worse`` is what Elyra has said before, if it was asked.
    """
    kind, user = PROJECTS[project]
    directory = Path(tempfile.mkdtemp(prefix="mistake-"))
    said = {"project": project, "kind": mistake.kind, "place": mistake.place}
    try:
        installation = kind(directory / "installation")
        try:
            put(mistake, installation)
        except RuntimeError as error:
            return {**said, "verdict": UNBUILT, "worse": [str(error)[-300:]]}
        said["worse"] = oracle.worse(healthy, oracle.ask(installation, user)) if worse is None else worse
        said["doctor"] = doctor(installation, user.runtime)
        named = [each for each in said["doctor"] if not each[2].startswith("this check could not be done")]
        if not said["worse"]:
            return {**said, "verdict": HARMLESS}
        if named:
            return {**said, "verdict": DOCTOR}
        said["contract"] = contract(installation)
        return {**said, "verdict": CONTRACT if said["contract"] else NOBODY}
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def doctor(installation, runtime):
    """Return what the doctor names: row, status and what it found."""
    done = installation.run("elyra-runtime-doctor", runtime, "--json")
    if done.returncode not in (0, 1) or not done.stdout.startswith("{"):
        says_why = "mean" in done.stderr or not done.stderr.startswith("No runtime is called")
        return [(0, "fail", done.stderr)] if says_why else []
    results = json.loads(done.stdout)["results"]
    named = [each for each in results if each["status"] in ("warning", "fail")]
    return [(each["number"], each["status"], each["found"]) for each in named]


def contract(installation):
    """Return the first test of the contract that fails, and what it says: texts, or none."""
    file = installation.directory / "test_mistake.py"
    file.write_text(installation.contract_of_it, encoding="utf-8")
    options = ["-q", "-x", "-p", "no:cacheprovider", "--tb=line", "--show-capture=no", "--rootdir", file.parent]
    done = installation.run("pytest", *options, file, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    if done.returncode == 0:
        return []
    return re.findall(r"^(?:FAILED|ERROR) .*", done.stdout, re.MULTILINE) or [done.stdout[-500:] + done.stderr[-500:]]


def work(number, workers, jobs, healthy, directory, before):
    with open(directory / f"{number}.jsonl", "w", encoding="utf-8") as file:
        for project, mistake in jobs[number::workers]:
            try:
                worse = before.get((project, mistake.kind, mistake.place))
                result = examine(project, mistake, healthy.get(project), worse)
            except Exception as error:
                result = {"project": project, **mistake._asdict(), "verdict": f"bench: {type(error).__name__}: {error}"}
                result.pop("files")
            print(json.dumps(result, ensure_ascii=False), file=file, flush=True)


def said_in(folder):
    """Return what was said of mistakes in an earlier run, whose ``folder`` holds it."""
    return [json.loads(line) for file in Path(folder).glob("*.jsonl") for line in file.read_text().splitlines()]


def results(jobs, healthy, workers, before):
    """Return what is said of all ``jobs``."""
    directory = Path(tempfile.mkdtemp(prefix="mistakes-"))
    print(f"What is said of each is in {directory}.", file=sys.stderr, flush=True)
    children = []
    for number in range(workers):
        child = os.fork()
        if not child:
            work(number, workers, jobs, healthy, directory, before)
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    return said_in(directory)


def look(found, jobs):
    """Ask a browser about what is named, and harmless as far as the server tells. Change the verdict where it hurts."""
    import in_browser
    from lab import browser

    made = {(project, mistake.kind, mistake.place): mistake for project, mistake in jobs}
    healthy = {}
    with browser() as chromium, tempfile.TemporaryDirectory() as place:
        for number, each in enumerate(one for one in found if one["verdict"] == HARMLESS and one["doctor"]):
            project = each["project"]
            kind, user = PROJECTS[project]
            if project not in healthy:
                installation = kind(Path(place, f"healthy-{len(healthy)}"))
                fields = [name for each in described_in(texts(installation.source)) for name in each.fields()]
                healthy[project] = fields, in_browser.ask(installation, user, chromium, fields)
            installation = kind(Path(place, str(number)))
            put(made[project, each["kind"], each["place"]], installation)
            fields, facts = healthy[project]
            each["worse"] = oracle.worse(facts, in_browser.ask(installation, user, chromium, fields))
            each["verdict"] = DOCTOR if each["worse"] else HARMLESS
            shutil.rmtree(installation.directory, ignore_errors=True)


def table(found):
    """Yield the lines of a table: for each kind of mistake how many hurt, and who names them."""
    row = "{:<58} {:>5} {:>5} {:>6} {:>8} {:>6} {:>6}"
    yield row.format("kind of mistake", "all", "hurt", "doctor", "contract", "nobody", "alarms")
    kinds = collections.defaultdict(list)
    for each in found:
        kinds[each["kind"]].append(each)
    for kind, each in [*sorted(kinds.items()), ("all of them", found)]:
        counts = collections.Counter(one["verdict"] for one in each)
        hurt = counts[DOCTOR] + counts[CONTRACT] + counts[NOBODY]
        alarms = sum(one["verdict"] == HARMLESS and bool(one["doctor"]) for one in each)
        built = len(each) - counts[UNBUILT]
        yield row.format(kind[:58], built, hurt, counts[DOCTOR], counts[CONTRACT], counts[NOBODY], alarms)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--most", type=int, default=3, help="so many mistakes of each kind")
    parser.add_argument("--seed", type=int, default=SEED, help="which mistakes of each kind")
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--all", action="store_true", help="show the kinds that are kept away, too")
    parser.add_argument("--again", metavar="FOLDER", help="keep what Elyra said in an earlier run, and ask the others")
    parser.add_argument("--look", action="store_true", help="ask a browser about false alarms")
    options = parser.parse_args()
    before = said_in(options.again) if options.again else []
    before = {(each["project"], each["kind"], each["place"]): each["worse"] for each in before if "worse" in each}
    forked.import_what_they_import()
    forked.take_over()
    jobs, healthy = [], {}
    for project, (kind, user) in PROJECTS.items():
        with tempfile.TemporaryDirectory() as directory:
            installation = kind(Path(directory, "installation"))
            jobs += [(project, mistake) for mistake in mistakes(texts(installation.source), options.seed, options.most)]
            if not before:
                healthy[project] = oracle.ask(installation, user)
    if before:
        jobs = [(project, mistake) for project, mistake in jobs if (project, mistake.kind, mistake.place) in before]
    print(f"{len(jobs)} mistakes of {len({mistake.kind for _, mistake in jobs})} kinds.", file=sys.stderr, flush=True)
    found = results(jobs, healthy, options.workers, before)
    if options.look:
        look(found, jobs)
    alarms = [each for each in found if each["verdict"] == HARMLESS and each["doctor"]]
    for heading, away in (("Kinds that the checks were written for", False), ("Kinds that were kept away", True)):
        if options.all or not away:
            rows = table([each for each in found if kept_away(each["kind"]) == away])
            print(f"{heading}:\n", *rows, "", sep="\n")
    print("Named, and harmless:", *(f"{one['kind']}: {one['place']}: {one['doctor']}" for one in alarms), sep="\n")


if __name__ == "__main__":
    main()
