"""A new runtime in one command: ``elyra-runtime-kit new``.

``copier.yml`` holds the questions, ``project/`` the files that the answers fill in, and ``__main__`` is the command.
The ``copier.yml`` at the top of the repository offers the same to ``copier copy``.
"""
