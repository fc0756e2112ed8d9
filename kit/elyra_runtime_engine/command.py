"""``elyra-run PIPELINE CONFIGURATION``: submit a pipeline, follow it, and end as it did. Made for CI."""

import argparse
import os
import sys
import time
from contextlib import suppress

from elyra_runtime_engine.run import DONE, ENDED, RUN_ID, find_run

SECONDS_BETWEEN_LOOKS = 0.5
WIDTH = 30


def main(arguments=None):
    """Run the command. Return its exit status: 0 if all nodes are done, 1 if not, 2 if nothing was submitted."""
    parser = argparse.ArgumentParser(
        prog="elyra-run",
        description="Submit a pipeline to a runtime that runs, wait for its end, and end as it did: 0 if all nodes are "
        "done, 1 if not, 2 if nothing was submitted.",
    )
    parser.add_argument("pipeline", help="the path of a .pipeline file")
    parser.add_argument("configuration", help="the name of a runtime configuration: elyra-metadata list runtimes")
    options = parser.parse_args(arguments)
    try:
        run = submit(options.pipeline, options.configuration)
    except (OSError, RuntimeError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    try:
        state, error = follow(run, sys.stderr)
    except KeyboardInterrupt:
        print(f"\nRun {run.id} goes on.", file=sys.stderr)
        return 1
    print(f"{state} {error}".rstrip(), file=sys.stderr)
    return 0 if state == DONE else 1


def submit(path, configuration):
    """Submit the pipeline in the file at ``path``. Return its ``Run``.

    Raises ``OSError``, ``RuntimeError`` or ``ValueError``, with a message for the user. The paths of the nodes are
    relative to the folder of the file, as for ``elyra-pipeline`` (Elyra 4.1, ``elyra.cli.pipeline_app``).
    """
    # Elyra takes seconds to import, and a wrong word on the command line must not.
    from elyra.metadata.manager import MetadataManager
    from elyra.pipeline.parser import PipelineParser
    from elyra.pipeline.pipeline_definition import PipelineDefinition
    from elyra.pipeline.processor import PipelineProcessorManager

    if not os.path.isfile(path):
        raise FileNotFoundError(f"There is no file {path!r}.")
    try:
        runtime = MetadataManager(schemaspace="runtimes").get(configuration).schema_name
    except Exception as error:  # Elyra raises what a broken file leads to
        raise RuntimeError(f"{error} elyra-metadata list runtimes prints those that there are.") from error
    definition = PipelineDefinition(path)
    for part in definition.pipelines:
        for node in part.nodes:
            if file := node.get_component_parameter("filename"):
                node.set_component_parameter("filename", os.path.join(os.path.dirname(os.path.abspath(path)), file))
    name = os.path.basename(path)
    facts = {
        "name": name.removesuffix(".pipeline"),
        "source": name,
        "runtime": runtime,
        "runtime_config": configuration,
    }
    for key, value in facts.items():
        definition.primary_pipeline.set(key, value)
    processor = PipelineProcessorManager.instance(root_dir=os.getcwd()).get_processor_for_runtime(runtime)
    definition.primary_pipeline.set("runtime_type", processor.type.name)
    response = processor.process(PipelineParser(root_dir=os.getcwd()).parse(definition.to_dict()))
    found = RUN_ID.search(response.run_url or "")
    if not found:
        raise RuntimeError(
            f"The runtime {runtime!r} does not run the nodes itself. Follow it there: {response.run_url}"
        )
    return find_run(found[0])


def follow(run, out):
    """Wait until ``run`` is over. Return its state, and what went wrong. ``out`` shows how far it is."""
    from elyra_runtime_engine.start import follow_up

    position = 0
    while True:
        state, error = run.state()
        position = _show(run, out, position)
        if state in ENDED:
            return state, error
        follow_up(run)
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _show(run, out, position):
    """Show a progress bar in a terminal. Elsewhere, print what is new of the log of the run, from ``position`` on."""
    if out.isatty():
        nodes = run.nodes()
        done = sum(node["state"] in (*ENDED, "skipped") for node in nodes)
        full = WIDTH * done // len(nodes)
        out.write(f"\r[{'#' * full}{'.' * (WIDTH - full)}] {done}/{len(nodes)}{chr(10) if done == len(nodes) else ''}")
        out.flush()
        return position
    with suppress(FileNotFoundError):
        with open(run.folder / "run.log", encoding="utf-8", errors="replace") as file:
            file.seek(position)
            out.write(file.read())
            return file.tell()
    return position


if __name__ == "__main__":
    sys.exit(main())
