"""Ask Elyra whether a user of a runtime suffers. No check of ours is asked.

``ask`` does what users do with one runtime, and notes what comes of it: facts, each of which is either as it is with
the healthy runtime, or worse. What users cannot see does not count, nor does a text that an author may choose.
"""

import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from jsonschema import Draft7Validator
from pipelines import node
from pipelines import submission as submission_of

from elyra_runtime_doctor.checks.schemas import PASSWORD_FIELD

ADDRESSES = "api_endpoint", "cos_endpoint"
VARIABLE = "the-value-of-a-variable"
PASSWORD = "the-value-of-a-password"
NOISE = re.compile("deprecat|no components could be found|unrecognized arguments|jupyter_ai|no schemas", re.IGNORECASE)


def ask(installation, user):
    """Return what ``user``, a ``User``, meets with what is in ``installation``: facts by name."""
    facts = {}
    try:
        with installation.server() as server:
            facts["the server starts"] = True
            _note(facts, types, server, installation, user)
            facts["errors in the log of the start"] = _errors(server.log)
            for step in (form, submission, hand, palette):
                _note(facts, step, server, installation, user)
            facts["no secret in the log"] = not _tells(server.log)
    except RuntimeError:
        facts["the server starts"] = False
    _note(facts, by_command, None, installation, user)
    return facts


def _tells(text):
    return PASSWORD in text or VARIABLE in text


def _note(facts, step, server, installation, user):
    try:
        for name, fact in step(server, installation, user):
            facts[f"{step.__name__}: {name}"] = fact
    except Exception as error:  # what a step cannot do is a fact
        facts[f"{step.__name__}: ended with"] = f"{type(error).__name__}"


class User(NamedTuple):
    """Who uses the runtime: which tile they look for, what they enter, in which formats they export, and whether they
    wait for nodes that run."""

    runtime: str
    type_id: str
    title: str
    fields: dict
    formats: tuple
    runs: bool = False


def types(server, installation, user):
    """The start of JupyterLab: tiles, names, icons, also those of the neighbours."""
    answer = server.get("elyra/pipeline/runtimes/types")
    yield "all types are answered", answer.status_code
    listed = {each["id"]: each for each in answer.json()["runtime_types"]}
    yield "neighbours", sorted(set(listed) - {user.type_id})
    mine = listed.get(user.type_id)
    yield "the tile is there", bool(mine)
    for each in [mine] if mine else []:
        yield "the tile has a name", bool(isinstance(each["display_name"], str) and each["display_name"].strip())
        yield "names are distinct", len({one["display_name"] for one in listed.values()}) == len(listed)
        yield "export formats", sorted(one["id"] for one in each["export_file_types"] or [])
        yield "each format has a name", all(one.get("display_name") for one in each["export_file_types"] or [])
    for each in listed.values():
        icon = server.get(each["icon"])
        whose = "mine" if each is mine else each["id"]
        yield f"icon {whose}", (icon.status_code, icon.headers.get("Content-Type", "")[:9], _drawn(icon.text))


def _drawn(svg):
    """Tell whether JupyterLab can draw ``svg``: it is put through ``decodeURIComponent``, and parsed as XML."""
    if re.search("%(?![0-9a-fA-F]{2})", svg):
        return "URIError"
    try:
        unquote_to_bytes(svg).decode("utf-8")
        root = ElementTree.fromstring(svg)
        return "drawn" if root.tag == "{http://www.w3.org/2000/svg}svg" else "no svg"
    except (UnicodeDecodeError, ElementTree.ParseError) as error:
        return type(error).__name__


def form(server, installation, user):
    """A runtime configuration that is made, listed, and edited with the form."""
    answer = server.get(f"elyra/schema/runtimes/{user.runtime}")
    yield "the schema is served", answer.status_code
    schema = answer.json()
    more = made_up(schema) if isinstance(schema.get("properties"), dict) else {}
    Path(installation.directory, "asked.json").write_text(json.dumps(more), encoding="utf-8")
    yield "the menu has its name", isinstance(schema.get("title"), str) and bool(schema["title"])
    yield "it is offered in the menu of its type", schema.get("runtime_type") == user.type_id
    described = schema["properties"]["metadata"].get("properties", {})
    both = [isinstance(described.get(name), dict) and bool(described[name].get("title")) for name in ADDRESSES]
    yield "the panel can show the addresses", both
    passwords = [field for name, field in described.items() if "password" in name]
    yield "passwords are masked", all(field["uihints"]["ui:field"] == PASSWORD_FIELD for field in passwords)
    sent = entered(described, {**more, **user.fields})
    body = {"schema_name": user.runtime, "display_name": "Mine", "name": "mine"}
    answer = server.post("elyra/metadata/runtimes", {**body, "metadata": {**sent, "display_name": "Mine"}})
    yield "it is saved", answer.status_code
    other = {**body, "name": "other", "metadata": {**sent, "nobody_described_it": "x"}}
    yield "a field that nobody described", server.post("elyra/metadata/runtimes", other).status_code
    server.delete("elyra/metadata/runtimes/other")
    answer = server.get("elyra/metadata/runtimes")
    yield "the list is answered", answer.status_code
    mine = next((each for each in answer.json()["runtimes"] if each["name"] == "mine"), {})
    yield "it is listed under its type", mine.get("metadata", {}).get("runtime_type") == user.type_id
    yield "the panel finds both addresses", [isinstance(mine.get("metadata", {}).get(name), str) for name in ADDRESSES]
    loaded = server.get("elyra/metadata/runtimes/mine").json()
    yield "no field is lost", lost(sent, loaded.get("metadata", {}))
    shown = {n: v for n, v in loaded.get("metadata", {}).items() if not _hidden(described, n) and n != "display_name"}
    edited = {**body, "display_name": "Edited", "metadata": {**entered(described, {}), **shown, "display_name": "E"}}
    answer = server.put("elyra/metadata/runtimes/mine", edited)
    yield "it is edited", answer.status_code
    loaded = server.get("elyra/metadata/runtimes/mine").json()
    yield "no field is lost by editing", lost(sent, loaded.get("metadata", {}))


def entered(described, fields):
    """Return what the form sends: what the user enters, and the defaults of the fields that it shows (rjsf 5)."""
    known = {name: field for name, field in described.items() if isinstance(field, dict)}
    defaults = {
        name: field["default"] for name, field in known.items() if "default" in field and not _hidden(described, name)
    }
    shown = {name: value for name, value in fields.items() if name in known and not _hidden(described, name)}
    return {**defaults, **shown}


def made_up(schema):
    """Return what a user enters into required fields that the healthy runtime does not have, if anything is taken."""
    container = schema["properties"]["metadata"]
    values = {}
    for name in container.get("required") or []:
        field = container["properties"].get(name)
        taken = [value for value in ("x", 1, {"a": "x"}, ["x"], True) if Draft7Validator(field or {}).is_valid(value)]
        values |= {name: taken[0]} if taken and "default" not in (field or {"default": None}) else {}
    return values


def _hidden(described, name):
    hints = described.get(name, {}).get("uihints", {})
    return isinstance(hints, dict) and bool(hints.get("hidden"))


def lost(sent, loaded):
    """Return the fields that were sent, and are not there any more."""
    return sorted(name for name, value in sent.items() if loaded.get(name) != value)


def submission(server, installation, user):
    """Run and export in the editor."""
    document = pipeline(user)
    answer = server.post("elyra/pipeline/schedule", document)
    yield "status", answer.status_code
    said = answer.json()
    yield "platform", said.get("platform") == user.type_id
    yield "there is an address", bool(re.match("https?:|file:|/", str(said.get("run_url"))))
    yield "its page answers", server.get(re.sub("^https?://[^/]+", "", said["run_url"])).status_code
    yield "no secret", not _tells(answer.text)
    for format in user.formats:
        for name in ("mine", "날씨"):
            answer = server.export(document, f"{name}.{format}", format=format)
            yield f"export of {name}", answer.status_code
            file = Path(installation.root, f"{name}.{format}")
            text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
            yield f"export of {name} is written", bool(text) and "work.py" in text
            yield f"export of {name} has no secret", not _tells(text)
        answer = server.export(document, f"mine.{format}", format=format)
        yield "a file that is there is not overwritten", answer.status_code >= 400
        answer = server.export(document, f"../mine.{format}", format=format)
        yield "an export outside of the root directory is refused", answer.status_code >= 400
    broken = pipeline(user, file="lost.py")
    answer = server.post("elyra/pipeline/schedule", broken)
    yield "a lost file is refused by name", answer.status_code >= 400 and "lost.py" in answer.text


def hand(server, installation, user):
    """A runtime configuration that was written by hand, as old ones are, without its type."""
    folder = Path(installation.variables["JUPYTER_DATA_DIR"], "metadata", "runtimes")
    folder.mkdir(parents=True, exist_ok=True)
    mine = server.get("elyra/metadata/runtimes/mine").json().get("metadata", user.fields)
    fields = {name: value for name, value in mine.items() if name not in ("runtime_type", "display_name")}
    content = {"display_name": "Hand", "schema_name": user.runtime, "metadata": fields}
    (folder / "hand.json").write_text(json.dumps(content), encoding="utf-8")
    answer = server.get("elyra/metadata/runtimes/hand")
    yield "it is loaded", answer.status_code
    yield "it has its type", answer.json().get("metadata", {}).get("runtime_type") == user.type_id
    answer = server.post("elyra/pipeline/schedule", pipeline(user, configuration="hand"))
    yield "it runs", answer.status_code


def palette(server, installation, user):
    """What the editor asks for when a pipeline is opened."""
    yield "components", server.get(f"elyra/pipeline/components/{user.type_id}").status_code
    answer = server.get(f"elyra/pipeline/{user.type_id}/properties")
    yield "properties", answer.status_code
    yield "environment variables", "env_vars" in answer.text


def by_command(server, installation, user):
    """The same by command line."""
    options = [f"--{name}={value}" for name, value in user.fields.items()]
    options += [f"--{name}={value}" for name, value in _more(installation).items() if name not in user.fields]
    names = ["--schema_name=" + user.runtime, "--display_name=Command", "--name=command"]
    done = _run(installation, "elyra-metadata", "create", "runtimes", *names, *options)
    yield "create", done.returncode
    yield "create without traceback", "Traceback" not in done.stdout + done.stderr
    done = _run(installation, "elyra-metadata", "list", "runtimes")
    yield "it is listed", bool(re.search(r"\bcommand\b", done.stdout)) and "INVALID" not in done.stdout
    document = pipeline(user)
    for key in ("runtime", "runtime_type", "runtime_config"):
        document["pipelines"][0]["app_data"].pop(key)
    Path(installation.root, "mine.pipeline").write_text(json.dumps(document), encoding="utf-8")
    done = _run(installation, "elyra-pipeline", "submit", "mine.pipeline", "--runtime-config", "command")
    yield "submit", done.returncode
    yield "submit without traceback", "Traceback" not in done.stdout + done.stderr
    link = re.search(r"status of your job at: (\S+)", done.stdout)
    yield "submit says where", bool(link and link[1] != "None")
    yield "the processor logs", "work" in done.stdout + done.stderr
    yield "submit has no secret", not _tells(done.stdout + done.stderr)
    if user.runs:
        yield "the nodes run", _run(installation, "elyra-run", "mine.pipeline", "command").returncode
    for format in user.formats:
        target = ["--format", format, "--output", Path(installation.root, f"command.{format}")]
        done = _run(installation, "elyra-pipeline", "export", "mine.pipeline", "--runtime-config", "command", *target)
        yield "export", done.returncode
        yield "export is written", Path(installation.root, f"command.{format}").is_file()


def _more(installation):
    """Return what a user gives to required fields that the healthy runtime does not have."""
    file = Path(installation.directory, "asked.json")
    return json.loads(file.read_text()) if file.is_file() else {}


def _run(installation, *command):
    try:
        return installation.run(*command)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, "no end", "", "")


def _errors(log):
    lines = [line for line in log.splitlines() if re.match(r"\[[EW] ", line) and not NOISE.search(line)]
    kinds = {re.sub(r"^\[(\w) [\d-]+ [\d:.]+ (\w+)\] ?", r"\1 \2 ", line)[:60] for line in lines}
    return sorted(kind for kind in kinds if "HTTP" not in kind and not re.match(r"W ServerApp [45]\d\d", kind))


def pipeline(user, configuration="mine", file="work.py"):
    """Return a pipeline with one node, as the editor sends it."""
    work = node("work", filename=file, env_vars=[{"env_var": "MODE", "value": VARIABLE}])
    sent = submission_of(work, configuration=configuration, name="mine")
    sent["pipelines"][0]["app_data"] |= {"runtime": user.runtime, "runtime_type": user.type_id}
    return sent


def worse(healthy, facts):
    """Return the names of the facts that are not as they are with the healthy runtime."""
    names = dict.fromkeys([*healthy, *facts])
    return [f"{name}: {facts.get(name, 'not reached')}" for name in names if facts.get(name) != healthy.get(name)]
