"""The engine of runs: what every runtime needs that runs the nodes, whatever the place where they run.

A runtime on it is a declaration, fields, and the name of an executor, which knows the place. Read in this order:

1. ``runtime``: the base of such a runtime, and ``executor``: what the engine asks of a place;
2. ``plan``: what a pipeline asks for, ``run`` and ``events``: the folder that holds all that is known of one run, and
   ``start``; ``again``: what runs again, and why;
3. ``driver``: the process that drives a run, its ``limits``, and ``journal``: what it writes down;
4. ``attempt``, ``guard``, ``mask`` and ``notebook``: what happens where a node runs;
5. ``server`` and ``static/``: the run page; ``answers`` and ``files``: what it asks about runs, and what nodes left;
   ``threads``: so that no folder of a run holds up the server;
6. ``deletion``: how a run goes away, ``keeping``: which runs a server keeps, and ``usage``: the room that they take.
7. ``conformance/``: tests for executors, which their authors run on theirs.
"""
