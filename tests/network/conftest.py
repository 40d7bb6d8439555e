"""Components run against Pulumi's own mocks, and policies are asked what they decide."""

import asyncio
import fnmatch
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from bedplate.core.errors import ArgsError

ACCOUNT = "123456789012"
REGION = "us-east-1"


@dataclass(frozen=True)
class Made:
    """One registered resource. `inputs` are as the provider would get them, in camelCase."""

    type: str
    name: str
    inputs: dict[str, Any]
    protect: bool
    parent: str
    depends_on: tuple[str, ...]

    def document(self, field: str) -> dict[str, Any]:
        """A JSON document among the inputs."""
        return json.loads(self.inputs[field])


@dataclass
class Recording:
    """What a program made, in the order of registration."""

    made: list[Made] = field(default_factory=list)

    def of_type(self, tail: str) -> list[Made]:
        """Resources by the last part of their type, e.g. `Subnet`."""
        return [one for one in self.made if one.type.rsplit(":", 1)[-1] == tail]

    def one(self, tail: str, name: str | None = None) -> Made:
        found = [one for one in self.of_type(tail) if name in (None, one.name)]
        assert len(found) == 1, f"{len(found)} resources {tail} {name or ''} in {self.names()}"
        return found[0]

    def names(self) -> list[str]:
        return [one.name for one in self.made]


class _Cloud(pulumi.runtime.Mocks):
    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:
        answers = {
            "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT, "id": ACCOUNT},
            "aws:index/getPartition:getPartition": {"partition": "aws", "dnsSuffix": "amazonaws.com"},
            "aws:index/getRegion:getRegion": {"region": REGION, "name": REGION},
        }
        return answers[args.token]

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        service, kind = args.typ.split(":")[1].split("/")[0], args.typ.rsplit(":", 1)[-1]
        made = {
            "arn": f"arn:aws:{service}:{REGION}:{ACCOUNT}:{kind.lower()}/{args.name}",
            "name": args.name,
            "keyId": f"{args.name}-key-id",
            "publicIp": "203.0.113.7",
        }
        if args.typ == "aws:s3/bucket:Bucket":
            bucket = args.inputs.get("bucket", args.name)
            made |= {"bucket": bucket, "arn": f"arn:aws:s3:::{bucket}"}
        return f"{args.name}-id", {**made, **args.inputs}


class _Monitor(mocks.MockMonitor):
    def __init__(self, recording: Recording) -> None:
        super().__init__(_Cloud())
        self.recording = recording

    def RegisterResource(self, request: Any) -> Any:
        answer = super().RegisterResource(request)
        if not request.type.startswith("pulumi:pulumi:"):
            inputs = mocks.rpc.deserialize_properties(request.object)
            self.recording.made.append(
                Made(
                    request.type,
                    request.name,
                    inputs,
                    request.protect,
                    request.parent.rsplit("::", 1)[-1],
                    tuple(urn.rsplit("::", 1)[-1] for urn in request.dependencies),
                )
            )
        return answer


@pytest.fixture
def record() -> Callable[[Callable[[], object]], Recording]:
    """Runs a program against mocks and returns what it registered; errors of the program are raised."""

    def run(program: Callable[[], object]) -> Recording:
        recording = Recording()
        loop = asyncio.new_event_loop()
        # Errors reach the test by the program's own end; what the SDK abandons on the way is not repeated.
        loop.set_exception_handler(lambda *_: None)
        asyncio.set_event_loop(loop)
        pulumi.runtime.set_mocks(_Cloud(), monitor=_Monitor(recording), preview=False)

        @pulumi.runtime.test
        def main() -> None:
            program()

        main()
        return recording

    return run


def _matches(pattern: str, value: str) -> bool:
    return fnmatch.fnmatchcase(value, pattern.replace("[", "[[]"))


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _condition_holds(operator: str, wanted: Any, given: str | None) -> bool:
    values = _listed(wanted)
    if operator == "Null":
        return (given is None) == (values == ["true"])
    if given is None:
        # As IAM has it: a negated comparison holds where there is nothing to compare.
        return operator.endswith("IfExists") or "Not" in operator
    tests: dict[str, Callable[[str], bool]] = {
        "StringEquals": lambda value: given == value,
        "StringNotEquals": lambda value: given != value,
        "StringLike": lambda value: _matches(value, given),
        "ArnLike": lambda value: _matches(value, given),
        "Bool": lambda value: given == value,
        "NumericLessThan": lambda value: float(given) < float(value),
    }
    return any(tests[operator.removesuffix("IfExists")](value) for value in values)


def _applies(
    statement: Mapping[str, Any],
    action: str,
    resource: str,
    context: Mapping[str, str],
    principal: str | None,
) -> bool:
    who = statement.get("Principal", "*")
    principals = (
        [who] if isinstance(who, str) else [name for names in who.values() for name in _listed(names)]
    )
    return (
        ("*" in principals or principal in principals)
        and any(_matches(pattern, action) for pattern in _listed(statement["Action"]))
        and any(_matches(pattern, resource) for pattern in _listed(statement.get("Resource", "*")))
        and all(
            _condition_holds(operator, wanted, context.get(key))
            for operator, pairs in statement.get("Condition", {}).items()
            for key, wanted in pairs.items()
        )
    )


@pytest.fixture
def decide() -> Callable[..., str]:
    """What a policy says of one request: "allow", "deny" (a denial wins), or "none" where it says nothing."""

    def run(
        document: Mapping[str, Any],
        action: str,
        resource: str = "*",
        context: Mapping[str, str] | None = None,
        principal: str | None = None,
    ) -> str:
        effects = {
            statement["Effect"]
            for statement in document["Statement"]
            if _applies(statement, action, resource, context or {}, principal)
        }
        return "deny" if "Deny" in effects else "allow" if effects else "none"

    return run


@pytest.fixture
def key() -> Callable[[], Any]:
    """Makes the handle of a key that exists elsewhere; to be called inside of a program."""

    def make() -> Any:
        from bedplate.keys.handles import KeyHandle

        return KeyHandle.from_existing(arn=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234")

    return make


@pytest.fixture
def refused() -> Callable[..., dict[str, str]]:
    """The problems of a call, by path; the call must be refused."""

    def run(call: Callable[[], object]) -> dict[str, str]:
        with pytest.raises(ArgsError) as caught:
            call()
        found: dict[str, str] = {}
        for problem in caught.value.problems:
            found[problem.path] = "\n".join(filter(None, (found.get(problem.path), problem.reason)))
        return found

    return run
