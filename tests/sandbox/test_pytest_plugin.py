"""The fixture `sandbox` as another team's test suite uses it."""

import os
import subprocess
import sys
from pathlib import Path

import pulumi
import pytest

from bedplate.sandbox.errors import SandboxError
from bedplate.sandbox.fixture import SandboxFixture

pytestmark = pytest.mark.xdist_group("sandbox-pyplugin")


def _bucket(tags: dict[str, str] | None = None, name: str = "data") -> None:
    from pulumi_aws import s3

    bucket = s3.Bucket(name, tags=tags)
    pulumi.export("bucket", bucket.bucket)
    pulumi.export("token", pulumi.Output.secret("s3cret"))


def test_what_a_program_creates_is_there_for_boto3(sandbox: SandboxFixture) -> None:
    result = sandbox.up(_bucket)
    assert result.changes["create"] == 2  # the stack and the bucket
    (bucket,) = sandbox.client("s3").list_buckets()["Buckets"]
    assert bucket["Name"] == sandbox.outputs["bucket"]
    assert sandbox.outputs["token"] == "s3cret"
    assert sandbox.engine == "offline"


def test_every_test_starts_with_an_empty_cloud_and_no_state(sandbox: SandboxFixture) -> None:
    assert sandbox.client("s3").list_buckets()["Buckets"] == []
    assert sandbox.state() == {}
    assert sandbox.resources() == []
    assert sandbox.outputs == {}


def test_the_state_tells_what_is_managed(sandbox: SandboxFixture) -> None:
    sandbox.up(_bucket)
    (bucket,) = sandbox.resources("aws:s3/bucket:Bucket")
    assert bucket["id"] == sandbox.outputs["bucket"]
    assert "s3cret" not in str(sandbox.state())


def test_a_second_program_updates_and_names_what_it_did(sandbox: SandboxFixture) -> None:
    sandbox.up(_bucket)
    result = sandbox.up(lambda: _bucket(tags={"team": "ml"}))
    assert result.changes["update"] == 1
    assert sandbox.steps("update") == ["data"]
    tags = sandbox.client("s3").get_bucket_tagging(Bucket=sandbox.outputs["bucket"])["TagSet"]
    assert tags == [{"Key": "team", "Value": "ml"}]


def test_preview_makes_nothing(sandbox: SandboxFixture) -> None:
    assert sandbox.preview(_bucket).changes["create"] == 2
    assert sandbox.client("s3").list_buckets()["Buckets"] == []


def test_refresh_sees_and_up_restores_what_was_deleted_behind_its_back(sandbox: SandboxFixture) -> None:
    sandbox.up(_bucket)
    sandbox.client("s3").delete_bucket(Bucket=sandbox.outputs["bucket"])
    assert sandbox.refresh().changes["delete"] == 1
    assert sandbox.up().changes["create"] == 1
    assert len(sandbox.client("s3").list_buckets()["Buckets"]) == 1


def test_destroy_leaves_nothing(sandbox: SandboxFixture) -> None:
    sandbox.up(_bucket)
    assert sandbox.destroy().resources == 0
    assert sandbox.client("s3").list_buckets()["Buckets"] == []


def test_configuration_reaches_the_program_and_secrets_stay_secret(sandbox: SandboxFixture) -> None:
    def program() -> None:
        config = pulumi.Config()
        pulumi.export("sizes", config.require_object("sizes"))
        pulumi.export("password", config.require_secret("password"))

    sandbox.up(program, config={"sizes": [1, 2]}, secret_config={"password": "hunter2"})
    assert sandbox.outputs == {"sizes": [1, 2], "password": "hunter2"}
    assert "hunter2" not in str(sandbox.state())


def test_a_refusal_is_an_error_with_the_providers_words(sandbox: SandboxFixture) -> None:
    def program() -> None:
        from pulumi_aws import ec2

        ec2.Vpc("net", cidr_block="10.0.0.0/99")

    with pytest.raises(SandboxError, match=r"(?s)up failed:.*cidrBlock") as caught:
        sandbox.up(program)
    assert caught.value.operation == "up"
    assert len(caught.value.errors) >= 1


def test_an_error_in_the_program_is_told_with_its_line(sandbox: SandboxFixture) -> None:
    def program() -> None:
        raise ValueError("nodes: 0 given; at least 1 is needed")

    with pytest.raises(SandboxError, match="nodes: 0 given"):
        sandbox.up(program)


def test_an_operation_without_a_program_says_so(sandbox: SandboxFixture) -> None:
    with pytest.raises(ValueError, match="needs a program"):
        sandbox.up()


def test_clients_made_by_the_code_under_test_reach_the_emulated_cloud(sandbox: SandboxFixture) -> None:
    import boto3

    sandbox.up(_bucket)
    (bucket,) = boto3.client("s3").list_buckets()["Buckets"]
    assert bucket["Name"] == sandbox.outputs["bucket"]
    assert os.environ["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")


def test_credentials_are_set_only_inside(tmp_path: Path) -> None:
    """Run as another team would: a test file of theirs, the plugin found by its entry point."""
    (tmp_path / "test_theirs.py").write_text(
        "import os\n"
        "def test_in(sandbox):\n"
        "    assert os.environ['AWS_ACCESS_KEY_ID'] != 'mine'\n"
        "def test_out():\n"
        "    assert os.environ['AWS_ACCESS_KEY_ID'] == 'mine'\n"
        "    assert 'AWS_ENDPOINT_URL' not in os.environ\n"
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env={**environ, "AWS_ACCESS_KEY_ID": "mine"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_a_test_run_that_does_not_use_the_fixture_imports_nothing_for_it(tmp_path: Path) -> None:
    (tmp_path / "test_light.py").write_text(
        "import sys\n"
        "def test_light():\n"
        "    heavy = {'pulumi', 'boto3', 'moto', 'grpc', 'pydantic', 'yaml'} & set(sys.modules)\n"
        "    assert not heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_ADDOPTS": "-p bedplate.sandbox.pytest_plugin",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
