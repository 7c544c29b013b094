"""What GitHub's workflows may do in an account, and the roles that they make.

Each function returns the statements of one IAM policy, as plain data. Rights are granted on what
belongs to one environment: by the environment's part of its name where AWS takes names, else by the
tags that the program's provider puts on everything. Regions are open, since a disaster moves the
platform to another one.
"""

import json
from collections.abc import Sequence
from typing import Final

from components.documents import policy_document
from components.rights.scope import Statement

# IAM, "IAM and AWS STS quotas": characters of a managed policy, and such policies of a role.
LONGEST_POLICY: Final = 6144
MOST_POLICIES: Final = 10


def document(statements: Sequence[Statement]) -> str:
    """The policy of these statements, without white space."""
    return json.dumps(policy_document(*statements), separators=(",", ":"))
