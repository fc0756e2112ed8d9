"""A runtime for Elyra's pipeline editor that runs the nodes on this machine, side by side.

``processor`` says what it is, and ``machine.json`` which fields its runtime configurations
have. The rest is carried by ``elyra_runtime_engine``, and how a node becomes a process is in
``elyra_runtime_engine.processes``.
"""
