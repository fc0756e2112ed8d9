"""A runtime that runs pipelines of Elyra on this machine, each node as a process of its own.

It is the example of a runtime that runs: ``processor`` and ``machine.json`` are all of it. The rest is carried by
``elyra_runtime_engine``, and how a node becomes a process is in ``elyra_runtime_engine.processes``.
"""
