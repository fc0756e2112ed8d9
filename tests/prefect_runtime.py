"""A runtime for Prefect, on the kit: it exports a flow, and Run starts a flow run of a deployment that is there.

Others have begun one as a branch of Elyra. This is all that it needs on the kit.
"""

import requests

from elyra_runtime_kit import Declaration, PipelineError, Runtime

HEAD = """import subprocess

from prefect import flow, task


@task
def node(folder, command):
    subprocess.run(command, cwd=folder, check=True)


@flow(name={name!r})
def pipeline():
"""
COMMANDS = {"notebook": ["jupyter", "execute"], "Python script": ["python"], "R script": ["Rscript"]}


class PrefectPipelineProcessor(Runtime):
    """Exports a pipeline as a flow, and starts the deployment that has its name."""

    declaration = Declaration(
        name="prefect",
        type_id="PREFECT",
        display_name="Prefect",
        fields={
            "api_endpoint": {"title": "API Endpoint", "type": "string", "format": "uri", "required": True},
            "api_key": {"title": "API Key", "type": "string", "secret": True},
            "deployment": {"title": "Deployment", "type": "string", "default": "elyra", "required": True},
        },
        exports={"py": "Prefect flow"},
    )

    def run(self, job):
        fields = job.configuration.values()
        deployment = self._ask(fields, "get", f"deployments/name/{job.name}/{fields['deployment']}")
        started = self._ask(fields, "post", f"deployments/{deployment['id']}/create_flow_run", json={})
        job.log(f"flow run {started['name']} is created")
        return f"{fields['api_endpoint'].rstrip('/').removesuffix('/api')}/runs/flow-run/{started['id']}"

    def _ask(self, fields, method, path, **options):
        headers = {"Authorization": f"Bearer {fields['api_key']}"} if fields["api_key"] else {}
        address = f"{fields['api_endpoint'].rstrip('/')}/{path}"
        try:
            answer = requests.request(method, address, headers=headers, timeout=10, **options)
        except requests.RequestException as error:
            raise PipelineError(f"No Prefect server answers at {address!r}. Correct API Endpoint.") from error
        if not answer.ok:
            raise PipelineError(f"Prefect refuses {path!r}: {answer.status_code}. Deploy the exported flow first.")
        return answer.json()

    def render(self, job, format):
        yield HEAD.format(name=job.name)
        variables = {node.id: f"node_{number}" for number, node in enumerate(job.nodes)}
        for node in job.nodes:
            folder, _, file = job.path(node).rpartition("/")
            before = ", ".join(variables[parent] for parent in node.parents)
            submitted = f"node.submit({folder!r}, {[*COMMANDS[node.kind], file]!r}, wait_for=[{before}])"
            yield f"    {variables[node.id]} = {submitted}\n"
        yield f"    for each in [{', '.join(variables.values())}]:\n        each.result()\n\n\n"
        yield 'if __name__ == "__main__":\n    pipeline()\n'
