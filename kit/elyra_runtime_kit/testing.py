"""For the tests of a runtime: pipelines in a few lines, and a runtime that is made in memory.

Elyra keeps runtime configurations in the Jupyter data directory: let ``JUPYTER_DATA_DIR`` be a temporary one.
"""

import uuid
from contextlib import contextmanager

from elyra.metadata.manager import MetadataManager
from elyra.metadata.metadata import Metadata
from elyra.metadata.schema import SchemaManager
from elyra.metadata.schemaspaces import Runtimes
from elyra.pipeline.parser import PipelineParser

from elyra_runtime_kit.declaration import Declaration
from elyra_runtime_kit.discovery import KitSchemasProvider
from elyra_runtime_kit.runtime import Runtime

OPERATIONS = {".ipynb": "execute-notebook-node", ".r": "execute-r-node"}
KEYS = {"file", "after", "env", "outputs", "dependencies", "properties"}


def document(nodes, name="pipeline"):
    """Return the content of a ``.pipeline`` file, a dict that JSON can hold (Elyra 4.1, pipeline version 8).

    ``nodes`` is a dict by name. A node is the path of its file, or a dict: ``file``, and, as far as it needs them,
    ``after`` (the names of the nodes before it), ``env`` (the values of its environment variables, by name),
    ``outputs``, ``dependencies``, and ``properties``, a dict of all others, such as ``{"cpu": 2}``.

    Raises ``ValueError`` for a word that is none of these.
    """
    described = {each: node if isinstance(node, dict) else {"file": node} for each, node in nodes.items()}
    app_data = {"version": 8, "ui_data": {"comments": []}, "properties": {"name": name, "runtime": "Generic"}}
    primary = {"id": "primary", "runtime_ref": "", "app_data": app_data, "nodes": []}
    primary["nodes"] = [_node(each, node) for each, node in described.items()]
    head = {"doc_type": "pipeline", "version": "3.0", "id": "document", "primary_pipeline": "primary"}
    return {**head, "pipelines": [primary], "schemas": []}


def _node(name, node):
    unknown = sorted(set(node) - KEYS)
    if unknown or "file" not in node:
        raise ValueError(f"Node {name!r} needs a file, and may have {', '.join(sorted(KEYS))}, not {unknown}.")
    file = node["file"]
    parameters = {
        "filename": file,
        "runtime_image": "example/image:1",
        "dependencies": list(node.get("dependencies", ())),
        "include_subdirectories": False,
        "outputs": list(node.get("outputs", ())),
        "env_vars": [{"env_var": each, "value": value} for each, value in node.get("env", {}).items()],
        **node.get("properties", {}),
    }
    suffix = file[file.rfind(".") :].lower() if "." in file else ""
    return {
        "id": name,
        "type": "execution_node",
        "op": OPERATIONS.get(suffix, "execute-python-node"),
        "app_data": {"component_parameters": parameters, "label": "", "ui_data": {"label": name}},
        "inputs": [{"id": "inPort", "links": [_link(name, parent) for parent in node.get("after", ())]}],
        "outputs": [{"id": "outPort"}],
    }


def _link(name, parent):
    return {"id": f"{parent}-{name}", "node_id_ref": parent, "port_id_ref": "outPort"}


def pipeline(runtime, nodes, configuration, name="pipeline"):
    """Return what Elyra's parser hands to ``runtime`` for ``nodes``, as ``document`` takes them.

    ``configuration`` is the name of a runtime configuration.
    """
    sent = document(nodes, name)
    sent["pipelines"][0]["app_data"] |= {
        "name": name,
        "source": f"{name}.pipeline",
        "runtime": runtime.declaration.name,
        "runtime_type": runtime.declaration.type_id,
        "runtime_config": configuration,
    }
    return PipelineParser().parse(sent)


def configure(runtime, display_name="Test", **fields):
    """Save a runtime configuration of ``runtime`` with these ``fields``. Returns its name."""
    defaults = runtime.declaration.schema["properties"]["metadata"]["properties"]
    values = {name: field["default"] for name, field in defaults.items() if "default" in field}
    metadata = Metadata(schema_name=runtime.declaration.name, display_name=display_name, metadata={**values, **fields})
    return (
        MetadataManager(schemaspace=Runtimes.RUNTIMES_SCHEMASPACE_ID).create(f"test-{uuid.uuid4().hex}", metadata).name
    )


@contextmanager
def in_memory(root, run=lambda self, job: None, render=None, **declaration):
    """Yield a runtime that no distribution holds, an instance: for ``Elyra``, it is one until the end of the block.

    ``run`` and ``render`` are its methods, ``root`` the root directory, and ``declaration`` what ``Declaration`` takes.
    """
    body = {"declaration": Declaration(**declaration), "run": run, "__module__": __name__}
    if render:
        body["render"] = render
    made = type("InMemory", (Runtime,), {**body, "__qualname__": "in_memory"})
    schemas = SchemaManager.instance()
    schemaspace = schemas.schemaspaces[Runtimes.RUNTIMES_SCHEMASPACE_ID]
    providers = schemas.schemaspace_schemasproviders.setdefault(schemaspace.id, {})
    validators = schemas.schemaspace_schema_validators.setdefault(schemaspace.id, {})
    name, schema, provider = made.declaration.name, made.declaration.schema, KitSchemasProvider()
    schemaspace.add_schema(schema)
    providers[name], validators[name] = provider, provider.get_validator(schema)
    try:
        yield made(root_dir=str(root))
    finally:
        for table in (schemaspace.schemas, providers, validators):
            table.pop(name, None)
