"""Secrets of the stack."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator

from components.settings.fields import Problem, Section, reject


def _secret_of(pattern: str) -> AfterValidator:
    """A secret's format. The field's description says what is allowed."""

    def check(secret: SecretStr) -> SecretStr:
        if not re.fullmatch(pattern, secret.get_secret_value()):
            raise ValueError
        return secret

    return AfterValidator(check)


class SecretSettings(Section):
    """First values of secrets; each is encrypted in the stack file, and shown nowhere."""

    # RDS, CreateDBInstance, MasterUserPassword. The 94 printable characters without / " and @.
    database_password: Annotated[SecretStr, _secret_of(r"""[!#-.0-?A-~]{8,128}""")] = Field(
        description='8 to 128 printable ASCII characters without / " @ and spaces: RDS refuses '
        "these"
    )
    # ElastiCache user guide, "Authenticating with the AUTH command".
    redis_auth_token: Annotated[SecretStr, _secret_of(r"[A-Za-z0-9!&#$^<>-]{16,128}")] = Field(
        description="16 to 128 letters, digits and ! & # $ ^ < > -: ElastiCache refuses the others"
    )
    # RFC 7518, 3.2: a key of HS256 has at least 256 bits. Standard parameters hold 4 KB.
    jwt_secret: Annotated[SecretStr, _secret_of(r"[!-~]{32,4096}")] = Field(
        description="32 to 4096 printable ASCII characters without spaces"
    )
    refresh_token_secret: Annotated[SecretStr, _secret_of(r"[!-~]{32,4096}")] = Field(
        description="32 to 4096 printable ASCII characters without spaces"
    )
    stripe_secret_key: Annotated[
        SecretStr, _secret_of(r"(sk|rk)_(test|live)_[A-Za-z0-9_]{8,240}")
    ] = Field(description="a Stripe key that begins with sk_test_, sk_live_, rk_test_ or rk_live_")

    @field_validator("refresh_token_secret")
    @classmethod
    def _tokens_are_not_interchangeable(cls, secret: SecretStr, info: ValidationInfo) -> SecretStr:
        if secret == info.data.get("jwt_secret"):
            reject(Problem("another one than jwt_secret, or one kind of token passes as the other"))
        return secret
