"""The broken runtimes: one or more for each row that a package can be guilty of, and how Elyra shows its fault."""

import json
import shutil
import time
from pathlib import Path

from broken import BrokenRuntime, Edit, NewFile
from host import FIELDS
from pipelines import node, pipeline_file, submission

PROCESSOR = "trial_runtime/processor.py"
TYPE = "trial_runtime/runtime_type.py"
SCHEMA = "trial_runtime/schema.py"
FORM = "trial_runtime/trialruntime.json"
PROJECT = "pyproject.toml"

LOAD = """
import logging, sys
logging.basicConfig(stream=sys.stdout, format="%(message)s", level=logging.INFO)
from elyra.metadata.schema import SchemaManager
from elyra.pipeline.registry import PipelineProcessorRegistry
schemas = SchemaManager.instance()
registry = PipelineProcessorRegistry.instance(root_dir=sys.argv[1])
"""


def log(installation, more=""):
    """What Elyra logs while it loads schemas and processors, and what ``more`` code prints after it."""
    return installation.python(LOAD.replace("sys.argv[1]", repr(str(installation.root))) + more)


def configure(installation, name="trial", **changes):
    """Write a runtime configuration by hand. A field that is ``None`` is left out."""
    fields = {"runtime_type": "TRIAL_RUNTIME", **FIELDS, **changes}
    content = {
        "display_name": "Trial",
        "schema_name": "trialruntime",
        "metadata": {name: value for name, value in fields.items() if value is not None},
    }
    path = Path(installation.variables["JUPYTER_DATA_DIR"], "metadata", "runtimes", f"{name}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def pipeline():
    """A submission of one node, for the configuration ``trial``."""
    sent = submission(node("a"), configuration="trial")
    sent["pipelines"][0]["app_data"] |= {"runtime": "trialruntime", "runtime_type": "TRIAL_RUNTIME"}
    return sent


def said(answer):
    return f"{answer.status_code} {answer.text}"


def types(installation):
    """What the editor asks for first: the types of all runtimes."""
    with installation.server() as server:
        return said(server.get("elyra/pipeline/runtimes/types"))


def create_and(installation, then):
    """Make a configuration as the form does, and ``then`` go on with the server. Return all answers."""
    with installation.server() as server:
        body = {"schema_name": "trialruntime", "display_name": "Trial", "name": "trial"}
        answer = server.post("elyra/metadata/runtimes", {**body, "metadata": {**FIELDS, "display_name": "Trial"}})
        return "\n".join(said(each) for each in [answer, *then(server, body)])


def create(installation):
    """The answers to the same form, sent twice."""
    return create_and(
        installation,
        lambda server, body: [server.post("elyra/metadata/runtimes", {**body, "metadata": dict(FIELDS)})],
    )


def submit(installation):
    """What the editor is answered when it submits a pipeline."""
    return create_and(installation, lambda server, _: [server.post("elyra/pipeline/schedule", pipeline())])


def submit_by_command(installation):
    """What the command line says to a submission."""
    configure(installation)
    return _submit_by_command(installation)


def _submit_by_command(installation):
    (installation.root / "weather.pipeline").write_text(json.dumps(pipeline_file(node("a"))), encoding="utf-8")
    done = installation.run("elyra-pipeline", "submit", "weather.pipeline", "--runtime-config", "trial")
    return done.stdout + done.stderr


def create_by_command(installation, **fields):
    """What the command line says to a new configuration."""
    options = [f"--{name}={value}" for name, value in {**FIELDS, **fields}.items()]
    done = installation.run(
        "elyra-metadata", "create", "runtimes", "--schema_name=trialruntime", "--display_name=Trial", *options
    )
    return done.stdout + done.stderr


def list_by_command(installation):
    """What the command line lists of a configuration that is there."""
    configure(installation)
    done = installation.run("elyra-metadata", "list", "runtimes")
    return done.stdout + done.stderr


def submit_component(installation, *command):
    """What the command line says to a pipeline for the runtime alone, with a component of its own."""
    configure(installation)
    content = pipeline_file(node("a", op="ours:part"))
    content["pipelines"][0]["app_data"]["runtime_type"] = "TRIAL_RUNTIME"
    (installation.root / "typed.pipeline").write_text(json.dumps(content), encoding="utf-8")
    done = installation.run("elyra-pipeline", *(command or ("submit", "--runtime-config", "trial")), "typed.pipeline")
    return done.stdout + done.stderr


def run_locally(installation):
    """What the command line says to a pipeline that is to run here."""
    (installation.root / "weather.pipeline").write_text(json.dumps(pipeline_file(node("a"))), encoding="utf-8")
    done = installation.run("elyra-pipeline", "run", "weather.pipeline")
    return done.stdout + done.stderr


def submit_alone(installation):
    """What the processor logs of a node with an environment variable, where no other runtime is enabled."""
    configure(installation)
    installation.variables["ELYRA_PROCESSOR_RUNTIMES"] = "trialruntime,local"
    variables = [{"env_var": "MODE", "value": "fast"}]
    (installation.root / "weather.pipeline").write_text(
        json.dumps(pipeline_file(node("a", env_vars=variables))), encoding="utf-8"
    )
    done = installation.run("elyra-pipeline", "submit", "weather.pipeline", "--runtime-config", "trial")
    del installation.variables["ELYRA_PROCESSOR_RUNTIMES"]
    return done.stdout + done.stderr


def properties(installation):
    """The properties that the editor offers for all nodes of a pipeline."""
    with installation.server() as server:
        return said(server.get("elyra/pipeline/TRIAL_RUNTIME/properties"))


def palette(installation):
    """The components that the editor offers, once Elyra has had time to read the catalogs."""
    with installation.server() as server:
        time.sleep(3)
        return said(server.get("elyra/pipeline/components/TRIAL_RUNTIME"))


def submit_without_type(installation):
    """What the editor is answered for a configuration whose file lacks the type."""
    configure(installation, runtime_type=None)
    return _submit_by_command(installation)


def served_schema(installation):
    """What the front end gets of the schema."""
    with installation.server() as server:
        return said(server.get("elyra/schema/runtimes/trialruntime"))


def catalog(installation):
    """Write a catalog of components for the runtime, as the Component Catalogs panel does."""
    content = {
        "display_name": "Ours",
        "schema_name": "trialcatalog",
        "metadata": {"runtime_type": "TRIAL_RUNTIME", "paths": ["ours.yaml"], "categories": []},
    }
    path = Path(installation.variables["JUPYTER_DATA_DIR"], "metadata", "component-catalogs", "ours.json")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def second_distribution(name, entry_points, version="1.0"):
    """Add a distribution that holds nothing but entry points."""

    def change(installation):
        information = installation.site / f"{name}-{version}.dist-info"
        information.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (information / "METADATA").write_text(metadata, encoding="utf-8")
        (information / "entry_points.txt").write_text(entry_points, encoding="utf-8")

    return change


def renamed(name):
    def change(installation):
        installation.information.rename(installation.site / name)

    return change


def editable(installation):
    """Add what ``pip install -e`` leaves behind: where the source is."""
    facts = {"url": installation.source.as_uri(), "dir_info": {"editable": True}}
    (installation.information / "direct_url.json").write_text(json.dumps(facts), encoding="utf-8")


def typed(type):
    """Edits that give the runtime another type id."""
    return (
        Edit(TYPE, 'if "TRIAL_RUNTIME"', f'if "{type}"'),
        Edit(TYPE, ', "TRIAL_RUNTIME"', f', "{type}"'),
        Edit(TYPE, "RuntimeProcessorType.TRIAL_RUNTIME", f"RuntimeProcessorType.{type}"),
        Edit(FORM, '"runtime_type": "TRIAL_RUNTIME"', f'"runtime_type": "{type}"'),
        Edit(FORM, '"const": "TRIAL_RUNTIME"', f'"const": "{type}"'),
        Edit(FORM, '"default": "TRIAL_RUNTIME"', f'"default": "{type}"'),
    )


CATALOG_OF = '''"""The schema of a catalog of components for the runtime, as Elyra's for files."""

import copy

from elyra.metadata.schema import SchemasProvider
from elyra.metadata.schemasproviders import ComponentCatalogsSchemas


class PartsProvider(SchemasProvider):
    def get_schemas(self):
        schemas = copy.deepcopy(ComponentCatalogsSchemas().get_schemas())
        schema = next(schema for schema in schemas if schema["name"] == "local-file-catalog")
        schema["name"] = schema["properties"]["schema_name"]["const"] = "{name}"
        schema["properties"]["metadata"]["properties"]["runtime_type"]["enum"] = ["{type}"]
        return [schema]
'''
"""The source of a schemas provider, to format: the ``name`` of the catalog, and the ``type`` that it belongs to."""

PARTS = NewFile("trial_runtime/parts.py", CATALOG_OF.format(name="trialcatalog", type="TRIAL_RUNTIME"))
PROVIDER = 'trialruntime = "trial_runtime.schema:TrialRuntimeSchemasProvider"\n'
CATALOG = 'trialcatalog = "trial_runtime.parts:PartsProvider"\n'
CATALOGS = Edit(PROJECT, PROVIDER, PROVIDER + CATALOG)
PROCESSOR_LINE = 'trialruntime = "trial_runtime.processor:TrialPipelineProcessor"\n\n'
PROCESSOR_GROUP = f'[project.entry-points."elyra.pipeline.processors"]\n{PROCESSOR_LINE}'
PROVIDER_GROUP = '[project.entry-points."metadata.schemas_providers"]\n'
ONLY_CATALOGS = Edit(PROJECT, PROCESSOR_GROUP + PROVIDER_GROUP + PROVIDER, PROVIDER_GROUP + CATALOG)
EXTENDED = '    extend_enum(RuntimeProcessorType, "TRIAL_RUNTIME", "Trial Runtime")'
THEIR_TYPE = "    _type = TRIAL_RUNTIME\n"
NAME = '    _name = "trialruntime"\n    supported_properties'
FIX = '            self.metadata.setdefault("runtime_type", "TRIAL_RUNTIME")\n'
DEFAULT = '          "default": "TRIAL_RUNTIME",\n'
SUPPORTED = "supported_properties = {ENV_VARIABLES}"
RETURN = "        return TrialPipelineProcessorResponse(page, None, None)"
SAVE = "    def pre_save(self, **kwargs):"

ORDER = "        order = in_order(pipeline.operations)\n        names"
ICON = "trial_runtime/static/trial_runtime.svg"


def with_field(described):
    """The edit that adds the field ``queue`` to the form."""
    first = '        "api_username": {'
    return (Edit(FORM, first, f'        "queue": {described},\n{first}'),)


def with_method(source):
    """The edit that adds a method to the processor."""
    return Edit(PROCESSOR, SUPPORTED, f"{SUPPORTED}\n\n{source}")


def icon(installation):
    """What JupyterLab gets of the icon."""
    with installation.server() as server:
        return said(server.get("static/trial_runtime/trial_runtime.svg"))


BROKEN_RUNTIMES = [
    BrokenRuntime(
        1,
        "names-differ",
        "submission_from_the_editor",
        "Unsupported pipeline runtime",
        (Edit(PROCESSOR, NAME, NAME.replace("trialruntime", "trial")),),
    ),
    BrokenRuntime(
        2,
        "not-enabled",
        submit,
        "Unsupported pipeline runtime",
        environment={"ELYRA_PROCESSOR_RUNTIMES": "local,kfp"},
        contract=False,
    ),
    BrokenRuntime(
        3,
        "import-error",
        "registration",
        "Error registering trialruntime processor .* No module named 'trial_sdk'",
        (Edit(PROCESSOR, "import logging\n", "import logging\nimport trial_sdk\n"),),
    ),
    BrokenRuntime(
        3,
        "no-such-class",
        "registration",
        "Error registering trialruntime processor .* has no attribute",
        (Edit(PROJECT, "processor:TrialPipelineProcessor", "processor:TrialProcessor"),),
    ),
    BrokenRuntime(
        3,
        "positional-constructor",
        "registration",
        "Error registering trialruntime processor .* unexpected keyword argument",
        (
            Edit(
                PROCESSOR,
                SUPPORTED,
                SUPPORTED + "\n\n    def __init__(self, root_dir):\n        super().__init__(root_dir=root_dir)",
            ),
        ),
    ),
    BrokenRuntime(
        4,
        "root-lost",
        lambda installation: log(installation, "print('root', repr(registry.get_processor('trialruntime').root_dir))"),
        "root ''",
        (
            Edit(
                PROCESSOR,
                SUPPORTED,
                SUPPORTED + '\n\n    def __init__(self, **kwargs):\n        super().__init__(parent=kwargs["parent"])',
            ),
        ),
    ),
    BrokenRuntime(
        5,
        "two-of-a-name",
        log,
        "Registering kfp processor(.|\n)*Registering kfp processor",
        installed=second_distribution(
            "another",
            "[elyra.pipeline.processors]\ntrialruntime = elyra.pipeline.kfp.kfp_processor:KfpPipelineProcessor\n",
        ),
    ),
    BrokenRuntime(
        6,
        "duplicate-key",
        log,
        "DuplicateOptionError",
        installed=second_distribution("clumsy", "[console_scripts]\na = a:b\na = a:c\n"),
    ),
    BrokenRuntime(
        6,
        "lone-percent",
        log,
        "InterpolationSyntaxError",
        installed=second_distribution("clumsy", "[elyra.pipeline.processors]\nhundred = a%:b\n"),
    ),
    BrokenRuntime(
        7,
        "takes-elyras-name",
        list_by_command,
        "not.* in the list of valid schemaspaces|invalid choice|not a valid|[Uu]nknown|Subcommand",
        installed=renamed("elyra-trial-0.1.0.dist-info"),
    ),
    BrokenRuntime(
        8,
        "stale",
        log,
        "^((?!Registering renamed).|\n)*$",
        later=(Edit(PROJECT, 'trialruntime = "trial_runtime.processor', 'renamed = "trial_runtime.processor'),),
        installed=editable,
    ),
    BrokenRuntime(
        9,
        "type-is-a-text",
        "type_is_listed",
        "500.*'str' object has no attribute 'name'|500.*not recognized",
        (Edit(PROCESSOR, THEIR_TYPE + NAME, '    _type = "TRIAL_RUNTIME"\n' + NAME),),
    ),
    BrokenRuntime(
        9,
        "type-is-none",
        "type_is_listed",
        "500.*_type must have a value",
        (Edit(PROCESSOR, THEIR_TYPE + NAME, "    _type = None\n" + NAME),),
    ),
    BrokenRuntime(
        10,
        "no-member",
        "registration",
        "Error registering trialruntime processor .* - 'TRIAL_RUNTIME'\n",
        (
            Edit(TYPE, EXTENDED, "    pass"),
            Edit(TYPE, "RuntimeProcessorType.TRIAL_RUNTIME", 'RuntimeProcessorType["TRIAL_RUNTIME"]'),
        ),
    ),
    BrokenRuntime(
        10,
        "no-attribute",
        "registration",
        "Error registering trialruntime processor .* '?TRIAL_RUNTIME'?\n",  # from 3.12 on, in quotes
        (Edit(TYPE, EXTENDED, "    pass"),),
    ),
    BrokenRuntime(
        11,
        "no-resources",
        "type_is_listed",
        "500.*Runtime type RuntimeProcessorType.TRIAL_RUNTIME is not recognized",
        (Edit(TYPE, "RuntimeTypeResources.get_instance_by_type = classmethod(_answer)\n", ""),),
    ),
    BrokenRuntime(
        12,
        "lower-case",
        "submission_from_the_editor",
        "answered with [45]00",
        typed("Trial_Runtime"),
    ),
    BrokenRuntime(
        13,
        "provider-alone",
        submit_component,
        "KeyError: 'TRIAL_RUNTIME'",
        (Edit(SCHEMA, "from trial_runtime import runtime_type  # noqa: F401\n", ""),),
    ),
    BrokenRuntime(
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
    BrokenRuntime(
        16,
        "no-icon",
        "type_is_listed",
        "500.*has no attribute 'icon_endpoint'",
        (Edit(TYPE, '    icon_endpoint = "static/trial_runtime/trial_runtime.svg"\n', ""),),
    ),
    BrokenRuntime(
        60,
        "resources-of-another",
        "type_is_listed",
        "Elyra lists .*KUBEFLOW_PIPELINES",
        (
            Edit(
                TYPE,
                "    type = TRIAL_RUNTIME\n",
                "    type = RuntimeProcessorType.KUBEFLOW_PIPELINES\n",
            ),
        ),
    ),
    BrokenRuntime(
        61,
        "name-of-another",
        "form_is_saved",
        "500.*KeyError..trial",
        (Edit(FORM, '"const": "trialruntime"', '"const": "trial"'),),
    ),
    BrokenRuntime(
        62,
        "other-arguments",
        "export_goes_where",
        "500.*positional argument",
        (Edit(PROCESSOR, "format, path, overwrite):\n", "format, path):\n        overwrite = False\n"),),
    ),
    BrokenRuntime(
        17,
        "icon-missing",
        "icons_are_served",
        "answered with 404",
        (Edit(TYPE, "static/trial_runtime/trial_runtime.svg", "static/trial_runtime/trial.svg"),),
    ),
    BrokenRuntime(
        17,
        "extension-not-enabled",
        "icons_are_served",
        "answered with 404",
        (Edit("jupyter-config/trial_runtime.json", "true", "false"),),
    ),
    BrokenRuntime(
        51,
        "icon-name-taken",
        "icons_are_served",
        "answered with 403",
        (Edit(TYPE, "static/trial_runtime/trial_runtime.svg", "static/trial_runtime/kubeflow.svg"),),
        installed=lambda installation: shutil.copy(
            installation.site / "trial_runtime/static/trial_runtime.svg",
            installation.site / "trial_runtime/static/kubeflow.svg",
        ),
    ),
    BrokenRuntime(18, "first-in-the-alphabet", types, "A_TRIAL", typed("A_TRIAL")),
    BrokenRuntime(
        19,
        "schema-without-type",
        submit,
        "Pipeline runtime platform is not compatible",
        (Edit(FORM, '  "runtime_type": "TRIAL_RUNTIME",\n  "uihints"', '  "uihints"'),),
    ),
    BrokenRuntime(
        52,
        "types-differ",
        "submission_from_the_editor",
        "not compatible",
        (
            Edit(
                FORM,
                '  "runtime_type": "TRIAL_RUNTIME",\n  "uihints"',
                '  "runtime_type": "KUBEFLOW_PIPELINES",\n  "uihints"',
            ),
        ),
    ),
    BrokenRuntime(
        20,
        "long-description",
        "schema_has",
        "Error loading schema 'trialruntime' .*is too long",
        (Edit(FORM, '  "name": "trialruntime",', f'  "name": "trialruntime",\n  "description": "{"x" * 81}",'),),
    ),
    BrokenRuntime(
        21,
        "no-schemaspace-id",
        "schema_has",
        "'NoneType' object has no attribute 'lower'",
        (Edit(FORM, '  "schemaspace_id": "130b8e00-de7c-4b32-b553-b4a52824a3b5",\n', ""),),
    ),
    BrokenRuntime(
        21,
        "wrong-schemaspace",
        "schema_has",
        "that is not loaded!",
        (Edit(FORM, '"schemaspace": "runtimes"', '"schemaspace": "runtime"'),),
    ),
    BrokenRuntime(
        53,
        "provider-fails",
        "schema_has",
        "Error loading schemas for SchemasProvider 'trialruntime' - no",
        (Edit(SCHEMA, "        return [SCHEMA]", '        raise OSError("no")'),),
    ),
    BrokenRuntime(
        54,
        "no-provider",
        "schema_has",
        "404.*No such schema named 'trialruntime'",
        (
            Edit(
                PROJECT,
                PROVIDER_GROUP + PROVIDER,
                "",
            ),
        ),
    ),
    BrokenRuntime(
        22,
        "nothing-required",
        "configuration_by_command",
        "TypeError",
        (Edit(FORM, '      "required": ["api_endpoint", "cos_endpoint", "cos_bucket"],\n', ""),),
    ),
    BrokenRuntime(
        23,
        "type-not-saved",
        submit,
        "500 .*'NoneType' object has no attribute 'upper'",
        (Edit(FORM, DEFAULT, ""), Edit(SCHEMA, FIX, "")),
    ),
    BrokenRuntime(
        23,
        "old-files",
        submit_without_type,
        r"Validating pipeline\.\.\.\nError: Pipeline validation FAILED",
        (Edit(SCHEMA, FIX, ""),),
    ),
    BrokenRuntime(
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
            Edit(SCHEMA, FIX, "            super().on_load(**kwargs)\n"),
            Edit(SCHEMA, "        self.on_load()", '        self.metadata.pop("display_name", None)'),
        ),
    ),
    BrokenRuntime(
        25,
        "no-such-metadata-class",
        "form_is_saved",
        "No module named",
        (Edit(FORM, "trial_runtime.schema.TrialRuntimeMetadata", "trial_runtime.schema:TrialRuntimeMetadata"),),
    ),
    BrokenRuntime(
        26,
        "checks-in-pre-save",
        lambda installation: create_by_command(installation, cos_bucket="forbidden"),
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
    BrokenRuntime(
        27,
        "endpoint-not-required",
        served_schema,
        "200",
        (Edit(FORM, '["api_endpoint", "cos_endpoint", "cos_bucket"]', '["api_endpoint", "cos_bucket"]'),),
    ),
    BrokenRuntime(
        27,
        "endpoint-not-declared",
        served_schema,
        r'"required": \["api_endpoint", "cos_bucket"\]',
        (
            Edit(FORM, '        "cos_endpoint": {', '        "storage": {'),
            Edit(FORM, '["api_endpoint", "cos_endpoint", "cos_bucket"]', '["api_endpoint", "cos_bucket"]'),
        ),
    ),
    BrokenRuntime(
        28, "no-title", served_schema, "200", (Edit(FORM, '  "title": "Trial Runtime",\n  "name"', '  "name"'),)
    ),
    BrokenRuntime(
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
    BrokenRuntime(
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
            "category": "Trial Runtime",
            "ui:field": "@elyra/metadata-extension:plugin.password"''',
                '''Jupyter data directory",
          "type": "string",
          "uihints": {
            "category": "Trial Runtime"''',
            ),
        ),
    ),
    BrokenRuntime(
        55,
        "display-name-refused",
        "form_is_saved",
        "400.*field 'display_name' is unknown",
        (Edit(SCHEMA, SAVE, SAVE.replace("pre_save", "before_save")),),
    ),
    BrokenRuntime(
        31,
        "no-process",
        "submission_from_the_editor",
        "500.*NotImplementedError",
        (Edit(PROCESSOR, "    def process(self, pipeline):", "    def run(self, pipeline):"),),
    ),
    BrokenRuntime(
        56,
        "no-export",
        "export_goes_where",
        "500.*NotImplementedError",
        (Edit(PROCESSOR, "    def export(", "    def write("),),
    ),
    BrokenRuntime(
        32,
        "returns-nothing",
        "submission_from_the_editor",
        "500.*'NoneType' object has no attribute 'to_json'",
        (Edit(PROCESSOR, RETURN, "        return None"),),
    ),
    BrokenRuntime(
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
    BrokenRuntime(
        33,
        "no-run-url",
        "submission_from_the_editor",
        "gets no address of the run.*'run_url': None",
        (Edit(PROCESSOR, RETURN, RETURN.replace("page", "None")),),
    ),
    BrokenRuntime(
        33,
        "local-response",
        "submission_by_command_line",
        "AttributeError",
        (
            Edit(
                PROCESSOR,
                "class TrialPipelineProcessorResponse(RuntimePipelineProcessorResponse):",
                "class TrialPipelineProcessorResponse(PipelineProcessorResponse):",
            ),
            Edit(PROCESSOR, RETURN, RETURN.replace("page, None, None", "")),
            Edit(
                PROCESSOR,
                "from elyra.pipeline.processor import (\n",
                "from elyra.pipeline.processor import (\n    PipelineProcessorResponse,\n",
            ),
        ),
    ),
    BrokenRuntime(
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
    BrokenRuntime(
        37,
        "export-returns-nothing",
        "export_goes_where",
        "500",
        (Edit(PROCESSOR, "        return quote(path)\n", ""),),
    ),
    BrokenRuntime(
        39,
        "capital-format",
        "export_by_command_line",
        "Valid export formats are \\['JSON'\\]",
        (Edit(TYPE, '"id": "json"', '"id": "JSON"'),),
    ),
    BrokenRuntime(
        40,
        "no-environment-variables",
        submit_alone,
        r"environment_variables=\[\]",
        (Edit(PROCESSOR, SUPPORTED, "supported_properties = set()"),),
    ),
    BrokenRuntime(
        41,
        "idle-property",
        properties,
        "kubernetes_secrets",
        (Edit(PROCESSOR, SUPPORTED, 'supported_properties = {ENV_VARIABLES, "kubernetes_secrets"}'),),
    ),
    BrokenRuntime(45, "no-parser", palette, "^200 (?!.*Ours)", (PARTS, CATALOGS), installed=catalog, contract=False),
    BrokenRuntime(
        46, "catalog-without-runtime", types, "^404", (PARTS, ONLY_CATALOGS), installed=catalog, contract=False
    ),
    BrokenRuntime(
        48,
        "written-as-a-path",
        log,
        "^((?!trialruntime).|\n)*$",
        (Edit(PROJECT, "trial_runtime.processor:", "trial_runtime/processor.py:"),),
    ),
    BrokenRuntime(
        50,
        "local-not-enabled",
        run_locally,
        "Unsupported pipeline runtime",
        environment={"ELYRA_PROCESSOR_RUNTIMES": "trialruntime"},
        contract=False,
    ),
    BrokenRuntime(
        36,
        "no-runtime-directory",
        submit_by_command,
        "FileNotFoundError",
        installed=lambda installation: Path(installation.variables["JUPYTER_RUNTIME_DIR"]).rmdir(),
        contract=False,
    ),
    BrokenRuntime(
        59,
        "ends-the-process",
        log,
        "^$",
        (Edit("trial_runtime/processor.py", "import logging\n", "import logging\nraise SystemExit\n"),),
    ),
]

BROKEN_RUNTIMES += [
    BrokenRuntime(
        34,
        "value-error-in-a-helper",
        submit_by_command,
        "Error parsing pipeline",
        (
            Edit(PROCESSOR, ORDER, f"        self._check()\n{ORDER}"),
            with_method('    def _check(self):\n        raise ValueError("no service")'),
        ),
    ),
    BrokenRuntime(
        37,
        "path-lost-in-a-helper",
        "export_goes_where",
        "500",
        (
            Edit(PROCESSOR, "        return quote(path)", "        return self._link(path)"),
            with_method("    def _link(self, path):\n        quote(path)"),
        ),
    ),
    BrokenRuntime(
        67,
        "unknown-type",
        lambda installation: create_by_command(installation, queue="all"),
        "Unknown type 'strng'",
        with_field('{"title": "Queue", "type": "strng"}'),
    ),
    BrokenRuntime(
        68,
        "pattern-of-python",
        served_schema,
        "P<name>",
        with_field('{"title": "Queue", "type": "string", "pattern": "^(?P<name>[a-z]+)$"}'),
    ),
    BrokenRuntime(
        68,
        "pattern-of-nobody",
        lambda installation: create_by_command(installation, queue="all"),
        "unterminated character set",
        with_field('{"title": "Queue", "type": "string", "pattern": "^(["}'),
    ),
    BrokenRuntime(
        69,
        "default-is-no-choice",
        create,
        "400 .*field 'queue' is not valid",
        with_field('{"title": "Queue", "description": "One", "type": "string", "enum": ["all"], "default": "any"}'),
    ),
    BrokenRuntime(
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
    BrokenRuntime(71, "no-type", served_schema, "200", with_field('{"title": "Queue"}')),
    BrokenRuntime(
        72,
        "no-limit",
        lambda installation: create_by_command(installation, queue="longer than three"),
        "has been written",
        with_field('{"title": "Queue", "type": "string", "maxLenght": 3}'),
    ),
    BrokenRuntime(
        73, "two-titles", served_schema, "Last", with_field('{"title": "First", "title": "Last", "type": "string"}')
    ),
    BrokenRuntime(
        74,
        "async-process",
        "submission_from_the_editor",
        "500.*coroutine",
        (Edit(PROCESSOR, "    def process(self, pipeline):", "    async def process(self, pipeline):"),),
    ),
    BrokenRuntime(
        75,
        "hook-misspelt",
        create,
        "^201",
        (Edit(SCHEMA, SAVE, f'    def post_sav(self, **kwargs):\n        raise OSError("no")\n\n{SAVE}'),),
    ),
    BrokenRuntime(
        76,
        "name-misspelt",
        "submission_from_the_editor",
        "500.*name 'in_ordr' is not defined",
        (Edit(PROCESSOR, ORDER, ORDER.replace("in_order", "in_ordr")),),
    ),
    BrokenRuntime(
        77,
        "exits",
        submit_by_command,
        r"^((?!Error|job).|\n)*$",
        (Edit(PROCESSOR, ORDER, f"        raise SystemExit\n{ORDER}"),),
    ),
    BrokenRuntime(
        78,
        "name-of-the-local-type",
        types,
        "^200 (?!.*TRIAL_RUNTIME)",
        (Edit(TYPE, EXTENDED, EXTENDED.replace("Trial Runtime", "Local")),),
    ),
    BrokenRuntime(79, "percent-sign", icon, '100%"', (Edit(ICON, "<svg ", '<svg data-scale="100%" '),)),
    BrokenRuntime(
        80,
        "group-in-the-singular",
        log,
        "^((?!trialruntime processor).|\n)*$",
        (Edit(PROJECT, '"elyra.pipeline.processors"', '"elyra.pipeline.processor"'),),
        contract=False,  # it finds no runtime of this name
    ),
    BrokenRuntime(
        17,
        "no-static-paths",
        "icons_are_served",
        "answered with 404",
        (Edit("trial_runtime/server.py", '[str(Path(__file__).parent / "static")]', "None"),),
    ),
    BrokenRuntime(
        56,
        "format-in-another-case",
        "export_goes_where",
        "500",
        (Edit(PROCESSOR, 'format != "json"', 'format != "JSON"'),),
    ),
    BrokenRuntime(
        76,
        "no-log",
        "submission_from_the_editor",
        "500.*'NoneType' object has no attribute",
        (
            Edit(PROCESSOR, "            return self.parent.log\n", "            return None\n"),
            Edit(PROCESSOR, "        return log\n", "        return None\n"),
        ),
    ),
    BrokenRuntime(
        74,
        "async-helper",
        "submission_from_the_editor",
        "500.*'coroutine' object has no attribute 'items'",
        (Edit(PROCESSOR, "    def _visible_configuration(", "    async def _visible_configuration("),),
    ),
    BrokenRuntime(
        81,
        "validator-returns-nothing",
        create,
        "500 .*'NoneType' object has no attribute 'validate'",
        (Edit(SCHEMA, "        return ConfigurationValidator(", "        ConfigurationValidator("),),
    ),
    BrokenRuntime(
        76,
        "configuration-is-not-returned",
        "submission_from_the_editor",
        "500.*'NoneType' object",
        (Edit(PROCESSOR, "            return MetadataManager(", "            MetadataManager("),),
    ),
    BrokenRuntime(
        76,
        "keyword-misspelt-before-an-error-is-caught",
        "export_goes_where",
        "500.*unexpected keyword argument|500.*invalid keyword argument",
        (Edit(PROCESSOR, 'encoding="utf-8"', 'encodng="utf-8"'),),
    ),
    BrokenRuntime(
        16,
        "formats-are-a-text",
        "export_goes_where",
        "export_file_types is 'json', and no list",
        (Edit(TYPE, "    export_file_types = [\n", '    export_file_types = "json"\n    others = [\n'),),
    ),
    BrokenRuntime(
        17,
        "extension-without-its-base",
        "icons_are_served",
        "answered with 404",
        (Edit("trial_runtime/server.py", "Extension(ExtensionApp)", "Extension"),),
    ),
    BrokenRuntime(
        15,
        "asks-the-old-method-and-drops-its-answer",
        "type_is_listed",
        "500.*'NoneType' object has no attribute",
        (Edit(TYPE, "    return before(", "    before("),),
    ),
    BrokenRuntime(
        22,
        "schema-without-required",
        "configuration_by_command_line",
        "'NoneType' object is not iterable|KeyError: 'required'",
        (Edit(FORM, '  "required": ["schema_name", "display_name", "metadata"]\n', '  "description": "mine"\n'),),
    ),
    BrokenRuntime(
        40,
        "properties-are-a-text",
        submit_alone,
        r"environment_variables=\[\]",
        (Edit(PROCESSOR, "supported_properties = {ENV_VARIABLES}", "supported_properties = ENV_VARIABLES"),),
    ),
    BrokenRuntime(
        83,
        "page-left-out",
        "submission_from_the_editor",
        r"row 83\) was answered with 404",
        installed=lambda installation: (installation.site / "trial_runtime/static/trial_runtime.html").unlink(),
    ),
    BrokenRuntime(
        82,
        "raises-for-a-while",
        submit_by_command,
        "for now",
        (Edit(PROCESSOR, ORDER, f'        raise RuntimeError("for now")\n{ORDER}'),),
    ),
]

DETECTED_BY_THE_CONTRACT = [
    BrokenRuntime(
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
    BrokenRuntime(
        57,
        "path-not-quoted",
        "not_ascii",
        r"row 57\) was answered with 500",
        (Edit(PROCESSOR, "        return quote(path)", "        return path"),),
    ),
]
