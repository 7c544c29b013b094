"""Serves the pack. `PolicyPack` starts a server and blocks, so nothing imports this module."""

import importlib

from pulumi_policy import EnforcementLevel, PolicyPack

# By its bare name: the engine runs this folder, and not a package that contains it.
PolicyPack(
    "aussie-markets-encryption",
    importlib.import_module("rule").policies_beside(__file__),
    EnforcementLevel.MANDATORY,
)
