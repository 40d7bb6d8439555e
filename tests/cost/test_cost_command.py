"""`bedplate cost` as a user runs it."""

import json
import xml.etree.ElementTree
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from bedplate.cli import main

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project's files, with a smaller environment `small` beside aws-dev."""
    monkeypatch.delenv("BEDPLATE_HOME", raising=False)
    (tmp_path / "Pulumi.yaml").write_text((REPOSITORY / "Pulumi.yaml").read_text())
    config = tmp_path / "stacks" / "config"
    config.mkdir(parents=True)
    shipped = (REPOSITORY / "stacks" / "config" / "Pulumi.aws-dev.yaml").read_text()
    (config / "Pulumi.aws-dev.yaml").write_text(shipped)
    small = yaml.safe_load(shipped)
    environment = small["config"]["bedplate:environment"]
    environment["name"] = "small"
    environment["gpu_pools"]["h100"]["max_size"] = 1
    small["config"]["bedplate:cost"] = {"limit_usd_per_month": 30000, "usage": {"nat_gb": 100}}
    (config / "Pulumi.small.yaml").write_text(yaml.safe_dump(small))
    return tmp_path


def run(project: Path, *arguments: str) -> int:
    return main(["cost", *arguments, "--root", str(project)])


def document(project: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert run(project, *arguments, "--json") == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_table_has_items_totals_limits_and_the_dates_of_prices(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(project, "aws-dev") == 0
    shown = capsys.readouterr().out
    total = next(line.split() for line in shown.splitlines() if line.startswith("total"))
    assert total[1:] == ["0.7532", "549.84", "0.7532", "549.84", "461.0902", "336,595.84", "138,703.36"]
    assert "0/0/8" in shown
    assert "Limit $750,000.00 a month at the maximum: fits, $413,404.16 left." in shown
    assert (
        "Not declared, not in the totals: NAT data processed ($0.045 per GB); declare usage.nat_gb" in shown
    )
    assert "2026-07-20  m7i.xlarge, g6.12xlarge, p5.48xlarge: aws/karpenter-provider-aws" in shown


def test_a_limit_that_is_passed_says_what_to_change(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(project, "small") == 0
    shown = capsys.readouterr().out
    assert "Limit $30,000.00 a month at the maximum:" in shown
    assert "too much." in shown
    assert "gpu_pools.h100: p5.48xlarge: 1 x $55.04 per hour x 730 = $40,179.20 a month" in shown
    assert "No size of the pools fits" in shown
    assert run(project, "small", "--basis", "minimum") == 0
    assert "at the minimum: fits" in capsys.readouterr().out


def test_json_has_every_field(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = document(project, capsys, "aws-dev")
    assert found["total"]["maximum"]["month"] == 336595.844
    line = next(line for line in found["lines"] if line["item"] == "p5.48xlarge")
    assert line["count"] == {"minimum": 0, "desired": 0, "maximum": 8}
    assert line["price"]["usd"] == 55.04
    assert line["price"]["date"] == "2026-07-20"
    assert line["price"]["age_days"] >= 127
    assert line["other_prices"][0]["kind"] == "spot"
    assert line["arithmetic"]["maximum"] == "8 x $55.04 per hour x 730 = $321,433.60 a month"
    assert found["limit"] == {
        "basis": "maximum",
        "limit": 750000,
        "month": 336595.844,
        "overrun": 0,
        "fits": True,
        "complete": True,
        "smallest_change": [],
    }
    assert sum(line["month"]["maximum"] for line in found["lines"]) == pytest.approx(336595.844)


def test_two_environments_are_compared_item_by_item(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = document(project, capsys, "aws-dev", "--against", "small")
    changes = {change["item"]: change["maximum"]["change"] for change in found["against"]["changes"]}
    assert changes["p5.48xlarge"] == pytest.approx(7 * 55.04 * 730)
    assert changes["NAT data processed"] == -4.5
    assert "g6.12xlarge" not in changes
    assert run(project, "aws-dev", "--against", "small") == 0
    shown = capsys.readouterr().out
    assert "Change a month, from small to aws-dev" in shown
    assert "+281,254.40" in shown


def test_the_state_is_compared_with_the_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(project, "aws-dev", "--against-state") == 2
    assert "aws-dev has no state" in capsys.readouterr().err
    stacks = project / ".bedplate" / "state" / ".pulumi" / "stacks" / "bedplate"
    stacks.mkdir(parents=True)
    urn = "urn:pulumi:aws-dev::bedplate::aws:ec2/natGateway:NatGateway::nat"
    inputs = {"region": "us-east-1"}
    resources = [
        {"urn": f"{urn}{i}", "type": "aws:ec2/natGateway:NatGateway", "inputs": inputs} for i in range(3)
    ]
    state = {"version": 3, "checkpoint": {"latest": {"resources": resources}}}
    (stacks / "aws-dev.json").write_text(json.dumps(state))
    found = document(project, capsys, "aws-dev", "--against-state")
    changes = {change["item"]: change["desired"]["change"] for change in found["against"]["changes"]}
    assert changes["NAT gateway"] == pytest.approx(-2 * 0.045 * 730)


def test_own_prices_are_used_or_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = "machine,region,usd_per_hour,purchase,source,date\n"
    prices = project / "prices.csv"
    prices.write_text(head + "p5.48xlarge,us-east-1,40,on-demand,contract,2026-11-01\n")
    found = document(project, capsys, "aws-dev", "--prices", str(prices))
    line = next(line for line in found["lines"] if line["item"] == "p5.48xlarge")
    assert line["hour"]["maximum"] == 320
    prices.write_text(head + "p5.48xlarge,us-east-1,-40,on-demand,contract,2026-11-01\n")
    assert run(project, "aws-dev", "--prices", str(prices)) == 2
    assert "prices row 1, usd_per_hour: '-40' given" in capsys.readouterr().err
    assert run(project, "aws-dev", "--prices", str(project / "none.csv")) == 2
    assert "none.csv" in capsys.readouterr().err


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "xlink:href")]


def test_the_page_stands_alone_and_its_chart_is_well_formed(project: Path) -> None:
    page = project / "cost.html"
    assert run(project, "aws-dev", "--html", str(page)) == 0
    text = page.read_text()
    parser = _Page()
    parser.feed(text)
    assert "script" not in parser.tags
    assert parser.links == ["data:,"]
    assert "url(" not in text
    assert "@import" not in text
    svg = xml.etree.ElementTree.fromstring(text[text.index("<svg") : text.index("</svg>") + len("</svg>")])
    bars = [rect for rect in svg.iter("rect") if rect.find("title") is not None]
    assert len(bars) == 3 * 7
    widest = max(float(bar.attrib["x"]) + float(bar.attrib["width"]) for bar in bars)
    assert widest <= float(svg.attrib["viewBox"].split()[2])
    assert "336,595.84" in text


def test_names_in_the_page_cannot_be_markup(project: Path) -> None:
    head = "machine,region,usd_per_hour,purchase,source,date\n"
    prices = project / "prices.csv"
    prices.write_text(head + "p5.48xlarge,us-east-1,40,on-demand,<script>alert(1)</script>,2026-11-01\n")
    page = project / "cost.html"
    assert run(project, "aws-dev", "--html", str(page), "--prices", str(prices)) == 0
    assert "<script" not in page.read_text()
    assert "&lt;script&gt;" in page.read_text()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"gpu_pools": {"x": {"machine": "p5.49xlarge", "max_size": 1}}}, "p5.48xlarge"),
        ({"gpu_pools": {"x": {"machine": "g6.xlarge", "max_size": "many"}}}, "gpu_pools.x.max_size"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_a_wrong_file_is_explained_by_the_environments_own_checks(
    project: Path, capsys: pytest.CaptureFixture[str], change: dict[str, object], text: str
) -> None:
    file = project / "stacks" / "config" / "Pulumi.aws-dev.yaml"
    data = yaml.safe_load(file.read_text())
    data["config"]["bedplate:environment"].update(change)
    file.write_text(yaml.safe_dump(data))
    assert run(project, "aws-dev") == 2
    assert text in capsys.readouterr().err


def test_a_limit_is_not_said_to_fit_where_a_price_is_missing(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = project / "stacks" / "config" / "Pulumi.aws-dev.yaml"
    file.write_text(file.read_text().replace("p5.48xlarge", "p5e.48xlarge").replace("us-east-1", "us-east-2"))
    assert run(project, "aws-dev") == 0
    shown = capsys.readouterr().out
    assert "without a price, so that nobody can say whether it fits" in shown
    assert "fits, $" not in shown
    assert "NO PRICE, not in the totals: 0/0/8 x p5e.48xlarge" in shown
    assert document(project, capsys, "aws-dev")["limit"]["complete"] is False


def test_wrong_settings_and_names_are_usage_errors(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(project, "nowhere") == 2
    assert "aws-dev, small" in capsys.readouterr().err
    file = project / "stacks" / "config" / "Pulumi.small.yaml"
    data = yaml.safe_load(file.read_text())
    data["config"]["bedplate:cost"] = {"limit": 1}
    file.write_text(yaml.safe_dump(data))
    assert run(project, "small") == 2
    assert "bedplate:cost: limit: unknown; known: limit_usd_per_month" in capsys.readouterr().err
