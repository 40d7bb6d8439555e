"""The daemon of a directory: one at a time, found again, brought back with its content, gone when idle."""

import os
import signal
import stat
import subprocess
import sys
import time

import boto3
import pytest

from bedplate.sandbox.errors import ServerError
from bedplate.sandbox.server import client_environment, daemon, ensure_daemon, files, running, stop_daemon

BUCKET = "aws:s3/bucket:Bucket"


def test_a_second_start_finds_the_first_daemon(home):
    first = ensure_daemon(home)
    assert ensure_daemon(home) == first
    assert running(home) == first


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_stop_says_whether_one_ran(home, eventually):
    assert stop_daemon(home) is False
    info = ensure_daemon(home)
    assert stop_daemon(home) is True
    assert running(home) is None
    assert stop_daemon(home) is False
    eventually(lambda: is_gone(info.pid))


def test_files_are_for_the_owner_only(start, home):
    start().client("s3", "us-east-1").create_bucket(Bucket="private-files")
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in home.iterdir()}
    assert set(modes.values()) == {"0o600"}, modes
    assert "sandbox.db" in modes


def test_killed_daemon_comes_back_with_the_same_content(start, home, eventually):
    one = start()
    ec2, s3, kms = one.client("ec2"), one.client("s3"), one.client("kms")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{index}.0/24")["Subnet"]["SubnetId"]
        for index in range(5)
    ]
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    s3.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="kept", Key="a b/ü+1.bin", Body=bytes(range(256)), Metadata={"x_y": "1"})
    default = [item["SubnetId"] for item in ec2.describe_subnets()["Subnets"]]
    os.kill(one.info.pid, signal.SIGKILL)
    eventually(lambda: running(home) is None)

    two = start()
    assert two.info.pid != one.info.pid
    assert two.info.warnings == ()
    assert sorted(item["SubnetId"] for item in two.client("ec2").describe_subnets()["Subnets"]) == sorted(
        default
    )
    found = two.client("ec2").describe_subnets(SubnetIds=subnets)["Subnets"]
    assert {item["VpcId"] for item in found} == {vpc}
    assert two.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyId"] == key
    answer = two.client("s3").get_object(Bucket="kept", Key="a b/ü+1.bin")
    assert answer["Body"].read() == bytes(range(256))
    assert answer["Metadata"] == {"x_y": "1"}


def test_identifiers_come_back_when_calls_were_made_at_the_same_time(start, home, eventually):
    from concurrent.futures import ThreadPoolExecutor

    one = start()
    ec2 = one.client("ec2")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda index: ec2.create_vpc(CidrBlock=f"10.{index}.0.0/16"), range(24)))
    before = {vpc["CidrBlock"]: vpc["VpcId"] for vpc in one.vpcs()}
    os.kill(one.info.pid, signal.SIGKILL)
    eventually(lambda: running(home) is None)
    two = start()
    assert {vpc["CidrBlock"]: vpc["VpcId"] for vpc in two.vpcs()} == before
    assert two.info.warnings == ()


def test_plain_boto3_uses_the_sandbox_by_environment_alone(shared, monkeypatch):
    for name, value in client_environment(shared).items():
        monkeypatch.setenv(name, value)
    session = boto3.session.Session()
    session.client("s3").create_bucket(Bucket="by-environment")
    assert session.client("sts").get_caller_identity()["Account"] == "123456789012"
    names = [item["Name"] for item in session.client("s3").list_buckets()["Buckets"]]
    assert "by-environment" in names


def test_presigned_url_works(attach, shared):
    import urllib.request

    s3 = attach(shared).client("s3", "us-east-1")
    s3.create_bucket(Bucket="shared")
    s3.put_object(Bucket="shared", Key="hello.txt", Body=b"hello")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "shared", "Key": "hello.txt"})
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"hello"


def test_a_call_that_moto_lacks_is_named(attach, shared):
    from botocore.exceptions import ClientError

    one = attach(shared)
    for service, call, args in (
        ("ec2", "create_placement_group", {"GroupName": "group", "Strategy": "cluster"}),
        ("eks", "list_addons", {"clusterName": "main"}),
        ("cloudwatch", "put_composite_alarm", {"AlarmName": "all", "AlarmRule": "ALARM(a)"}),
    ):
        with pytest.raises(ClientError) as caught:
            getattr(one.client(service), call)(**args)
        assert caught.value.response["Error"]["Code"] == "SandboxLacksThisCall"
        assert service in str(caught.value).lower() or "monitoring" in str(caught.value)


def test_what_is_destroyed_leaves_no_history(start, home, rows):
    one = start()
    id, state = one.up(BUCKET, "store", {})
    one.delete(BUCKET, "store", id, state)
    assert rows("SELECT count(*) FROM journal")[0][0] > 0
    stop_daemon(home)
    start()
    assert rows("SELECT count(*) FROM journal WHERE changes") == [(0,)]


def test_history_stays_while_somebody_else_has_something(start, home):
    one = start()
    one.client("s3", "us-east-1").create_bucket(Bucket="made-by-hand")
    id, state = one.up(BUCKET, "store", {})
    one.delete(BUCKET, "store", id, state)
    stop_daemon(home)
    buckets = start().client("s3").list_buckets()["Buckets"]
    assert [bucket["Name"] for bucket in buckets] == ["made-by-hand"]


def test_an_idle_daemon_stops_by_itself(home, monkeypatch, eventually):
    monkeypatch.setenv("BEDPLATE_SANDBOX_IDLE_SECONDS", "1")
    ensure_daemon(home)
    eventually(lambda: not files.is_locked(home))
    assert running(home) is None


def test_what_a_dead_daemon_wrote_is_not_believed(home):
    info = ensure_daemon(home)
    os.kill(info.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while files.is_locked(home) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert files.read_info(home) == info
    assert running(home) is None
    assert ensure_daemon(home).pid != info.pid


def test_a_daemon_of_other_code_is_replaced(home, monkeypatch, eventually):
    first = ensure_daemon(home)
    monkeypatch.setattr(daemon, "code_version", lambda: "0.0.0+other")
    second = ensure_daemon(home)
    assert second.pid != first.pid
    eventually(lambda: is_gone(first.pid))


def test_the_daemon_holds_no_pipe_of_the_command_that_started_it(home):
    script = (
        "import pathlib, sys\n"
        "from bedplate.sandbox.server import ensure_daemon\n"
        "print(ensure_daemon(pathlib.Path(sys.argv[1])).pid)\n"
    )
    # Reads until every holder of the pipe has closed it: with a daemon among them it would never return.
    result = subprocess.run(
        [sys.executable, "-c", script, str(home)], capture_output=True, text=True, timeout=60
    )
    assert int(result.stdout) == running(home).pid


def test_a_setting_that_is_no_number_is_refused(home, monkeypatch):
    monkeypatch.setenv("BEDPLATE_SANDBOX_IDLE_SECONDS", "an hour")
    with pytest.raises(
        RuntimeError, match="BEDPLATE_SANDBOX_IDLE_SECONDS is 'an hour'; give a number of seconds"
    ):
        ensure_daemon(home)


def test_a_damaged_file_is_told_in_words_and_kept(home):
    damaged = b"no database at all" * 100
    home.mkdir(mode=0o700, exist_ok=True)
    (home / "sandbox.db").write_bytes(damaged)
    with pytest.raises(ServerError, match="is damaged or cannot be written") as caught:
        ensure_daemon(home)
    assert "bedplate sandbox reset" in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert (home / "sandbox.db").read_bytes() == damaged
