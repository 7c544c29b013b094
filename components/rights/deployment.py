"""What `pulumi up` of one environment may do, a policy for each kind of resource, and what the
runbooks `deploy` and `rollback` call beside it.

A destroy may not use it: it deletes no versions of objects, no snapshots and no keys.
"""

from collections.abc import Callable, Mapping
from typing import Final

from components.rights.identities import roles
from components.rights.inspection import write_state
from components.rights.platform import compute, data, keys, network
from components.rights.scope import Scope, Statement
from components.rights.surroundings import edge, events, unnamed

DEPLOYMENT: Final[Mapping[str, Callable[[Scope], list[Statement]]]] = {
    "state": write_state,
    "network": network,
    "compute": compute,
    "data": data,
    "events": events,
    "keys": keys,
    "edge": edge,
    "roles": roles,
    "unnamed": unnamed,
}
