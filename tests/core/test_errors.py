"""Errors of configuration files, and the collector of problems."""

import pulumi
import pytest

from bedplate.core import ArgsError, ConfigError, Problem, Problems


def test_a_config_error_names_the_file_and_every_key() -> None:
    problems = [Problem("network.cidr", "bad"), Problem("", "worse")]
    error = ConfigError.in_file("Pulumi.aws-dev.yaml", problems, "bedplate:environment")
    assert str(error).splitlines() == [
        "Pulumi.aws-dev.yaml: 2 problems",
        "  bedplate:environment.network.cidr: bad",
        "  bedplate:environment: worse",
    ]
    assert isinstance(error, pulumi.RunError)
    assert isinstance(error, ValueError)


def test_a_problem_of_the_whole_object_is_said_to_be_one() -> None:
    assert "(as a whole): empty" in str(ArgsError("NetworkArgs", [Problem("", "empty")]))


def test_problems_are_raised_only_where_there_are_some() -> None:
    problems = Problems("NetworkArgs")
    problems.raise_if_any()
    assert not problems
    problems.add("zones", "too few")
    problems.extend([Problem("[1]", "odd"), Problem("size", "odd")], under="subnets")
    assert problems
    with pytest.raises(ArgsError) as caught:
        problems.raise_if_any()
    assert [problem.path for problem in caught.value.problems] == ["zones", "subnets[1]", "subnets.size"]
    assert str(caught.value).startswith("NetworkArgs: 3 problems")
