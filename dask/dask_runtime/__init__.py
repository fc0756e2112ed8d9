"""A runtime that runs: pipelines of Elyra on Dask distributed, on this machine or on a cluster of yours.

Read the modules in this order:

1. ``dask.json`` and ``processor``: what the runtime is, and what it does with a pipeline. ``elyra_runtime_kit`` carries
   what every runtime needs;
2. ``plan``: what a pipeline asks for, ``run``: the folder that holds all that is known of one run, and ``start``;
3. ``driver``: the process that leads a run on Dask, and its ``patience``, ``journal``: what it writes down, and
   ``cluster``: where it runs;
4. ``node``, ``guard``, ``mask`` and ``notebook``: what happens on a worker;
5. ``server`` and ``static/``: the run page; ``answers`` and ``files``: what it asks about runs, and what nodes left;
   ``threads``: so that no folder of a run holds up the server.
"""
