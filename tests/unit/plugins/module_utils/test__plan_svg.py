"""The plan's picture: it shows the plan's numbers, to scale, and nothing else."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._cost import monthly_cost
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan
from ansible_collections.planner.droplet.plugins.module_utils._plan_svg import plan_svg

COMMITTED = Path(__file__).parents[4] / "docs" / "images" / "memory-plan-s-1vcpu-1gb.svg"
SVG = "{http://www.w3.org/2000/svg}"
FREE = monthly_cost(6, "none", spaces=False, budget_usd=7).to_dict()

WORKER = {"name": "worker", "image": "worker:1", "limit_mb": 130}
# size, services, swap: fits; with swap; stop-first; without swap; another shape
PLANS: list[tuple[str, list[dict[str, Any]], int | None]] = [
    ("s-1vcpu-1gb", [], None),
    ("s-1vcpu-1gb", [WORKER], None),
    ("s-1vcpu-2gb", [{"name": "backend", "limit_mb": 400}, {**WORKER, "limit_mb": 932}], 300),
    ("s-2vcpu-4gb", [], 0),
    ("s-8vcpu-16gb", [WORKER], None),
]


@pytest.fixture(params=PLANS, ids=lambda chosen: f"{chosen[0]}-{len(chosen[1])}-{chosen[2]}")
def planned(request: pytest.FixtureRequest) -> dict[str, Any]:
    """One plan in its plain form."""
    size, services, swap_mb = request.param
    return plan(size, services, swap_mb).to_dict()


def parse(picture: str) -> ET.Element:
    """Read a picture we drew."""
    return ET.fromstring(picture)  # noqa: S314 - our own


def rows(picture: str) -> dict[str, ET.Element]:
    """Each scenario's group by its name."""
    found = {}
    for group in parse(picture).iter(f"{SVG}g"):
        title = group.find(f"{SVG}title")
        assert title is not None
        found[str(title.text).split(":")[0]] = group
    return found


def bars(row: ET.Element) -> list[tuple[str, int, float, float]]:
    """What a row's boxes stand for, their MiB, place and width."""
    return [
        (box.get("class", ""), int(box.get("data-mib", "")), *place(box))
        for box in row.iter(f"{SVG}rect")
        if box.get("data-mib")
    ]


def place(box: ET.Element) -> tuple[float, float]:
    """Where a box begins and how wide it is."""
    return float(box.get("x", "")), float(box.get("width", ""))


def test_bars_are_the_plan(planned: dict[str, Any]) -> None:
    """Each bar is system, every limit, the event, and what of it is in swap, in MiB."""
    drawn = rows(plan_svg(planned))
    assert list(drawn) == list(planned["scenarios"])
    for name, scenario in planned["scenarios"].items():
        expected = [("system", planned["guest_mb"] - planned["budget_mb"])]
        expected += [(one["name"], one["limit_mb"]) for one in planned["services"].values()]
        expected += [("event", scenario["event_mb"] - scenario["swap_mb"])]
        expected += [("swap", scenario["swap_mb"])]
        got = [(kind, mib) for kind, mib, _, _ in bars(drawn[name])]
        assert got == [(kind, mib) for kind, mib in expected if mib]


def test_bars_are_to_scale(planned: dict[str, Any]) -> None:
    """One scale for everything, memory ends at the kernel's MemTotal, swap begins behind it."""
    picture = plan_svg(planned)
    root = parse(picture)
    (kernel,) = (box for box in root.iter(f"{SVG}rect") if box.get("class") == "kernel")
    ram_ends, kernel_width = place(kernel)
    per_mib = (ram_ends - 28) / planned["guest_mb"]
    assert kernel_width == pytest.approx(
        per_mib * (planned["nominal_mb"] - planned["guest_mb"]), abs=0.02
    )
    for row in rows(picture).values():
        x = 28.0
        for kind, mib, start, width in bars(row):
            expected = ram_ends + kernel_width if kind == "swap" else x
            assert start == pytest.approx(expected, abs=0.02)
            assert width == pytest.approx(mib * per_mib, abs=0.02)
            assert start + width <= (650.02 if kind == "swap" else ram_ends + 0.02)
            x = start + width


def test_every_number_is_the_plans(planned: dict[str, Any]) -> None:
    """No number is written that the plan does not hold or that is not a plain difference of two."""
    known = {planned[n] for n in ("nominal_mb", "guest_mb", "budget_mb", "limits_mb", "swap_mb")}
    known |= {planned["vcpus"], planned["gap_s"], int(planned["price_usd"]), 0}
    known |= {planned["guest_mb"] - planned["budget_mb"]}
    known |= {planned["nominal_mb"] - planned["guest_mb"], planned["swap_mb"] // 2}
    known |= {planned["nominal_mb"] * quarter // 4 for quarter in (1, 2, 3)}
    for service in planned["services"].values():
        known.add(service["limit_mb"])
    for scenario in planned["scenarios"].values():
        known |= {scenario["event_mb"], scenario["swap_mb"]}
        known |= {scenario["memory_mb"] - planned["limits_mb"]}
        known |= {int(number) for number in re.findall(r"\d+", scenario["reason"])}
    root = parse(plan_svg(planned))
    said = [str(node.text) for tag in ("text", "title", "desc") for node in root.iter(SVG + tag)]
    for line in said:
        numbers = re.findall(r"\d+", line.replace(planned["size"], ""))
        assert {int(number) for number in numbers} <= known, line


def test_verdicts_are_written(planned: dict[str, Any]) -> None:
    """Each row says its verdict in words, not by colour alone."""
    for name, row in rows(plan_svg(planned)).items():
        words = [str(node.text) for node in row.iter(f"{SVG}text")]
        assert planned["scenarios"][name]["verdict"] in words


def test_swap_is_hatched(planned: dict[str, Any]) -> None:
    """What goes to swap is hatched, what is refused hatched in another colour."""
    fills = {"fits with swap": "url(#swap)", "refused": "url(#over)"}
    for name, row in rows(plan_svg(planned)).items():
        for box in row.iter(f"{SVG}rect"):
            if box.get("class") == "swap":
                assert box.get("fill") == fills[planned["scenarios"][name]["verdict"]]


def test_stands_alone(planned: dict[str, Any]) -> None:
    """The picture loads nothing from elsewhere, runs nothing, and has a title."""
    picture = plan_svg(planned, FREE)
    assert not re.search(r"href|<script|<style|@import|https?://(?!www\.w3\.org/2000/svg)", picture)
    title = parse(picture).find(f"{SVG}title")
    assert title is not None
    assert title.text == f"Memory plan of {planned['size']}"


def test_same_plan_same_picture(planned: dict[str, Any]) -> None:
    """Drawing twice gives the same bytes."""
    assert plan_svg(planned, FREE) == plan_svg(planned, FREE)


def test_cost_is_shown() -> None:
    """The month's sum stands in the header, a warning below the bars."""
    cost = monthly_cost(6, "weekly", spaces=True, budget_usd=7).to_dict()
    picture = plan_svg(plan("s-1vcpu-1gb").to_dict(), cost)
    assert "Droplet $6 + weekly backups $1.20 + Spaces $5 = $12.20 a month" in picture
    assert "Warning: $12.20 a month is $5.20 over the budget of $7" in picture


def test_committed_picture_is_current() -> None:
    """The picture in docs/ is what the code draws: make -s plan SIZE=s-1vcpu-1gb FORMAT=svg."""
    assert COMMITTED.read_text(encoding="utf-8") == plan_svg(plan("s-1vcpu-1gb").to_dict(), FREE)
