"""Settings of the parameters."""

from pydantic import Field

from components.settings.fields import Section, Version


class ParametersSettings(Section):
    """Versions of the secrets that only the API knows: raising one writes it again."""

    jwt_secret_version: Version = Field(
        default=1, description="a number from 1 to 999, raised by one"
    )
    refresh_token_secret_version: Version = Field(
        default=1, description="a number from 1 to 999, raised by one"
    )
    stripe_secret_key_version: Version = Field(
        default=1, description="a number from 1 to 999, raised by one"
    )
