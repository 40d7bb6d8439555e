"""Tags are refused where AWS would refuse them."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field

from bedplate.core import Args, ArgsError
from bedplate.core.tags import Tags, default_tags, merge, tag_problems, validate_tags


class Tagged(Args):
    tags: Tags = Field(default_factory=dict)


@pytest.mark.parametrize(
    ("tags", "why"),
    [
        ({"": "x"}, "0 characters"),
        ({"k" * 129: "x"}, "129 characters"),
        ({"aws:name": "x"}, "keeps for itself"),
        ({"AWS:name": "x"}, "keeps for itself"),
        ({"a;b": "x"}, "other than"),
        ({"a": "v" * 257}, "257 characters"),
        ({"a": "b|c"}, "other than"),
        ({"a": "b\nc"}, "other than"),
        ({"a\tb": "c"}, "other than"),
        ({str(i): "" for i in range(51)}, "51 tags"),
    ],
)
def test_what_aws_refuses_is_refused_with_the_key(tags: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        validate_tags(tags)
    with pytest.raises(ArgsError, match=why):
        Tagged(tags=tags)


def test_every_bad_tag_is_reported() -> None:
    with pytest.raises(ValueError, match=r"(?s)'aws:a'.*'b;'"):
        validate_tags({"aws:a": "x", "b;": "x", "fine": "x"})


def test_own_tags_win_over_the_base() -> None:
    assert merge({"team": "a", "cost": "1"}, {"team": "b"}) == {"team": "b", "cost": "1"}


def test_two_valid_halves_that_are_too_many_together_are_refused() -> None:
    base = {f"a{i}": "" for i in range(30)}
    own = {f"b{i}": "" for i in range(30)}
    assert not tag_problems(base)
    with pytest.raises(ValueError, match="60 tags"):
        merge(base, own)


def test_default_tags_say_what_runs_for_whom() -> None:
    assert default_tags("aws-dev", component="gpu", owner="research", cost_center="4711") == {
        "bedplate:project": "bedplate",
        "bedplate:environment": "aws-dev",
        "bedplate:component": "gpu",
        "bedplate:owner": "research",
        "bedplate:cost-center": "4711",
        "bedplate:managed-by": "pulumi",
    }


def test_default_tags_leave_out_what_is_not_known_and_take_more() -> None:
    tags = default_tags("aws-dev", extra={"Name": "x"})
    assert "bedplate:owner" not in tags
    assert tags["Name"] == "x"


tag_text = st.text(alphabet="abcXYZ019 +-=._:/@äß漢", max_size=40)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(tag_text.filter(bool), tag_text, max_size=60), st.dictionaries(tag_text, tag_text))
def test_merging_keeps_the_rules(base: dict[str, str], own: dict[str, str]) -> None:
    try:
        merged = merge(base, own)
    except ValueError:
        both = {**base, **own}
        assert len(both) > 50 or any(not key or key.lower().startswith("aws:") for key in both)
    else:
        assert set(merged) == set(base) | set(own)
        assert all(merged[key] == value for key, value in own.items())
        assert not tag_problems(merged)


def test_keys_that_iam_would_take_for_one_are_refused() -> None:
    with pytest.raises(ValueError, match="'Team' differs from another in case only"):
        validate_tags({"Team": "a", "team": "b"})
