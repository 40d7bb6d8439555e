"""SSH key pairs of a given public key."""

from typing import ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY
from bedplate.sandbox.providers.aws.handlers.ec2_base import REGION, Ec2Handler
from bedplate.sandbox.providers.aws.handlers.ec2_checks import matching
from bedplate.sandbox.providers.aws.handlers.ec2_shape import stable_id
from bedplate.sandbox.providers.handler import AutoName, Context, JsonObject


@REGISTRY.register
class KeyPair(Ec2Handler):
    token = "aws:ec2/keyPair:KeyPair"
    tag_type = "key-pair"
    describe = ("describe_key_pairs", "KeyNames", "KeyPairs")
    auto_name = AutoName("keyName", 255)
    replace_on = REGION | {"keyName", "keyNamePrefix", "publicKey"}
    checks: ClassVar = {
        "publicKey": matching(
            r"(?s)(ssh-rsa|ssh-ed25519) [A-Za-z0-9+/=]+( .*)?\s*",
            "must be an OpenSSH public key of type ssh-rsa or ssh-ed25519",
        )
    }
    shows: ClassVar = {"keyName": "KeyName", "fingerprint": "KeyFingerprint", "keyPairId": "KeyPairId"}

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        prefix = inputs.get("keyNamePrefix", "terraform-")
        name = inputs.get("keyName") or f"{prefix}{stable_id(ctx.urn, length=26)}"
        key = self.client(ctx).import_key_pair(
            KeyName=name, PublicKeyMaterial=str(inputs["publicKey"]).encode(), **self.tagging(ctx, inputs)
        )
        return name, key

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        name, public = seen["KeyName"], str(state.get("publicKey", ""))
        return {
            "arn": f"arn:{ctx.partition}:ec2:{ctx.region}:{ctx.account_id}:key-pair/{name}",
            "keyType": "ed25519" if public.startswith("ssh-ed25519") else "rsa",
            "keyNamePrefix": state.get("keyNamePrefix", ""),
        }

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        """Only tags change in place."""

    def retag(self, ctx: Context, id: str, put: object, drop: object) -> None:
        seen = self.look(ctx, id, {}) or {}
        super().retag(ctx, seen.get("KeyPairId", id), put, drop)  # type: ignore[arg-type]

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        self.client(ctx).delete_key_pair(KeyName=id)
