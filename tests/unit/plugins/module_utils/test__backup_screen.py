"""A machine's backups on its screen: how old, how large, how far away, and how long until they are back."""

import json
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._backup_screen import trend
from ansible_collections.planner.droplet.plugins.module_utils._backup_section import backup_section
from ansible_collections.planner.droplet.plugins.module_utils._drift_text import _a_section
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.backup_status import BUCKET, NOW, drill, fresh, run, seen, status


def test_screen() -> None:
    """What there is here and away, what could be lost, and what was rehearsed."""
    assert backup_section(seen())["lines"] == [
        "Backups      17 is good, 5 hours old, 3001 rows, 3.0 MiB; 9 on this machine",
        "             the next comes 2027-01-16 02:00 UTC",
        "             size ▆█  2.0 MiB -> 3.0 MiB in 2 backups",
        f"Off-site     17 is there, 5 hours old; {BUCKET}",
        "RPO          at most 24 h 15 min, now 5 hours",
        "Drill        PASSED 5 days ago: backup 12 from off-site, 7 of 7 checks",
        "RTO          21 s in the last drill that passed, median 23 s of 3",
        "Check        good 5 days ago",
    ]


@pytest.mark.parametrize(
    "told, expected",
    [
        (status(repository=""), "Off-site nowhere: backups die with this machine RPO at most"),
        (status(repository=""), "now 5 hours (while this machine lives) Drill"),
        (status(interval_s=300, jitter_s=0), "RPO at most 5 min, now"),
        (status(interval_s=30, jitter_s=0), "RPO at most 30 s, now"),
        (status(interval_s=None), "RPO at most ?, now 5 hours"),
        (
            status(good_upload=None),
            f"Off-site none yet; {BUCKET} RPO at most 24 h 15 min, now everything",
        ),
        (fresh(), "Backups none yet; 0 on this machine the next comes"),
        (fresh(), "Drill none yet RTO ? (no drill has passed) Check none yet"),
        (
            status(good_backup=run("backup", made="2046-01-12T02:00:00Z")),
            "17 is good, of 2046-01-12 02:00 UTC, 3001 rows",
        ),
        (
            status(drill=drill(result="could not verify", number=0)),
            "COULD NOT VERIFY 5 days ago: from",
        ),
        (
            status(drill=drill(result="failed", offsite=False)),
            "FAILED 5 days ago: backup 12 from this",
        ),
        (status(drill=run("drill", result="interrupted")), "COULD NOT VERIFY 5 hours ago"),
        (status(drill_seconds=[21.4]), "RTO 21 s in the last drill that passed Check"),
        (status(passed_drill=drill(seconds=5400)), "RTO 1 h 30 min in the last"),
        (status(check=run("check", result="failed")), "Check failed 5 hours ago"),
    ],
)
def test_said(told: dict[str, Any], expected: str) -> None:
    """Each situation in its words."""
    text = " ".join(" ".join(backup_section(seen(told))["lines"]).split())
    assert expected in text


@pytest.mark.parametrize(
    "sizes, expected",
    [
        ([1024, 2048, 8192], "▁▂█  1 KiB -> 8 KiB in 3 backups"),
        ([2**30, 0], "█▁  1.0 GiB -> 0 KiB in 2 backups"),
        ([0, 0], "▁▁  0 KiB -> 0 KiB in 2 backups"),
    ],
)
def test_trend(sizes: list[float], expected: str) -> None:
    """Bars stand on zero, so that twice as high is twice as large."""
    assert trend(sizes) == expected


def test_nothing_seen() -> None:
    """What could not be read is a question mark."""
    assert backup_section(seen({}))["lines"] == ["Backups      ?"]


def test_json() -> None:
    """JSON has all that was seen, and the report takes the section as it is."""
    shown, findings = _a_section(backup_section(seen()))
    assert json.loads(json.dumps(shown["data"]))["status"]["backup"]["number"] == 17
    assert (shown["name"], len(findings)) == ("backups", 13)


_runs = st.none() | st.builds(
    run,
    st.sampled_from(["backup", "drill"]) | st.text(),
    st.sampled_from(["2027-01-15T02:05:10Z", "2046-01-15T02:05:10Z", "9999-12-31T23:59:59Z"])
    | st.text(),
    result=st.sampled_from(["good", "failed", "doubtful", "interrupted"]) | st.text(),
    number=st.integers() | st.floats() | st.text(),
    made=st.sampled_from(["2027-01-15T02:05:10Z", "", "2027-01-15T02:05:10"]) | st.text(),
    reason=st.text(max_size=2000),
    size=st.floats() | st.none(),
    rows=st.floats() | st.text(),
    seconds=st.floats() | st.none(),
    steps=st.lists(st.lists(st.text() | st.none(), max_size=3), max_size=3) | st.text(),
)
_names = (
    *("running", "backup", "good_backup", "upload", "good_upload", "check", "drill"),
    *("passed_drill", "restore"),
)


@given(
    st.fixed_dictionaries(dict.fromkeys(_names, _runs)),
    st.text(),
    st.floats(),
    st.floats(),
    st.lists(st.floats() | st.text()),
    st.booleans() | st.none(),
)
def test_fits_the_screen(  # noqa: PLR0917 - one for each part of what was read
    runs: dict[str, Any], text: str, one: float, other: float, many: list[Any], busy: object
) -> None:
    """Nothing makes a line wider than 80 columns, or two lines of one, or steers the terminal."""
    told = status(
        **runs,
        repository=text,
        interval_s=one,
        jitter_s=other,
        drill_max_age_days=one,
        local=other,
        since=text,
        sizes=many,
        drill_seconds=many,
        now=NOW,
    )
    unit = {"next": one, "active": busy, "failed": True, "result": text, "ended": other}
    section = backup_section(seen(told, jobs={"planner-backup": unit}, busy=busy))
    for line in section["lines"]:
        assert len(line) <= 80
        assert line.isprintable()
        assert line == line.rstrip()
    for found in section["findings"]:
        assert (found["what"] + found["do"]).isprintable()
        assert len(found["what"]) < 1000
