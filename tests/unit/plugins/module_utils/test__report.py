"""One door to every report."""

import json
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan
from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError
from ansible_collections.planner.droplet.plugins.module_utils._report import (
    FORMATS,
    a_plan,
    comparison,
    report,
)
from ansible_collections.planner.droplet.plugins.module_utils._sizes import COMPARED

PLAN = plan("s-1vcpu-1gb").to_dict()
STARTS = {"text": "s-1vcpu-1gb: 1 vCPU", "json": "{\n  ", "svg": "<svg "}


@pytest.mark.parametrize("output", FORMATS)
def test_report(output: str) -> None:
    """Every format is rendered and ends in a newline."""
    made = report(PLAN, output)
    assert made.startswith(STARTS[output])
    assert made.endswith("\n")


def test_json_is_the_plan_and_its_cost() -> None:
    """A program reads the very plan, with the cost beside it."""
    assert json.loads(report(PLAN, "json", {"total_usd": 6})) == {**PLAN, "cost": {"total_usd": 6}}
    assert json.loads(report(PLAN, "json"))["cost"] is None


def test_json_comparison() -> None:
    """A program reads every size's plan, or null and the problems."""
    rows = json.loads(comparison([], "json"))
    assert [row["size"] for row in rows] == list(COMPARED)
    assert rows[0]["plan"] is None
    assert rows[0]["problems"]
    assert rows[1]["plan"] == PLAN


@pytest.mark.parametrize("output", ["html", "", None, 4, ["text"], {}])
def test_unknown_format(output: Any) -> None:
    """A wrong format fails with the accepted ones named, for both reports."""
    with pytest.raises(PlanError, match="use one of text, json, svg"):
        report(PLAN, output)
    with pytest.raises(PlanError, match="use one of text, json, svg"):
        comparison([], output)


@pytest.mark.parametrize("value", [None, "s-1vcpu-1gb", [], {}, {"size": "s-1vcpu-1gb"}])
def test_not_a_plan(value: object) -> None:
    """What memory_plan did not return is refused in words."""
    with pytest.raises(PlanError, match="give what memory_plan returns"):
        a_plan(value)
