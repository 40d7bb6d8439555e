"""`checked`: a plain value is validated now, an output's once it is known."""

import asyncio
from collections.abc import Callable

import pulumi
import pytest

from bedplate.core import ArgsError, checked


def two_zones(value: list[str]) -> list[str]:
    if len(value) < 2:
        raise ValueError(f"{value} given; at least two subnets are needed; add one")
    return value


def resolve(make: Callable[[], pulumi.Output[list[str]]]) -> list[str]:
    async def run() -> list[str]:
        value = await make().future()
        assert value is not None
        return value

    return asyncio.run(run())


def test_a_plain_value_is_refused_at_once_with_its_field() -> None:
    with pytest.raises(ArgsError) as caught:
        checked(["subnet-1"], two_zones, "subnet_ids")
    assert [problem.path for problem in caught.value.problems] == ["subnet_ids"]


def test_a_good_plain_value_and_a_good_output_come_through() -> None:
    wanted = ["subnet-1", "subnet-2"]
    assert resolve(lambda: checked(wanted, two_zones)) == wanted
    assert resolve(lambda: checked(pulumi.Output.from_input(wanted), two_zones)) == wanted


def test_a_bad_output_is_refused_once_it_is_known() -> None:
    with pytest.raises(ArgsError, match="at least two subnets are needed"):
        resolve(lambda: checked(pulumi.Output.from_input(["subnet-1"]), two_zones, "subnet_ids"))


def test_a_bad_secret_is_refused_without_being_shown() -> None:
    with pytest.raises(ArgsError) as caught:
        resolve(lambda: checked(pulumi.Output.secret(["hunter2"]), two_zones, "subnet_ids"))
    assert "hunter2" not in str(caught.value)
    assert "subnet_ids: the value is secret and is not shown; two_zones refused it" in str(caught.value)


def test_a_secret_stays_secret() -> None:
    async def run() -> bool:
        return await checked(pulumi.Output.secret(["a", "b"]), two_zones).is_secret()

    assert asyncio.run(run())
