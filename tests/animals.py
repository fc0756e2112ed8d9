"""The animals of the zoo, one or more for each row that a package can be guilty of, and how Elyra shows its fault."""

import json
import shutil
import time
from pathlib import Path

from host import FIELDS
from pipelines import node, pipeline_file, submission
from zoo import Animal, Edit, NewFile

PROCESSOR = "zoo_runtime/processor.py"
TYPE = "zoo_runtime/runtime_type.py"
SCHEMA = "zoo_runtime/schema.py"
FORM = "zoo_runtime/zooruntime.json"
PROJECT = "pyproject.toml"

LOAD = """
import logging, sys
logging.basicConfig(stream=sys.stdout, format="%(message)s", level=logging.INFO)
from elyra.metadata.schema import SchemaManager
from elyra.pipeline.registry import PipelineProcessorRegistry
schemas = SchemaManager.instance()
registry = PipelineProcessorRegistry.instance(root_dir=sys.argv[1])
"""


def log(cage, more=""):
    """What Elyra logs while it loads schemas and processors, and what ``more`` code prints after it."""
    return cage.python(LOAD.replace("sys.argv[1]", repr(str(cage.root))) + more)


def configure(cage, name="zoo", **changes):
    """Write a runtime configuration by hand. A field that is ``None`` is left out."""
    fields = {"runtime_type": "ZOO_RUNTIME", **FIELDS, **changes}
    content = {
        "display_name": "Zoo",
        "schema_name": "zooruntime",
        "metadata": {name: value for name, value in fields.items() if value is not None},
    }
    path = Path(cage.variables["JUPYTER_DATA_DIR"], "metadata", "runtimes", f"{name}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def pipeline():
    """A submission of one node, for the configuration ``zoo``."""
    sent = submission(node("a"), configuration="zoo")
    sent["pipelines"][0]["app_data"] |= {"runtime": "zooruntime", "runtime_type": "ZOO_RUNTIME"}
    return sent


def said(answer):
    return f"{answer.status_code} {answer.text}"


def types(cage):
    """What the editor asks for first: the types of all runtimes."""
    with cage.server() as server:
        return said(server.get("elyra/pipeline/runtimes/types"))


def create_and(cage, then):
    """Make a configuration as the form does, and ``then`` go on with the server. Return all answers."""
    with cage.server() as server:
        body = {"schema_name": "zooruntime", "display_name": "Zoo", "name": "zoo"}
        answer = server.post("elyra/metadata/runtimes", {**body, "metadata": {**FIELDS, "display_name": "Zoo"}})
        return "\n".join(said(each) for each in [answer, *then(server, body)])


def create(cage):
    """The answers to the same form, sent twice."""
    return create_and(
        cage,
        lambda server, body: [server.post("elyra/metadata/runtimes", {**body, "metadata": dict(FIELDS)})],
    )


def submit(cage):
    """What the editor is answered when it submits a pipeline."""
    return create_and(cage, lambda server, _: [server.post("elyra/pipeline/schedule", pipeline())])


def submit_by_command(cage):
    """What the command line says to a submission."""
    configure(cage)
    return _submit_by_command(cage)


def _submit_by_command(cage):
    (cage.root / "weather.pipeline").write_text(json.dumps(pipeline_file(node("a"))), encoding="utf-8")
    done = cage.run("elyra-pipeline", "submit", "weather.pipeline", "--runtime-config", "zoo")
    return done.stdout + done.stderr


def create_by_command(cage, **fields):
    """What the command line says to a new configuration."""
    options = [f"--{name}={value}" for name, value in {**FIELDS, **fields}.items()]
    done = cage.run("elyra-metadata", "create", "runtimes", "--schema_name=zooruntime", "--display_name=Zoo", *options)
    return done.stdout + done.stderr


def list_by_command(cage):
    """What the command line lists of a configuration that is there."""
    configure(cage)
    done = cage.run("elyra-metadata", "list", "runtimes")
    return done.stdout + done.stderr


def submit_component(cage, *command):
    """What the command line says to a pipeline for the runtime alone, with a component of its own."""
    configure(cage)
    content = pipeline_file(node("a", op="ours:part"))
    content["pipelines"][0]["app_data"]["runtime_type"] = "ZOO_RUNTIME"
    (cage.root / "typed.pipeline").write_text(json.dumps(content), encoding="utf-8")
    done = cage.run("elyra-pipeline", *(command or ("submit", "--runtime-config", "zoo")), "typed.pipeline")
    return done.stdout + done.stderr


def run_locally(cage):
    """What the command line says to a pipeline that is to run here."""
    (cage.root / "weather.pipeline").write_text(json.dumps(pipeline_file(node("a"))), encoding="utf-8")
    done = cage.run("elyra-pipeline", "run", "weather.pipeline")
    return done.stdout + done.stderr


def submit_alone(cage):
    """What the processor logs of a node with an environment variable, where no other runtime is enabled."""
    configure(cage)
    cage.variables["ELYRA_PROCESSOR_RUNTIMES"] = "zooruntime,local"
    variables = [{"env_var": "MODE", "value": "fast"}]
    (cage.root / "weather.pipeline").write_text(
        json.dumps(pipeline_file(node("a", env_vars=variables))), encoding="utf-8"
    )
    done = cage.run("elyra-pipeline", "submit", "weather.pipeline", "--runtime-config", "zoo")
    del cage.variables["ELYRA_PROCESSOR_RUNTIMES"]
    return done.stdout + done.stderr


def properties(cage):
    """The properties that the editor offers for all nodes of a pipeline."""
    with cage.server() as server:
        return said(server.get("elyra/pipeline/ZOO_RUNTIME/properties"))


def palette(cage):
    """The components that the editor offers, once Elyra has had time to read the catalogs."""
    with cage.server() as server:
        time.sleep(3)
        return said(server.get("elyra/pipeline/components/ZOO_RUNTIME"))


def submit_without_type(cage):
    """What the editor is answered for a configuration whose file lacks the type."""
    configure(cage, runtime_type=None)
    return _submit_by_command(cage)


def served_schema(cage):
    """What the front end gets of the schema."""
    with cage.server() as server:
        return said(server.get("elyra/schema/runtimes/zooruntime"))


def catalog(cage):
    """Write a catalog of components for the runtime, as the Component Catalogs panel does."""
    content = {
        "display_name": "Ours",
        "schema_name": "zoocatalog",
        "metadata": {"runtime_type": "ZOO_RUNTIME", "paths": ["ours.yaml"], "categories": []},
    }
    path = Path(cage.variables["JUPYTER_DATA_DIR"], "metadata", "component-catalogs", "ours.json")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def second_distribution(name, entry_points, version="1.0"):
    """Add a distribution that holds nothing but entry points."""

    def change(cage):
        information = cage.site / f"{name}-{version}.dist-info"
        information.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (information / "METADATA").write_text(metadata, encoding="utf-8")
        (information / "entry_points.txt").write_text(entry_points, encoding="utf-8")

    return change


def renamed(name):
    def change(cage):
        cage.information.rename(cage.site / name)

    return change


def editable(cage):
    """Add what ``pip install -e`` leaves behind: where the source is."""
    facts = {"url": cage.source.as_uri(), "dir_info": {"editable": True}}
    (cage.information / "direct_url.json").write_text(json.dumps(facts), encoding="utf-8")


def typed(type):
    """Edits that give the runtime another type id."""
    return (
        Edit(TYPE, 'if "ZOO_RUNTIME"', f'if "{type}"'),
        Edit(TYPE, ', "ZOO_RUNTIME"', f', "{type}"'),
        Edit(TYPE, "RuntimeProcessorType.ZOO_RUNTIME", f"RuntimeProcessorType.{type}"),
        Edit(FORM, '"runtime_type": "ZOO_RUNTIME"', f'"runtime_type": "{type}"'),
        Edit(FORM, '"const": "ZOO_RUNTIME"', f'"const": "{type}"'),
        Edit(FORM, '"default": "ZOO_RUNTIME"', f'"default": "{type}"'),
    )


PARTS = NewFile(
    "zoo_runtime/parts.py",
    '''"""The schema of a catalog of components for the runtime, as Elyra's for files."""

import copy

from elyra.metadata.schema import SchemasProvider
from elyra.metadata.schemasproviders import ComponentCatalogsSchemas


class PartsProvider(SchemasProvider):
    def get_schemas(self):
        schemas = copy.deepcopy(ComponentCatalogsSchemas().get_schemas())
        schema = next(schema for schema in schemas if schema["name"] == "local-file-catalog")
        schema["name"] = schema["properties"]["schema_name"]["const"] = "zoocatalog"
        schema["properties"]["metadata"]["properties"]["runtime_type"]["enum"] = ["ZOO_RUNTIME"]
        return [schema]
''',
)
PROVIDER = 'zooruntime = "zoo_runtime.schema:ZooRuntimeSchemasProvider"\n'
CATALOG = 'zoocatalog = "zoo_runtime.parts:PartsProvider"\n'
CATALOGS = Edit(PROJECT, PROVIDER, PROVIDER + CATALOG)
PROCESSOR_GROUP = (
    '[project.entry-points."elyra.pipeline.processors"]\nzooruntime = "zoo_runtime.processor:ZooPipelineProcessor"\n\n'
)
PROVIDER_GROUP = '[project.entry-points."metadata.schemas_providers"]\n'
ONLY_CATALOGS = Edit(PROJECT, PROCESSOR_GROUP + PROVIDER_GROUP + PROVIDER, PROVIDER_GROUP + CATALOG)
EXTENDED = '    extend_enum(RuntimeProcessorType, "ZOO_RUNTIME", "Zoo Runtime")'
THEIR_TYPE = "    _type = ZOO_RUNTIME\n"
NAME = '    _name = "zooruntime"\n    supported_properties'
MEND = '            self.metadata.setdefault("runtime_type", "ZOO_RUNTIME")\n'
DEFAULT = '          "default": "ZOO_RUNTIME",\n'
SUPPORTED = "supported_properties = {ENV_VARIABLES}"
RETURN = "        return ZooPipelineProcessorResponse(page, None, None)"
SAVE = "    def pre_save(self, **kwargs):"

ORDER = "        order = in_order(pipeline.operations)\n        names"
ICON = "zoo_runtime/static/zoo_runtime.svg"


def with_field(described):
    """The edit that adds the field ``queue`` to the form."""
    first = '        "api_username": {'
    return (Edit(FORM, first, f'        "queue": {described},\n{first}'),)


def with_method(source):
    """The edit that adds a method to the processor."""
    return Edit(PROCESSOR, SUPPORTED, f"{SUPPORTED}\n\n{source}")


def icon(cage):
    """What JupyterLab gets of the icon."""
    with cage.server() as server:
        return said(server.get("static/zoo_runtime/zoo_runtime.svg"))


ANIMALS = [
    Animal(
        1,
        "names-differ",
        "submission_from_the_editor",
        "Unsupported pipeline runtime",
        (Edit(PROCESSOR, NAME, NAME.replace("zooruntime", "zoo")),),
    ),
    Animal(
        2,
        "not-enabled",
        submit,
        "Unsupported pipeline runtime",
        environment={"ELYRA_PROCESSOR_RUNTIMES": "local,kfp"},
        contract=False,
    ),
    Animal(
        3,
        "import-error",
        "registration",
        "Error registering zooruntime processor .* No module named 'zoo_sdk'",
        (Edit(PROCESSOR, "import logging\n", "import logging\nimport zoo_sdk\n"),),
    ),
    Animal(
        3,
        "no-such-class",
        "registration",
        "Error registering zooruntime processor .* has no attribute",
        (Edit(PROJECT, "processor:ZooPipelineProcessor", "processor:ZooProcessor"),),
    ),
    Animal(
        3,
        "positional-constructor",
        "registration",
        "Error registering zooruntime processor .* unexpected keyword argument",
        (
            Edit(
                PROCESSOR,
                SUPPORTED,
                SUPPORTED + "\n\n    def __init__(self, root_dir):\n        super().__init__(root_dir=root_dir)",
            ),
        ),
    ),
    Animal(
        4,
        "root-lost",
        lambda cage: log(cage, "print('root', repr(registry.get_processor('zooruntime').root_dir))"),
        "root ''",
        (
            Edit(
                PROCESSOR,
                SUPPORTED,
                SUPPORTED + '\n\n    def __init__(self, **kwargs):\n        super().__init__(parent=kwargs["parent"])',
            ),
        ),
    ),
    Animal(
        5,
        "two-of-a-name",
        log,
        "Registering kfp processor(.|\n)*Registering kfp processor",
        installed=second_distribution(
            "another",
            "[elyra.pipeline.processors]\nzooruntime = elyra.pipeline.kfp.kfp_processor:KfpPipelineProcessor\n",
        ),
    ),
    Animal(
        6,
        "duplicate-key",
        log,
        "DuplicateOptionError",
        installed=second_distribution("clumsy", "[console_scripts]\na = a:b\na = a:c\n"),
    ),
    Animal(
        6,
        "lone-percent",
        log,
        "InterpolationSyntaxError",
        installed=second_distribution("clumsy", "[elyra.pipeline.processors]\nhundred = a%:b\n"),
    ),
    Animal(
        7,
        "takes-elyras-name",
        list_by_command,
        "not.* in the list of valid schemaspaces|invalid choice|not a valid|[Uu]nknown|Subcommand",
        installed=renamed("elyra-zoo-0.1.0.dist-info"),
    ),
    Animal(
        8,
        "stale",
        log,
        "^((?!Registering renamed).|\n)*$",
        later=(Edit(PROJECT, 'zooruntime = "zoo_runtime.processor', 'renamed = "zoo_runtime.processor'),),
        installed=editable,
    ),
    Animal(
        9,
        "type-is-a-text",
        "type_is_listed",
        "500.*'str' object has no attribute 'name'|500.*not recognized",
        (Edit(PROCESSOR, THEIR_TYPE + NAME, '    _type = "ZOO_RUNTIME"\n' + NAME),),
    ),
    Animal(
        9,
        "type-is-none",
        "type_is_listed",
        "500.*_type must have a value",
        (Edit(PROCESSOR, THEIR_TYPE + NAME, "    _type = None\n" + NAME),),
    ),
    Animal(
        10,
        "no-member",
        "registration",
        "Error registering zooruntime processor .* - 'ZOO_RUNTIME'\n",
        (
            Edit(TYPE, EXTENDED, "    pass"),
            Edit(TYPE, "RuntimeProcessorType.ZOO_RUNTIME", 'RuntimeProcessorType["ZOO_RUNTIME"]'),
        ),
    ),
    Animal(
        10,
        "no-attribute",
        "registration",
        "Error registering zooruntime processor .* '?ZOO_RUNTIME'?\n",  # from 3.12 on, in quotes
        (Edit(TYPE, EXTENDED, "    pass"),),
    ),
    Animal(
        11,
        "no-resources",
        "type_is_listed",
        "500.*Runtime type RuntimeProcessorType.ZOO_RUNTIME is not recognized",
        (Edit(TYPE, "RuntimeTypeResources.get_instance_by_type = classmethod(_answer)\n", ""),),
    ),
    Animal(
        12,
        "lower-case",
        "submission_from_the_editor",
        "answered with [45]00",
        typed("Zoo_Runtime"),
    ),
    Animal(
        13,
        "provider-alone",
        submit_component,
        "KeyError: 'ZOO_RUNTIME'",
        (Edit(SCHEMA, "from zoo_runtime import runtime_type  # noqa: F401\n", ""),),
    ),
    Animal(
        15,
        "hides-others",
        "type_is_listed",
        "500.* is not recognized",
        (
            Edit(
                TYPE,
                "    return before(runtime_type, runtime_enabled=runtime_enabled)",
                '    raise ValueError(f"Runtime type {runtime_type} is not recognized.")',
            ),
        ),
    ),
    Animal(
        16,
        "no-icon",
        "type_is_listed",
        "500.*has no attribute 'icon_endpoint'",
        (Edit(TYPE, '    icon_endpoint = "static/zoo_runtime/zoo_runtime.svg"\n', ""),),
    ),
    Animal(
        60,
        "resources-of-another",
        "type_is_listed",
        "Elyra lists .*KUBEFLOW_PIPELINES",
        (
            Edit(
                TYPE,
                "    type = ZOO_RUNTIME\n",
                "    type = RuntimeProcessorType.KUBEFLOW_PIPELINES\n",
            ),
        ),
    ),
    Animal(
        61,
        "name-of-another",
        "form_is_saved",
        "500.*KeyError..zoo",
        (Edit(FORM, '"const": "zooruntime"', '"const": "zoo"'),),
    ),
    Animal(
        62,
        "other-arguments",
        "export_goes_where",
        "500.*positional argument",
        (Edit(PROCESSOR, "format, path, overwrite):\n", "format, path):\n        overwrite = False\n"),),
    ),
    Animal(
        17,
        "icon-missing",
        "icons_are_served",
        "answered with 404",
        (Edit(TYPE, "static/zoo_runtime/zoo_runtime.svg", "static/zoo_runtime/zoo.svg"),),
    ),
    Animal(
        17,
        "extension-not-enabled",
        "icons_are_served",
        "answered with 404",
        (Edit("jupyter-config/zoo_runtime.json", "true", "false"),),
    ),
    Animal(
        51,
        "icon-name-taken",
        "icons_are_served",
        "answered with 403",
        (Edit(TYPE, "static/zoo_runtime/zoo_runtime.svg", "static/zoo_runtime/kubeflow.svg"),),
        installed=lambda cage: shutil.copy(
            cage.site / "zoo_runtime/static/zoo_runtime.svg", cage.site / "zoo_runtime/static/kubeflow.svg"
        ),
    ),
    Animal(18, "first-in-the-alphabet", types, "A_ZOO", typed("A_ZOO")),
    Animal(
        19,
        "schema-without-type",
        submit,
        "Pipeline runtime platform is not compatible",
        (Edit(FORM, '  "runtime_type": "ZOO_RUNTIME",\n  "uihints"', '  "uihints"'),),
    ),
    Animal(
        52,
        "types-differ",
        "submission_from_the_editor",
        "not compatible",
        (
            Edit(
                FORM,
                '  "runtime_type": "ZOO_RUNTIME",\n  "uihints"',
                '  "runtime_type": "KUBEFLOW_PIPELINES",\n  "uihints"',
            ),
        ),
    ),
    Animal(
        20,
        "long-description",
        "schema_has",
        "Error loading schema 'zooruntime' .*is too long",
        (Edit(FORM, '  "name": "zooruntime",', f'  "name": "zooruntime",\n  "description": "{"x" * 81}",'),),
    ),
    Animal(
        21,
        "no-schemaspace-id",
        "schema_has",
        "'NoneType' object has no attribute 'lower'",
        (Edit(FORM, '  "schemaspace_id": "130b8e00-de7c-4b32-b553-b4a52824a3b5",\n', ""),),
    ),
    Animal(
        21,
        "wrong-schemaspace",
        "schema_has",
        "that is not loaded!",
        (Edit(FORM, '"schemaspace": "runtimes"', '"schemaspace": "runtime"'),),
    ),
    Animal(
        53,
        "provider-fails",
        "schema_has",
        "Error loading schemas for SchemasProvider 'zooruntime' - no",
        (Edit(SCHEMA, "        return [SCHEMA]", '        raise OSError("no")'),),
    ),
    Animal(
        54,
        "no-provider",
        "schema_has",
        "404.*No such schema named 'zooruntime'",
        (
            Edit(
                PROJECT,
                PROVIDER_GROUP + PROVIDER,
                "",
            ),
        ),
    ),
    Animal(
        22,
        "nothing-required",
        "configuration_by_command",
        "TypeError",
        (Edit(FORM, '      "required": ["api_endpoint", "cos_endpoint", "cos_bucket"],\n', ""),),
    ),
    Animal(
        23,
        "type-not-saved",
        submit,
        "500 .*'NoneType' object has no attribute 'upper'",
        (Edit(FORM, DEFAULT, ""), Edit(SCHEMA, MEND, "")),
    ),
    Animal(
        23,
        "old-files",
        submit_without_type,
        r"Validating pipeline\.\.\.\nError: Pipeline validation FAILED",
        (Edit(SCHEMA, MEND, ""),),
    ),
    Animal(
        24,
        "elyras-metadata-class",
        create,
        "400 .*Unknown Runtimes schema name(.|\n)*409",
        (
            Edit(FORM, DEFAULT, ""),
            Edit(
                SCHEMA,
                "from elyra.metadata.metadata import Metadata",
                "from elyra.pipeline.runtimes_metadata import RuntimesMetadata as Metadata",
            ),
            Edit(SCHEMA, MEND, "            super().on_load(**kwargs)\n"),
            Edit(SCHEMA, "        self.on_load()", '        self.metadata.pop("display_name", None)'),
        ),
    ),
    Animal(
        25,
        "no-such-metadata-class",
        "form_is_saved",
        "No module named",
        (Edit(FORM, "zoo_runtime.schema.ZooRuntimeMetadata", "zoo_runtime.schema:ZooRuntimeMetadata"),),
    ),
    Animal(
        26,
        "checks-in-pre-save",
        lambda cage: create_by_command(cage, cos_bucket="forbidden"),
        "has been written",
        (
            Edit(
                SCHEMA,
                "        self.on_load()",
                '        if self.metadata["cos_bucket"] == "forbidden":\n            raise ValueError("no")\n'
                "        self.on_load()",
            ),
        ),
    ),
    Animal(
        27,
        "endpoint-not-required",
        served_schema,
        "200",
        (Edit(FORM, '["api_endpoint", "cos_endpoint", "cos_bucket"]', '["api_endpoint", "cos_bucket"]'),),
    ),
    Animal(
        27,
        "endpoint-not-declared",
        served_schema,
        r'"required": \["api_endpoint", "cos_bucket"\]',
        (
            Edit(FORM, '        "cos_endpoint": {', '        "storage": {'),
            Edit(FORM, '["api_endpoint", "cos_endpoint", "cos_bucket"]', '["api_endpoint", "cos_bucket"]'),
        ),
    ),
    Animal(28, "no-title", served_schema, "200", (Edit(FORM, '  "title": "Zoo Runtime",\n  "name"', '  "name"'),)),
    Animal(
        29,
        "hidden-without-default",
        served_schema,
        "200",
        (
            Edit(
                FORM,
                '        "api_username": {',
                '        "region": {"type": "string", "uihints": {"hidden": true}},\n        "api_username": {',
            ),
        ),
    ),
    Animal(
        30,
        "password-shown",
        served_schema,
        "200",
        (
            Edit(
                FORM,
                '''Jupyter data directory",
          "type": "string",
          "uihints": {
            "category": "Zoo Runtime",
            "ui:field": "@elyra/metadata-extension:plugin.password"''',
                '''Jupyter data directory",
          "type": "string",
          "uihints": {
            "category": "Zoo Runtime"''',
            ),
        ),
    ),
    Animal(
        55,
        "display-name-refused",
        "form_is_saved",
        "400.*field 'display_name' is unknown",
        (Edit(SCHEMA, SAVE, SAVE.replace("pre_save", "before_save")),),
    ),
    Animal(
        31,
        "no-process",
        "submission_from_the_editor",
        "500.*NotImplementedError",
        (Edit(PROCESSOR, "    def process(self, pipeline):", "    def run(self, pipeline):"),),
    ),
    Animal(
        56,
        "no-export",
        "export_goes_where",
        "500.*NotImplementedError",
        (Edit(PROCESSOR, "    def export(", "    def write("),),
    ),
    Animal(
        32,
        "returns-nothing",
        "submission_from_the_editor",
        "500.*'NoneType' object has no attribute 'to_json'",
        (Edit(PROCESSOR, RETURN, "        return None"),),
    ),
    Animal(
        32,
        "response-without-type",
        "submission_from_the_editor",
        "500.*_type must have a value",
        (
            Edit(
                PROCESSOR,
                'submission."""\n\n' + THEIR_TYPE,
                'submission."""\n\n',
            ),
        ),
    ),
    Animal(
        33,
        "no-run-url",
        "submission_from_the_editor",
        "gets no address of the run.*'run_url': None",
        (Edit(PROCESSOR, RETURN, RETURN.replace("page", "None")),),
    ),
    Animal(
        33,
        "local-response",
        "submission_by_command_line",
        "AttributeError",
        (
            Edit(
                PROCESSOR,
                "class ZooPipelineProcessorResponse(RuntimePipelineProcessorResponse):",
                "class ZooPipelineProcessorResponse(PipelineProcessorResponse):",
            ),
            Edit(PROCESSOR, RETURN, RETURN.replace("page, None, None", "")),
            Edit(
                PROCESSOR,
                "from elyra.pipeline.processor import (\n",
                "from elyra.pipeline.processor import (\n    PipelineProcessorResponse,\n",
            ),
        ),
    ),
    Animal(
        34,
        "value-error",
        submit_by_command,
        "Error parsing pipeline",
        (
            Edit(
                PROCESSOR,
                "        page = PAGE.as_uri()\n",
                '        if not Path("service").exists():\n            raise ValueError("no service")\n'
                "        page = PAGE.as_uri()\n",
            ),
        ),
    ),
    Animal(
        37,
        "export-returns-nothing",
        "export_goes_where",
        "500",
        (Edit(PROCESSOR, "        return quote(path)\n", ""),),
    ),
    Animal(
        39,
        "capital-format",
        "export_by_command_line",
        "Valid export formats are \\['JSON'\\]",
        (Edit(TYPE, '"id": "json"', '"id": "JSON"'),),
    ),
    Animal(
        40,
        "no-environment-variables",
        submit_alone,
        r"environment_variables=\[\]",
        (Edit(PROCESSOR, SUPPORTED, "supported_properties = set()"),),
    ),
    Animal(
        41,
        "idle-property",
        properties,
        "kubernetes_secrets",
        (Edit(PROCESSOR, SUPPORTED, 'supported_properties = {ENV_VARIABLES, "kubernetes_secrets"}'),),
    ),
    Animal(45, "no-parser", palette, "^200 (?!.*Ours)", (PARTS, CATALOGS), installed=catalog, contract=False),
    Animal(46, "catalog-without-runtime", types, "^404", (PARTS, ONLY_CATALOGS), installed=catalog, contract=False),
    Animal(
        48,
        "written-as-a-path",
        log,
        "^((?!zooruntime).|\n)*$",
        (Edit(PROJECT, "zoo_runtime.processor:", "zoo_runtime/processor.py:"),),
    ),
    Animal(
        50,
        "local-not-enabled",
        run_locally,
        "Unsupported pipeline runtime",
        environment={"ELYRA_PROCESSOR_RUNTIMES": "zooruntime"},
        contract=False,
    ),
    Animal(
        36,
        "no-runtime-directory",
        submit_by_command,
        "FileNotFoundError",
        installed=lambda cage: Path(cage.variables["JUPYTER_RUNTIME_DIR"]).rmdir(),
        contract=False,
    ),
    Animal(
        59,
        "ends-the-process",
        log,
        "^$",
        (Edit("zoo_runtime/processor.py", "import logging\n", "import logging\nraise SystemExit\n"),),
    ),
]

ANIMALS += [
    Animal(
        34,
        "value-error-in-a-helper",
        submit_by_command,
        "Error parsing pipeline",
        (
            Edit(PROCESSOR, ORDER, f"        self._check()\n{ORDER}"),
            with_method('    def _check(self):\n        raise ValueError("no service")'),
        ),
    ),
    Animal(
        37,
        "path-lost-in-a-helper",
        "export_goes_where",
        "500",
        (
            Edit(PROCESSOR, "        return quote(path)", "        return self._link(path)"),
            with_method("    def _link(self, path):\n        quote(path)"),
        ),
    ),
    Animal(
        67,
        "unknown-type",
        lambda cage: create_by_command(cage, queue="all"),
        "Unknown type 'strng'",
        with_field('{"title": "Queue", "type": "strng"}'),
    ),
    Animal(
        68,
        "pattern-of-python",
        served_schema,
        "P<name>",
        with_field('{"title": "Queue", "type": "string", "pattern": "^(?P<name>[a-z]+)$"}'),
    ),
    Animal(
        68,
        "pattern-of-nobody",
        lambda cage: create_by_command(cage, queue="all"),
        "unterminated character set",
        with_field('{"title": "Queue", "type": "string", "pattern": "^(["}'),
    ),
    Animal(
        69,
        "default-is-no-choice",
        create,
        "400 .*field 'queue' is not valid",
        with_field('{"title": "Queue", "description": "One", "type": "string", "enum": ["all"], "default": "any"}'),
    ),
    Animal(
        70,
        "required-is-misspelt",
        "form_is_saved",
        "400.*field 'cos_buckt' is missing",
        (
            Edit(
                FORM, '["api_endpoint", "cos_endpoint", "cos_bucket"]', '["api_endpoint", "cos_endpoint", "cos_buckt"]'
            ),
        ),
    ),
    Animal(71, "no-type", served_schema, "200", with_field('{"title": "Queue"}')),
    Animal(
        72,
        "no-limit",
        lambda cage: create_by_command(cage, queue="longer than three"),
        "has been written",
        with_field('{"title": "Queue", "type": "string", "maxLenght": 3}'),
    ),
    Animal(
        73, "two-titles", served_schema, "Last", with_field('{"title": "First", "title": "Last", "type": "string"}')
    ),
    Animal(
        74,
        "async-process",
        "submission_from_the_editor",
        "500.*coroutine",
        (Edit(PROCESSOR, "    def process(self, pipeline):", "    async def process(self, pipeline):"),),
    ),
    Animal(
        75,
        "hook-misspelt",
        create,
        "^201",
        (Edit(SCHEMA, SAVE, f'    def post_sav(self, **kwargs):\n        raise OSError("no")\n\n{SAVE}'),),
    ),
    Animal(
        76,
        "name-misspelt",
        "submission_from_the_editor",
        "500.*name 'in_ordr' is not defined",
        (Edit(PROCESSOR, ORDER, ORDER.replace("in_order", "in_ordr")),),
    ),
    Animal(
        77,
        "exits",
        submit_by_command,
        r"^((?!Error|job).|\n)*$",
        (Edit(PROCESSOR, ORDER, f"        raise SystemExit\n{ORDER}"),),
    ),
    Animal(
        78,
        "name-of-the-local-type",
        types,
        "^200 (?!.*ZOO_RUNTIME)",
        (Edit(TYPE, EXTENDED, EXTENDED.replace("Zoo Runtime", "Local")),),
    ),
    Animal(79, "percent-sign", icon, '100%"', (Edit(ICON, "<svg ", '<svg data-scale="100%" '),)),
    Animal(
        80,
        "group-in-the-singular",
        log,
        "^((?!zooruntime processor).|\n)*$",
        (Edit(PROJECT, '"elyra.pipeline.processors"', '"elyra.pipeline.processor"'),),
        contract=False,  # it finds no runtime of this name
    ),
    Animal(
        17,
        "no-static-paths",
        "icons_are_served",
        "answered with 404",
        (Edit("zoo_runtime/server.py", '[str(Path(__file__).parent / "static")]', "None"),),
    ),
    Animal(
        56,
        "format-in-another-case",
        "export_goes_where",
        "500",
        (Edit(PROCESSOR, 'format != "json"', 'format != "JSON"'),),
    ),
    Animal(
        76,
        "no-log",
        "submission_from_the_editor",
        "500.*'NoneType' object has no attribute",
        (
            Edit(PROCESSOR, "            return self.parent.log\n", "            return None\n"),
            Edit(PROCESSOR, "        return log\n", "        return None\n"),
        ),
    ),
    Animal(
        74,
        "async-helper",
        "submission_from_the_editor",
        "500.*'coroutine' object has no attribute 'items'",
        (Edit(PROCESSOR, "    def _visible_configuration(", "    async def _visible_configuration("),),
    ),
    Animal(
        81,
        "validator-returns-nothing",
        create,
        "500 .*'NoneType' object has no attribute 'validate'",
        (Edit(SCHEMA, "        return ConfigurationValidator(", "        ConfigurationValidator("),),
    ),
    Animal(
        82,
        "raises-for-a-while",
        submit_by_command,
        "for now",
        (Edit(PROCESSOR, ORDER, f'        raise RuntimeError("for now")\n{ORDER}'),),
    ),
]

DETECTED_BY_THE_CONTRACT = [
    Animal(
        38,
        "export-beside-the-root",
        "export_goes_where",
        r"rows 37, 38 and 56\) was answered with 500",
        (
            Edit(
                PROCESSOR,
                "Path(self.root_dir, path)",
                "Path.cwd() / path",
            ),
        ),
    ),
    Animal(
        57,
        "path-not-quoted",
        "not_ascii",
        r"row 57\) was answered with 500",
        (Edit(PROCESSOR, "        return quote(path)", "        return path"),),
    ),
]
