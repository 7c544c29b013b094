"""Serves the pack; it blocks, so nothing imports this module."""

import importlib

# By their bare names: the engine runs this folder, and not a package that contains it.
importlib.import_module("serving").serve(
    "aussie-markets-retention", importlib.import_module("rule").policies_beside(__file__)
)
