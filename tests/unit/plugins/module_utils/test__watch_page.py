"""The page of a month: whole, safe, and with nothing from elsewhere."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _svg as svg
from ansible_collections.planner.droplet.plugins.module_utils._watch_month import Down
from ansible_collections.planner.droplet.plugins.module_utils._watch_page import (
    down_said,
    moment,
    page,
    promise,
)

from tests.unit.watch_month import END, NOVEMBER, facts, made_up

EVIL = "<script>alert(1)</script>&\"'"


class Reader(HTMLParser):
    """Collects text, and refuses what is not well formed."""

    def __init__(self) -> None:
        """Begin with nothing open."""
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what opens, and that it fetches nothing."""
        assert not {"src", "href", "style", "onload"} & {name for name, _ in attrs}
        self.seen.append(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what opens and closes at once, as SVG's shapes do."""
        assert "href" not in dict(attrs)
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """What closes is what was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collect the text."""
        self.text += f" {data}"


def read(document: str) -> Reader:
    """Read a page."""
    reader = Reader()
    reader.feed(document)
    reader.close()
    assert reader.open == []
    return reader


def test_all_of_it(tmp_path: Path) -> None:
    """Everything is told: the month, what is not well, each section, what was told and upgraded."""
    told = [(END - 60, "raised", "PROBLEM planner-1: disk /: it is full")]
    found = read(page(facts(made_up(tmp_path, down=(25,)), told=told)))
    text = " ".join(found.text.split())
    for part in (
        "planner-1, November 2026",
        "From 2026-11-03 00:00 UTC to 2026-12-01 00:00 UTC",
        "99.85 % down for 1 h, 5 h 43 min left of the 6 h 43 min that 99 % allow",
        "6,720 1 were the server's errors",
        "623 MiB the most, on day 3; 967 in all",
        "$7.20 a month",
        "warning nginx: nginx:1.28-alpine has become newer: aa -> bb",
        "2026-11-04 01:00 UTC for 1 h",
        "2026-11-30 23:59 UTC PROBLEM planner-1: disk /: it is full",
        "17 is good",
        "2026-11-05 unattended: libc6 2.41-11 -> 2.41-12",
    ):
        assert part in text
    upgraded = text.split("Upgraded in the month")[1]
    assert "2026-10-31" not in upgraded
    assert found.seen.count("svg") == 1
    assert "script" not in found.seen


def test_nothing_is_known(tmp_path: Path) -> None:
    """A month without a look has a page too, and claims nothing."""
    found = read(page(facts(made_up(tmp_path, first=30), sections=(), monthly_usd=None)))
    text = " ".join(found.text.split())
    assert "Up not seen" in text
    assert "Ready within not measured" in text
    assert "Memory not measured" in text
    assert "100 %" not in text.split("not measured", 1)[0]


def test_texts_are_escaped(tmp_path: Path) -> None:
    """What logs, hosts and findings say is text."""
    finding = {"severity": "problem", "check": EVIL, "subject": EVIL, "what": EVIL, "do": EVIL}
    runs = [{"at": f"2026-11-05 {EVIL}", "by": EVIL, "changes": [{"package": EVIL, "new": EVIL}]}]
    part = {"name": "updates", "lines": [EVIL], "findings": [finding], "data": {"runs": runs}}
    told = [(END, EVIL, EVIL)]
    evil = facts(made_up(tmp_path), host=EVIL, sections=[part], told=told)
    found = read(page(evil))
    assert "script" not in found.seen
    # Twice the host, once the line and what was told, three in the finding, three in the upgrade.
    assert found.text.count(EVIL) == 10


def test_foreign_sections(tmp_path: Path) -> None:
    """What is no finding and has no name does no harm."""
    found = page(facts(made_up(tmp_path), sections=[{}, {"findings": [7, {"severity": "x"}]}]))
    assert "All that was looked at is well." in found


def test_dark(tmp_path: Path) -> None:
    """Every colour of the picture has another one on dark."""
    document = page(facts(made_up(tmp_path, down=(25, *range(48, 50)))))
    picture = document[document.index("<svg") : document.index("</svg>")]
    picture = picture.replace(picture[picture.index("<defs>") : picture.index("</defs>")], "")
    used = set(re.findall(r'(?:fill|stroke)="(#\w+)"', picture))
    assert svg.INK in used
    for colour in used:
        assert f'svg [fill="{colour}"] {{ fill: ' in document


@pytest.mark.parametrize(
    "down, said",
    [
        ((), "never down, 6 h 43 min left of the 6 h 43 min that 99 % allow"),
        ((1, 2), "down for 2 h, 4 h 43 min left of the 6 h 43 min that 99 % allow"),
        (tuple(range(8)), "down for 8 h, 1 h 17 min more than the 6 h 43 min that 99 % allow"),
    ],
)
def test_promise(tmp_path: Path, down: tuple[int, ...], said: str) -> None:
    """What is left of the time that it may be down, or how much too long it was."""
    assert promise(made_up(tmp_path, down=down)) == said


def test_times() -> None:
    """Times are of UTC; a time that nobody looked at says so."""
    assert moment(NOVEMBER) == "2026-11-01 00:00 UTC"
    assert down_said(Down(NOVEMBER, 1500, looked=True)) == "2026-11-01 00:00 UTC for 25 min"
    assert down_said(Down(NOVEMBER, 1500, looked=False)).endswith("in which nobody looked")
