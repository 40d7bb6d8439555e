"""What a user meets when the arguments of a component are wrong, and when they are right."""

from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Literal, Self

import pulumi
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field, SecretStr, field_validator, model_validator

from bedplate.core import Args, ArgsError, In, InputPropertiesError, Problem, Problems


class Market(Enum):
    ON_DEMAND = "on-demand"
    SPOT = "spot"


class DiskArgs(Args):
    kind: Literal["gp3"] = "gp3"
    size_gib: int = Field(default=100, ge=1, le=16384)
    iops: int | None = Field(default=None, ge=3000)

    @model_validator(mode="after")
    def _iops_fit_the_size(self) -> Self:
        if self.iops is not None and self.iops > 500 * self.size_gib:
            raise ValueError(f"iops {self.iops} are more than 500 per GiB; lower iops or raise size_gib")
        return self


class SharedArgs(Args):
    kind: Literal["efs"]
    throughput_mibps: int


class PoolArgs(Args):
    machine: str
    min_size: int = Field(default=0, ge=0)
    max_size: int = Field(default=1, ge=0)
    market: Market = Market.ON_DEMAND
    subnet_ids: In[Sequence[In[str]]] = ()
    disks: tuple[Annotated[DiskArgs | SharedArgs, Field(discriminator="kind")], ...] = ()
    labels: dict[str, str] = Field(default_factory=dict)
    password: SecretStr | None = Field(default=None, min_length=12)
    join_token: str = Field(default="", max_length=4)

    @field_validator("machine")
    @classmethod
    def _machine_has_a_size(cls, value: str) -> str:
        if "." not in value:
            raise ValueError("a machine is written family.size, such as p5.48xlarge; add the size")
        return value

    @model_validator(mode="after")
    def _sizes_agree(self) -> Self:
        problems = Problems()
        if self.max_size < self.min_size:
            problems.add("max_size", f"{self.max_size} is below min_size {self.min_size}; raise it")
        if self.market is Market.SPOT and self.min_size:
            problems.add("min_size", f"{self.min_size} given; a spot pool begins at 0; set it to 0")
        problems.raise_if_any()
        return self


class PlatformArgs(Args):
    pools: tuple[PoolArgs, ...] = ()
    named: dict[str, PoolArgs] = Field(default_factory=dict)
    spare: PoolArgs | None = None


def refused(make: object, *arguments: object, **values: object) -> dict[str, str]:
    """The problems of one call, by path; fails where two problems share one."""
    with pytest.raises(InputPropertiesError) as caught:
        make(*arguments, **values)  # type: ignore[operator]
    details = caught.value.errors or []
    by_path = {detail["property_path"]: detail["reason"] for detail in details}
    assert len(by_path) == len(details)
    return by_path


def test_every_problem_of_one_call_is_reported_at_once() -> None:
    problems = refused(PoolArgs, machine="p5", min_size=-1, max_size="many", market="spott", labels=3)
    assert set(problems) == {"machine", "min_size", "max_size", "market", "labels"}
    assert problems["min_size"] == "-1 given; must be at least 0; raise it"
    assert problems["max_size"].startswith("'many' given; must be a whole number")
    assert "allowed are on-demand, spot; did you mean spot?" in problems["market"]
    assert problems["machine"].startswith("'p5' given; a machine is written family.size")


def test_the_text_of_the_error_names_the_arguments_and_has_one_line_for_each_problem() -> None:
    with pytest.raises(ArgsError) as caught:
        PoolArgs(machine="p5.48xlarge", min_size=-1, max_size=-2)
    assert str(caught.value).splitlines() == [
        "PoolArgs: 2 problems",
        "  min_size: -1 given; must be at least 0; raise it",
        "  max_size: -2 given; must be at least 0; raise it",
    ]


def test_the_error_ends_a_pulumi_program_without_a_stack_and_is_a_value_error() -> None:
    with pytest.raises(pulumi.RunError):
        PoolArgs(machine="p5")
    with pytest.raises(ValueError, match=r"family\.size"):
        PoolArgs(machine="p5")


def test_an_unknown_field_is_refused_with_the_field_that_was_meant() -> None:
    problems = refused(PoolArgs, machine="p5.48xlarge", max_sise=3)
    assert problems == {"max_sise": "unknown field; did you mean max_size or min_size? Rename or remove it"}


def test_an_unknown_field_like_no_other_is_refused_with_all_that_are_allowed() -> None:
    problems = refused(DiskArgs, zzz=1)
    assert problems["zzz"] == "unknown field; allowed are iops, kind, size_gib; remove it"


def test_a_missing_field_is_named() -> None:
    assert refused(PoolArgs) == {"machine": "not given; the field is required; add it"}


def test_problems_of_nested_arguments_keep_the_whole_path() -> None:
    problems = refused(
        PlatformArgs.model_validate,
        {
            "pools": [
                {"machine": "p5.48xlarge"},
                {
                    "machine": "p5",
                    "disks": [{"kind": "gp3", "size_gib": 0}, {"kind": "efs"}, {"kind": "nvme"}],
                },
            ],
            "named": {"big": {"machine": "g6.xlarge", "max_size": 1.5}},
            "spare": {"machine": "g6.xlarge", "lables": {}},
        },
    )
    assert set(problems) == {
        "pools[1].machine",
        "pools[1].disks[0].size_gib",
        "pools[1].disks[1].throughput_mibps",
        "pools[1].disks[2]",
        "named.big.max_size",
        "spare.lables",
    }
    assert "must be one of 'gp3', 'efs'" in problems["pools[1].disks[2]"]
    assert "did you mean labels?" in problems["spare.lables"]


def test_a_cross_field_check_reports_several_fields_with_their_paths() -> None:
    one = {"machine": "g6.xlarge", "min_size": 4, "max_size": 2, "market": "spot"}
    problems = refused(PlatformArgs.model_validate, {"pools": [one]})
    assert problems == {
        "pools[0].max_size": "2 is below min_size 4; raise it",
        "pools[0].min_size": "4 given; a spot pool begins at 0; set it to 0",
    }


def test_a_plain_value_error_of_a_cross_field_check_stands_on_the_object() -> None:
    problems = refused(PoolArgs, machine="g6.xlarge", disks=[{"kind": "gp3", "size_gib": 1, "iops": 4000}])
    assert problems == {"disks[0]": "iops 4000 are more than 500 per GiB; lower iops or raise size_gib"}


def test_arguments_cannot_be_changed() -> None:
    pool = PoolArgs(machine="g6.xlarge")
    with pytest.raises(ValueError, match="frozen"):
        pool.max_size = 3  # type: ignore[misc]


def test_a_number_where_a_text_is_wanted_is_answered_with_quotes() -> None:
    assert refused(PoolArgs, machine=1.33) == {"machine": "1.33 given; must be a text; put it in quotes"}


def test_a_text_that_speaks_of_outputs_is_a_text() -> None:
    problems = refused(PoolArgs, machine="g6.xlarge", max_size="output")
    assert (
        problems["max_size"]
        == "'output' given; must be a whole number; give a number, without quotes or units"
    )


@pytest.mark.parametrize("value", [True, False])
def test_a_boolean_is_no_number(value: bool) -> None:
    problems = refused(PoolArgs.model_validate, {"machine": "g6.xlarge", "max_size": value})
    assert problems["max_size"].startswith(f"{str(value).lower()} given; must be a whole number")
    problems = refused(DiskArgs, iops=value)
    assert list(problems) == ["iops"]


@pytest.mark.parametrize("field", ["password", "join_token"])
def test_a_secret_value_is_never_printed(field: str) -> None:
    secret = "hunter2" if field == "password" else "hunter2-long"
    with pytest.raises(ArgsError) as caught:
        PoolArgs.model_validate({"machine": "g6.xlarge", field: secret})
    assert "hunter2" not in str(caught.value)
    assert field in str(caught.value)


def test_the_value_of_an_unknown_field_is_never_printed() -> None:
    with pytest.raises(ArgsError) as caught:
        PoolArgs.model_validate({"machine": "g6.xlarge", "pasword": "hunter2"})
    assert "did you mean password?" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_an_output_passes_a_wiring_field_untouched() -> None:
    output = pulumi.Output.from_input(["subnet-1"])
    assert PoolArgs(machine="g6.xlarge", subnet_ids=output).subnet_ids is output


def test_outputs_inside_a_list_pass_too_and_plain_neighbours_are_checked() -> None:
    output = pulumi.Output.from_input("subnet-1")
    pool = PoolArgs(machine="g6.xlarge", subnet_ids=[output, "subnet-2"])
    assert isinstance(pool.subnet_ids, Sequence)
    assert pool.subnet_ids[0] is output
    assert list(refused(PoolArgs, machine="g6.xlarge", subnet_ids=[output, 3])) == ["subnet_ids[1]"]


def test_a_plain_value_of_a_wiring_field_is_checked_at_once() -> None:
    problems = refused(PoolArgs, machine="g6.xlarge", subnet_ids=3)
    assert problems["subnet_ids"].startswith("3 given")


@pytest.mark.parametrize("field", ["machine", "max_size", "labels", "disks"])
def test_an_output_where_the_shape_is_decided_is_refused_without_its_content(field: str) -> None:
    problems = refused(PoolArgs, **{"machine": "g6.xlarge", field: pulumi.Output.secret("hunter2")})
    assert "an output (known only while resources are made)" in problems[field]
    assert "give a plain value" in problems[field]
    assert "hunter2" not in problems[field]


def test_a_constraint_outside_of_the_wiring_type_is_a_fault_of_the_class() -> None:
    with pytest.raises(TypeError, match=r"In\[Annotated"):

        class Behind(Args):
            name: Annotated[In[str], Field(min_length=3)]

    with pytest.raises(TypeError, match=r"In\[Annotated"):

        class Around(Args):
            name: In[str] | None = Field(default=None, min_length=3)


def test_a_constraint_inside_of_the_wiring_type_holds_for_plain_values() -> None:
    class Named(Args):
        name: In[Annotated[str, Field(min_length=3)]]

    assert list(refused(Named, name="ab")) == ["name"]
    assert Named(name=pulumi.Output.from_input("ab"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from([*PoolArgs.model_fields, "max_sise", "extra", "pools", "named", "spare"])


def problems_of(model: type[Args], data: object) -> tuple[Problem, ...]:
    try:
        model.model_validate(data)
    except ArgsError as error:
        return error.problems
    return ()


# Several people's work shares a machine: a slow draw is no fault of the code.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@patient
@given(st.dictionaries(fields, json_values, max_size=5))
def test_any_refusal_has_a_reason_and_a_path_into_what_was_given(values: dict[str, object]) -> None:
    for problem in problems_of(PoolArgs, values):
        assert problem.reason.strip()
        assert problem.path.startswith((*PoolArgs.model_fields, *values))
    for problem in problems_of(PlatformArgs, {"pools": [values], "named": {"a": values}}):
        assert problem.path.startswith(("pools[0].", "named.a."))


@patient
@given(st.integers(-5, 50), st.integers(-5, 50))
def test_sizes_are_accepted_exactly_when_they_make_sense(low: int, high: int) -> None:
    try:
        pool = PoolArgs(machine="g6.xlarge", min_size=low, max_size=high)
    except ArgsError:
        assert low < 0 or high < 0 or high < low
    else:
        assert 0 <= pool.min_size <= pool.max_size


def test_a_list_that_holds_itself_is_refused_and_not_followed_for_ever() -> None:
    """As an alias in YAML makes it: `size_gib: &again [*again]`."""
    again: list[object] = []
    again.append(again)
    with pytest.raises(ArgsError) as refused:
        DiskArgs.model_validate({"size_gib": again})
    (problem,) = refused.value.problems
    assert problem.path == "size_gib"
    assert "[...]" in problem.reason
