"""Says why a runtime of your own does not show up in Elyra, or does not work there.

Read the modules in this order:

1. ``rows``: what a check is, and what it finds;
2. ``survey``: what Elyra loads, and what becomes of it;
3. ``checks``: the checks themselves, each for one row of the table in the book;
4. ``probe``, ``live`` and ``report``: a fresh process, a running server, and what you read;
5. ``contract``: the tests for a runtime of your own.
"""
