"""A user's own rows: taken over where they can be true, refused with file, row and field where not."""

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bedplate.catalog import (
    CatalogError,
    UnknownMachineError,
    aws_machine,
    aws_machines,
    aws_regions,
    load_overlay,
    unload_overlay,
)

OWN = """
accelerators:
  - {name: X1, vendor: nvidia, memory_gb: 288, bf16_dense_tflops: 5000, source: our quote, date: 2026-11-01}
machines:
  - name: p9.96xlarge
    vcpus: 384
    ram_gib: 4096
    architecture: arm64
    accelerator: X1
    accelerator_count: 8
    network_cards: 3
    efa_interfaces: 2
    source: our quote
    date: 2026-11-01
network_cards:
  - {machine: p9.96xlarge, cards: 0, device_index: 0, interface_type: interface, source: q, date: 2026-11-01}
  - {machine: p9.96xlarge, cards: 1-2, device_index: 0, interface_type: efa-only, source: q, date: 2026-11-01}
local_disks:
  - {machine: p9.96xlarge, count: 4, size_gb: 7600, source: q, date: 2026-11-01}
offerings:
  - {region: eu-west-1, machines: [p9.96xlarge, p5.48xlarge], source: q, date: 2026-11-01}
prices:
  - {machine: p9.96xlarge, region: eu-west-1, usd_per_hour: "200.5", source: q, date: 2026-11-01}
  - {machine: p5.48xlarge, region: us-east-1, usd_per_hour: 40, source: our contract, date: 2026-11-01}
"""


def written(folder: Path, text: str, name: str = "own.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_own_rows_are_added_and_a_negotiated_price_wins(tmp_path: Path) -> None:
    load_overlay(written(tmp_path, OWN))
    own = aws_machine("p9.96xlarge")
    assert own.accelerator
    assert own.accelerator.bf16_dense_tflops == 5000
    assert own.fabric
    assert [card.card_index for card in own.fabric.cards] == [0, 1, 2]
    assert own.local_disks
    assert own.local_disks.total_gb == 30400
    assert own.price_usd_per_hour("eu-west-1") == Decimal("200.5")
    assert own.row.source == "our quote"
    assert aws_machine("p5.48xlarge").price_usd_per_hour("us-east-1") == 40
    assert aws_machine("p5.48xlarge").available_in("eu-west-1")


def test_the_package_rows_come_back(tmp_path: Path) -> None:
    load_overlay(written(tmp_path, OWN))
    unload_overlay()
    assert aws_machine("p5.48xlarge").price_usd_per_hour("us-east-1") == Decimal("55.04")
    with pytest.raises(UnknownMachineError):
        aws_machine("p9.96xlarge")


def test_a_csv_of_prices_is_told_by_its_header(tmp_path: Path) -> None:
    text = "machine,region,usd_per_hour,source,date\ng6.xlarge,eu-west-3,0.99,invoice,2026-10-31\n"
    load_overlay(written(tmp_path, text, "prices-of-ours.csv"))
    assert aws_machine("g6.xlarge").price_usd_per_hour("eu-west-3") == Decimal("0.99")


def test_the_variable_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, OWN)
    monkeypatch.setenv("BEDPLATE_CATALOG", str(path))
    assert aws_machine("p9.96xlarge").vcpus == 384
    path.write_text(OWN.replace("vcpus: 384", "vcpus: 192000"), encoding="utf-8")
    assert aws_machine("p9.96xlarge").vcpus == 192000


def test_a_variable_that_names_no_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEDPLATE_CATALOG", str(tmp_path / "none.yaml"))
    with pytest.raises(CatalogError, match=r"none\.yaml.*\n.*does not exist; BEDPLATE_CATALOG must name"):
        aws_regions()


SOURCED = "source: q, date: 2026-11-01"
MACHINE = f"name: x9.large, vcpus: 2, ram_gib: 4, architecture: arm64, {SOURCED}"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            f"prices: [{{machine: g6.xlarge, region: us-east-1, usd_per_hour: -1, {SOURCED}}}]",
            "prices row 1, usd_per_hour: -1 given; input should be greater than 0",
        ),
        (
            f"machines: [{{{MACHINE}, accelerator: H1OO, accelerator_count: 8}}]",
            "machines row 1, accelerator: 'H1OO' is not in the catalogue",
        ),
        (f"machines: [{{{MACHINE}, accelerator: L4}}]", "accelerator and accelerator_count go together"),
        (
            f"machines: [{{{MACHINE.replace('x9.large', 'g6.xlarge')}}}]",
            "machines row 1, name: 'g6.xlarge' is in the catalogue already",
        ),
        (
            f"machines: [{{{MACHINE}}}, {{{MACHINE}}}]",
            "machines row 2, name: 'x9.large' is in the catalogue already",
        ),
        (
            f"machines: [{{{MACHINE.replace('vcpus: 2, ', '')}}}]",
            "machines row 1, vcpus: not given; the field is required",
        ),
        (f"machines: [{{{MACHINE}, vcpu: 3}}]", "machines row 1, vcpu: unknown field; did you mean vcpus?"),
        (
            f"machines: [{{{MACHINE.replace('x9.large', 'x9')}}}]",
            "an instance type is written as family.size",
        ),
        (f"machines: [{{{MACHINE}, efa_interfaces: 2}}]", "2 given, and network_cards has 0 EFA interfaces"),
        (f"machine: [{{{MACHINE}}}]", "unknown section; did you mean machines or gcp_machines?"),
        ("machines: {name: x9.large}", "machines: must be a list of rows"),
        ("machines: [x9.large]", "machines row 1"),
        (
            f"prices: [{{machine: g6.xlarg, region: us-east-1, usd_per_hour: 1, {SOURCED}}}]",
            "prices row 1, machine: 'g6.xlarg' is not in the catalogue; did you mean g6.xlarge",
        ),
        (
            f"prices: [{{machine: g6.xlarge, region: us-east-9, usd_per_hour: 1, {SOURCED}}}]",
            "prices row 1, region: 'us-east-9' is not in the catalogue",
        ),
        (
            "prices: [{machine: g6.xlarge, region: us-east-1, usd_per_hour: 1, date: 2026-11-01}]",
            "prices row 1, source: not given",
        ),
        ("- a list", "must hold sections"),
        ("machines: [", "is not YAML"),
    ],
)
def test_a_row_that_cannot_be_true_is_refused(tmp_path: Path, text: str, wanted: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(CatalogError, match=re.escape(wanted)) as caught:
        load_overlay(path)
    assert str(caught.value).startswith(str(path))
    assert len(aws_machines()) > 100


CARDS = f"""
machines: [{{{MACHINE}, network_cards: 2, efa_interfaces: 1}}]
network_cards:
"""


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        (["cards: 0, device_index: 0, interface_type: efa-only"], "cannot be efa-only"),
        (["cards: 1, device_index: 0, interface_type: efa-only"], "no interface on card 0, device 0"),
        (
            [
                "cards: 0, device_index: 0, interface_type: interface",
                "cards: 2, device_index: 0, interface_type: efa",
            ],
            "beyond its 2 network_cards",
        ),
        (
            [
                "cards: 0, device_index: 0, interface_type: interface",
                "cards: 0, device_index: 0, interface_type: efa",
            ],
            "the same card and device index",
        ),
        (["cards: 3-1, device_index: 0, interface_type: efa"], "an index or a range of indices"),
    ],
)
def test_a_card_layout_that_cannot_be_launched_is_refused(
    tmp_path: Path, rows: list[str], wanted: str
) -> None:
    lines = [f"  - {{machine: x9.large, {row}, {SOURCED}}}" for row in rows]
    with pytest.raises(CatalogError, match=re.escape(wanted)):
        load_overlay(written(tmp_path, CARDS + "\n".join(lines)))


P5_CARDS = f"""
network_cards:
  - {{machine: p5.48xlarge, cards: 0, device_index: 0, interface_type: efa, {SOURCED}}}
  - {{machine: p5.48xlarge, cards: 1-31, device_index: 1, interface_type: efa-only, {SOURCED}}}
"""


def test_another_layout_replaces_that_of_a_known_machine(tmp_path: Path) -> None:
    load_overlay(written(tmp_path, P5_CARDS))
    fabric = aws_machine("p5.48xlarge").fabric
    assert fabric
    assert [card.interface_type for card in fabric.cards] == ["efa"] + ["efa-only"] * 31


def test_a_layout_that_loses_interfaces_of_a_known_machine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        CatalogError, match="network_cards row 1, machine: 32 given, and network_cards has 31"
    ):
        load_overlay(written(tmp_path, P5_CARDS.replace("1-31", "1-30")))


def test_every_problem_of_a_file_is_reported(tmp_path: Path) -> None:
    text = (
        "machine,region,usd_per_hour,source,date\n"
        "g6.xlarge,us-east-1,free,q,2026-11-01\n"
        "g6.xlarge,us-east-1,1,q,2026-11-01\n"
        "g6.xlarge,us-east-1,2,q,2026-11-01\n"
        "g6.xlarge,us-east-1\n"
        "g6.xlarge,Ohio,1,q,yesterday\n"
    )
    with pytest.raises(CatalogError) as caught:
        load_overlay(written(tmp_path, text, "own.csv"))
    assert [(problem.row, problem.field) for problem in caught.value.problems] == [
        (1, "usd_per_hour"),
        (3, ""),
        (4, ""),
        (5, "date"),
        (5, "region"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("own.csv", "a,b\n1,2\n", "the header fits no section"),
        ("own.csv", "", "the header fits no section"),
        ("own.json", "{}", "rename it"),
    ],
)
def test_a_file_that_holds_no_rows_is_refused(tmp_path: Path, name: str, text: str, wanted: str) -> None:
    with pytest.raises(CatalogError, match=wanted):
        load_overlay(written(tmp_path, text, name))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="cannot be read"):
        load_overlay(tmp_path / "none.yaml")


def test_a_refused_file_leaves_the_one_before_in_use(tmp_path: Path) -> None:
    load_overlay(written(tmp_path, OWN))
    with pytest.raises(CatalogError):
        load_overlay(written(tmp_path, "machines: 3", "bad.yaml"))
    assert aws_machine("p9.96xlarge")


values = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.text(max_size=6)
    | st.sampled_from(["L4", "2026-11-01"])
)
keys = st.sampled_from(
    ["name", "vcpus", "machine", "region", "usd_per_hour", "cards", "source", "date", "zones"]
)
sections = st.sampled_from(
    ["machines", "prices", "network_cards", "offerings", "regions", "accelerators", "other"]
)
records = st.lists(st.dictionaries(keys, values, max_size=6) | values, max_size=3)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(content=st.dictionaries(sections, records | values, max_size=3))
def test_any_file_is_taken_or_refused_with_its_name(tmp_path: Path, content: dict[str, object]) -> None:
    path = written(tmp_path, json.dumps(content))
    refusal = ""
    try:
        load_overlay(path)
    except CatalogError as error:
        refusal = str(error)
    assert not refusal or refusal.startswith(str(path))
