"""Lambda functions: who may call them, what they run, and what happens to what they fail at."""

from collections.abc import Mapping
from typing import Any, Final

from pulumi_policy import Severity

from .kinds import FUNCTION, names
from .rule import Checked, Framework, Reference, Rule, Setting, Stack, any_of
from .secret_values import SECRET_NAMES, looks_secret

_INVOKE_CONFIG: Final = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
_SERVICE: Final = ".amazonaws.com"
_CONTAINER_IMAGE: Final = "Image"


@Rule(
    name="function-permission",
    description=(
        "Functions are called by named principals, and by a service only on behalf of a named"
        " resource: without sourceArn, anybody's resource of that service may call."
    ),
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "Lambda.1"),
        Reference(Framework.CHECKOV, "CKV_AWS_301"),
        Reference(Framework.CHECKOV, "CKV_AWS_364"),
    ),
    remediation="Name the principal, and with a service the sourceArn.",
).for_each("aws:lambda/permission:Permission")
def function_permission(permission: Checked) -> None:
    principal = str(permission.get("principal"))
    if principal == "*":
        permission.fails("principal", seen="*", wanted="an account, a role or a service")
    elif principal.endswith(_SERVICE) and not str(permission.get("sourceArn") or "").strip("*"):
        permission.fails("sourceArn", seen="not set", wanted=f"the resource behind {principal}")


@Rule(
    name="function-url-authorised",
    description="Function URLs ask for IAM authorisation: NONE lets the whole internet call.",
    severity=Severity.CRITICAL,
    references=(Reference(Framework.CHECKOV, "CKV_AWS_258"),),
    remediation="Set authorizationType to AWS_IAM.",
).for_each("aws:lambda/functionUrl:FunctionUrl")
def function_url_authorised(url: Checked) -> None:
    kind = url.get("authorizationType")
    if kind != "AWS_IAM":
        url.fails("authorizationType", seen=str(kind), wanted="AWS_IAM")


@Rule(
    name="function-no-plain-secrets",
    description=(
        "The environment of a function holds no secrets: whoever may read its configuration reads"
        " them, and they stay in every published version."
    ),
    severity=Severity.CRITICAL,
    references=(Reference(Framework.CHECKOV, "CKV_AWS_45"),),
    settings=(SECRET_NAMES,),
    remediation="Pass the parameter's name or ARN, and read the secret in the function.",
).for_each(FUNCTION)
def function_no_plain_secrets(function: Checked) -> None:
    variables: Mapping[str, Any] = (function.get("environment") or {}).get("variables") or {}
    for name in sorted(variables):
        with function.unknowns_noted():
            if looks_secret(name, variables.get(name), function.setting(SECRET_NAMES.name)):
                function.fails(
                    f"environment.variables.{name}",
                    seen="what looks like a secret",
                    wanted="the name or ARN of a parameter",
                )


@Rule(
    name="function-runtime-supported",
    description=(
        "Functions run on a runtime that AWS keeps patched for the next years, and not on one"
        " about to be deprecated."
    ),
    severity=Severity.MEDIUM,
    references=(
        Reference(Framework.FSBP, "Lambda.2"),
        Reference(Framework.CHECKOV, "CKV_AWS_363"),
    ),
    settings=(
        Setting(
            "runtimes",
            "Runtimes that pass",
            # AWS Lambda developer guide, "Supported runtimes": deprecated in 2028 or later.
            [
                *("python3.13", "python3.14", "nodejs24.x", "java21", "java25"),
                *("dotnet10", "ruby3.4", "ruby4.0", "provided.al2023"),
            ],
            {"type": "array", "items": {"type": "string"}},
        ),
    ),
    remediation="Move the function to a supported runtime.",
).for_each(FUNCTION)
def function_runtime_supported(function: Checked) -> None:
    if function.get("packageType") == _CONTAINER_IMAGE:
        return
    runtime, supported = function.get("runtime"), function.setting("runtimes")
    if runtime not in supported:
        function.fails("runtime", seen=str(runtime), wanted=f"one of {', '.join(supported)}")


@Rule(
    name="function-failures-kept",
    description=(
        "What an asynchronous call of a function fails at goes to a queue or a topic: else the"
        " event is gone after two retries, and nobody knows."
    ),
    severity=Severity.MEDIUM,
    references=(Reference(Framework.CHECKOV, "CKV_AWS_116"),),
    remediation=(
        "Set deadLetterConfig.targetArn, or add an aws.lambda_.FunctionEventInvokeConfig with"
        " destinationConfig.onFailure."
    ),
).for_stack()
def function_failures_kept(stack: Stack) -> None:
    for function in stack.owing(FUNCTION):
        with function.unknowns_noted():
            # An object that is there goes somewhere, although the ARN may not be known yet.
            if not function.given("deadLetterConfig") and not _has_destination(function, stack):
                function.fails("failed events", seen="lost", wanted="a destination for them")


def _has_destination(function: Checked, stack: Stack) -> bool:
    return any_of(stack.all(_INVOKE_CONFIG), lambda config: _keeps_failures_of(config, function))


def _keeps_failures_of(config: Checked, function: Checked) -> bool:
    return bool((config.get("destinationConfig") or {}).get("onFailure")) and names(
        config, "functionName", function
    )


@Rule(
    name="function-traced",
    description="Functions are traced, so that a slow or failed call shows where.",
    severity=Severity.LOW,
    references=(
        Reference(Framework.FSBP, "Lambda.7"),
        Reference(Framework.CHECKOV, "CKV_AWS_50"),
    ),
    remediation="Set tracingConfig.mode to Active.",
).for_each(FUNCTION)
def function_traced(function: Checked) -> None:
    mode = (function.get("tracingConfig") or {}).get("mode")
    if mode != "Active":
        function.fails("tracingConfig.mode", seen=str(mode or "not set"), wanted="Active")
