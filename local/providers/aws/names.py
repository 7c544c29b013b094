"""One rule for matching a Pulumi property with AWS's name for it: case, plural and prefix apart."""

from collections.abc import Iterable, Mapping


def find_name(
    property_name: str, candidates: Iterable[str], renames: Mapping[str, str], prefix: str = ""
) -> str | None:
    """The candidate that means `property_name`, or None.

    `renames` wins. Otherwise names are equal without regard to case, with or without a plural
    "s", with or without `prefix` (the resource's noun: AWS says `GroupName` or `LogGroupName`
    where Pulumi says `name`).
    """
    by_folded = {candidate.lower(): candidate for candidate in candidates}
    if property_name in renames:
        return by_folded.get(renames[property_name].lower())
    folded = property_name.lower()
    for spelling in (folded, folded + "s", folded.removesuffix("s")):
        for variant in (spelling, prefix.lower() + spelling):
            if variant in by_folded:
                return by_folded[variant]
    return None


def camel(name: str) -> str:
    """`DnsName` as Pulumi spells it: `dnsName`."""
    return name[:1].lower() + name[1:]
