"""The plan for a terminal."""

import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._cost import monthly_cost
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan
from ansible_collections.planner.droplet.plugins.module_utils._plan_text import (
    COLUMNS,
    SWAP,
    bar,
    cost_sentence,
    plan_text,
    shorten,
    stacked_bar,
)
from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError
from ansible_collections.planner.droplet.plugins.module_utils._sizes import SIZES

DOCUMENT = Path(__file__).parents[4] / "docs" / "memory-plan.md"
LONG = {
    "name": "a-worker-with-a-rather-long-name",
    "image": "r.example/" + "x" * 80,
    "limit_mb": 90,
}
STOP_FIRST = [{"name": "backend", "limit_mb": 400}, {**LONG, "limit_mb": 932}]


def made(size: str = "s-1vcpu-1gb", services: Any = (), swap_mb: int | None = None) -> Any:
    """A plan in its plain form."""
    return plan(size, services, swap_mb).to_dict()


COST = monthly_cost(96, "daily", spaces=True, budget_usd=7).to_dict()
FITTING = sorted(slug for slug, size in SIZES.items() if size.memory_mb > 512)


@pytest.mark.parametrize("size", FITTING)
@pytest.mark.parametrize("services", [[], [LONG]], ids=["own", "extra"])
def test_fits_the_terminal(size: str, services: list[dict[str, Any]]) -> None:
    """No line is wider than the terminal, none ends in blanks, nothing is coloured."""
    text = plan_text(made(size, services), COST)
    assert max(len(line) for line in text.splitlines()) <= COLUMNS
    assert not re.search(r" +\n|\x1b|\n\n\n", text)
    assert text.endswith("\n")


def test_every_number_is_shown() -> None:
    """Machine, limits, settings and every scenario are there, with the plan's own numbers."""
    planned = made("s-2vcpu-4gb", [LONG])
    text = plan_text(planned)
    words = set(re.findall(r"\d+", text))
    for name in ("nominal_mb", "guest_mb", "reserve_mb", "budget_mb", "limits_mb", "swap_mb"):
        assert str(planned[name]) in words, name
    for service in planned["services"].values():
        for name in ("limit_mb", "memory_and_swap_mb", "working_set_mb"):
            assert str(service[name]) in words, service["name"]
    for name, scenario in planned["scenarios"].items():
        (line,) = (line for line in text.splitlines() if line.startswith(f"{name} "))
        assert str(scenario["event_mb"]) in line.split()
        assert f"{scenario['verdict']}: {scenario['reason']}" in line


def test_settings_are_in_words() -> None:
    """Each server's telling settings stand beside its limit; one worker is no workers."""
    text = plan_text(made())
    assert "1 worker, pool of 5" in text
    assert "buffers 48, work_mem 2, 20 conn." in text
    assert "maxmemory 26, with snapshots" in text
    assert "1 process of 400 conn." in text
    assert "4 workers" in plan_text(made("s-2vcpu-4gb"))


def test_cost_and_warning() -> None:
    """The month is added up in one line; being over the budget is a warning."""
    cost = monthly_cost(6, "weekly", spaces=True, budget_usd=7).to_dict()
    assert cost_sentence(cost) == (
        "Droplet $6 + weekly backups $1.20 + Spaces $5 = $12.20 a month, budget $7 "
        "(prices as of 2026-03)"
    )
    assert "Warning   $12.20 a month is $5.20 over the budget of $7" in plan_text(made(), cost)
    assert "Warning" not in plan_text(
        made(), monthly_cost(6, "none", spaces=False, budget_usd=7).to_dict()
    )


def test_strategy_and_gap() -> None:
    """A release without room says so, and what stopping first costs."""
    text = plan_text(made("s-1vcpu-2gb", STOP_FIRST, 300))
    assert "stop-first: the old backend stops before the new one starts, about 6 s gap" in text
    flowing = " ".join(text.split())
    assert "swap may hold 150: stop-first instead" in flowing
    assert "no gap" in plan_text(made())


@pytest.mark.parametrize(
    "part, whole, drawn",
    [
        (0, 100, "▏   "),
        (1, 100, "▏   "),
        (25, 100, "█   "),
        (50, 100, "██  "),
        (65, 100, "██▋ "),
        (100, 100, "████"),
        (900, 100, "████"),
        (1, 0, "▏   "),
    ],
)
def test_bar(part: int, whole: int, drawn: str) -> None:
    """A bar grows by eighths, always shows something and never leaves its cells."""
    assert bar(part, whole, 4) == drawn


@pytest.mark.parametrize(
    "limits, memory, swap, drawn",
    [
        (120, 120, 0, "████████████············|      "),
        (120, 180, 0, "████████████▒▒▒▒▒▒······|      "),
        (120, 240, 3, "████████████▒▒▒▒▒▒▒▒▒▒▒▒|/     "),
        (120, 240, 20, "████████████▒▒▒▒▒▒▒▒▒▒▒▒|//    "),
        (120, 240, 900, "████████████▒▒▒▒▒▒▒▒▒▒▒▒|/////…"),
        (240, 240, 0, "████████████████████████|      "),
    ],
)
def test_stacked_bar(limits: int, memory: int, swap: int, drawn: str) -> None:
    """Limits, event and free memory fill 24 cells; what is over stands behind the end, hatched."""
    scenario = {"memory_mb": memory, "swap_mb": swap}
    assert stacked_bar(scenario, limits, 240) == drawn.replace("/", SWAP)


def test_documented_example_is_current() -> None:
    """The example in docs/ is what the tool prints, and so is the refusal of the first numbers."""
    cost = monthly_cost(6, "none", spaces=False, budget_usd=7).to_dict()
    record = [("backend", 256), ("postgres", 384), ("redis", 64), ("nginx", 32)]
    with pytest.raises(PlanError) as caught:
        made(services=[{"name": name, "limit_mb": limit} for name, limit in record])
    document = DOCUMENT.read_text(encoding="utf-8")
    assert f"```text\n{plan_text(made(), cost)}```" in document
    assert " ".join(str(caught.value).split()) in " ".join(document.split())


def test_shorten() -> None:
    """A cut is visible."""
    assert (shorten("backend", 7), shorten("backend", 6)) == ("backend", "backe…")
