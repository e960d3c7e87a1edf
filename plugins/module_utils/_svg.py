# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The few SVG shapes the pictures are made of. Every text is escaped here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

WIDTH = 900
MARGIN = 28
INK, SOFT, LINE, PAPER = "#1f2733", "#5b6675", "#d5dae1", "#fbfcfd"
SYSTEM, KERNEL, EVENT = "#8d99a8", "#e3e7ec", "#f2b33d"
GOOD, TIGHT, BAD = "#1a7f4b", "#9a6700", "#b3261e"
_SERVICES = ("#2f5d9b", "#5b9bd5", "#c0563f", "#4f9d80", "#8667ad", "#b9789f", "#7d8a3c", "#a07d5b")
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif"


# All that XML 1.0 does not allow in a document, escaped or not.
_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def colour(index: int) -> str:
    """Give a service its colour; with more than eight of them colours return."""
    return _SERVICES[index % len(_SERVICES)]


def text(
    x: float, y: float, content: str, size: float = 12, fill: str = INK, **attributes: str
) -> str:
    """Write one line; ``anchor`` and ``weight`` as keywords."""
    names = {"anchor": "text-anchor", "weight": "font-weight"}
    more = "".join(f" {names[key]}={quoteattr(value)}" for key, value in attributes.items())
    place = f'x="{_number(x)}" y="{_number(y)}" font-size="{_number(size)}" fill="{fill}"'
    return f"<text {place}{more}>{clean(content)}</text>"


def rect(  # noqa: PLR0917 - a place, a size, a fill
    x: float,
    y: float,
    width: float,
    height: float,
    fill: str,
    kind: str = "",
    mib: int | None = None,
) -> str:
    """Draw a box; ``kind`` names what it stands for and ``mib`` how much, for those who check."""
    more = f" class={quoteattr(_legal(kind))}" if kind else ""
    more += f' data-mib="{mib}"' if mib is not None else ""
    place = f'x="{_number(x)}" y="{_number(y)}" width="{_number(width)}" height="{_number(height)}"'
    edge = f' stroke="{PAPER}" stroke-width="1"' if mib is not None else ""
    return f'<rect {place} fill="{fill}"{edge}{more}/>'


def stack(
    parts: Iterable[tuple[str, int, str]], left: float, per_mib: float, top: float, height: float
) -> Iterable[str]:
    """Draw (kind, MiB, fill) end to end, each with its number where that has room."""
    at = 0
    for kind, mib, fill in parts:
        width = mib * per_mib
        if mib > 0:
            yield rect(left + at * per_mib, top, width, height, fill, kind, mib)
        if width >= 8 * len(str(mib)) + 6:
            ink = INK if fill in (EVENT, KERNEL) else PAPER
            middle = left + at * per_mib + width / 2
            yield text(middle, top + height / 2 + 4, str(mib), 11, ink, anchor="middle")
        at += mib


def rule(x: float, top: float, bottom: float, stroke: str, *, dashed: bool = False) -> str:
    """Draw a vertical line."""
    more = ' stroke-dasharray="4 3"' if dashed else ""
    place = f'x1="{_number(x)}" y1="{_number(top)}" x2="{_number(x)}" y2="{_number(bottom)}"'
    return f'<line {place} stroke="{stroke}" stroke-width="1.5"{more}/>'


def dot(x: float, y: float, fill: str) -> str:
    """Draw a verdict's mark."""
    return f'<circle cx="{_number(x)}" cy="{_number(y)}" r="4.5" fill="{fill}"/>'


def group(title: str, shapes: Iterable[str]) -> str:
    """Keep shapes together under a title that screen readers say and browsers show."""
    return "\n".join(("<g>", f"<title>{clean(title)}</title>", *shapes, "</g>"))


def chips(entries: Iterable[tuple[str, str]], top: float) -> tuple[list[str], float]:
    """Lay out a legend of (label, fill), wrapping; return the shapes and the last line's y."""
    shapes: list[str] = []
    x = float(MARGIN)
    for label, fill in entries:
        needed = 20 + 7 * len(label)
        if x > MARGIN and x + needed > WIDTH - MARGIN:
            x, top = float(MARGIN), top + 20
        shapes += [rect(x, top - 10, 12, 12, fill), text(x + 18, top, label, 12, SOFT)]
        x += needed + 12
    return shapes, top


def document(title: str, description: str, height: float, shapes: Iterable[str]) -> str:
    """Wrap shapes into a stand-alone picture on a card of its own, legible on light and dark."""
    tall = _number(height)
    card = (
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{_number(height - 1)}" rx="10" '
        f'fill="{PAPER}" stroke="{LINE}"/>'
    )
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{tall}" '
        f'viewBox="0 0 {WIDTH} {tall}" role="img" font-family="{_FONT}">'
    )
    return "\n".join(
        (
            opening,
            f"<title>{clean(title)}</title>",
            f"<desc>{clean(description)}</desc>",
            "<defs>",
            _hatch("swap", TIGHT, "#fbe6bd"),
            _hatch("over", BAD, "#f8d9d6"),
            "</defs>",
            card,
            *shapes,
            "</svg>\n",
        )
    )


def clean(content: str) -> str:
    """Escape a text; characters that XML forbids become a question mark."""
    return escape(_legal(content))


def _legal(content: str) -> str:
    return _FORBIDDEN.sub("?", content)


def _hatch(name: str, stroke: str, ground: str) -> str:
    return (
        f'<pattern id="{name}" width="6" height="6" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate(45)"><rect width="6" height="6" fill="{ground}"/>'
        f'<rect width="2.5" height="6" fill="{stroke}"/></pattern>'
    )


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
