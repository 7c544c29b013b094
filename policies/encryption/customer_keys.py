"""What counts as a key of our own."""

from typing import Final

from .rule import Checked

_OF_AWS: Final = "alias/aws/"
"""Starts the alias of each key that AWS manages; an ARN of such an alias contains it."""

WANTED: Final = "the ARN of a customer managed key"


def is_customer_key(key: str | None) -> bool:
    return bool(key) and _OF_AWS not in str(key)


def must_have_customer_key(resource: Checked, property_name: str) -> None:
    """Report a missing key, and one whose policy is AWS's own."""
    with resource.unknowns_noted():
        check_customer_key(resource, property_name, resource.get(property_name))


def check_customer_key(resource: Checked, path: str, key: str | None) -> None:
    """The same for a key that stands deeper in the properties."""
    if not is_customer_key(key):
        seen = f"{key}, a key that AWS manages" if key else "not set"
        resource.fails(path, seen=seen, wanted=WANTED)
