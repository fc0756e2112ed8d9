"""A runtime that runs pipelines of Elyra on Dask distributed, on this machine or on a cluster of yours.

``elyra_runtime_engine`` carries what every runtime needs that runs. Read the modules in this order:

1. ``dask.json`` and ``processor``: what the runtime is;
2. ``executor``: how the engine reaches Dask, and ``cluster``: the Dask cluster, and whether it can take a run;
3. ``worker``: what happens on a worker;
4. ``earlier``: runs from before the engine was a package of its own.
"""
