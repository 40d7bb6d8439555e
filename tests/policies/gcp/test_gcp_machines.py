"""Rules about machines and networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bedplate_policies.gcp import RULES as ALL
from bedplate_policies.gcp import instances, network
from bedplate_policies.rule import Finding
from bedplate_policies.testing import UNKNOWN, Case, violations

Outcomes = Callable[[], dict[str, list[Finding]]]
Inputs = Mapping[str, object]
RULE_NAMES = {rule.name for module in (instances, network) for rule in module.RULES}
BY_NAME = {rule.name: rule for rule in ALL}
GIVEN = {("gcp-tls-policy", "sslPolicy")}


def on(name: str, good: list[Inputs], bad: list[Inputs]) -> Case:
    """The same inputs on each type that the rule looks at."""
    types = BY_NAME[name].types
    return Case(
        name, [(type, one) for one in good for type in types], [(type, one) for one in bad for type in types]
    )


def opened(*ports: str, protocol: str = "tcp", **more: object) -> Inputs:
    allowed = {"protocol": protocol, **({"ports": list(ports)} if ports else {})}
    return {"allows": [allowed], "sourceRanges": ["0.0.0.0/0"], **more}


def closed_port(name: str, port: str) -> Case:
    return on(
        name,
        [
            opened(port, sourceRanges=["10.0.0.0/8"]),
            opened(port, sourceRanges=["35.235.240.0/20"]),
            opened("443"),
            opened(port, direction="EGRESS"),
            opened(port, disabled=True),
            opened(port, protocol="udp"),
            {"allows": [{"protocol": "tcp", "ports": [port]}], "sourceTags": ["bastion"]},
            {"denies": [{"protocol": "tcp", "ports": [port]}], "sourceRanges": ["0.0.0.0/0"]},
        ],
        [
            opened(port),
            opened("20-9000"),
            opened(port, sourceRanges=["10.0.0.0/8", "::/0"]),
            opened(port, sourceRanges=["0.0.0.0/1", "128.0.0.0/1"]),
            # Without any source, Google takes the whole internet.
            {"allows": [{"protocol": "tcp", "ports": [port]}]},
        ],
    )


def meta(**entries: str) -> Inputs:
    return {"metadata": {key.replace("_", "-"): value for key, value in entries.items()}}


def runs_as(email: str | None = None, *scopes: str) -> Inputs:
    account: dict[str, object] = {"scopes": list(scopes)}
    return {"serviceAccount": account if email is None else {**account, "email": email}}


OWN = "train@example.iam.gserviceaccount.com"
DEFAULT = "1-compute@developer.gserviceaccount.com"
EVERYTHING = "https://www.googleapis.com/auth/cloud-platform"
PRIVATE_DNS = {"visibility": "private"}
PROXY_ONLY = {"purpose": "REGIONAL_MANAGED_PROXY"}

CASES = [
    on(
        "gcp-instance-boot-disk-cmek",
        [
            {"bootDisk": {"kmsKeySelfLink": "key"}},
            {"bootDisk": {"kmsKeySelfLink": UNKNOWN}},
            {"bootDisk": {"source": "disk"}},
        ],
        [{}, {"bootDisk": {"initializeParams": {"image": "cos"}}}],
    ),
    on(
        "gcp-instance-template-disk-cmek",
        [
            {"disks": [{"diskEncryptionKey": {"kmsKeySelfLink": "key"}}, {"type": "SCRATCH"}]},
            {"disks": [{"source": "disk"}]},
        ],
        [{"disks": [{"boot": True}]}, {"disks": [{"diskEncryptionKey": {"kmsKeySelfLink": ""}}]}],
    ),
    on(
        "gcp-instance-shielded",
        [{"shieldedInstanceConfig": {"enableSecureBoot": True}}],
        [
            {},
            {"shieldedInstanceConfig": {"enableSecureBoot": True, "enableVtpm": False}},
            {"shieldedInstanceConfig": {"enableSecureBoot": True, "enableIntegrityMonitoring": False}},
        ],
    ),
    on(
        "gcp-instance-no-public-address",
        [{"networkInterfaces": [{"subnetwork": "a"}]}, {"networkInterfaces": [{"accessConfigs": []}]}],
        [
            {"networkInterfaces": [{"accessConfigs": [{}]}]},
            {"networkInterfaces": [{"subnetwork": "a"}, {"ipv6AccessConfigs": [{"networkTier": "PREMIUM"}]}]},
        ],
    ),
    on(
        "gcp-instance-service-account",
        [{}, runs_as(OWN)],
        [runs_as(), runs_as(DEFAULT), runs_as("default")],
    ),
    on(
        "gcp-instance-full-access",
        [{}, runs_as(OWN, EVERYTHING), runs_as(DEFAULT, "logging-write")],
        [runs_as(None, EVERYTHING), runs_as(DEFAULT, "cloud-platform")],
    ),
    on("gcp-instance-os-login", [{}, meta(enable_oslogin="TRUE")], [meta(enable_oslogin="FALSE")]),
    on(
        "gcp-instance-block-project-keys",
        [meta(block_project_ssh_keys="TRUE")],
        [{}, meta(block_project_ssh_keys="false")],
    ),
    on(
        "gcp-instance-no-serial-port",
        [{}, meta(serial_port_enable="FALSE")],
        [meta(serial_port_enable="TRUE")],
    ),
    on("gcp-instance-no-ip-forwarding", [{}, {"canIpForward": False}], [{"canIpForward": True}]),
    on(
        "gcp-instance-confidential",
        [{"confidentialInstanceConfig": {"enableConfidentialCompute": True}}],
        [{}, {"confidentialInstanceConfig": {"enableConfidentialCompute": False}}],
    ),
    on(
        "gcp-project-metadata",
        [meta(enable_oslogin="TRUE")],
        [meta(foo="bar"), meta(enable_oslogin="TRUE", serial_port_enable="TRUE")],
    ),
    on(
        "gcp-workbench-disk-cmek",
        [
            {
                "gceSetup": {
                    "bootDisk": {"kmsKey": "key", "diskEncryption": "CMEK"},
                    "dataDisks": {"diskEncryption": "CMEK"},
                }
            }
        ],
        [
            {},
            {"gceSetup": {"bootDisk": {"diskEncryption": "CMEK"}, "dataDisks": {"diskEncryption": "CMEK"}}},
            {"gceSetup": {"bootDisk": {"kmsKey": "key", "diskEncryption": "CMEK"}}},
        ],
    ),
    on(
        "gcp-workbench-private",
        [{"gceSetup": {"disablePublicIp": True}}],
        [
            {},
            {
                "gceSetup": {
                    "disablePublicIp": True,
                    "networkInterfaces": [{"accessConfigs": [{"externalIp": "a"}]}],
                }
            },
        ],
    ),
    closed_port("gcp-firewall-ssh", "22"),
    closed_port("gcp-firewall-rdp", "3389"),
    closed_port("gcp-firewall-jupyter", "8888"),
    closed_port("gcp-firewall-ray", "8265"),
    on(
        "gcp-firewall-all-ports",
        [opened("443"), opened("1-1024"), opened(sourceRanges=["10.0.0.0/8"])],
        [opened(protocol="all"), opened(), opened("0-65535"), opened("1-65535")],
    ),
    on(
        "gcp-firewall-logging", [{"logConfig": {"metadata": "INCLUDE_ALL_METADATA"}}], [{}, {"logConfig": {}}]
    ),
    on(
        "gcp-network-custom-subnets",
        [{"autoCreateSubnetworks": False}],
        [{}, {"autoCreateSubnetworks": True}],
    ),
    on(
        "gcp-subnetwork-flow-logs",
        [{"logConfig": {"flowSampling": 0.5}}, PROXY_ONLY],
        [{}, {"logConfig": {}}],
    ),
    on(
        "gcp-subnetwork-private-google-access",
        [{"privateIpGoogleAccess": True}, PROXY_ONLY],
        [{}, {"privateIpGoogleAccess": False}],
    ),
    on(
        "gcp-dns-dnssec",
        [PRIVATE_DNS, {"dnssecConfig": {"state": "on"}}],
        [{}, {"dnssecConfig": {"state": "off"}}],
    ),
    on(
        "gcp-tls-version",
        [{"minTlsVersion": "TLS_1_2", "profile": "MODERN"}],
        [
            {},
            {"minTlsVersion": "TLS_1_0", "profile": "MODERN"},
            {"minTlsVersion": "TLS_1_2", "profile": "COMPATIBLE"},
        ],
    ),
    on("gcp-tls-policy", [{"sslPolicy": "policy"}, {"sslPolicy": UNKNOWN}], [{}, {"sslPolicy": ""}]),
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
