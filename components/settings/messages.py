"""Settings of the messages that people get."""

from typing import Annotated

from pydantic import Field

from components.settings.fields import Problem, Section, reject
from components.settings.stack import StackSection

# Part of logical names.
RecipientName = Annotated[str, Field(pattern=r"^[a-z](-?[a-z0-9])*$", max_length=32)]
EmailAddress = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$", max_length=254)
]


class MessagesSettings(Section):
    """Who is told of alarms."""

    # A name stays when its address changes; null takes one of the environment's defaults away.
    recipients: dict[RecipientName, EmailAddress | None] = Field(
        default={},
        description="a mapping of names (at most 32 lower-case letters, digits and single hyphens) "
        "to e-mail addresses, or to null for nobody",
    )

    @property
    def addresses(self) -> dict[str, str]:
        """The e-mail addresses by name."""
        return {name: address for name, address in self.recipients.items() if address is not None}


def check_messages(messages: MessagesSettings, stack: StackSection) -> None:
    """Reject alarms of production that nobody would hear."""
    if stack.environment == "production" and not messages.addresses:
        reject(
            Problem(
                "a mapping with at least one e-mail address in production, whose alarms somebody "
                "must hear",
                index="recipients",
            )
        )
