"""Pulumi's resource provider protocol over `operations.Operations`."""

import json
import os
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
    status_pb2,
)

from local.paths import folders
from local.providers.aws.api import Api, ApiError
from local.providers.aws.functions import FUNCTIONS
from local.providers.aws.journal import Journal
from local.providers.aws.operations import DEFAULTS, Operations, PartlyCreatedError
from local.providers.aws.state_only import said
from local.providers.aws.table import TABLE
from local.providers.aws.values import Properties, has_unknown, marshal, unmarshal

VERSION = "7.51.1"

# pulumi-aws sends nested provider settings as JSON in strings.
_NESTED_SETTINGS = ("defaultTags", "allowedAccountIds")

# The others would be dropped in silence; what only skips checks against AWS is harmless.
_SETTINGS = {
    *("region", "defaultTags", "allowedAccountIds", "version"),
    *("skipCredentialsValidation", "skipRegionValidation", "skipMetadataApiCheck"),
    *("skipRequestingAccountId",),
}


Handler = Callable[[Any, Any, grpc.ServicerContext], Any]


def _answers(method: Handler) -> Handler:
    """An expected failure reaches the engine as one sentence, without a traceback."""

    @wraps(method)
    def wrapper(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request, context)
        except PartlyCreatedError as error:
            context.abort_with_status(_initialization_failed(error))
        except (ApiError, LookupError) as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        raise AssertionError("abort raises")

    return wrapper


class AwsProvider(provider_pb2_grpc.ResourceProviderServicer):
    """The stand-in for pulumi-resource-aws."""

    def __init__(self, engine: str | None = None) -> None:
        self._engine = engine
        self._said: set[str] = set()
        self._saying = threading.Lock()
        self._api = Api(os.environ.get("AWS_REGION", ""))
        self._apis: dict[str, Api] = {}
        self._default_tags: dict[str, str] = {}
        self._journal = Journal(folders().journal)

    def settle(self) -> None:
        """For the end of a run that nobody killed."""
        self._journal.settle()

    # -- the provider itself ------------------------------------------------------------------

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=VERSION)

    def CheckConfig(self, request: Any, context: Any) -> Any:
        failures = [
            provider_pb2.CheckFailure(
                property=name, reason="the local cloud's aws provider does not know this setting"
            )
            for name in sorted(unmarshal(request.news).keys() - _SETTINGS)
        ]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        changed = unmarshal(request.olds) != unmarshal(request.news)
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME
            if changed
            else provider_pb2.DiffResponse.DIFF_NONE
        )

    @_answers
    def Configure(self, request: Any, context: Any) -> Any:
        settings = unmarshal(request.args)
        for name in _NESTED_SETTINGS:
            if isinstance(settings.get(name), str):
                settings[name] = json.loads(settings[name])
        region = settings.get("region") or os.environ.get("AWS_REGION")
        if not isinstance(region, str):
            raise ApiError("the aws provider has no region: set it on aws.Provider")
        self._api = self._apis[region] = Api(region)
        self._default_tags = (settings.get("defaultTags") or {}).get("tags") or {}
        allowed = settings.get("allowedAccountIds")
        if allowed and self._api.account not in allowed:
            raise ApiError(
                f"the credentials belong to account {self._api.account}, and allowedAccountIds "
                f"lets in only {', '.join(allowed)}"
            )
        return provider_pb2.ConfigureResponse(supportsPreview=True, acceptResources=False)

    def Cancel(self, request: Any, context: Any) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    @_answers
    def Invoke(self, request: Any, context: Any) -> Any:
        function = FUNCTIONS.get(request.tok)
        if function is None:
            raise ApiError(
                f"the local cloud has no function {request.tok}; see docs/local-cloud.md"
            )
        arguments = unmarshal(request.args)
        answer = function(self._in_region(arguments.get("region")), arguments)
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(marshal(answer))
        return response

    # -- resources ----------------------------------------------------------------------------

    @_answers
    def Check(self, request: Any, context: Any) -> Any:
        news = unmarshal(request.news)
        operations = self._operations(request.urn, news)
        name = request.urn.split("::")[-1]
        inputs = operations.check(name, unmarshal(request.olds), news, request.randomSeed)
        failures = [
            provider_pb2.CheckFailure(property=where, reason=reason)
            for where, reason in operations.refusals(inputs)
        ]
        self._say_once(request.urn, said(operations.token, inputs))
        return provider_pb2.CheckResponse(inputs=marshal(inputs), failures=failures)

    @_answers
    def Diff(self, request: Any, context: Any) -> Any:
        self._journal.in_state(request.urn, request.id)
        news = unmarshal(request.news)
        region = unmarshal(request.olds).get("region")
        operations = self._operations(request.urn, news)
        difference = operations.diff(unmarshal(request.old_inputs), news, region)
        kinds = provider_pb2.PropertyDiff
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME
            if difference.changed
            else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=difference.changed,
            replaces=difference.replaces,
            deleteBeforeReplace=difference.delete_first,
            detailedDiff={
                name: kinds(
                    kind=kinds.UPDATE_REPLACE if name in difference.replaces else kinds.UPDATE,
                    inputDiff=True,
                )
                for name in difference.changed
            },
            hasDetailedDiff=True,
        )

    @_answers
    def Create(self, request: Any, context: Any) -> Any:
        inputs = unmarshal(request.properties)
        operations = self._operations(request.urn, inputs)
        if request.preview:
            return provider_pb2.CreateResponse(properties=marshal(operations.preview(inputs)))
        resource_id, outputs = operations.create(request.urn, inputs)
        return provider_pb2.CreateResponse(id=resource_id, properties=marshal(outputs))

    @_answers
    def Read(self, request: Any, context: Any) -> Any:
        self._journal.in_state(request.urn, request.id)
        inputs, properties = unmarshal(request.inputs), unmarshal(request.properties)
        # Where the resource is, which is not where a changed provider would look.
        operations = self._operations(request.urn, properties or inputs)
        outputs = operations.read(request.id, inputs or properties)
        if outputs is None:
            return provider_pb2.ReadResponse()
        now = operations.inputs_now(inputs, outputs)
        if DEFAULTS in inputs:
            now[DEFAULTS] = inputs[DEFAULTS]
        return provider_pb2.ReadResponse(
            id=request.id, properties=marshal(outputs), inputs=marshal(now)
        )

    @_answers
    def Update(self, request: Any, context: Any) -> Any:
        self._journal.in_state(request.urn, request.id)
        news = unmarshal(request.news)
        operations = self._operations(request.urn, news)
        if request.preview or has_unknown(news):
            outputs = operations.preview(news, unmarshal(request.olds))
        else:
            olds = unmarshal(request.old_inputs)
            outputs = operations.update(request.urn, request.id, olds, news)
        return provider_pb2.UpdateResponse(properties=marshal(outputs))

    @_answers
    def Delete(self, request: Any, context: Any) -> empty_pb2.Empty:
        self._journal.in_state(request.urn, request.id)
        properties = unmarshal(request.properties)
        self._operations(request.urn, properties).delete(request.id, properties)
        return empty_pb2.Empty()

    def _say_once(self, urn: str, sentence: str | None) -> None:
        """What is kept in state only is in the run's own output, once."""
        with self._saying:
            if sentence is None or self._engine is None or sentence in self._said:
                return
            self._said.add(sentence)
        with grpc.insecure_channel(self._engine) as channel:
            message = engine_pb2.LogRequest(
                severity=engine_pb2.INFO, message=sentence, urn=urn, streamId=0
            )
            engine_pb2_grpc.EngineStub(channel).Log(message)

    def _operations(self, urn: str, properties: Properties) -> Operations:
        token = urn.split("::")[2].split("$")[-1]
        row = TABLE.get(token)
        if row is None:
            raise ApiError(
                f"the local cloud does not have {token} yet; docs/local-cloud.md says how a type "
                "is added"
            )
        return Operations(
            token=token,
            row=row,
            api=self._in_region(properties.get("region")),
            journal=self._journal,
            default_tags=self._default_tags,
        )

    def _in_region(self, region: object) -> Api:
        if not isinstance(region, str):
            return self._api
        return self._apis.setdefault(region, Api(region))


def _initialization_failed(error: PartlyCreatedError) -> grpc.Status:
    """The resource exists: the engine keeps it in the state and updates it next time."""
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
    status.details.add().Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=error.resource_id, properties=marshal(error.properties), reasons=[str(error)]
        )
    )
    answer = grpc.Status()
    answer.code = grpc.StatusCode.UNKNOWN
    answer.details = str(error)
    answer.trailing_metadata = (("grpc-status-details-bin", status.SerializeToString()),)
    return answer
