"""A suite of tests for executors, which their authors run on theirs: ``contract`` is what they import.

``faults`` is what befalls the driver of a run, and ``runs`` what must be true of any run when it is over.
"""
