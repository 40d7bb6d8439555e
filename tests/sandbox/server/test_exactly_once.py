"""Killed at any point: the next run finishes, nothing is made twice and nothing is left over."""

import os
import signal
import threading

import grpc
import pytest

from bedplate.sandbox.providers.wire import Secret
from bedplate.sandbox.server import running

VPC = "aws:ec2/vpc:Vpc"
BUCKET = "aws:s3/bucket:Bucket"


def test_answer_that_got_lost_is_given_again(attach, shared):
    one = attach(shared, region="eu-west-1")
    inputs = one.checked(VPC, "main0", {"cidrBlock": "10.0.0.0/16"})
    first = one.create(VPC, "main0", inputs)
    assert one.create(VPC, "main0", inputs) == first
    assert [vpc["VpcId"] for vpc in one.vpcs()] == [first[0]]


def test_automatic_name_stays_until_an_engine_has_the_answer(attach, shared):
    one = attach(shared, region="eu-west-2")
    id, _ = one.up(BUCKET, "store1", {})
    assert one.up(BUCKET, "store1", {})[0] == id
    inputs = one.checked(BUCKET, "store1", {})
    one.acknowledge(BUCKET, "store1", id, inputs, {"bucket": id})
    # Now a create is a replacement's, and gets a name of its own.
    assert one.up(BUCKET, "store1", {})[0] != id


def test_client_that_vanished_is_served_by_its_next_try(attach, shared):
    one = attach(shared, region="eu-west-3")
    inputs = one.checked(VPC, "main2", {"cidrBlock": "10.0.0.0/16"})
    with pytest.raises(grpc.RpcError) as caught:
        one.create(VPC, "main2", inputs, timeout=0.001)
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    id, _ = one.create(VPC, "main2", inputs)
    assert [vpc["VpcId"] for vpc in one.vpcs()] == [id]


def test_other_inputs_after_a_lost_answer_remove_what_was_made(attach, shared):
    one = attach(shared, region="eu-north-1")
    first, _ = one.up(VPC, "main3", {"cidrBlock": "10.0.0.0/16"})
    second, _ = one.up(VPC, "main3", {"cidrBlock": "10.1.0.0/16"})
    assert second != first
    assert [vpc["CidrBlock"] for vpc in one.vpcs()] == ["10.1.0.0/16"]


def test_lost_answer_is_given_again_after_the_daemon_was_killed(start, home, eventually):
    one = start()
    first, state = one.up(BUCKET, "store", {})
    os.kill(one.info.pid, signal.SIGKILL)
    eventually(lambda: running(home) is None)
    two = start()
    assert two.up(BUCKET, "store", {}) == (first, state)


@pytest.mark.parametrize("after", [0, 3, 9])
def test_daemon_killed_in_the_middle_of_creates(start, home, eventually, after):
    one = start()
    answered = threading.Semaphore(0)
    inputs = {
        f"vpc{index}": {"cidrBlock": f"10.{index}.0.0/16", "tags": {"n": f"{index}"}} for index in range(16)
    }

    def work(name):
        try:
            one.up(VPC, name, inputs[name])
        except grpc.RpcError:
            return
        answered.release()

    threads = [threading.Thread(target=work, args=(name,)) for name in inputs]
    for thread in threads:
        thread.start()
    for _ in range(after):
        assert answered.acquire(timeout=60)
    os.kill(one.info.pid, signal.SIGKILL)
    for thread in threads:
        thread.join()
    eventually(lambda: running(home) is None)

    two = start()
    assert two.info.warnings == ()
    ids = {name: two.up(VPC, name, inputs[name])[0] for name in inputs}
    assert sorted(vpc["VpcId"] for vpc in two.vpcs()) == sorted(ids.values())
    # Each VPC comes with one of these: one left over from a half-done create would show here.
    tables = two.client("ec2").describe_route_tables()["RouteTables"]
    assert sum(1 for table in tables if table["VpcId"] in ids.values()) == len(ids)


def test_failed_create_leaves_nothing(start, rows):
    one = start()
    one.up(BUCKET, "first", {"bucket": "taken-name"})
    with pytest.raises(grpc.RpcError) as caught:
        one.up(BUCKET, "second", {"bucket": "taken-name"})
    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert "taken-name" in caught.value.details()
    assert rows("SELECT count(*) FROM running") == [(0,)]
    assert one.up(BUCKET, "second", {"bucket": "free-name"})[0] == "free-name"


def test_secret_inputs_stay_out_of_messages(attach, shared):
    one = attach(shared, region="eu-central-1")
    with pytest.raises(grpc.RpcError) as caught:
        one.up("aws:ec2/subnet:Subnet", "a", {"vpcId": Secret("vpc-hidden99"), "cidrBlock": "10.0.0.0/24"})
    assert "vpc-hidden99" not in caught.value.details()
    assert "[secret]" in caught.value.details()
