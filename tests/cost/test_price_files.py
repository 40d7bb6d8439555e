"""Prices out of a user's file: taken over where they can be true, refused with file, row and field if not."""

import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from bedplate.catalog import CatalogError, current_catalog, load_overlay
from bedplate.cost import StackResource, stack_cost
from bedplate.cost.prices import PriceBook

HEAD = "machine,region,usd_per_hour,purchase,source,date\n"
SERVICES = "item,region,unit,usd,source,date\n"
GCP = "gcp_machine,gcp_region,usd_per_hour,purchase,source,date\n"
Q = "q,2026-11-01"
P5 = "p5.48xlarge,us-east-1"
FUTURE = (datetime.date.today() + datetime.timedelta(days=30)).isoformat()


def written(folder: Path, text: str) -> Path:
    path = folder / "own.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        (HEAD + f"{P5},-1,on-demand,{Q}", "prices row 1, usd_per_hour", "'-1' given"),
        (HEAD + f"{P5},0,on-demand,{Q}", "prices row 1, usd_per_hour", "'0' given"),
        (HEAD + f"{P5},NaN,on-demand,{Q}", "prices row 1, usd_per_hour", "'NaN'"),
        (HEAD + f"{P5},inf,on-demand,{Q}", "prices row 1, usd_per_hour", "'inf'"),
        (HEAD + f"{P5},1,weekly,{Q}", "prices row 1, purchase", "'weekly' given"),
        (HEAD + f"{P5},56,spot,{Q}", "prices row 1, usd_per_hour", "above the"),
        (HEAD + f"{P5},56,reserved,{Q}", "prices row 1", "price 55.04"),
        (
            HEAD + f"{P5},20,on-demand,{Q}\n{P5},21,spot,{Q}",
            "prices row 2, usd_per_hour",
            "21 for spot is above the on-demand price 20 of p5.48xlarge in us-east-1",
        ),
        (HEAD + f"{P5},1,on-demand,{Q}\n" * 2, "prices row", "priced twice"),
        (HEAD + f"{P5},1,on-demand,q,{FUTURE}", "prices row 1, date", "in the future"),
        (HEAD + f"{P5},1,on-demand,,2026-11-01", "prices row 1, source", "not given"),
        (HEAD + f"p5.49xlarge,us-east-1,1,on-demand,{Q}", "prices row 1, machine", "did you mean"),
        (SERVICES + f"NAT gateway,us-east-1,hour,0,{Q}", "service_prices row 1, usd", "'0' given"),
        (SERVICES + f"NAT gateway,us-east-1,hour,-0.1,{Q}", "service_prices row 1, usd", "'-0.1' given"),
        (SERVICES + f"NAT gateway,us-east-1,hour,nan,{Q}", "service_prices row 1, usd", "'nan' given"),
        (SERVICES + f"NAT gateway,us-east-1,hour,1,{Q}\n" * 2, "service_prices row", "priced twice"),
        (SERVICES + f"NAT gateway,us-east-1,hour,1,q,{FUTURE}", "service_prices row 1", "in the future"),
        (GCP + f"a3-highgpu-8g,us-central1,90,spot,{Q}", "gcp_prices row 1, usd_per_hour", "above"),
        (GCP + f"a3-highgpu-8g,us-central1,9,spot,{Q}\n" * 2, "gcp_prices row 2", "priced twice"),
        (GCP + f"a3-highgpu-8g,us-central1,-9,spot,{Q}", "gcp_prices row 1, usd_per_hour", "'-9' given"),
    ],
)  # fmt: skip
def test_a_price_that_cannot_be_true_is_refused(tmp_path: Path, text: str, place: str, reason: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(CatalogError) as refused:
        load_overlay(file)
    assert str(refused.value).startswith(str(file))
    assert place in str(refused.value)
    assert reason in str(refused.value)


def test_every_problem_of_a_file_is_said_at_once(tmp_path: Path) -> None:
    rows = "p5.48xlarge,us-east-1,-1,on-demand,{Q}\ng6.xlarge,us-east-1,9,spot,{Q}\n"
    with pytest.raises(CatalogError) as refused:
        load_overlay(written(tmp_path, HEAD + rows))
    assert [problem.row for problem in refused.value.problems] == [1, 2]


def test_a_negotiated_price_changes_the_figure_and_a_commitment_does_not(tmp_path: Path) -> None:
    row = "p5.48xlarge,us-east-1,{},{},our contract,2026-11-01\n"
    load_overlay(written(tmp_path, HEAD + row.format(40, "on-demand") + row.format(30, "savings-plan")))
    scaling = {"minSize": 0, "desiredSize": 0, "maxSize": 2}
    inputs = {"scalingConfig": scaling, "instanceTypes": ["p5.48xlarge"]}
    pool = StackResource("aws:eks/nodeGroup:NodeGroup", "p", "urn:p", inputs)
    day = datetime.date(2026, 11, 24)
    estimate = stack_cost([pool], catalog=current_catalog(), today=day, region="us-east-1")
    line = estimate.lines[0]
    assert line.month("maximum") == 2 * 40 * 730
    assert (line.price.source, line.price.age_days(day)) == ("our contract", 23)
    assert line.other_month("savings-plan", "maximum") == 2 * 30 * 730
    assert estimate.other_kinds() == ("savings-plan", "spot")


def test_a_service_price_of_another_region_is_added(tmp_path: Path) -> None:
    rows = "NAT gateway,eu-north-1,hour,0.05,price page,2026-11-01\n"
    load_overlay(written(tmp_path, SERVICES + rows))
    nat = StackResource("aws:ec2/natGateway:NatGateway", "n", "urn:n", {"region": "eu-north-1"})
    day = datetime.date(2026, 11, 24)
    assert stack_cost([nat], catalog=current_catalog(), today=day).month("maximum") == Decimal("36.5")


def test_the_package_has_sourced_prices_of_google_cloud() -> None:
    book = PriceBook(current_catalog(), "us-east4", gcp=True)
    full, others = book.machine("a3-highgpu-8g")
    assert full is not None
    assert full.usd == Decimal("88.555756")
    assert [(price.kind, price.usd) for price in others] == [("spot", Decimal("36.320837"))]
    machine = current_catalog().gcp.machines["a3-highgpu-8g"]
    assert (machine.accelerator, machine.accelerator_count, machine.vcpus) == ("H100-80GB", 8, 208)
