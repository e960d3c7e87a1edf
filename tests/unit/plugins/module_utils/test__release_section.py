"""A machine's releases on its screen: what is current, what was tried last, and whether it is what runs."""

import json
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.filter.release_section import FilterModule
from ansible_collections.planner.droplet.plugins.module_utils._drift_text import _a_section
from ansible_collections.planner.droplet.plugins.module_utils._release_log import (
    GOOD,
    INTERRUPTED,
    VOID,
    Record,
)
from ansible_collections.planner.droplet.plugins.module_utils._release_section import (
    differences,
    judge,
    release_section,
)
from hypothesis import given
from hypothesis import strategies as st

SITE = "ansible-playbook playbooks/site.yml"
ID, OTHER = f"sha256:{'ab12' * 16}", f"sha256:{'cd34' * 16}"


def record(number: int, result: str = GOOD, **fields: Any) -> dict[str, Any]:
    """A release as the module returns it."""
    usual: dict[str, Any] = {
        "started": f"2026-11-{number:02}T17:15:00Z",
        "seconds": 14.21,
        "by": "me@laptop",
        "given": {"backend": f"registry.example/team/backend:1.{number}"},
        "images": {"backend": f"registry.example/team/backend@{ID}"},
        "schema_after": "0002_x",
    }
    return Record(number, result=result, **{**usual, **fields}).to_dict()


def seen(*records: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What the module saw on a machine where all is well."""
    good = [one for one in records if one["result"] == GOOD]
    return {
        "records": list(records),
        "current": good[-1] if good else None,
        "previous": None,
        "running": None,
        "unreadable": 0,
        "matches": True if good else None,
        "differences": [],
        "disk": {"images_mb": 812.4, "dumps_mb": 40.0},
        "error": "",
        **more,
    }


def bad(given_: object) -> list[tuple[str, str, str, str]]:
    """Every finding that is not good."""
    findings = release_section(given_)["findings"]
    return [
        (one["severity"], one["subject"], one["what"], one["do"])
        for one in findings
        if one["severity"] != "ok"
    ]


def test_screen() -> None:
    """The current release in full, how much lies on the disk, and the last five, the newest last."""
    records = [record(number) for number in range(1, 5)]
    records += [
        record(5, VOID, strategy="stop-first", gap_s=7.25, reason="not ready"),
        record(6, kind="rollback", to=3),
        record(7, INTERRUPTED, given={"backend": f"registry.example/team/backend@{OTHER}"}),
    ]
    assert release_section(seen(*records))["lines"] == [
        "Releases  6 is current: registry.example/team/backend:1.6 (ab12ab12ab12), since",
        "          2026-11-06 17:15 UTC by me@laptop, schema 0002_x",
        "          on disk 812.4 MiB of images, 40 MiB of dumps",
        "",
        "Release  Started (UTC)     Result       Strategy     Seconds  Gap  Image",
        "      3  2026-11-03 17:15  good         start-first     14.2  0.0  backend:1.3",
        "      4  2026-11-04 17:15  good         start-first     14.2  0.0  backend:1.4",
        "      5  2026-11-05 17:15  void         stop-first      14.2  7.2  backend:1.5",
        "      6  2026-11-06 17:15  back to 3    start-first     14.2  0.0  backend:1.6",
        "      7  2026-11-07 17:15  interrupted  start-first     14.2  0.0  backend@cd34cd34cd34",
    ]


def test_digest_given() -> None:
    """An owner who wrote a digest sees its first digits once."""
    given_ = {"backend": f"backend@{ID}"}
    lines = release_section(seen(record(1, given=given_, schema_after="", by="")))["lines"]
    said = " ".join(line.strip() for line in lines[:2])
    expected = "1 is current: backend (ab12ab12ab12), since 2026-11-01 17:15 UTC, schema unknown"
    assert said == f"Releases  {expected}"


def test_nothing_released() -> None:
    """A machine that shows the holding page says so, and what to do."""
    section = release_section(seen())
    assert section["lines"] == [
        "Releases  none yet",
        "          on disk 812.4 MiB of images, 40 MiB of dumps",
    ]
    first = section["findings"][0]
    assert (first["severity"], first["do"]) == ("warning", f"set droplet_image, then {SITE}")
    assert first["what"] == "nothing has been released yet, the holding page answers"


FINDINGS: list[tuple[dict[str, Any], list[tuple[str, str, str, str]]]] = [
    (seen(record(1)), []),
    (seen(record(1, VOID), record(2)), []),
    (
        seen(record(1), matches=False, differences=["backend does not run", "bot runs x"]),
        [("problem", "release 1", "not what runs: backend does not run; bot runs x", SITE)],
    ),
    (
        seen(record(1), matches=None, error="Docker does not run"),
        [("unknown", "release 1", "whether it runs could not be seen", "systemctl status docker")],
    ),
    (
        seen(record(1), record(2, VOID, reason="not ready\nin 120 s.")),
        [
            (
                "warning",
                "release 2",
                "backend:1.2 never went into service: not ready in 120 s",
                "mend what it says, then release again",
            )
        ],
    ),
    (
        seen(record(1), record(2, INTERRUPTED)),
        [("warning", "release 2", "was interrupted", f"run the playbook again: {SITE}")],
    ),
    (
        seen(record(1), running=record(2, INTERRUPTED)),
        [
            (
                "warning",
                "release 2",
                "under way, or it was interrupted",
                f"if nobody is releasing now, {SITE}",
            )
        ],
    ),
    (
        seen(record(1), unreadable=1),
        [
            (
                "warning",
                "releases",
                "1 line of releases.jsonl cannot be read and count as never written",
                "remove them from the file",
            )
        ],
    ),
    (
        seen(records=None, error="[Errno 13] Permission denied"),
        [
            (
                "unknown",
                "releases",
                "the log could not be read: [Errno 13] Permission denied",
                "",
            )
        ],
    ),
    ({}, [("unknown", "releases", "the log could not be read: nothing was seen", "")]),
]


@pytest.mark.parametrize("given_, expected", FINDINGS)
def test_findings(given_: dict[str, Any], expected: list[tuple[str, str, str, str]]) -> None:
    """Each with what was seen and what to do."""
    assert bad(given_) == expected


DIFFERENCES: list[tuple[dict[str, list[str]], list[str], list[str]]] = [
    ({"backend": [ID], "postgres": [OTHER]}, [ID], []),
    ({"backend": [OTHER]}, [ID], ["backend runs cd34cd34cd34, released ab12ab12ab12"]),
    # While the old one finishes its requests both run, and so does a foreign one that stayed.
    ({"backend": [ID, OTHER]}, [ID], ["backend runs cd34cd34cd34, released ab12ab12ab12"]),
    ({"backend": []}, [ID], ["backend does not run"]),
    (
        {},
        [],
        ["backend does not run", "the image ab12ab12ab12 of backend is no longer on this host"],
    ),
]


@pytest.mark.parametrize("containers, present, expected", DIFFERENCES)
def test_differences(
    containers: dict[str, list[str]], present: list[str], expected: list[str]
) -> None:
    """What runs is compared by image id, and the image must be there for the next start."""
    released = Record(1, image_ids={"backend": ID})
    assert differences(released, containers, present) == expected


def test_json() -> None:
    """JSON has all that was seen, and the report takes the section as it is."""
    section = FilterModule().filters()["release_section"](seen(record(1)))
    shown, findings = _a_section(section)
    assert json.loads(json.dumps(shown["data"]))["current"]["by"] == "me@laptop"
    assert (shown["name"], len(findings)) == ("releases", 3)


@given(
    st.lists(
        st.builds(
            record,
            st.integers(1, 10**9 - 1),
            st.sampled_from([GOOD, VOID, INTERRUPTED]),
            started=st.text(),
            by=st.text(),
            reason=st.text(max_size=500),
            schema_after=st.text(),
            seconds=st.floats(0, 10**8),
            gap_s=st.floats(0, 10**8),
            given=st.dictionaries(st.just("backend"), st.text(max_size=200)),
        ),
        max_size=7,
    )
)
def test_fits_the_screen(records: list[dict[str, Any]]) -> None:
    """No record makes a line wider than a terminal, or two lines of one, or steers the terminal."""
    section = release_section(seen(*records))
    for line in section["lines"]:
        assert len(line) <= 88
        assert line.isprintable()
    assert all(one["what"].isprintable() for one in section["findings"])


GARBAGE = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(seen())), GARBAGE) | GARBAGE)
def test_never_fails(garbage: Any) -> None:
    """Whatever was measured, the state can be shown; garbage is no good news."""
    section = release_section(garbage)
    assert all(isinstance(line, str) for line in section["lines"])
    assert any(one["severity"] != "ok" for one in section["findings"])
    if isinstance(garbage, dict):
        judge(garbage)
