"""Paths, by the clauses of "Paths". They are bytes, which is what the OS has."""

import os

ROOT = os.getcwdb()  # the workspace root: whoever starts the agent chooses it


def resolve(path):
    """A request's path for the OS, which alone gives `..`, links and trailing
    slashes their meaning."""
    return os.path.join(ROOT, path.encode()) if path else ROOT
