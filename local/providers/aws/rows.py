"""What a row of the table can say about a resource type."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from local.providers.aws.values import Properties

if TYPE_CHECKING:
    from local.providers.aws.api import Api


# A type without properties, for what CloudFormation does not have.
NO_SCHEMA: Final = "AWS::CloudFormation::WaitConditionHandle"


@dataclass(frozen=True)
class Call:
    """One API operation. Strings are templates over `id`, `region`, `account` and properties.

    A string that is one placeholder alone stands for the value itself, whatever its type; `unique`
    is another value with each call. `in_region` is the region that serves the operation where it
    is not the resource's own.
    """

    operation: str
    params: Mapping[str, Any] = field(default_factory=dict)
    in_region: Callable[[Properties], str] | None = None


@dataclass(frozen=True)
class Read:
    """A read operation and where in its answer the resource is (a JMESPath template).

    With `into`, what is found becomes one property; without, it is the resource itself and its
    absence means that the resource is gone.
    """

    call: Call
    item: str
    into: str | None = None


@dataclass(frozen=True)
class Set:
    """How `properties` are set after creation and changed in place.

    Templates may name `{old_x}` beside `{x}`, the value before the change. `unset` runs where the
    new value is absent, or false for a `toggle`, whose value is no parameter; with `unset_first`
    also before another value is set. `add` and `remove` name the parameters of an operation that
    takes a difference, with a dot where one is inside another. `parameters` builds what a
    conversion by name cannot, from all properties and the id. With `together`, the operation is
    sent all of `properties`, changed or not, and what it is not sent goes to AWS's default.
    """

    properties: tuple[str, ...]
    call: Call
    unset: Call | None = None
    unset_first: bool = False
    toggle: bool = False
    add: str | None = None
    remove: str | None = None
    parameters: Callable[[Properties], dict[str, Any]] | None = None
    together: bool = False

    @property
    def takes_empty(self) -> bool:
        """One operation sets the whole, also when it is empty."""
        return self.unset == self.call

    @property
    def can_unset(self) -> bool:
        return self.toggle or self.together or any((self.unset, self.add, self.parameters))


@dataclass(frozen=True)
class AutoName:
    """A physical name that Pulumi makes when the program gives none.

    `longest` is AWS's limit; `random` the characters that Pulumi adds, its hyphen included.
    `lower` where pulumi-aws turns capitals into small letters.
    """

    longest: int
    property: str = "name"
    prefix: str = ""
    random: int = 8
    lower: bool = False


@dataclass(frozen=True)
class Tagging:
    """The members name the parameter of the tags where it is none of the usual ones.

    With `replaces`, adding takes all tags and removing takes all away.
    """

    add: Call
    remove: Call
    add_member: str | None = None
    remove_member: str | None = None
    replaces: bool = False


Check = Callable[[Properties], Iterator[tuple[str, str]]]
ApiCheck = Callable[["Api", Properties], Iterator[tuple[str, str]]]


@dataclass(frozen=True)
class ResourceType:
    """One Pulumi resource type on one AWS API.

    Attributes:
        cloudformation: the type whose schema holds AWS's validation and replacement facts;
            `NO_SCHEMA` where AWS publishes none, so that `checks` and `replaced_by` say all.
        service: boto3's name of the API.
        create: its parameters are filled from the properties by name.
        id: JMESPath into the answer of `create`, a template over properties (with a brace), or a
            function of the answer.
        whole: the parameter that holds all properties in one structure, such as CloudFront's
            `DistributionConfig`, for the operations and the schema that have it; such an
            operation is sent all of them.
        fresh: what changing and deleting calls may name beside the properties, read right before
            each of them, such as a lock token. None found means that the resource is gone.
        create_instead: other creating operations, each for resources with the property it is under.
        read: the first finds the resource, the others add to it.
        delete: in order; empty for what AWS does not delete.
        renames: where Pulumi's name is neither botocore's nor CloudFormation's.
        api_renames, schema_renames: where those two differ from each other.
        outputs: computed outputs that no name finds; JMESPath or a template.
        defaults: values that pulumi-aws itself fills in.
        replaced_by: properties whose change replaces, where AWS differs from CloudFormation.
        replaced_by_kind: properties of which one is given; another one instead replaces.
        replaced_if: the properties of (olds, news) whose change replaces only as things are.
        delete_before_replace: two at a time cannot be, whatever their names.
        handled: properties that another field's function or template takes.
        kept: inputs that the API never gives back, so that a read leaves them as they are.
        empty: computed outputs without a value in a platform such as this (IPv6, outposts).
        parameters: builds `create`'s parameters where a conversion by name cannot; `region` is
            among the properties.
        prepare: changes properties before they are converted, such as defaults that AWS wants sent.
        after_read: puts right what `read` found, knowing the inputs.
        delete_parameters: parameters of the first deleting call, from the properties.
        secrets: inputs whose value is in no message.
        write_only: inputs that are never read back or kept as outputs, each with the property whose
            change writes it again.
        checks, api_checks: what AWS refuses and no schema says; the latter look at other resources.
        spared_by: the input that, when true, lets a deletion leave the resource.
        alone: refuses a creation beside what AWS does not let exist at the same time.
        before_create (and before an update), after_create, before_delete: refuse or put right
            what the emulator gets wrong.
        clear: before a deletion, takes away what the properties allow to go with the resource, or
            resets what AWS does not delete.
    """

    cloudformation: str
    service: str
    create: Call
    id: str | Callable[[Properties], str]
    read: tuple[Read, ...]
    whole: str | None = None
    fresh: tuple[Read, ...] = ()
    create_instead: Mapping[str, Call] = field(default_factory=dict)
    delete: tuple[Call, ...] = ()
    set: tuple[Set, ...] = ()
    tag_specification: str | None = None
    tagging: Tagging | None = None
    renames: Mapping[str, str] = field(default_factory=dict)
    api_renames: Mapping[str, str] = field(default_factory=dict)
    schema_renames: Mapping[str, str] = field(default_factory=dict)
    schema_constants: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    autoname: AutoName | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    replaced_by: frozenset[str] | None = None
    replaced_by_kind: frozenset[str] = frozenset()
    replaced_if: Callable[[Properties, Properties], frozenset[str]] | None = None
    delete_before_replace: bool = False
    handled: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    empty: frozenset[str] = frozenset()
    parameters: Callable[[Properties], dict[str, Any]] | None = None
    prepare: Callable[[Properties], Properties] | None = None
    after_read: Callable[[Properties, Properties], None] | None = None
    delete_parameters: Callable[[Properties], dict[str, Any]] | None = None
    secrets: frozenset[str] = frozenset()
    write_only: Mapping[str, str] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    api_checks: tuple[ApiCheck, ...] = ()
    spared_by: str | None = None
    alone: Callable[["Api", Properties], None] | None = None
    before_create: Callable[["Api", Properties], None] | None = None
    after_create: Callable[["Api", str, Properties], None] | None = None
    before_delete: Callable[["Api", str], None] | None = None
    clear: Callable[["Api", str, Properties], None] | None = None

    @property
    def id_template(self) -> str | None:
        """What the id is made of, where it is made of properties and not found in an answer."""
        return self.id if isinstance(self.id, str) and "{" in self.id else None

    @property
    def to_api(self) -> dict[str, str]:
        return {**self.renames, **self.api_renames}

    @property
    def to_schema(self) -> dict[str, str]:
        return {**self.renames, **self.schema_renames}

    @property
    def noun(self) -> str:
        return self.cloudformation.split("::")[-1]
