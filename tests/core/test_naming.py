"""Names: of components, and of what the cloud must know by name."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bedplate.core import naming


def test_a_child_is_named_after_its_component() -> None:
    assert naming.child("research-network", "private-0") == "research-network-private-0"


@pytest.mark.parametrize(("name", "part"), [("", "a"), ("a", "")])
def test_a_child_without_a_part_is_refused(name: str, part: str) -> None:
    with pytest.raises(ValueError, match="both parts"):
        naming.child(name, part)


@pytest.mark.parametrize(
    ("name", "fixed"), [("My Network", "my-network"), ("9lives", "lives"), ("a--b", "a-b")]
)
def test_a_bad_name_is_refused_with_one_that_would_do(name: str, fixed: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{fixed!r} would do")):
        naming.validate_name(name)


def test_a_name_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="201 characters"):
        naming.validate_name("a" * 201)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=40))
def test_what_is_suggested_is_accepted(name: str) -> None:
    try:
        assert naming.validate_name(name) == name
    except ValueError as error:
        suggestion = re.search(r"; '([^']+)' would do", str(error))
        if suggestion:
            assert naming.validate_name(suggestion[1]) == suggestion[1]


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (naming.EKS_CLUSTER, "aws-dev_1", "-dev"),
        (naming.EKS_NODE_GROUP, "gpu", "gpu pool"),
        (naming.IAM_ROLE, "node@team,x=1", "node/role"),
        (naming.IAM_POLICY, "read+write", "read write"),
        (naming.LAUNCH_TEMPLATE, "gpu/(1).a-b_c", "gpu template"),
        (naming.PLACEMENT_GROUP, "gpu group", "gpü"),
        (naming.SNS_TOPIC, "alarms.fifo", "alarms.topic"),
        (naming.LOG_GROUP, "/aws/vpc/#1", "log group"),
        (naming.KMS_ALIAS, "alias/dev/data", "alias/aws/s3"),
    ],
)
def test_each_rule_of_aws_is_kept(rule: naming.NameRule, good: str, bad: str) -> None:
    assert rule.check(good) == good
    with pytest.raises(ValueError, match=re.escape(rule.kind)):
        rule.check(bad)


@pytest.mark.parametrize(
    ("rule", "longest"),
    [
        (naming.EKS_CLUSTER, 100),
        (naming.EKS_NODE_GROUP, 63),
        (naming.IAM_ROLE, 64),
        (naming.IAM_POLICY, 128),
        (naming.LAUNCH_TEMPLATE, 128),
        (naming.SNS_TOPIC, 256),
        (naming.LOG_GROUP, 512),
    ],
)
def test_each_length_is_kept_to_the_character(rule: naming.NameRule, longest: int) -> None:
    assert rule.check("a" * longest)
    with pytest.raises(ValueError, match="shorten it"):
        rule.check("a" * (longest + 1))
    assert rule.room_for("-1234567") == longest - 8


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("ab", "lengthen"),
        ("a" * 64, "shorten"),
        ("My-Bucket", "lower-case"),
        ("-bucket", "lower-case"),
        ("bucket-", "lower-case"),
        ("192.168.0.1", "IP address"),
        ("my.bucket", "hyphens instead"),
        ("xn--bucket", "'xn--'"),
        ("bucket-s3alias", "'-s3alias'"),
        ("bucket--x-s3", "'--x-s3'"),
    ],
)
def test_bucket_names_that_s3_refuses_are_refused(name: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        naming.validate_bucket_name(name)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.from_regex(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", fullmatch=True))
def test_plain_bucket_names_are_accepted_unless_s3_keeps_them(name: str) -> None:
    reserved = name.startswith(("xn--", "sthree-", "amzn-s3-demo-")) or name.endswith(
        ("-s3alias", "--ol-s3", "--x-s3", "--table-s3")
    )
    try:
        naming.validate_bucket_name(name)
    except ValueError:
        assert reserved
    else:
        assert not reserved
