"""How a row of the table becomes check, diff, create, read, update and delete."""

import contextlib
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from local.providers.aws import archives, schema
from local.providers.aws.api import Api, ApiError, MissingError, idempotent
from local.providers.aws.journal import Journal, digest
from local.providers.aws.names import find_name
from local.providers.aws.rows import Call, Read, ResourceType, Set
from local.providers.aws.sdk import TypeFacts, type_facts
from local.providers.aws.shapes import from_shape, is_json, same_json, same_set, to_shape
from local.providers.aws.state_only import STATE_ONLY, Gap
from local.providers.aws.values import UNKNOWN, Properties, has_unknown

# Inputs that Pulumi itself chose; the bridge of the real provider keeps the same list.
DEFAULTS = "__defaults"

_TAG_MEMBERS = ("Tags", "tags", "TagList", "TagSet")


class PartlyCreatedError(ApiError):
    """The resource exists, but a setting after its creation failed."""

    def __init__(self, resource_id: str, properties: Properties, reason: str) -> None:
        super().__init__(reason)
        self.resource_id = resource_id
        self.properties = properties


@dataclass(frozen=True)
class Difference:
    changed: tuple[str, ...]
    replaces: tuple[str, ...]
    delete_first: bool


@dataclass(frozen=True)
class Operations:
    """The operations on one resource type in one region."""

    token: str
    row: ResourceType
    api: Api
    journal: Journal
    default_tags: Mapping[str, str]

    @property
    def facts(self) -> TypeFacts:
        return type_facts(self.token)

    @property
    def _kind(self) -> str:
        return self.token.split(":")[-1]

    # -- check ------------------------------------------------------------------------------

    def check(self, name: str, olds: Properties, news: Properties, seed: bytes) -> Properties:
        """The inputs with the defaults that pulumi-aws would add."""
        inputs = {**self.row.defaults, **news}
        if "tagsAll" in self.facts.outputs:
            tags = inputs.get("tags")
            if tags is None or isinstance(tags, dict):
                merged = {**self.default_tags, **(tags or {})}
                if merged:
                    inputs["tags"] = merged
        auto = self.row.autoname
        if auto is not None and inputs.get(auto.property) is None:
            kept = olds.get(auto.property) if auto.property in olds.get(DEFAULTS, []) else None
            suffix = hashlib.sha256(seed + name.encode()).hexdigest()[: auto.random - 1]
            made = f"{auto.prefix}{name}-{suffix}"
            inputs[auto.property] = kept or (made.lower() if auto.lower else made)
            inputs[DEFAULTS] = [auto.property]
        return inputs

    def refusals(self, inputs: Properties) -> Iterator[tuple[str, str]]:
        """What AWS would refuse, and what this stand-in cannot do, by property."""
        given = {key: value for key, value in inputs.items() if key != DEFAULTS}
        for key in sorted(given):
            if key not in self.facts.inputs:
                yield key, f"{self.token} has no such property"
            elif not self._applies(key):
                yield key, "the local cloud cannot set this property yet (docs/local-cloud.md)"
        auto = self.row.autoname
        if auto is not None and auto.property in inputs.get(DEFAULTS, []):
            excess = len(str(inputs[auto.property])) - auto.longest
            if excess > 0:
                yield (
                    auto.property,
                    f"the name {inputs[auto.property]!r} that Pulumi makes is {excess} characters "
                    f"over AWS's {auto.longest}; shorten the resource's name",
                )
                given.pop(auto.property)
        yield from schema.refusals(
            self.row.cloudformation,
            self.api.region,
            self._prepared({k: UNKNOWN if k in self.row.secrets else given[k] for k in given}),
            self.row.to_schema,
            self.row.schema_constants,
            self.row.whole,
        )
        for check in self.row.checks:
            yield from check(given)
        for api_check in self.row.api_checks:
            yield from api_check(self.api, given)

    def _applies(self, key: str) -> bool:
        return (
            key in ("region", "tags")
            or key in self.row.handled
            or key in self.row.write_only.values()
            or any(key in setter.properties for setter in self.row.set)
            or self._create_member(key, self.row.create) is not None
            or key in self.row.create_instead
        )

    def _creating(self, inputs: Properties) -> Call:
        instead = self.row.create_instead.items()
        return next((call for name, call in instead if inputs.get(name)), self.row.create)

    def _create_member(self, key: str, creating: Call) -> str | None:
        return find_name(key, self._members(creating), self.row.to_api, self.row.noun)

    def _takes_whole(self, call: Call) -> bool:
        return self.row.whole in self.api.input_shape(self.row.service, call.operation).members

    def _members(self, call: Call) -> Mapping[str, Shape]:
        """The operation's parameters, or those of the structure that holds all properties."""
        shape: Shape = self.api.input_shape(self.row.service, call.operation)
        if isinstance(shape, StructureShape) and self.row.whole in shape.members:
            shape = shape.members[self.row.whole]
        return dict(shape.members) if isinstance(shape, StructureShape) else {}

    def _prepared(self, properties: Properties) -> Properties:
        return properties if self.row.prepare is None else self.row.prepare(properties)

    # -- calls ------------------------------------------------------------------------------

    @property
    def _gap(self) -> Gap | None:
        return STATE_ONLY.get(self.token)

    def _state_only(self, properties: Properties) -> bool:
        return self._gap is not None and self._gap.covers_all(properties)

    def _keeps(self, name: str, properties: Properties) -> bool:
        """Whether the emulator lacks `name`, so that it reads back as it was given."""
        return self._state_only(properties) or (
            self._gap is not None and name in self._gap.properties
        )

    def _call(
        self, call: Call, scope: Properties, params: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The answer; none where the emulator lacks the operation. No secret is in an error."""
        if self._state_only(scope) or (self._gap and call.operation in self._gap.operations):
            return {}
        try:
            return self.api.call(self.row.service, call, scope, params)
        except ApiError as error:
            reason = str(error)
            for name in self.row.secrets:
                if scope.get(name):
                    reason = reason.replace(str(scope[name]), "[secret]")
            raise type(error)(reason) from None

    # -- diff -------------------------------------------------------------------------------

    def diff(
        self, old_inputs: Properties, news: Properties, old_region: str | None = None
    ) -> Difference:
        """What changes, and what of it replaces. `old_region` is where the resource is now.

        Raises:
            ApiError: a change that AWS makes and this stand-in does not; seen at preview.
        """
        keys = old_inputs.keys() | news.keys()
        keys -= {DEFAULTS, "region", *self.row.write_only}
        changed = [k for k in sorted(keys) if not _same(old_inputs.get(k), news.get(k))]
        replacing = self._replacing()
        if self.row.replaced_if is not None:
            replacing |= self.row.replaced_if(old_inputs, news)
        replaces = [
            key
            for key in changed
            if key in replacing
            or (
                key in self.row.replaced_by_kind
                and (old_inputs.get(key) is None) != (news.get(key) is None)
            )
        ]
        # Without a region of its own a resource is in the provider's, which may have changed too.
        if "region" in self.facts.outputs and old_region not in (None, self.api.region):
            changed.append("region")
            replaces.append("region")
        if not replaces:
            self._refuse_impossible(changed, old_inputs, news)
        auto = self.row.autoname
        named = auto is not None and auto.property not in news.get(DEFAULTS, [])
        first = bool(replaces) and (named or self.row.delete_before_replace)
        return Difference(tuple(changed), tuple(replaces), delete_first=first)

    def _refuse_impossible(self, changed: list[str], olds: Properties, news: Properties) -> None:
        setters = {name: setter for setter in self.row.set for name in setter.properties}
        allowed = {"tags", *self.row.kept, *self.row.write_only.values()}
        for name in changed:
            setter = setters.get(name)
            if setter is None and name not in allowed:
                raise ApiError(
                    f"the local cloud cannot change {name} of a {self._kind} in place yet; "
                    "docs/local-cloud.md says how a row learns it"
                )
            taken_away = olds.get(name) is not None and news.get(name) is None
            if setter is not None and taken_away and not setter.can_unset:
                raise ApiError(
                    f"the local cloud cannot take {name} away from a {self._kind}; give it the "
                    "value that AWS has by default instead"
                )

    def _replacing(self) -> frozenset[str]:
        if self.row.replaced_by is not None:
            return self.row.replaced_by
        settable = {name for setter in self.row.set for name in setter.properties}
        return (
            schema.replacing_properties(
                self.row.cloudformation, self.api.region, self.facts.inputs, self.row.to_schema
            )
            - settable
        )

    # -- create, update, delete ---------------------------------------------------------------

    def preview(self, inputs: Properties, olds: Properties | None = None) -> Properties:
        """The outputs before the call: what AWS decides is unknown, unless it is known already."""
        later = self.facts.computed.keys() - inputs.keys() - {"region"}
        outputs = {name: (olds or {}).get(name, UNKNOWN) for name in later}
        return self.with_own(inputs, {**outputs, **_without_defaults(inputs)})

    def create(self, urn: str, inputs: Properties) -> tuple[str, Properties]:
        if self.row.before_create is not None:
            self.row.before_create(self.api, inputs)
        entry = self.journal.attempt(urn)
        if entry is None and self.row.alone is not None:
            self.row.alone(self.api, inputs)
        if entry is not None and entry.inputs != digest(inputs):
            with idempotent(entry.token):
                left_over = self._create_once(inputs)
            self.delete(left_over, inputs)
            entry = None
        repeated = entry is not None
        entry = entry or self.journal.begin(urn, inputs)
        with idempotent(entry.token):
            resource_id = self._create_once(inputs)
        self.journal.created(urn, entry, resource_id)
        try:
            return resource_id, self._finish(urn, resource_id, inputs, again=repeated)
        except ApiError as error:
            known = self.with_own(inputs, _without_defaults(inputs))
            raise PartlyCreatedError(resource_id, known, str(error)) from error

    def _finish(self, urn: str, resource_id: str, inputs: Properties, *, again: bool) -> Properties:
        """What comes after the creating call; `again` where a part of it may be done already."""
        if self.row.after_create is not None:
            self.row.after_create(self.api, resource_id, inputs)
        prepared = self._prepared(inputs)
        later = self._not_created(prepared)
        done = (self.read(resource_id, inputs) or {}) if again else {}
        self._set(resource_id, {name: done.get(name) for name in later}, later, prepared)
        if not self._creates_tags(inputs):
            self._tag(resource_id, done, inputs)
        found = self.read(resource_id, inputs)
        if found is None:
            raise ApiError(
                f"the emulator answered {self._creating(inputs).operation} with {resource_id}, "
                "but does not find it"
            )
        self.journal.finished(urn)
        return found

    def _creates_tags(self, inputs: Properties) -> bool:
        shape = self.api.input_shape(self.row.service, self._creating(inputs).operation)
        return bool(_tag_parameters({"key": "value"}, shape, self.row.tag_specification))

    def _create_once(self, inputs: Properties) -> str:
        inputs = self._prepared(inputs)
        creating = self._creating(inputs)
        shape = self.api.input_shape(self.row.service, creating.operation)
        if self.row.parameters is not None:
            params = self.row.parameters({"region": self.api.region, **inputs})
        else:
            params = self._wholly(inputs, creating)
        params.update(_tag_parameters(inputs.get("tags") or {}, shape, self.row.tag_specification))
        # A template that cannot be filled must fail before there is a resource.
        made_of = self.row.id_template
        known_id = str(self.api.fill(made_of, inputs)) if made_of else None
        answer = self._call(creating, inputs, params)
        if callable(self.row.id):
            return self.row.id(answer)
        return known_id or str(self.api.find(self.row.id, answer, inputs))

    def _wholly(self, inputs: Properties, call: Call) -> dict[str, Any]:
        """All of `inputs` that the operation takes, as its parameters."""
        members = self._members(call)
        params = {
            name: to_shape(value, members[name], self.row.to_api)
            for key, value in _without_defaults(inputs).items()
            if key not in ("tags", "region") and key not in self.row.handled
            if value is not None and (name := self._create_member(key, call)) is not None
        }
        return {self.row.whole: params} if self.row.whole and self._takes_whole(call) else params

    def _not_created(self, inputs: Properties) -> Properties:
        if self.row.parameters is not None:
            return {}
        creating = self._creating(inputs)
        return {
            key: value
            for key, value in _without_defaults(inputs).items()
            if key != "tags" and self._create_member(key, creating) is None
        }

    def update(self, urn: str, resource_id: str, olds: Properties, news: Properties) -> Properties:
        entry = self.journal.attempt(urn)
        if entry is not None and entry.id == resource_id and not entry.done:
            return self._finish(urn, resource_id, news, again=True)
        if self.row.before_create is not None:
            self.row.before_create(self.api, news)
        self._set(resource_id, self._prepared(olds), self._prepared(news))
        self._tag(resource_id, olds, news)
        found = self.read(resource_id, news)
        if found is None:
            raise MissingError(f"{resource_id} is gone; run `pulumi refresh`")
        now = self.inputs_now(news, found)
        # What did not change may have drifted meanwhile; an update leaves that alone.
        changed = [n for n in news if n not in (DEFAULTS, "region")]
        changed = [n for n in changed if not _same(olds.get(n), news[n])]
        ignored = [n for n in changed if not _same(now[n], news[n])]
        if ignored:
            raise ApiError(f"the emulator did not take the new {', '.join(ignored)}")
        return found

    def _set(
        self, resource_id: str, olds: Properties, news: Properties, known: Properties | None = None
    ) -> None:
        scope = {**(known or {}), **news, "id": resource_id}
        for name, version in self.row.write_only.items():
            if name not in news or _same(olds.get(version), news.get(version)):
                scope.pop(name, None)
        for setter in self.row.set:
            changed = {
                name: news.get(name)
                for name in setter.properties
                if self._changes(name, olds, news)
            }
            if changed:
                if setter.together:
                    changed = {name: scope.get(name) for name in setter.properties}
                before = {f"old_{name}": olds.get(name) for name in changed}
                self._apply(setter, changed, olds, {**scope, **changed, **before})

    def _changes(self, name: str, olds: Properties, news: Properties) -> bool:
        version = self.row.write_only.get(name)
        if version is not None:
            return name in news and not _same(olds.get(version), news.get(version))
        return not _same(olds.get(name), news.get(name))

    def _apply(self, setter: Set, changed: Properties, olds: Properties, scope: Properties) -> None:
        scope = {**scope, **self._freshly(scope)}
        wanted = any(changed.values()) if setter.toggle else bool(_given(changed))
        wanted = wanted or setter.together
        had = bool(_given({name: olds.get(name) for name in changed}))
        if setter.takes_empty:
            wanted, had = True, False
        if setter.unset is not None and had and (setter.unset_first or not wanted):
            self._call(setter.unset, {**scope, **_given(olds)})
        if wanted or setter.add is not None or (setter.parameters and setter.unset is None):
            params = self._set_parameters(setter, changed, olds, scope)
            self._call(setter.call, scope, params)

    def _set_parameters(
        self, setter: Set, changed: Properties, olds: Properties, scope: Properties
    ) -> dict[str, Any]:
        if setter.parameters is not None:
            return setter.parameters(scope)
        if setter.toggle:
            return {}
        if self._takes_whole(setter.call):
            return self._wholly(scope, setter.call)
        if setter.add is not None and setter.remove is not None:
            (name,) = changed
            old, new = olds.get(name) or [], changed[name] or []
            added, removed = [i for i in new if i not in old], [i for i in old if i not in new]
            return _nested({k: i for k, i in ((setter.add, added), (setter.remove, removed)) if i})
        shape = self.api.input_shape(self.row.service, setter.call.operation)
        members = {
            name: find_name(name, shape.members, self.row.to_api, self.row.noun) for name in changed
        }
        return {
            member: to_shape(changed[name], shape.members[member], self.row.to_api)
            for name, member in members.items()
            if member is not None and changed[name] is not None
        }

    def _tag(self, resource_id: str, olds: Properties, news: Properties) -> None:
        old, new = olds.get("tags") or {}, news.get("tags") or {}
        tagging = self.row.tagging
        if tagging is None or old == new:
            return
        scope = {**news, "id": resource_id}
        scope.update(self._freshly(scope))
        gone = {key: old[key] for key in old.keys() - new.keys()}
        there = {key: new[key] for key in new if new[key] != old.get(key)}
        if tagging.replaces:
            gone, there = ({} if new else old), new
        for call, member, tags in (
            (tagging.remove, tagging.remove_member, gone),
            (tagging.add, tagging.add_member, there),
        ):
            if tags:
                shape = self.api.input_shape(self.row.service, call.operation)
                self._call(call, scope, _tag_parameters(tags, shape, None, member))

    def delete(self, resource_id: str, properties: Properties) -> None:
        """Raises ApiError unless the resource is gone; one that is gone already is fine."""
        if self.row.spared_by is not None and properties.get(self.row.spared_by):
            return
        scope = {**properties, "id": resource_id}
        if self.row.before_delete is not None:
            self.row.before_delete(self.api, resource_id)
        if self.row.clear is not None:
            with contextlib.suppress(MissingError):
                self.row.clear(self.api, resource_id, properties)
        parameters = self.row.delete_parameters
        for index, call in enumerate(self.row.delete):
            # An earlier call may have been cut off after a part of the steps.
            with contextlib.suppress(MissingError):
                now = {**scope, **self._freshly(scope)}
                params = parameters(now) if parameters is not None and index == 0 else {}
                self._call(call, now, params)

    def _freshly(self, scope: Properties) -> Properties:
        found = {str(read.into): self._find(read, scope) for read in self.row.fresh}
        if None in found.values() and not self._state_only(scope):
            raise MissingError(f"{scope['id']} is gone")
        return found

    # -- read -------------------------------------------------------------------------------

    def read(self, resource_id: str, like: Properties) -> Properties | None:
        """What AWS says now, spelled like `like`; None if the resource is gone.

        An import knows only the id, so what the id is made of and the defaults come with it.
        """
        like = {**self._imported(resource_id), **like}
        scope = {**like, "id": resource_id}
        item: dict[str, Any] = {}
        for read in () if self._state_only(like) else self.row.read:
            found = self._find(read, scope)
            if read.into is None:
                if not found:
                    return None
                item.update(found)
            else:
                item[read.into] = found
            scope = {**item, **scope}
        if self.row.after_read is not None:
            self.row.after_read(item, like)
        outputs = {
            name: self._output(name, item, like, scope)
            for name in self.facts.outputs - {"tags", "tagsAll", "region"}
        }
        tags = next((item[name] for name in _TAG_MEMBERS if item.get(name) is not None), None)
        if "tagsAll" in self.facts.outputs:
            outputs["tags"] = like.get("tags") if self._keeps("tags", like) else _tags(tags)
        return self.with_own(like, outputs)

    def _imported(self, resource_id: str) -> Properties:
        parts = re.split(r"\{(\w+)\}", self.row.id_template or "")
        pattern = "".join(
            f"(?P<{part}>.+)" if index % 2 else re.escape(part) for index, part in enumerate(parts)
        )
        found = re.fullmatch(pattern, resource_id) if len(parts) > 1 else None
        return {**self.row.defaults, **(found.groupdict() if found else {})}

    def _output(self, name: str, item: Properties, like: Properties, scope: Properties) -> Any:
        given = like.get(name)
        expression = self.row.outputs.get(name)
        if self._keeps(name, like) and given is not None:
            return given
        if expression is not None and "{" in expression:
            return self.api.fill(expression, scope)
        if expression is not None:
            found = self.api.find(expression, item, scope)
        else:
            found = item.get(find_name(name, item, self.row.to_api, self.row.noun) or "")
        if found is None and (name in self.row.kept or not given):
            has_empty = name in self.facts.inputs or name in self.row.empty
            unset = self.facts.computed.get(name) if has_empty else None
            return unset if given is None else given
        result = from_shape(found, given, self.row.to_api)
        return self._gap.with_lost_parts(name, result, given) if self._gap else result

    def _find(self, read: Read, scope: Properties) -> Any:
        try:
            answer = self._call(read.call, scope)
        except MissingError:
            return None
        return self.api.find(read.item, answer, scope)

    def with_own(self, inputs: Properties, outputs: Properties) -> Properties:
        """Region and tags, which every type has alike."""
        result = {
            name: value
            for name, value in outputs.items()
            if value is not None and name not in self.row.write_only
        }
        if "region" in self.facts.outputs:
            result["region"] = inputs.get("region") or self.api.region
        if "tagsAll" in self.facts.outputs:
            result["tagsAll"] = result.get("tags") or {}
        return result

    def inputs_now(self, inputs: Properties, outputs: Properties) -> Properties:
        """The inputs as AWS has them, so that a refresh shows what changed behind the stack."""
        if not inputs:  # an import: everything that could have been set
            names = self.facts.inputs & outputs.keys()
            return {name: outputs[name] for name in names - {"region"}}
        unread = self.row.write_only.keys() | (inputs.keys() - self.facts.outputs)
        return {
            name: value if name in unread else outputs.get(name) for name, value in inputs.items()
        }


def _without_defaults(inputs: Properties) -> Properties:
    return {key: value for key, value in inputs.items() if key != DEFAULTS}


def _given(properties: Properties) -> Properties:
    return {key: value for key, value in properties.items() if value is not None}


def _same(old: Any, new: Any) -> bool:
    if has_unknown(new):
        return False
    if isinstance(old, str) and isinstance(new, str) and is_json(new):
        return old == new or same_json(old, new)
    if archives.is_content(old) and archives.is_content(new):
        return archives.same_content(old, new)
    if isinstance(old, list) and isinstance(new, list):
        return same_set(old, new)
    return bool(old == new)


def _nested(parameters: Properties) -> Properties:
    """`{"A.B": x}` as `{"A": {"B": x}}`."""
    result: Properties = {}
    for path, value in parameters.items():
        outer, _, inner = path.rpartition(".")
        (result.setdefault(outer, {}) if outer else result)[inner] = value
    return result


def _tag_parameters(
    tags: Mapping[str, str],
    shape: StructureShape,
    specification: str | None,
    named: str | None = None,
) -> dict[str, Any]:
    """`tags` under the member and in the form that the operation has for them."""
    if not tags:
        return {}
    if "TagSpecifications" in shape.members and specification is not None:
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        return {"TagSpecifications": [{"ResourceType": specification, "Tags": pairs}]}
    for name in (named,) if named else ("TagKeys", "tagKeys", *_TAG_MEMBERS):
        member = shape.members.get(name)
        if isinstance(member, StructureShape):
            inner = "Items" if "Items" in member.members else None
            return {name: _tag_parameters(tags, member, None, inner)}
        if isinstance(member, MapShape):
            return {name: dict(tags)}
        if isinstance(member, ListShape) and isinstance(member.member, StructureShape):
            key, value = (
                next(part for part in member.member.members if part.lower().endswith(suffix))
                for suffix in ("key", "value")
            )
            return {name: [{key: k, value: v} for k, v in tags.items()]}
        if isinstance(member, ListShape):
            return {name: list(tags)}
    return {}


def _tags(found: Any) -> dict[str, str]:
    if isinstance(found, Mapping):
        return dict(found)
    return {
        next(tag[k] for k in tag if k.lower().endswith("key")): next(
            tag[v] for v in tag if v.lower().endswith("value")
        )
        for tag in found or []
    }
