"""What a month costs."""

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._cost import dollars, monthly_cost
from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError
from ansible_collections.planner.droplet.plugins.module_utils._sizes import AS_OF

# price, backups, Spaces, budget -> backups' part, Spaces' part, total, over
SUMS = [
    (6, "none", False, 7, 0, 0, 6, ""),
    (6, "weekly", False, 7.2, 1.2, 0, 7.2, ""),
    (6, "weekly", False, 7, 1.2, 0, 7.2, "$7.20 a month is $0.20 over the budget of $7"),
    (6, "daily", False, 10, 1.8, 0, 7.8, ""),
    (6, "daily", True, 10, 1.8, 5, 12.8, "$12.80 a month is $2.80 over the budget of $10"),
    (24, "none", True, 29, 0, 5, 29, ""),
    (96, "weekly", False, 0, 19.2, 0, 115.2, "$115.20 a month is $115.20 over the budget of $0"),
]


@pytest.mark.parametrize("price, backups, spaces, budget, part, rented, total, warning", SUMS)
def test_sums(  # noqa: PLR0917 - a table's columns
    price: float,
    backups: str,
    spaces: bool,  # noqa: FBT001 - a table's column
    budget: float,
    part: float,
    rented: float,
    total: float,
    warning: str,
) -> None:
    """Backups are a part of the price, Spaces five dollars; only above the budget is a warning."""
    cost = monthly_cost(price, backups, spaces, budget).to_dict()
    assert cost == {
        "droplet_usd": price,
        "backups": backups,
        "backups_usd": part,
        "spaces_usd": rented,
        "total_usd": total,
        "budget_usd": budget,
        "as_of": AS_OF,
        "warning": warning,
    }


@pytest.mark.parametrize(
    "backups, spaces, budget, paths",
    [
        ("hourly", False, 7, ["backups"]),
        (None, False, 7, ["backups"]),
        ("none", "maybe", 7, ["spaces"]),
        ("none", 0, 7, ["spaces"]),
        ("none", False, "seven", ["budget_usd"]),
        ("none", False, "-7", ["budget_usd"]),
        ("none", False, None, ["budget_usd"]),
        ("none", False, True, ["budget_usd"]),
        ("none", False, -1, ["budget_usd"]),
        ("none", False, float("nan"), ["budget_usd"]),
        ("x", 1, [], ["backups", "spaces", "budget_usd"]),
    ],
)
def test_refused(backups: object, spaces: object, budget: object, paths: list[str]) -> None:
    """A choice that does not exist is named, all of them at once."""
    with pytest.raises(PlanError) as caught:
        monthly_cost(6, backups, spaces, budget)
    assert [problem.path for problem in caught.value.problems] == paths


def test_text_from_the_command_line() -> None:
    """-e values arrive as text and mean the same."""
    expected = monthly_cost(6, "none", spaces=True, budget_usd=7.5)
    assert monthly_cost(6, "none", spaces="true", budget_usd="7.5") == expected
    assert monthly_cost(6, "none", spaces="Yes", budget_usd="7.5") == expected


@pytest.mark.parametrize("amount, text", [(6, "$6"), (7.2, "$7.20"), (0.0, "$0"), (0.456, "$0.46")])
def test_dollars(amount: float, text: str) -> None:
    """Whole dollars stay short, cents have two digits."""
    assert dollars(amount) == text
