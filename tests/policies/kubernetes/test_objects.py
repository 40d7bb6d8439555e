"""Rules about secrets, configuration, accounts, releases, storage classes, claims and queues."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from bedplate_policies.kubernetes import objects, queueing, storage
from bedplate_policies.kubernetes.names import sounds_secret
from bedplate_policies.rule import Finding, Rule
from bedplate_policies.testing import UNKNOWN, Case, findings, violations

Outcomes = Callable[[], dict[str, list[Finding]]]
Example = tuple[str, Mapping[str, object]]
RULES = (*objects.RULES, *storage.RULES, *queueing.RULES)
RULE_NAMES = {rule.name for rule in RULES}
(SECRET,), (MAP,), (ACCOUNT,) = objects.SECRET, objects.CONFIG_MAP, objects.SERVICE_ACCOUNT
(RELEASE,), (CLASS,), (CLAIM,), (VOLUME,) = objects.RELEASE, storage.CLASS, storage.CLAIM, storage.VOLUME
# The name of a key that is made in the same update is given, though nobody knows it yet.
EBS, PD, FILESTORE = storage.EBS[0], storage.PD[0], storage.FILESTORE[0]


def made_by(provisioner: str, parameters: object = None, **more: object) -> Example:
    given = {} if parameters is None else {"parameters": parameters}
    return CLASS, {"provisioner": provisioner, **given, **more}


def claims(spec: Mapping[str, object]) -> list[Example]:
    return [(CLAIM, {"spec": spec}), (storage.STATEFUL, {"spec": {"volumeClaimTemplates": [{"spec": spec}]}})]


def release(**settings: object) -> Example:
    return RELEASE, {"chart": "gpu-operator", **settings}


def everywhere(types: tuple[str, ...], inputs: Mapping[str, object]) -> list[Example]:
    return [(type, inputs) for type in types]


CASES = [
    Case(
        "kubernetes-secret-external",
        [
            (SECRET, {"metadata": {"name": "empty"}}),
            (SECRET, {"type": "kubernetes.io/tls", "data": {"a": "b"}}),
        ],
        [(SECRET, {"data": {"a": "b"}}), (SECRET, {"type": "Opaque", "stringData": {"a": "b"}})],
    ),
    Case(
        "kubernetes-secret-long-lived-token",
        [(SECRET, {"type": "Opaque"}), (SECRET, {})],
        [(SECRET, {"type": "kubernetes.io/service-account-token"})],
    ),
    Case(
        "kubernetes-config-map-secret",
        [(MAP, {"data": {"nccl.conf": "NCCL_DEBUG=INFO", "TOKENIZERS_PARALLELISM": "false"}}), (MAP, {})],
        [
            (MAP, {"data": {"DB_PASSWORD": "abcdefgh"}}),
            (MAP, {"data": {"id_rsa": "-----BEGIN OPENSSH PRIVATE KEY-----"}}),
            (MAP, {"binaryData": {"api-key": "YWJj"}}),
        ],
    ),
    Case(
        "kubernetes-default-service-account",
        [
            (ACCOUNT, {"metadata": {"name": "trainer"}}),
            (ACCOUNT, {"metadata": {"name": "default"}, "automountServiceAccountToken": False}),
        ],
        [(ACCOUNT, {"metadata": {"name": "default"}})],
    ),
    Case(
        "kubernetes-service-account-token",
        [(ACCOUNT, {"automountServiceAccountToken": False})],
        [(ACCOUNT, {}), (ACCOUNT, {"automountServiceAccountToken": True})],
    ),
    Case(
        "kubernetes-helm-version",
        [
            release(version="25.3.0"),
            (RELEASE, {"chart": "./charts/own"}),
            (RELEASE, {"chart": "/tmp/a-1.tgz"}),
        ],
        [release(), release(version="")],
    ),
    Case(
        "kubernetes-helm-repository-tls",
        [
            release(repositoryOpts={"repo": "https://charts.example"}),
            (RELEASE, {"chart": "oci://registry/a"}),
        ],
        [release(repositoryOpts={"repo": "http://charts.example"}), (RELEASE, {"chart": "http://a/b.tgz"})],
    ),
    Case(
        "kubernetes-storage-ebs-encrypted",
        [made_by(EBS, {"encrypted": "true"}), made_by(PD)],
        [made_by(EBS), made_by(EBS, {"type": "gp3"}), made_by(EBS, {"encrypted": "false"})],
    ),
    Case(
        "kubernetes-storage-ebs-key",
        [made_by(EBS, {"kmsKeyId": "arn"}), made_by(EBS, {"kmsKeyId": UNKNOWN}), made_by(PD)],
        [made_by(EBS), made_by(EBS, {"encrypted": "true"})],
    ),
    Case(
        "kubernetes-storage-pd-key",
        [made_by(PD, {"disk-encryption-kms-key": "key"}), made_by(EBS)],
        [made_by(PD), made_by(PD, {"type": "hyperdisk-balanced"})],
    ),
    Case(
        "kubernetes-storage-filestore-key",
        [made_by(FILESTORE, {"instance-encryption-kms-key": "key"}), made_by(EBS)],
        [made_by(FILESTORE), made_by(FILESTORE, {"tier": "enterprise"})],
    ),
    Case("kubernetes-storage-provisioner", [made_by(EBS)], [made_by("kubernetes.io/aws-ebs")]),
    Case(
        "kubernetes-storage-retain",
        [made_by(EBS, reclaimPolicy="Retain")],
        [made_by(EBS), made_by(EBS, reclaimPolicy="Delete")],
    ),
    Case(
        "kubernetes-storage-binding-mode",
        [made_by(EBS, volumeBindingMode="WaitForFirstConsumer"), made_by("rook-ceph.cephfs.csi.ceph.com")],
        [made_by(EBS), made_by(PD, volumeBindingMode="Immediate")],
    ),
    Case(
        "kubernetes-claim-class",
        [
            *claims({"storageClassName": "encrypted"}),
            *claims({"storageClassName": ""}),
            (storage.STATEFUL, {}),
        ],
        claims({"resources": {}}),
    ),
    Case(
        "kubernetes-volume-host-path",
        [(VOLUME, {"spec": {"local": {"path": "/mnt/disks/a"}}})],
        [(VOLUME, {"spec": {"hostPath": {"path": "/"}}})],
    ),
    Case(
        "kubernetes-queue-namespaces",
        everywhere(queueing.QUEUE, {"spec": {"namespaceSelector": {"matchLabels": {"team": "vision"}}}}),
        everywhere(queueing.QUEUE, {"spec": {"namespaceSelector": {}}}),
    ),
    Case(
        "kubernetes-job-queue",
        everywhere(queueing.QUEUED, {"metadata": {"labels": {"kueue.x-k8s.io/queue-name": "vision"}}}),
        [
            *everywhere(queueing.QUEUED, {"metadata": {"labels": {}}}),
            *everywhere(queueing.QUEUED, {"metadata": {"labels": {"kueue.x-k8s.io/queue-name": ""}}}),
        ],
    ),
]


def test_a_resource_that_is_right_passes(passed: Outcomes) -> None:
    assert {name: found for name, found in passed().items() if found} == {}


def test_a_resource_that_is_wrong_is_refused(refused: Outcomes) -> None:
    assert [name for name, found in refused().items() if not violations(found)] == []


def test_what_nobody_knows_yet_stays_open(opened: Outcomes) -> None:
    kinds = {name: {one.kind for one in found} for name, found in opened().items()}
    assert [name for name, found in kinds.items() if "undetermined" not in found] == []


def test_no_shape_makes_a_rule_raise(mangled: Outcomes) -> None:
    assert all(one.message for found in mangled().values() for one in found)


def test_every_rule_has_cases() -> None:
    assert {case.rule_name for case in CASES} == RULE_NAMES


@pytest.mark.parametrize(
    "name",
    ["HF_TOKEN", "dbPassword", "AWS_SECRET_ACCESS_KEY", "api-key", "PRIVATE_KEY", "client_secret", "APIKEY"],
)
def test_names_of_secrets(name: str) -> None:
    assert sounds_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "TOKENIZERS_PARALLELISM",
        "MAX_TOKENS",
        "SECRET_NAME",
        "TOKEN_FILE",
        "KEYSPACE",
        "MONKEY",
        "",
        "keys",
        3,
    ],
)
def test_names_of_other_things(name: object) -> None:
    assert not sounds_secret(name)


def test_no_message_shows_what_a_configuration_holds() -> None:
    rule = next(rule for rule in RULES if rule.name == "kubernetes-config-map-secret")
    assert isinstance(rule, Rule)
    found = findings(rule, MAP, {"data": {"DB_PASSWORD": "abcdefgh", "open": UNKNOWN}})
    assert [one.kind for one in found] == ["violation", "undetermined"]
    assert "abcdefgh" not in found[0].message
