"""AWS as the provider framework sees it: configuration, default tags, references, errors in the cloud's
words.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from bedplate.sandbox.providers.aws import existence, invokes
from bedplate.sandbox.providers.aws.base import not_found
from bedplate.sandbox.providers.aws.context import ACCOUNT_ID, AwsConfig, AwsContext
from bedplate.sandbox.providers.aws.registry import REGISTRY
from bedplate.sandbox.providers.handler import CloudError, Context, HandlerRegistry, JsonObject, ObjectStore
from bedplate.sandbox.providers.schema import Problem, ResourceSchema, Schema
from bedplate.sandbox.providers.wire import has_unknown
from bedplate.sandbox.server.moto_app import NOT_IMPLEMENTED
from bedplate.sandbox.server.operations import Operations
from bedplate.sandbox.server.transport import Clients

_REGION = re.compile(r"^[a-z]{2}(-[a-z]+)+-\d$")


class AwsCloud:
    """A `Cloud` (see `providers/cloud.py`)."""

    name = "aws"

    def __init__(self, clients: Clients, store: ObjectStore, operations: Operations) -> None:
        self.operations = operations
        self.schema = Schema(Path(__file__).with_name("schema.json.gz"))
        self._clients = clients
        self._store = store

    @property
    def registry(self) -> HandlerRegistry:
        return REGISTRY

    def check_config(self, inputs: Mapping[str, Any]) -> list[Problem]:
        # Credentials, profiles, roles to assume and endpoints are accepted: the sandbox has one account for
        # all.
        problems: list[Problem] = []
        region = inputs.get("region")
        if region is not None and not inputs.get("skipRegionValidation"):
            problems += [("region", problem) for problem in _region_problems(str(region))]
        return problems

    def configure(self, inputs: Mapping[str, Any]) -> AwsConfig:
        values = {name: value for name, value in inputs.items() if not has_unknown(value)}
        region = values.get("region")
        if not region:
            raise CloudError(
                "MissingRegion", "the AWS provider has no region; set aws:region in the stack's configuration"
            )
        allowed = values.get("allowedAccountIds")
        if allowed and ACCOUNT_ID not in allowed:
            raise CloudError(
                "AccountNotAllowed",
                f"allowedAccountIds has {', '.join(map(str, allowed))}, and not the sandbox's account "
                f"{ACCOUNT_ID}; add it to the list for the sandbox",
            )
        if ACCOUNT_ID in (values.get("forbiddenAccountIds") or ()):
            raise CloudError(
                "AccountNotAllowed", f"forbiddenAccountIds has the sandbox's account {ACCOUNT_ID}"
            )
        return AwsConfig(str(region), dict((values.get("defaultTags") or {}).get("tags") or {}))

    def context(
        self, config: object, urn: str, inputs: Mapping[str, Any], unknown: frozenset[str] = frozenset()
    ) -> AwsContext:
        assert isinstance(config, AwsConfig)
        region = inputs.get("region") or config.region
        return AwsContext(urn, config, str(region), self._clients, self._store, unknown)

    def known_outputs(self, config: object, schema: ResourceSchema, inputs: Mapping[str, Any]) -> JsonObject:
        assert isinstance(config, AwsConfig)
        known: JsonObject = {}
        if "region" in schema.outputs:
            known["region"] = inputs.get("region") or config.region
        if "tagsAll" in schema.outputs and not has_unknown(inputs.get("tags")):
            known["tagsAll"] = {**config.default_tags, **(inputs.get("tags") or {})}
        return known

    def implied_changes(
        self, config: object, schema: ResourceSchema, state: Mapping[str, Any], inputs: Mapping[str, Any]
    ) -> dict[str, bool]:
        known = {} if has_unknown(inputs.get("region")) else self.known_outputs(config, schema, inputs)
        found: dict[str, bool] = {}
        if (
            "region" in known
            and "region" in schema.inputs
            and state.get("region") not in (None, known["region"])
        ):
            found["region"] = True
        if "tagsAll" in known and (state.get("tagsAll") or {}) != known["tagsAll"]:
            found["tagsAll"] = False
        return found

    def missing(self, ctx: Context, kind: str, value: str) -> CloudError | None:
        return existence.missing(ctx, kind, value)

    def explain(self, exc: Exception) -> CloudError | None:
        if isinstance(exc, ClientError):
            error = exc.response.get("Error", {})
            code, message = str(error.get("Code", "Unknown")), str(error.get("Message") or "no message")
            if code == NOT_IMPLEMENTED:
                return CloudError(code, f"{message}; the sandbox cannot do this, a real account can")
            return CloudError(code, f"{message} ({exc.operation_name})")
        if isinstance(exc, ParamValidationError):
            return CloudError("InvalidParameter", " ".join(str(exc).split()))
        return CloudError(type(exc).__name__, str(exc)) if isinstance(exc, BotoCoreError) else None

    def gone(self, exc: Exception) -> bool:
        return isinstance(exc, ClientError) and not_found(exc)

    def invoke(self, config: object, token: str, args: JsonObject) -> JsonObject:
        return invokes.invoke(self.context(config, token, args), token, args)


def _region_problems(region: str) -> list[str]:
    from botocore.session import get_session

    session = get_session()
    known = {
        name
        for partition in session.get_available_partitions()
        for name in session.get_available_regions("ec2", partition)
    }
    if region in known:
        return []
    return [f"'{region}' is not an AWS region; known are {', '.join(sorted(known))}"]
