"""All sizes side by side, as data and as text."""

from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan
from ansible_collections.planner.droplet.plugins.module_utils._plan_comparison import (
    compare,
    comparison_text,
    tightest,
)
from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError
from ansible_collections.planner.droplet.plugins.module_utils._sizes import COMPARED

RECORD = [
    {"name": "backend", "limit_mb": 256},
    {"name": "postgres", "limit_mb": 384},
    {"name": "redis", "limit_mb": 64},
    {"name": "nginx", "limit_mb": 32},
]


def own(limit_mb: int) -> dict[str, Any]:
    """A service the owner adds."""
    return {"name": "worker", "image": "worker:1", "limit_mb": limit_mb}


def test_one_row_a_size() -> None:
    """Every compared size is there in its order, planned exactly as alone."""
    rows = compare()
    assert [row.size for row in rows] == list(COMPARED)
    assert rows[0].plan is None
    for row in rows[1:]:
        assert row.plan == plan(row.size).to_dict()
        assert (row.problems, row.why) == ((), "")


def test_a_size_that_does_not_fit_says_why() -> None:
    """The reason is short, further ones are counted, all of them are in the data."""
    rows = {row.size: row for row in compare([{"name": "backend", "limit_mb": 900}], 0)}
    row = rows["s-1vcpu-1gb"]
    assert row.plan is None
    assert row.why == "a machine of 1024 MB without swap thrashes until ssh is gone, and 1 more"
    assert len(row.problems) == 2
    assert rows["s-2vcpu-4gb"].plan


TEXTS: list[tuple[str, list[dict[str, Any]], int | None, str]] = [
    ("s-1vcpu-512mb-10gb", [], None, "4 no: limits of 480 MiB on s-1vcpu-512mb-10gb are 347 too"),
    ("s-1vcpu-1gb", [], None, "6 636 480 192/192/64/32 1 48 26 start release 4"),
    ("s-4vcpu-8gb", [], None, "48 7611 5056 1440/2976/512/128 8 744 240 start release 1507"),
    ("s-1vcpu-1gb", RECORD, None, "6 no: limits of 736 MiB on s-1vcpu-1gb are 100 too many"),
    ("s-1vcpu-1gb", [own(130)], None, "6 636 610 192/192/64/32 1 48 26 start release -126"),
    (
        "s-1vcpu-2gb",
        [{"name": "backend", "limit_mb": 400}, own(932)],
        300,
        "12 1641 1620 400/192/64/32 2 48 26 stop 6 s drill -115",
    ),
]


@pytest.mark.parametrize("size, services, swap_mb, line", TEXTS)
def test_text(size: str, services: list[dict[str, Any]], swap_mb: int | None, line: str) -> None:
    """A size's line holds price, budget, limits, settings, strategy and the tightest event."""
    text = comparison_text(compare(services, swap_mb))
    (found,) = (row for row in text.splitlines() if row.startswith(f"{size} "))
    assert " ".join(found.split()).startswith(f"{size} {line}")


@pytest.mark.parametrize("services", [[], RECORD, [own(130)], [own(20000)], [own(999)]])
def test_fits_the_terminal(services: list[dict[str, Any]]) -> None:
    """No line is wider than 90 columns, with any of these wishes."""
    text = comparison_text(compare(services))
    assert max(len(line) for line in text.splitlines()) <= 90
    assert len(text.splitlines()) == 1 + len(COMPARED) + 5


def test_columns_are_aligned() -> None:
    """Numbers of all sizes end in the same column."""
    lines = comparison_text(compare()).splitlines()
    ends = {line.index(word) + len(word) for line, word in ((lines[0], "Limits"),)}
    for line, row in zip(lines[1:], compare(), strict=False):
        if row.plan:
            (end,) = ends
            assert line[:end].endswith(f" {row.plan['limits_mb']}")


def test_slips_are_no_comparison() -> None:
    """A wish that means nothing on any size is an error, not seven rows of it."""
    with pytest.raises(PlanError) as caught:
        compare([{"name": "postgre"}])
    assert len(caught.value.problems) == 1


def test_tightest_leaves_out_what_is_refused() -> None:
    """An event that will not run leaves nothing; the tightest of the others counts."""
    assert tightest(plan("s-1vcpu-1gb").to_dict()) == ("release", 4)
