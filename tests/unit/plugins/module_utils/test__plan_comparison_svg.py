"""All sizes side by side as a picture."""

import xml.etree.ElementTree as ET
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._plan_comparison import (
    compare,
    tightest,
)
from ansible_collections.planner.droplet.plugins.module_utils._plan_comparison_svg import (
    comparison_svg,
)

SVG = "{http://www.w3.org/2000/svg}"
WISHES: list[list[dict[str, Any]]] = [
    [],
    [{"name": "worker", "image": "worker:1", "limit_mb": 130}],
    [{"name": "worker", "image": "worker:1", "limit_mb": 20000}],
]


@pytest.mark.parametrize("services", WISHES, ids=["own", "extra", "nothing-fits"])
def test_rows(services: list[dict[str, Any]]) -> None:
    """Each size's bar is all its memory: reserve, limits, the tightest event, what is left."""
    rows = compare(services)
    picture = ET.fromstring(comparison_svg(rows))  # noqa: S314 - our own
    groups = list(picture.iter(f"{SVG}g"))
    assert len(groups) == len(rows)
    for row, group in zip(rows, groups, strict=True):
        words = " ".join(str(node.text) for node in group.iter(f"{SVG}text"))
        assert row.size in words
        boxes = [box for box in group.iter(f"{SVG}rect") if box.get("data-mib")]
        if row.plan is None:
            assert "does not fit" in words
            assert boxes == []
            continue
        event, left = tightest(row.plan)
        assert f"{event} leaves {left}" in words or f"{event}: {-left} in swap" in words
        assert sum(int(box.get("data-mib", "")) for box in boxes) == row.nominal_mb
        assert sum(float(box.get("width", "")) for box in boxes) == pytest.approx(454, abs=0.1)


def test_same_rows_same_picture() -> None:
    """Drawing twice gives the same bytes."""
    assert comparison_svg(compare()) == comparison_svg(compare())
