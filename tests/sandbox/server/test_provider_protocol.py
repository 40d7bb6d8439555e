"""The AWS provider as an engine meets it over gRPC: configuration, strictness, functions."""

import json

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2

from bedplate.sandbox.providers.servicer import PROVIDER_METADATA
from bedplate.sandbox.providers.wire import Secret, decode_struct, encode_struct
from bedplate.sandbox.server import ensure_daemon, stop_daemon

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
BUCKET = "aws:s3/bucket:Bucket"


@pytest.fixture(scope="module")
def info(tmp_path_factory):
    home = tmp_path_factory.mktemp("protocol")
    yield ensure_daemon(home)
    stop_daemon(home)


@pytest.fixture
def one(info, attach):
    return attach(info)


def refused(call):
    with pytest.raises(grpc.RpcError) as caught:
        call()
    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION, caught.value
    assert "Traceback" not in caught.value.details()
    return caught.value.details()


def invoke(one, token, **args):
    answer = one.stub.Invoke(provider_pb2.InvokeRequest(tok=token, args=encode_struct(args)))
    return decode_struct(getattr(answer, "return"))


def test_an_engine_can_attach(one):
    assert one.stub.Attach(plugin_pb2.PluginAttach(address="127.0.0.1:1")) == empty_pb2.Empty()
    answer = one.stub.Handshake(provider_pb2.ProviderHandshakeRequest(engine_address="127.0.0.1:1"))
    assert answer.accept_secrets
    assert answer.accept_resources
    assert answer.accept_outputs
    assert one.stub.GetPluginInfo(empty_pb2.Empty()).version.startswith("7.")
    schema = json.loads(one.stub.GetSchema(provider_pb2.GetSchemaRequest()).schema)
    assert schema["resources"][VPC]["inputProperties"]["cidrBlock"] == {"type": "string"}


@pytest.mark.parametrize(
    ("config", "path", "text"),
    [
        ({"regoin": "eu-west-1"}, "regoin", "did you mean region"),
        ({"region": "eu-mars-1"}, "region", "'eu-mars-1' is not an AWS region"),
        ({"region": 5}, "region", "give a string"),
    ],
)
def test_wrong_provider_configuration(one, config, path, text):
    answer = one.stub.CheckConfig(provider_pb2.CheckRequest(news=encode_struct(config)))
    assert [failure.property for failure in answer.failures] == [path]
    assert text in answer.failures[0].reason


def test_settings_come_as_json_text_as_the_sdk_and_the_configuration_give_them(one):
    def problems(**config):
        answer = one.stub.CheckConfig(provider_pb2.CheckRequest(news=encode_struct(config)))
        return [failure.property for failure in answer.failures]

    tags = json.dumps({"tags": {"team": "infra"}})
    assert problems(region="us-west-2", defaultTags=tags, skipRegionValidation="true", maxRetries="3") == []
    assert problems(defaultTags=Secret(tags), allowedAccountIds='["123456789012"]') == []
    assert problems(skipRegionValidation="maybe") == ["skipRegionValidation"]
    assert problems(defaultTags='{"tag": {}}') == ["defaultTags.tag"]
    assert problems(region="us-wst-2", skipRegionValidation="false") == ["region"]


def test_configuration_that_cannot_work_is_refused(info, attach):
    assert "set aws:region" in refused(lambda: attach(info, region=""))
    assert "123456789012" in refused(lambda: attach(info, allowedAccountIds='["210987654321"]'))
    assert "forbiddenAccountIds" in refused(lambda: attach(info, forbiddenAccountIds=["123456789012"]))
    attach(info, allowedAccountIds='["123456789012"]')


def test_provider_instances_keep_their_own_configuration(info, attach):
    tags = json.dumps({"tags": {"team": "infra"}})
    west, east = attach(info, region="us-west-2", defaultTags=tags), attach(info, region="us-east-2")
    id, outputs = west.up(VPC, "west", {"cidrBlock": "10.0.0.0/16", "tags": {"own": "1"}})
    assert outputs["region"] == "us-west-2"
    assert outputs["tagsAll"] == {"team": "infra", "own": "1"}
    _, other = east.up(VPC, "east", {"cidrBlock": "10.0.0.0/16"})
    assert other["region"] == "us-east-2"
    assert not other.get("tagsAll")
    found = west.client("ec2").describe_vpcs(VpcIds=[id])["Vpcs"][0]
    assert {tag["Key"]: tag["Value"] for tag in found["Tags"]} == {"team": "infra", "own": "1"}


def test_instances_on_one_connection_are_told_apart_by_metadata(one):
    def region(name):
        request = provider_pb2.InvokeRequest(tok="aws:index/getRegion:getRegion")
        answer = one.stub.Invoke(request, metadata=[(PROVIDER_METADATA, name)])
        return decode_struct(getattr(answer, "return"))["region"]

    for name, value in (("a", "us-west-2"), ("b", "eu-north-1")):
        args = encode_struct({"region": value})
        one.stub.Configure(provider_pb2.ConfigureRequest(args=args), metadata=[(PROVIDER_METADATA, name)])
    assert (region("a"), region("b")) == ("us-west-2", "eu-north-1")


def test_own_region_wins_and_a_change_of_region_replaces(info, attach, one):
    inputs = one.checked(VPC, "far", {"cidrBlock": "10.0.0.0/16", "region": "ap-south-1"})
    id, state = one.create(VPC, "far", inputs)
    assert one.client("ec2", "ap-south-1").describe_vpcs(VpcIds=[id])["Vpcs"]
    near = one.checked(VPC, "far", {"cidrBlock": "10.0.0.0/16"}, old=inputs)
    assert list(one.diff(VPC, "far", id, inputs, state, near).replaces) == ["region"]

    inputs = one.checked(VPC, "near", {"cidrBlock": "10.0.0.0/16"})
    id, state = one.create(VPC, "near", inputs)
    elsewhere = attach(info, region="us-west-2")
    assert list(elsewhere.diff(VPC, "near", id, inputs, state, inputs).replaces) == ["region"]


@pytest.mark.parametrize(
    ("token", "inputs"),
    [
        (VPC, {"cidrBlock": "10.0.0.0/16", "tags": {"a": "1"}, "region": "eu-west-1"}),
        ("aws:s3/bucket:Bucket", {"bucket": "taken-over"}),
        ("aws:sns/topic:Topic", {"name": "taken-over"}),
        ("aws:cloudwatch/logGroup:LogGroup", {"name": "taken-over", "retentionInDays": 7}),
    ],
)
def test_an_imported_resource_differs_by_nothing_that_the_cloud_chose(one, token, inputs):
    id, _ = one.up(token, "there", inputs)
    found = one.stub.Read(provider_pb2.ReadRequest(urn=one.urn(token, "there"), id=id))
    old, state = decode_struct(found.inputs), decode_struct(found.properties)
    news = one.checked(token, "there", inputs, old=old)
    assert list(one.diff(token, "there", id, old, state, news).diffs) == []
    other = {**news, "tags": {"b": "2"}}
    changed = one.diff(token, "there", id, old, state, other)
    assert {"tags", "tagsAll"} & set(changed.diffs)
    assert list(changed.replaces) == []


def test_changed_default_tags_are_an_update(info, attach, one):
    inputs = one.checked(VPC, "tagged", {"cidrBlock": "10.0.0.0/16"})
    id, state = one.create(VPC, "tagged", inputs)
    other = attach(info, defaultTags={"tags": {"team": "infra"}})
    found = other.diff(VPC, "tagged", id, inputs, state, inputs)
    assert list(found.diffs) == ["tagsAll"]
    assert list(found.replaces) == []


@pytest.mark.parametrize(
    ("token", "inputs", "path", "text"),
    [
        (VPC, {"cidrBlok": "10.0.0.0/16"}, "cidrBlok", "did you mean cidrBlock"),
        (VPC, {"cidrBlock": ["10.0.0.0/16"]}, "cidrBlock", "give a string"),
        (SUBNET, {"cidrBlock": "10.0.0.0/24"}, "vpcId", "required"),
        (VPC, {"cidrBlock": "10.0.0.0/16", "tags": "a=b"}, "tags", "give a map of string values"),
        (VPC, {"cidrBlock": "10.0.0.0/16", "enableDnsSupport": "true"}, "enableDnsSupport", "true or false"),
        (BUCKET, {"forceDestroy": 1}, "forceDestroy", "true or false"),
        (BUCKET, {"bucketName": "x"}, "bucketName", "did you mean"),
    ],
)
def test_wrong_inputs_are_refused_before_anything_is_made(one, token, inputs, path, text):
    failures = {failure.property: failure.reason for failure in one.check(token, "wrong", inputs).failures}
    assert text in failures[path]


def test_what_does_not_exist_is_refused(one):
    text = refused(
        lambda: one.up(SUBNET, "a", {"vpcId": "vpc-0123456789abcdef0", "cidrBlock": "10.0.0.0/24"})
    )
    assert text.startswith(f"{SUBNET} 'a': ")
    assert "InvalidVpcID.NotFound" in text
    assert "vpc-0123456789abcdef0" in text


def test_unknown_type_is_named(one):
    text = refused(lambda: one.check("aws:quantum/computer:Computer", "q", {}))
    assert "aws:quantum/computer:Computer" in text
    assert "docs/sandbox-types.md" in text


def test_second_run_has_no_changes_and_refresh_no_drift(one):
    inputs = one.checked(BUCKET, "same", {"tags": {"a": "b"}})
    id, state = one.create(BUCKET, "same", inputs)
    again = one.checked(BUCKET, "same", {"tags": {"a": "b"}}, old=inputs)
    assert again == inputs
    assert one.diff(BUCKET, "same", id, inputs, state, again).changes == provider_pb2.DiffResponse.DIFF_NONE
    answer = one.stub.Read(
        provider_pb2.ReadRequest(
            urn=one.urn(BUCKET, "same"), id=id, inputs=encode_struct(inputs), properties=encode_struct(state)
        )
    )
    assert answer.id == id
    assert decode_struct(answer.inputs) == inputs
    assert decode_struct(answer.properties) == state


def test_deleted_behind_its_back_is_seen(one):
    inputs = one.checked(BUCKET, "lost", {})
    id, state = one.create(BUCKET, "lost", inputs)
    one.client("s3").delete_bucket(Bucket=id)
    answer = one.stub.Read(
        provider_pb2.ReadRequest(
            urn=one.urn(BUCKET, "lost"), id=id, inputs=encode_struct(inputs), properties=encode_struct(state)
        )
    )
    assert answer.id == ""
    one.delete(BUCKET, "lost", id, state)


def test_functions(one):
    assert invoke(one, "aws:index/getCallerIdentity:getCallerIdentity")["accountId"] == "123456789012"
    assert invoke(one, "aws:index/getPartition:getPartition")["dnsSuffix"] == "amazonaws.com"
    assert invoke(one, "aws:index/getRegion:getRegion")["region"] == "eu-west-1"
    zones = invoke(one, "aws:index/getAvailabilityZones:getAvailabilityZones", state="available")
    assert zones["names"] == ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    name = "/aws/service/eks/optimized-ami/1.33/amazon-linux-2023/x86_64/nvidia/recommended/image_id"
    image = invoke(one, "aws:ssm/getParameter:getParameter", name=name)["value"]
    assert image == invoke(one, "aws:ssm/getParameter:getParameter", name=name)["value"]
    assert image.startswith("ami-")
    default = invoke(one, "aws:ec2/getVpc:getVpc", default=True)
    filters = [{"name": "vpc-id", "values": [default["id"]]}]
    assert len(invoke(one, "aws:ec2/getSubnets:getSubnets", filters=filters)["ids"]) == 3


def test_functions_that_find_nothing_or_are_not_there(one):
    assert "getPotato" in refused(lambda: invoke(one, "aws:index/getPotato:getPotato"))
    assert "ParameterNotFound" in refused(
        lambda: invoke(one, "aws:ssm/getParameter:getParameter", name="/mine")
    )
    assert "NoSuchBucket" in refused(lambda: invoke(one, "aws:s3/getBucket:getBucket", bucket="no-such"))


def test_policy_document(one):
    base = json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": "A", "Effect": "Deny", "Action": "*"}]})
    answer = invoke(
        one,
        "aws:iam/getPolicyDocument:getPolicyDocument",
        sourcePolicyDocuments=[base],
        statements=[
            {
                "sid": "B",
                "actions": ["s3:GetObject", "s3:PutObject"],
                "resources": ["arn:aws:s3:::b/&{aws:username}"],
                "principals": [{"type": "AWS", "identifiers": ["arn:aws:iam::1:root"]}],
                "conditions": [
                    {"test": "StringEquals", "variable": "aws:a", "values": ["1", "2"]},
                    {"test": "Bool", "variable": "aws:SecureTransport", "values": ["true"]},
                ],
            }
        ],
        overridePolicyDocuments=[
            json.dumps({"Statement": {"Sid": "A", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}})
        ],
    )
    assert json.loads(answer["json"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "A", "Effect": "Allow", "Action": "s3:*", "Resource": "*"},
            {
                "Sid": "B",
                "Effect": "Allow",
                "Action": ["s3:PutObject", "s3:GetObject"],
                "Resource": "arn:aws:s3:::b/${aws:username}",
                "Principal": {"AWS": "arn:aws:iam::1:root"},
                "Condition": {
                    "Bool": {"aws:SecureTransport": "true"},
                    "StringEquals": {"aws:a": ["1", "2"]},
                },
            },
        ],
    }
    assert json.loads(answer["minifiedJson"]) == json.loads(answer["json"])
