"""Pipelines for the tests: as the editor saves them, and as Elyra's parser hands them to a processor."""

from elyra.pipeline.pipeline import GenericOperation, Pipeline

IMAGE = "example/image:1"


def node(id, parents=(), *, label=None, filename="work.py", op="execute-python-node", **parameters):
    """Return a node as the pipeline editor saves it. ``parents`` holds the ids of the nodes before it."""
    component_parameters = {
        "filename": filename,
        "runtime_image": IMAGE,
        "dependencies": [],
        "include_subdirectories": False,
        "outputs": [],
        "env_vars": [],
        **parameters,
    }
    links = [{"id": f"{parent}-{id}", "node_id_ref": parent, "port_id_ref": "outPort"} for parent in parents]
    return {
        "id": id,
        "type": "execution_node",
        "op": op,
        "app_data": {
            "component_parameters": component_parameters,
            "label": "",
            "ui_data": {"label": id if label is None else label},
        },
        "inputs": [{"id": "inPort", "links": links}],
        "outputs": [{"id": "outPort"}],
    }


def pipeline_file(*nodes, pipeline_defaults=None):
    """Return the content of a ``.pipeline`` file that holds ``nodes``."""
    return {
        "doc_type": "pipeline",
        "version": "3.0",
        "id": "document",
        "primary_pipeline": "primary",
        "pipelines": [
            {
                "id": "primary",
                "nodes": list(nodes),
                "app_data": {
                    "version": 8,
                    "ui_data": {"comments": []},
                    "properties": {
                        "name": "saved",
                        "runtime": "Generic",
                        "pipeline_defaults": pipeline_defaults or {},
                    },
                },
                "runtime_ref": "",
            }
        ],
        "schemas": [],
    }


def submission(*nodes, configuration, name="weather", **properties):
    """Return what the editor sends to run or to export a pipeline that holds ``nodes``."""
    document = pipeline_file(*nodes, **properties)
    document["pipelines"][0]["app_data"] |= {
        "name": name,
        "source": f"{name}.pipeline",
        "runtime": "demoruntime",
        "runtime_type": "DEMO_RUNTIME",
        "runtime_config": configuration,
    }
    return document


def operation(id, parents=(), *, name=None, inputs=(), outputs=(), filename="work.py"):
    """Return a node as Elyra's parser hands it to a processor."""
    return GenericOperation(
        id=id,
        type="execution_node",
        name=name or id,
        classifier="execute-python-node",
        parent_operation_ids=list(parents),
        component_props={
            "filename": filename,
            "runtime_image": IMAGE,
            "inputs": list(inputs),
            "outputs": list(outputs),
        },
    )


def by_id(*operations):
    """Return ``operations`` as a ``Pipeline`` of Elyra holds them."""
    return {operation.id: operation for operation in operations}


def parsed(*operations, configuration, name="weather"):
    """Return a ``Pipeline`` of Elyra that holds ``operations``."""
    pipeline = Pipeline(id="primary", name=name, runtime="demoruntime", runtime_config=configuration)
    pipeline.operations.update(by_id(*operations))
    return pipeline
