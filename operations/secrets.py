"""Secrets: first values in the stack file, later ones in Parameter Store."""

import getpass
import re
import secrets
import sys
from functools import partial
from typing import Any, Final

from operations.errors import InputError, OperationError
from operations.parameters import read_parameter, require_no_maintenance
from operations.platform import PROJECT
from operations.pulumi_command import pulumi
from operations.service import redeploy, require_service, wait_for_deployment
from operations.steps import Context, Step, looking, run_steps

# By the fields of the program's secrets section; a test holds the two together.
MADE_UP: Final = ("database_password", "redis_auth_token", "jwt_secret", "refresh_token_secret")
STRIPE: Final = "stripe_secret_key"
STRIPE_PATTERN: Final = re.compile(r"(sk|rk)_(test|live)_[A-Za-z0-9_]{8,240}")

# Parameters that the API alone knows; the others are also a password somewhere else.
ROTATED: Final = ("jwt-secret", "refresh-token-secret", "stripe-secret-key")
_OTHERWISE: Final = {
    "database-url": ("database_password", "database.password_version"),
    "redis-url": ("redis_auth_token", "cache.auth_token_version"),
}


def made_up_secret() -> str:
    """64 hexadecimal digits, 256 bits: every service's alphabet has them."""
    return secrets.token_hex(32)


def init_secrets(context: Context, stripe_key: str | None = None) -> dict[str, str]:
    """Set what the stack file lacks, and never what it has; what became of each.

    `stripe_key` cannot be made up: without it the stack file goes without.
    """
    if stripe_key is not None:
        _check_stripe(stripe_key)
    values = {name: made_up_secret() for name in MADE_UP}
    if stripe_key is not None:
        values[STRIPE] = stripe_key
    missing = [name for name in (*MADE_UP, STRIPE) if not _is_set(context, name)]
    steps = [
        Step(f"set secret {name} of the stack", partial(_set, context, name, values[name]))
        for name in missing
        if name in values
    ]
    go_on = "run `secrets init` again; it never overwrites"
    run_steps(context, "secrets init", steps, go_on=go_on, missing=missing)
    outcome = dict.fromkeys((*MADE_UP, STRIPE), "was set already")
    outcome |= {name: "set" if name in values else "still missing" for name in missing}
    return outcome


def rotate_secret(context: Context, label: str, service: str, value: str | None = None) -> None:
    """Write a new version of a secret and let all tasks read it.

    Each run makes a value of its own. Whether the present one is that of a run that stopped
    cannot be known: it may as well be one that somebody put back, which is to be replaced.
    """
    if label in _OTHERWISE:
        secret, version = _OTHERWISE[label]
        raise InputError(
            f"{label} holds a password that something else has too. Rotate both together: "
            f"`pulumi config set --secret --path {PROJECT}:secrets.{secret}`, raise "
            f"{PROJECT}:{version} by one, and `pulumi up`"
        )
    if label not in ROTATED:
        raise InputError(f"{label!r}: must be one of {', '.join(ROTATED)}")
    stripe = label == "stripe-secret-key"
    if stripe:
        _check_stripe(value or "")
    name = context.platform.parameter(label)
    go_on = f"run `secrets rotate {label}` again; it replaces the tasks whatever they have read"
    with looking(go_on):
        require_no_maintenance(context)
        present = _described(context, name)
        require_service(context, service)
    if not context.dry_run:
        context.console.confirm(
            f"Replace {name}? Tokens that were signed with it end."
            if not stripe
            else f"Replace {name}?",
            yes=context.yes,
        )

    def write() -> None:
        if stripe and read_parameter(context, name) == value:
            return
        # Without the key it would be encrypted with one that the API may not use.
        context.aws.client("ssm").put_parameter(
            Name=name,
            Value=value or made_up_secret(),
            Type="SecureString",
            KeyId=present["KeyId"],
            Overwrite=True,
        )

    steps = [
        Step(f"write a new version of {name}", write),
        Step(f"replace the tasks of {service}", partial(redeploy, context, service)),
        Step(f"wait for the tasks of {service}", partial(wait_for_deployment, context, service)),
    ]
    run_steps(context, "secrets rotate", steps, go_on=go_on, parameter=name)


def _described(context: Context, name: str) -> dict[str, Any]:
    where = [{"Key": "Name", "Option": "Equals", "Values": [name]}]
    found = list(
        context.aws.pages("ssm", "describe_parameters", "Parameters", ParameterFilters=where)
    )
    if not found:
        raise OperationError(f"there is no parameter {name}: check --stack, or run `pulumi up`")
    return dict(found[0])


def _path(name: str) -> str:
    return f"{PROJECT}:secrets.{name}"


def _is_set(context: Context, name: str) -> bool:
    try:
        pulumi(context, "config", "get", "--path", _path(name))
    except OperationError as error:
        if "configuration key" in str(error) and "not found" in str(error):
            return False
        raise
    return True


def _set(context: Context, name: str, value: str) -> None:
    # Arguments of a process can be read by everybody on the machine; its input cannot.
    pulumi(context, "config", "set", "--secret", "--path", _path(name), given=value)


def _check_stripe(value: str) -> None:
    if not STRIPE_PATTERN.fullmatch(value):
        raise InputError(
            "the Stripe key must begin with sk_test_, sk_live_, rk_test_ or rk_live_; give it on "
            "standard input, it is shown nowhere"
        )


def read_secret(what: str) -> str:
    """A secret from a person who types unseen, or from standard input."""
    if sys.stdin.isatty():
        return getpass.getpass(f"{what}: ")
    return sys.stdin.readline().strip()
