"""The shapes pictures are made of."""

import re
import xml.etree.ElementTree as ET

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _svg as svg
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(max_examples=60)
@given(st.text())
def test_any_text_is_valid(content: str) -> None:
    """Whatever a text holds, the picture stays XML; what XML cannot hold becomes '?'."""
    shapes = [svg.text(1, 2, content), svg.rect(1, 2, 3, 4, "#fff", content, 5)]
    picture = svg.document(content, content, 9, [svg.group(content, shapes)])
    ET.fromstring(picture.encode("utf-8", "strict"))  # noqa: S314 - our own


@pytest.mark.parametrize(
    "content, cleaned",
    [("a < b & c", "a &lt; b &amp; c"), ("\x00\x1b\ufffe\ud800", "????"), ("é✓😀", "é✓😀")],
)
def test_clean(content: str, cleaned: str) -> None:
    """Markup is escaped, forbidden characters are replaced, all else stays."""
    assert svg.clean(content) == cleaned


def test_numbers_are_short() -> None:
    """Places have at most two decimals and no trailing zeros, so that pictures do not flicker."""
    assert 'x="1.33" y="2"' in svg.text(4 / 3, 2.0, "x")


def test_legend_wraps() -> None:
    """A legend that is too wide goes on in the next line, every label within the picture."""
    shapes, y = svg.chips([(f"a service {number}", "#fff") for number in range(12)], 50)
    assert y == 70
    places = [
        float(place) for shape in shapes for place in re.findall(r'<text x="([0-9.]+)"', shape)
    ]
    assert len(places) == 12
    assert max(places) + 7 * len("a service 11") <= svg.WIDTH - svg.MARGIN + 2


def test_stack_is_gapless() -> None:
    """Parts lie end to end, each as wide as its memory; a part of nothing is not drawn."""
    parts = [("a", 10, "#111"), ("b", 0, "#222"), ("c", 40, "#333")]
    drawn = "".join(svg.stack(parts, 100, 2, 0, 10))
    assert 'x="100" y="0" width="20"' in drawn
    assert 'x="120" y="0" width="80"' in drawn
    assert "#222" not in drawn


def test_a_number_needs_room() -> None:
    """A narrow part carries no number, a wide one does."""
    assert ">5<" not in "".join(svg.stack([("a", 5, "#111")], 0, 1, 0, 10))
    assert ">50<" in "".join(svg.stack([("a", 50, "#111")], 0, 1, 0, 10))


def test_colours_return() -> None:
    """With many services colours repeat instead of running out."""
    assert svg.colour(0) == svg.colour(8) != svg.colour(1)
