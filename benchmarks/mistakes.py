"""Mistakes, as people make them: single changes of a runtime's source, made by rule and not from a list.

Each rule takes the files of a project, and yields every place where its kind of mistake can be made. No rule knows
a runtime, a check of the doctor, or what comes of it: that is what ``oracle`` asks Elyra.
"""

import ast
import copy
import hashlib
import json
import random
import re
from functools import partial
from pathlib import Path
from typing import NamedTuple

PROJECT = "pyproject.toml"


class Mistake(NamedTuple):
    kind: str
    place: str
    files: dict
    """The new text of each file that is changed, by path. ``None``: the file is not there. A rule may give a function
    that makes the text."""

    def __str__(self):
        return f"{self.kind}: {self.place}"


def kept_away(kind):
    """Tell whether those who write checks do not see what comes of this ``kind`` of mistake, before they are done."""
    return hashlib.sha256(kind.encode()).digest()[0] % 2 == 0


def texts(folder):
    """Return the text files of the project in ``folder``, by path."""
    kinds = (".py", ".json", ".toml", ".svg", ".html")
    paths = [path for path in sorted(Path(folder).rglob("*")) if path.suffix in kinds]
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def mistakes(files, seed, most):
    """Return mistakes in ``files``, at most ``most`` of each kind, chosen by ``seed``."""
    found = {}
    for rule in RULES:
        for mistake in rule(files, random.Random(seed)):
            found.setdefault(mistake.kind, []).append(mistake)
    rng = random.Random(seed)
    chosen = [each for kind in sorted(found) for each in rng.sample(found[kind], min(most, len(found[kind])))]
    return [made for made in map(_made, chosen) if any(text != files.get(name) for name, text in made.files.items())]


def _made(mistake):
    return mistake._replace(files={name: text() if callable(text) else text for name, text in mistake.files.items()})


def misspelt(word, rng):
    """Return ``word`` without one of its inner letters."""
    place = rng.randrange(1, len(word) - 1) if len(word) > 2 else len(word)
    return word[:place] + word[place + 1 :] if len(word) > 2 else word + "x"


# JSON: the schema, and the file that enables an extension.


def _documents(files):
    for name, text in files.items():
        if name.endswith(".json"):
            yield name, json.loads(text)


def _places(value, path=()):
    """Yield the path of each value below ``value``."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in pairs:
        yield (*path, key)
        yield from _places(below, (*path, key))


def _at(document, path):
    for key in path:
        document = document[key]
    return document


def _changed(document, path, change):
    """Return a copy of ``document`` in which ``change(parent, key)`` was made at ``path``."""
    document = copy.deepcopy(document)
    change(_at(document, path[:-1]), path[-1])
    return json.dumps(document, indent=2, ensure_ascii=False)


def _renamed(new):
    def change(parent, key):
        pairs = [(new if name == key else name, value) for name, value in parent.items()]
        parent.clear()
        parent.update(pairs)

    return change


def _set(value):
    return lambda parent, key: parent.__setitem__(key, value)


def _left_out(parent, key):
    del parent[key]


def _camel(word):
    head, *rest = re.split("[_-]", word)
    return head + "".join(part.capitalize() for part in rest) if rest else word.capitalize()


OF_ANOTHER_TYPE = {str: 7, int: "7", float: "7", bool: "yes", list: {"a": "b"}, dict: ["a"]}


def json_mistakes(files, rng):
    for file, document in _documents(files):
        for path in _places(document):
            value, key = _at(document, path), path[-1]
            changes = {
                "a value emptied": _set(type(value)()),
                "a value of another type": _set(OF_ANOTHER_TYPE[type(value)]),
                "a value null": _set(None),
            }
            if isinstance(key, str):
                changes |= {
                    "a key left out": _left_out,
                    "a key misspelt": _renamed(misspelt(key, rng)),
                    "a key in another case": _renamed(_camel(key)),
                }
            else:
                changes |= {
                    "an item of a list left out": _left_out,
                    "an item of a list twice": lambda parent, key: parent.append(parent[key]),
                }
            if isinstance(value, str) and value and " " not in value:
                changes["a word misspelt"] = _set(misspelt(value, rng))
                changes["a word in another case"] = _set(value.swapcase())
            for kind, change in changes.items():
                place = f"{file} {'.'.join(map(str, path))}"
                yield Mistake(f"JSON: {kind}", place, {file: partial(_changed, document, path, change)})


def json_text_mistakes(files, rng):
    for file, text in files.items():
        if not file.endswith(".json"):
            continue
        commas = [match.start() for match in re.finditer(r",\n", text)]
        ends = [match.start() for match in re.finditer(r"\n *[}\]]", text)]
        keys = list(re.finditer(r'^( *)"(\w+)": ("[^"\n]*"),$', text, re.MULTILINE))
        changes = {
            "a comma too few": [text[:at] + text[at + 1 :] for at in commas],
            "a comma too many": [text[:at] + "," + text[at:] for at in ends],
            "a comment": [text[:at] + ",  // as before" + text[at + 1 :] for at in commas],
            "a key twice": [text[: m.end()] + f'\n{m[1]}"{m[2]}": "other",' + text[m.end() :] for m in keys],
            "quotes of Python": [text.replace('"', "'")],
            "a byte order mark": ["\ufeff" + text],
        }
        for kind, new in changes.items():
            for number, each in enumerate(new):
                yield Mistake(f"JSON text: {kind}", f"{file} {number}", {file: each})


class Described(NamedTuple):
    """Fields that a file describes: where they are in it, and how one is required."""

    file: str
    document: object
    path: tuple
    require: object
    """A function that takes a document, and the name of a field that will be required in it."""

    def fields(self):
        """Return their names, but for that which no user fills in."""
        return [name for name in _at(self.document, self.path) if name != "runtime_type"]

    def with_field(self, name, field, required):
        new = copy.deepcopy(self.document)
        _at(new, self.path)[name] = copy.deepcopy(field)
        if required:
            self.require(new, name)
        return json.dumps(new, indent=2)


def described_in(files):
    """Yield the fields of each file, whether it is a schema or holds nothing but fields."""
    for file, document in _documents(files):
        if "properties" in document:
            yield Described(file, document, ("properties", "metadata", "properties"), _require_in_the_list)
        elif all(isinstance(field, dict) and "title" in field for field in document.values()):
            yield Described(file, document, (), _require_in_the_field)


def _require_in_the_list(document, name):
    document["properties"]["metadata"]["required"].append(name)


def _require_in_the_field(document, name):
    field = document.get(name, {})
    document[name] = {**field, "required": True} if isinstance(field, dict) else field


NEW_FIELD = {
    "without a type": {"title": "Queue"},
    "that is an object": {"title": "Queue", "type": "object", "properties": {"a": {"type": "string"}}},
    "of several types": {"title": "Queue", "type": ["string", "null"]},
    "that refers to nothing": {"title": "Queue", "$ref": "#/definitions/queue"},
    "with a choice of shapes": {"title": "Queue", "oneOf": [{"type": "string"}, {"type": "integer"}]},
    "of a type that is none": {"title": "Queue", "type": "text"},
    "with a text for its bound": {"title": "Jobs", "type": "integer", "minimum": "1"},
    "with a number as text for its default": {"title": "Jobs", "type": "integer", "default": "3"},
    "with bounds that contradict": {"title": "Jobs", "type": "integer", "minimum": 9, "maximum": 1, "default": 5},
    "whose default is out of bounds": {"title": "Jobs", "type": "integer", "maximum": 4, "default": 5},
    "whose default is no choice": {"title": "Queue", "type": "string", "enum": ["a", "b"], "default": "c"},
    "whose choices have another type": {"title": "Jobs", "type": "integer", "enum": ["1", "2"], "default": 1},
    "whose constant is not its default": {"title": "Queue", "type": "string", "const": "a", "default": "b"},
    "without choices": {"title": "Queue", "type": "string", "enum": []},
    "with items that are no schema": {"title": "Queues", "type": "array", "items": "string"},
    "that is hidden and empty": {"title": "Queue", "type": "string", "uihints": {"hidden": True}},
    "that is a description": "The queue",
    "that is harmless": {"title": "Queue", "type": "string", "default": "all"},
    "that is a harmless number": {"title": "Jobs", "type": "integer", "minimum": 1, "default": 3},
    "that is a harmless choice": {"title": "Queue", "type": "string", "enum": ["a", "b"], "default": "a"},
    "that is a harmless switch": {"title": "Quick", "type": "boolean", "default": False},
}

FIELD_CHANGES = {
    "a pattern that does not compile": {"pattern": "^(["},
    "a pattern that only Python reads": {"pattern": r"^(?P<name>\w+)\Z"},
    "a pattern that only the browser reads": {"pattern": r"^(?<name>\w+://[^\s]+)$"},
    "a pattern that its placeholder breaks": {"pattern": "^[A-Z]$"},
    "lengths that contradict": {"minLength": 9, "maxLength": 3},
    "a default of another type": {"default": 7},
    "a default against its own pattern": {"pattern": "^[a-z]+$", "default": "A B"},
    "a widget that nobody has": {"uihints": {"ui:field": "@elyra/metadata-extension:plugin.pasword"}},
    "a format that nobody has": {"format": "url"},
    "a list without items": {"type": "array"},
    "a hint that is a text": {"uihints": "hidden"},
}


def field_mistakes(files, rng):
    for described in described_in(files):
        file = described.file
        for required in (False, True):
            for kind, field in NEW_FIELD.items():
                place = f"{file} {'required' if required else 'optional'}"
                yield Mistake(f"field: one {kind}", place, {file: described.with_field("queue", field, required)})
        for name in described.fields():
            path = (*described.path, name)
            placeholder = "ui:placeholder" in json.dumps(_at(described.document, path))
            for kind, words in FIELD_CHANGES.items():
                if "placeholder" in kind and not placeholder:
                    continue
                new = _changed(
                    described.document, path, lambda parent, key, words=words: parent[key].update(copy.deepcopy(words))
                )
                yield Mistake(f"field: {kind}", f"{file} {name}", {file: new})
            new = copy.deepcopy(described.document)
            described.require(new, f"{name}s")
            yield Mistake(
                "field: one that is required and not there", f"{file} {name}s", {file: json.dumps(new, indent=2)}
            )


# TOML: the project.


def project_mistakes(files, rng):
    lines = files[PROJECT].splitlines()

    def with_line(number, *new):
        return {PROJECT: "\n".join([*lines[:number], *new, *lines[number + 1 :]]) + "\n"}

    for number, line in enumerate(lines):
        if not line.strip() or line.startswith("#"):
            continue
        place = f"{PROJECT} line {number + 1}: {line.strip()[:60]}"
        yield Mistake("project: a line left out", place, with_line(number))
        key = re.match(r'"?([\w.-]+)"? = ', line)
        if key:
            new = line.replace(key[1], misspelt(key[1], rng), 1)
            yield Mistake("project: a key misspelt", place, with_line(number, new))
        for text in re.findall(r'"([^"]+)"', line):
            changes = {
                "a text misspelt": misspelt(text, rng),
                "a text emptied": "",
                "a text in another case": text.swapcase(),
            }
            if re.fullmatch(r"[\w.]+:\w+", text):
                module, _, name = text.partition(":")
                changes |= {
                    "a dot for the colon": text.replace(":", "."),
                    "a path for the module": module.replace(".", "/") + ":" + name,
                    "a suffix for the module": f"{module}.py:{name}",
                    "a module without its class": module,
                    "a class that is called": f"{text}()",
                }
            if re.fullmatch(r"[a-z]+\.[a-z_.]+", text):
                changes |= {
                    "a group in the singular": text.rstrip("s"),
                    "a group with an underscore": text.replace(".", "_"),
                    "a group with a dash": text.replace("_", "-"),
                }
            for kind, new in changes.items():
                yield Mistake(f"project: {kind}", place, with_line(number, line.replace(f'"{text}"', f'"{new}"', 1)))
        if line.startswith("["):
            new = line.replace(line.strip('[]"'), misspelt(line.strip('[]"'), rng))
            yield Mistake("project: a table misspelt", place, with_line(number, new))


# Files.


def _packaged(files):
    return [name for name in files if name != PROJECT and not name.startswith("tests")]


def file_mistakes(files, rng):
    header = "[tool.hatch.build.targets.wheel]\n"
    for name in _packaged(files):
        text = files[name]
        out = f'exclude = ["/{name}"]\n'
        project = files[PROJECT]
        project = project.replace(header, header + out) if header in project else f"{project}\n{header}{out}"
        yield Mistake("file: left out of the wheel", name, {PROJECT: project})
        yield Mistake("file: not there", name, {name: None})
        yield Mistake("file: emptied", name, {name: ""})
        yield Mistake("file: half of it", name, {name: text[: len(text) // 2]})
        yield Mistake("file: with the marks of a merge", name, {name: f"<<<<<<< HEAD\n{text}=======\n>>>>>>> b\n"})
        if name.endswith(".svg"):
            changes = {
                "a percent sign that is no escape": text.replace("<svg ", '<svg width="100%" ', 1),
                "no SVG": "an icon",
                "no XML": text.replace("</svg>", ""),
                "without a namespace": text.replace(' xmlns="http://www.w3.org/2000/svg"', ""),
                "a harmless comment": text.replace("</svg>", "<!-- mine --></svg>"),
            }
            for kind, new in changes.items():
                yield Mistake(f"icon: {kind}", name, {name: new})


# Python.


class _Put(ast.NodeTransformer):
    """Put ``new``, a node, a list of nodes or nothing, in the place of ``old``."""

    def __init__(self, old, new):
        self.old, self.new = old, new

    def visit(self, node):
        return self.new if node is self.old else self.generic_visit(node)

    def generic_visit(self, node):
        node = super().generic_visit(node)
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.If, ast.With, ast.For)) and not node.body:
            node.body = [ast.Pass()]
        if isinstance(node, ast.Try) and not node.body:
            node.body = [ast.Pass()]
        return node


def _edited(tree, number, new):
    """Return the source of ``tree`` with ``new(node)`` for the node of this ``number``."""
    tree = copy.deepcopy(tree)
    node = list(ast.walk(tree))[number]
    tree = _Put(node, new(node)).visit(tree)
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def _with(**changes):
    def new(node):
        for name, value in changes.items():
            setattr(node, name, value)
        return node

    return new


def _nothing(node):
    return None


def _async(node):
    return ast.AsyncFunctionDef(**{name: getattr(node, name) for name in node._fields})


def _decorated(name):
    return lambda node: _with(decorator_list=[*node.decorator_list, ast.Name(name)])(node)


def _returning(value):
    def new(node):
        for each in ast.walk(node):
            if isinstance(each, ast.Return):
                each.value = ast.Constant(value)
        return node

    return new


def _beginning(statement):
    return lambda node: _with(body=[*ast.parse(statement).body, *node.body])(node)


def _argument_less(node):
    node.args.args = node.args.args[:-1]
    return node


def _argument_more(node):
    node.args.args = [*node.args.args, ast.arg("more")]
    node.args.defaults = []
    return node


def _assigned(node):
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return next((target.id for target in targets if isinstance(target, ast.Name)), None)


def _of_class(node, rng):
    name = _assigned(node)
    if name:
        yield "attribute: left out", name, _nothing
        yield "attribute: misspelt", name, _with(targets=[ast.Name(misspelt(name, rng))])
        yield "attribute: None", name, _with(value=ast.Constant(None))
        yield "attribute: a number", name, _with(value=ast.Constant(7))
        yield "attribute: a text", name, _with(value=ast.Constant("text"))
        yield "attribute: a class", name, _with(value=ast.Name("object"))
    if isinstance(node, ast.FunctionDef):
        name = node.name
        yield "method: left out", name, _nothing
        yield "method: misspelt", name, _with(name=misspelt(name, rng))
        yield "method: async", name, _async
        yield "method: a property", name, _decorated("property")
        yield "method: static", name, _decorated("staticmethod")
        yield "method: of the class", name, _decorated("classmethod")
        yield "method: one argument more", name, _argument_more
        yield "method: returns nothing", name, _returning(None)
        yield "method: returns a number", name, _returning(7)
        yield "method: returns a text", name, _returning("text")
        yield "method: exits", name, _beginning("raise SystemExit('no')")
        yield "method: raises a ValueError", name, _beginning("raise ValueError('no')")
        yield "method: raises a KeyError", name, _beginning("raise KeyError('no')")
        yield "method: prints", name, _beginning("print('here')")
        if node.args.args:
            yield "method: one argument fewer", name, _argument_less


def _of_module(node, rng):
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        names = ", ".join(alias.name for alias in node.names)
        yield "import: left out", names, _nothing
        if isinstance(node, ast.ImportFrom) and node.module:
            yield "import: module misspelt", node.module, _with(module=misspelt(node.module, rng))
            alias = [ast.alias(misspelt(node.names[0].name, rng), node.names[0].asname or node.names[0].name)]
            yield "import: name misspelt", names, _with(names=[*alias, *node.names[1:]])
        else:
            yield "import: module misspelt", names, _with(names=[ast.alias(misspelt(node.names[0].name, rng))])
    elif isinstance(node, (ast.Assign, ast.Expr)) and not isinstance(getattr(node.value, "value", None), str):
        yield "module: a statement left out", ast.unparse(node)[:40], _nothing
    if isinstance(node, ast.ClassDef):
        yield "class: without its base", node.name, _with(bases=[], keywords=[])
        yield "class: misspelt", node.name, _with(name=misspelt(node.name, rng))
        yield "class: of another base", node.name, _with(bases=[ast.Name("dict")], keywords=[])


def _anywhere(node, rng):
    if isinstance(node, ast.Call) and node.keywords and node.keywords[0].arg:
        word = node.keywords[0]
        new = ast.keyword(misspelt(word.arg, rng), word.value)
        yield "call: a keyword misspelt", word.arg, lambda call: _with(keywords=[new, *call.keywords[1:]])(call)
        yield "call: a keyword left out", word.arg, lambda call: _with(keywords=call.keywords[1:])(call)
        other = ast.keyword(word.arg, ast.Constant(7))
        yield "call: a keyword with a number", word.arg, lambda call: _with(keywords=[other, *call.keywords[1:]])(call)
    if isinstance(node, ast.Call) and node.args:
        text = ast.unparse(node)[:40]
        yield "call: an argument left out", text, lambda call: _with(args=call.args[:-1])(call)
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"[\w./:-]{3,}", node.value):
        yield "text: misspelt", node.value, _with(value=misspelt(node.value, rng))
        yield "text: in another case", node.value, _with(value=node.value.swapcase())
        yield "text: emptied", node.value, _with(value="")


def _of_function(node, rng):
    if isinstance(node, (ast.Assign, ast.Expr, ast.Return, ast.If, ast.With)):
        yield "statement: left out", ast.unparse(node)[:40], _nothing
    if isinstance(node, ast.Raise):
        yield "statement: exits and does not raise", ast.unparse(node)[:40], lambda _: ast.parse("exit('no')").body[0]


def python_mistakes(files, rng):
    for file, text in files.items():
        if not file.endswith(".py"):
            continue
        tree = ast.parse(text)
        docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        parents = {id(child): node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        for number, node in enumerate(ast.walk(tree)):
            if id(node) in docs or node is tree:
                continue
            parent = parents[id(node)]
            rules = [_anywhere]
            rules += [_of_class] if isinstance(parent, ast.ClassDef) else []
            rules += [_of_module] if isinstance(parent, ast.Module) else []
            rules += [_of_function] if isinstance(parent, (ast.FunctionDef, ast.If, ast.Try)) else []
            for rule in rules:
                for kind, name, new in rule(node, rng):
                    place = f"{file} line {getattr(node, 'lineno', '?')}, {getattr(parent, 'name', '')} {name}"
                    yield Mistake(f"Python {kind}", place, {file: partial(_edited, tree, number, new)})


# Pairs that must agree.


def pair_mistakes(files, rng):
    """A word that stands in quotes in two files is changed in one of them."""
    quoted = {}
    for file, text in files.items():
        for match in re.finditer(r'"([A-Za-z][\w.:/-]{3,})"', text):
            quoted.setdefault(match[1], []).append((file, match.start(1), match.end(1)))
    for word, places in sorted(quoted.items()):
        if len({file for file, *_ in places}) > 1:
            for file, start, end in places:
                text = files[file]
                line = text.count("\n", 0, start) + 1
                kind = f"pair: a word of two files differs in {Path(file).suffix[1:]}"
                new = "other" + word if word.islower() else word + "_2"
                yield Mistake(kind, f"{file} line {line}: {word}", {file: text[:start] + new + text[end:]})


RULES = (
    json_mistakes,
    json_text_mistakes,
    field_mistakes,
    project_mistakes,
    file_mistakes,
    python_mistakes,
    pair_mistakes,
)
