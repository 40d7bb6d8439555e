"""What the catalogue says of AWS machines, and that each statement has a source."""

import csv
import datetime
import importlib.resources
import subprocess
import sys
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bedplate.catalog import (
    AwsMachine,
    UnknownItemError,
    UnknownMachineError,
    aws_machine,
    aws_machines,
    aws_regions,
    aws_service_price,
)
from bedplate.catalog.catalogue import check_builtin

DATA = importlib.resources.files("bedplate.catalog").joinpath("data")
FILES = [
    "accelerators",
    "local_disks",
    "machines",
    "network_cards",
    "offerings",
    "prices",
    "regions",
    "service_prices",
    "gcp_machines",
    "gcp_prices",
    "gcp_service_prices",
]


@pytest.mark.parametrize("name", FILES)
def test_every_row_has_a_source_and_a_date(name: str) -> None:
    rows = list(csv.DictReader(DATA.joinpath(f"{name}.csv").read_text(encoding="utf-8").splitlines()))
    assert rows
    for row in rows:
        assert row["source"].strip(), row
        assert datetime.date(2020, 1, 1) < datetime.date.fromisoformat(row["date"]), row


@pytest.mark.parametrize("machine", aws_machines(), ids=lambda machine: machine.name)
def test_each_machine_hangs_together(machine: AwsMachine) -> None:
    assert machine.vcpus > 0
    assert machine.ram_gib > 0
    assert machine.regions
    assert set(machine.regions) <= set(aws_regions())
    for price in machine.prices:
        assert price.usd_per_hour > 0
        assert machine.available_in(price.region)
    if machine.accelerator:
        assert machine.accelerator.count >= 1
        assert machine.accelerator.memory_gb > 0
    if machine.fabric:
        cards = machine.fabric.cards
        adapters = [card for card in cards if card.interface_type != "interface"]
        assert machine.fabric.interfaces == len(adapters)
        assert (cards[0].card_index, cards[0].device_index) == (0, 0)
        assert cards[0].interface_type in ("interface", "efa")
        assert len({card.card_index for card in adapters}) == len(adapters)
        assert machine.max_network_interfaces is not None
        assert len(cards) <= machine.max_network_interfaces
        assert max(card.card_index for card in cards) < machine.network_cards


@pytest.mark.parametrize(
    ("name", "count", "memory_gb", "bf16", "interfaces", "cards", "disks_gb"),
    [
        ("p4d.24xlarge", 8, 40, 312, 4, 4, 8000),
        ("p4de.24xlarge", 8, 80, 312, 4, 4, 8000),
        ("p5.48xlarge", 8, 80, 989, 32, 32, 30400),
        ("p5e.48xlarge", 8, 141, 989, 32, 32, 30400),
        ("p5en.48xlarge", 8, 141, 989, 16, 16, 30400),
        ("p6-b200.48xlarge", 8, 179, 2250, 8, 8, 30400),
        ("p6-b300.48xlarge", 8, 268.6, 2250, 16, 17, 30400),
        ("trn1.32xlarge", 16, 32, 190, 8, 8, 7600),
        ("trn2.48xlarge", 16, 96, 667, 16, 16, 7600),
        ("g6e.48xlarge", 8, 48, 362, 4, 4, 7600),
        ("g5.8xlarge", 1, 24, 70, 1, 1, 900),
    ],
)
def test_the_big_machines_are_as_their_vendors_say(
    name: str, count: int, memory_gb: float, bf16: float, interfaces: int, cards: int, disks_gb: int
) -> None:
    machine = aws_machine(name)
    assert machine.accelerator
    assert (machine.accelerator.count, machine.accelerator.memory_gb) == (count, memory_gb)
    assert machine.accelerator.bf16_dense_tflops == bf16
    assert machine.fabric
    assert (machine.fabric.interfaces, machine.network_cards) == (interfaces, cards)
    assert machine.local_disks
    assert machine.local_disks.total_gb == disks_gb


def test_the_first_card_of_p6_b300_carries_no_efa() -> None:
    fabric = aws_machine("p6-b300.48xlarge").fabric
    assert fabric
    on_first = [card.interface_type for card in fabric.cards if card.card_index == 0]
    assert on_first == ["interface"]


def test_the_first_card_of_p5_carries_ip_and_efa_on_two_interfaces() -> None:
    fabric = aws_machine("p5.48xlarge").fabric
    assert fabric
    first = [(card.device_index, card.interface_type) for card in fabric.cards if card.card_index == 0]
    assert first == [(0, "interface"), (1, "efa-only")]
    assert {(card.device_index, card.interface_type) for card in fabric.cards[2:]} == {(0, "efa-only")}


@pytest.mark.parametrize(
    "name", ["g5.xlarge", "g5.4xlarge", "g6.xlarge", "g6e.4xlarge", "m7i.4xlarge", "t3.large"]
)
def test_small_machines_have_no_fabric(name: str) -> None:
    assert aws_machine(name).fabric is None


@pytest.mark.parametrize(
    "name", ["g6e.8xlarge", "g4dn.8xlarge", "c7i.48xlarge", "m7i.48xlarge", "p5.4xlarge"]
)
def test_machines_with_one_efa_carry_it_on_their_primary_interface(name: str) -> None:
    fabric = aws_machine(name).fabric
    assert fabric
    assert [(card.card_index, card.device_index, card.interface_type) for card in fabric.cards] == [
        (0, 0, "efa")
    ]


def test_t4_has_no_bf16_peak_and_says_why() -> None:
    accelerator = aws_machine("g4dn.xlarge").accelerator
    assert accelerator
    assert accelerator.bf16_dense_tflops is None
    assert accelerator.fp16_dense_tflops == 65
    assert "no BF16" in accelerator.note


def test_prices_come_with_region_and_source() -> None:
    p5 = aws_machine("p5.48xlarge")
    assert p5.price_usd_per_hour("us-east-1") == Decimal("55.04")
    assert p5.price_usd_per_hour("eu-west-2") == Decimal("71.552")
    price = p5.price("us-east-1")
    assert price
    assert price.row.source.startswith("aws/karpenter-provider-aws@")
    assert p5.price_usd_per_hour("us-east-1", "spot") != p5.price_usd_per_hour("us-east-1")


@pytest.mark.parametrize("name", ["p5e.48xlarge", "trn2.48xlarge"])
def test_a_machine_without_a_public_price_is_unpriced_not_free(name: str) -> None:
    machine = aws_machine(name)
    assert machine.regions
    assert all(machine.price_usd_per_hour(region) is None for region in machine.regions)


def test_offers_differ_by_region() -> None:
    assert aws_machine("p5.48xlarge").available_in("us-east-2")
    assert not aws_machine("p5.48xlarge").available_in("eu-central-1")
    assert aws_machine("m7g.large").architecture == "arm64"


def test_regions_have_their_zones_in_order() -> None:
    regions = aws_regions()
    assert len(regions["us-east-1"]) == 6
    assert all(zone.startswith(region) for region, zones in regions.items() for zone in zones)
    assert all(list(zones) == sorted(zones) and len(zones) >= 2 for zones in regions.values())


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("p5.48xlarg", "p5.48xlarge"), ("P5.48XLARGE", "p5.48xlarge"), ("g6.2xl", "g6.2xlarge")],
)
def test_an_unknown_machine_is_refused_with_the_nearest(typed: str, meant: str) -> None:
    with pytest.raises(UnknownMachineError, match="BEDPLATE_CATALOG") as caught:
        aws_machine(typed)
    assert meant in caught.value.nearest
    assert meant in str(caught.value)


def test_a_machine_like_no_other_is_refused_too() -> None:
    with pytest.raises(UnknownMachineError, match="check the spelling"):
        aws_machine("Standard_ND96")


def test_other_prices_are_found_by_item_and_region() -> None:
    price = aws_service_price("NAT gateway", "us-east-1")
    assert price
    assert (price.usd, price.unit) == (Decimal("0.045"), "hour")
    assert aws_service_price("NAT gateway", "eu-west-1") is None
    with pytest.raises(UnknownItemError, match="did you mean NAT gateway"):
        aws_service_price("NAT gatway", "us-east-1")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=20))
def test_any_name_gives_a_machine_or_a_refusal(name: str) -> None:
    known = {machine.name for machine in aws_machines()}
    try:
        machine = aws_machine(name)
    except UnknownMachineError as error:
        found = error.nearest
    else:
        found = (machine.name,)
        assert machine.name == name
    assert set(found) <= known


def test_the_rows_of_the_package_fit_together() -> None:
    check_builtin()


def test_the_catalogue_loads_neither_pulumi_nor_a_cloud_sdk() -> None:
    code = (
        "import sys; from bedplate.catalog import aws_machine; aws_machine('p5.48xlarge');"
        "print(sorted({'pulumi', 'pulumi_aws', 'boto3', 'moto'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
