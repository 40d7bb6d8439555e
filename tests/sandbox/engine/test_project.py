"""Pulumi.yaml and an environment's configuration."""

import json

import pytest

from bedplate.sandbox.engine.project import ProjectError, environments, load
from bedplate.sandbox.engine.secrets import Passphrase, PassphraseError


@pytest.fixture
def project(tmp_path):
    (tmp_path / "Pulumi.yaml").write_text(
        "name: shop\nruntime: python\nmain: stacks/\nstackConfigDir: conf\n"
        "config:\n  size: {default: 3}\n  colour: red\n  aws:region: eu-west-1\n"
    )
    (tmp_path / "conf").mkdir()
    (tmp_path / "stacks").mkdir()
    return tmp_path


def write(project, text, environment="dev"):
    (project / "conf" / f"Pulumi.{environment}.yaml").write_text(text)


def test_values_reach_the_program_as_pulumi_hands_them_over(project):
    write(project, "config:\n  shop:list: [1, {a: true}]\n  on: false\n  colour: blue\n  n: 1.5\n")
    loaded = load(project, "dev")
    assert loaded.name == "shop"
    assert loaded.main == project / "stacks"
    assert loaded.stack_config == {
        "shop:size": "3",
        "shop:colour": "blue",
        "aws:region": "eu-west-1",
        "shop:list": '[1,{"a":true}]',
        "shop:on": "false",
        "shop:n": "1.5",
    }
    assert loaded.secret_keys == frozenset()


def test_an_unknown_environment_names_those_that_exist(project):
    write(project, "config: {}", "dev")
    write(project, "config: {}", "prod")
    assert environments(project) == ["dev", "prod"]
    with pytest.raises(ProjectError, match=r"'tset'.*environments: dev, prod"):
        load(project, "tset")


def test_secrets_are_decrypted_at_every_depth(project, monkeypatch):
    crypt = Passphrase("open sesame", None)
    word, inner = crypt.encrypt("hush"), crypt.encrypt("psst")
    write(
        project,
        f"encryptionsalt: {crypt.salt}\nconfig:\n  word:\n    secure: {word}\n"
        f"  tree:\n    plain: 1\n    list:\n      - secure: {inner}\n",
    )
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "open sesame")
    loaded = load(project, "dev")
    assert loaded.stack_config["shop:word"] == "hush"
    assert json.loads(loaded.stack_config["shop:tree"]) == {"plain": 1, "list": ["psst"]}
    assert loaded.secret_keys == {"shop:word", "shop:tree"}
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "wrong")
    with pytest.raises(PassphraseError, match="PULUMI_CONFIG_PASSPHRASE"):
        load(project, "dev")
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
    with pytest.raises(ProjectError, match="PULUMI_CONFIG_PASSPHRASE_FILE"):
        load(project, "dev")
    (project / "phrase").write_text("open sesame\n")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", str(project / "phrase"))
    assert load(project, "dev").stack_config["shop:word"] == "hush"


def test_values_that_pulumi_encrypted_can_be_read():
    """Written by Pulumi 3.260: `pulumi config set --secret` with this passphrase."""
    salt = "v1:IbtxU8oTtvc=:v1:Qy7KpQtPf6hZERmI:k3EKbNT6Hk9lKK+KKmvSrAcgb3oGHw=="
    sealed = "v1:4+S+ltZ1J30bpPTi:RMR4OeUT1p2dJC1n200t4fakfosq1+LLCxAcAJWjGilTjsZk"
    assert Passphrase("pulumi-made-this", salt).decrypt(sealed) == "a secret of Pulumi's"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("config: [1]", "config: expected a mapping"),
        ("config: {a: {secure: 5}}", "`secure` expects an encrypted text"),
        ("config: {a: {secure: 'v1:x:y'}}", "no `encryptionsalt`"),
        (": : :", "is no valid YAML"),
    ],
)
def test_a_wrong_file_is_named_with_its_problem(project, text, expected):
    write(project, text)
    with pytest.raises(ProjectError, match=expected) as raised:
        load(project, "dev")
    assert "Pulumi.dev.yaml" in str(raised.value)


def test_a_key_that_stands_twice_is_refused_with_its_place(project):
    write(project, "config:\n  shop:size: 3\n  shop:size: 4\n")
    with pytest.raises(ProjectError, match=r"(?s)'shop:size' stands there already.*line 3"):
        load(project, "dev")


def test_anchors_and_merges_are_read(project):
    write(project, "config:\n  a: &base {x: 1, y: 2}\n  b: {<<: *base, x: 3}\n")
    assert json.loads(load(project, "dev").stack_config["shop:b"]) == {"x": 3, "y": 2}


def test_an_anchor_that_holds_itself_is_refused(project):
    write(project, "config:\n  a: &loop [1, *loop]\n")
    with pytest.raises(ProjectError, match="shop:a: holds itself by an anchor"):
        load(project, "dev")


def test_a_file_that_is_no_text_is_refused(project):
    (project / "conf" / "Pulumi.dev.yaml").write_bytes(b"config:\n  a: \xff\xfe\n")
    with pytest.raises(ProjectError, match="no text in UTF-8"):
        load(project, "dev")


def test_a_directory_without_a_project_is_refused(tmp_path):
    with pytest.raises(ProjectError, match=r"no Pulumi\.yaml"):
        load(tmp_path, "dev")
