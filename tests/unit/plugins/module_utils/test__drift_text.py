"""The state on one screen, and as JSON."""

import json
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._drift_text import (
    CELLS,
    drift_report,
    status,
    use_bar,
)
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    PROBLEM,
    SEVERITIES,
    UNKNOWN,
    WARNING,
)
from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError

from tests.unit.drift_fixtures import PLAN, container, usage

SICK = usage(
    container("redis", state="exited", exit_code=137),
    container("backend", held_mb=185.0, working_set_mb=180.0),
    machine={"pressure": None},
)

HEALTHY_TEXT = """\
demo (s-1vcpu-1gb): all well, 31 checks good

Service   State    Holds of its limit              Plan  Swap  Cache  OOM  Restarts
backend   healthy  ████████·|······    102 of 192   116     0     18    0         0
postgres  healthy  ███·····|·······     32 of 192   103     0     18    0         0
redis     healthy  ██·······|······       7 of 64    36     0     18    0         0
nginx     healthy  ██····|·········       5 of 32    12     0     18    0         0
█ anonymous, shared, kernel; in MiB  | the plan's assumption  ? not readable

Machine   307 of 967 MiB in use, 660 available; system and Docker 161 of 331
Swap      10 of 1024 MiB in use, planned 1024
Pressure  tasks waited, % of 10 / 60 / 300 s: some 0.0 / 0.5 / 0.1, full 0.0 / 0.1 / 0.0
Load      0.1 / 0.2 / 0.3
"""


def test_healthy() -> None:
    """A healthy machine is one short screen, ready to read."""
    assert drift_report(PLAN, usage(), host="demo") == HEALTHY_TEXT


def test_sick() -> None:
    """Findings stand below, the worst first, with what to do; the first line counts them."""
    text = drift_report(PLAN, SICK, host="demo")
    assert text.startswith("demo (s-1vcpu-1gb): 2 problems, 1 check could not run, 2")
    labels = [
        line.split()[0] for line in text.splitlines() if line.startswith(("Pro", "Unk", "War"))
    ]
    assert labels == ["Problem", "Problem", "Unknown"]
    assert "exit code 137" in text
    assert "Do: set droplet_services[name=backend].limit_mb to 240" in " ".join(text.split())


@pytest.mark.parametrize(
    "measured",
    [
        usage(),
        SICK,
        usage(containers=None, docker={"state": "stopped"}),
        {},
        usage(container("x" * 40)),
    ],
)
def test_fits_the_terminal(measured: dict[str, Any]) -> None:
    """No line is wider than 88 columns and none ends in a space."""
    lines = drift_report(PLAN, measured).splitlines()
    assert max(map(len, lines)) <= 88
    assert [line for line in lines if line != line.rstrip()] == []


def test_json() -> None:
    """Programs get the same findings, the verdict, the exit code, and every number."""
    shown = json.loads(drift_report(PLAN, SICK, [], "json", host="demo"))
    assert (shown["host"], shown["verdict"], shown["exit_code"]) == ("demo", PROBLEM, 2)
    assert shown["counts"][PROBLEM] == 2
    assert sum(shown["counts"].values()) == len(shown["findings"])
    memory = shown["sections"]["memory"]
    assert memory["usage"] == SICK
    rows = {row["service"]: row for row in memory["services"]}
    assert list(rows) == list(PLAN["services"])
    assert rows["backend"]["held_mb"] == 185.0
    assert rows["redis"]["state"] == "exited"


def test_rows_without_containers() -> None:
    """A service without a container is a row that says so; unknown is not missing."""
    measured = usage()
    measured["containers"] = measured["containers"][:1]
    states = [row["state"] for row in status(PLAN, measured)["sections"][0]["data"]["services"]]
    assert states == ["healthy", "missing", "missing", "missing"]
    measured["containers"] = None
    states = [row["state"] for row in status(PLAN, measured)["sections"][0]["data"]["services"]]
    assert set(states) == {"unknown"}


@pytest.mark.parametrize(
    "held,limit,assumed,bar",
    [
        (96.0, 192.0, None, "█" * 8 + "·" * 8),
        (96.0, 192.0, 144.0, "█" * 8 + "·" * 4 + "|" + "·" * 3),
        (192.0, 192.0, 96.0, "█" * 8 + "|" + "█" * 7),
        (500.0, 192.0, 999.0, "█" * 15 + "|"),
        (0.0, 192.0, None, "█" + "·" * 15),
        (None, 192.0, 96.0, "?" * 16),
        (96.0, None, 96.0, "?" * 16),
    ],
)
def test_bar(held: float | None, limit: float | None, assumed: float | None, bar: str) -> None:
    """The bar ends where the use ends, the mark stands where the plan put it."""
    assert use_bar(held, limit, assumed) == bar
    assert len(bar) == CELLS


SECTION = {
    "name": "backup",
    "lines": ["Backup    2 h ago"],
    "data": {"age_h": 2},
    "findings": [
        {
            "severity": WARNING,
            "check": "age",
            "subject": "backup",
            "what": "is old",
            "do": "back up",
        }
    ],
}


def test_sections() -> None:
    """A further section has its lines, its data, and its findings in the verdict."""
    text = drift_report(PLAN, usage(), sections=[SECTION])
    assert "\n\nBackup    2 h ago\n\n" in text
    assert "Warning   backup: is old. Do: back up.\n" in text
    shown = json.loads(drift_report(PLAN, usage(), [], "json", sections=[SECTION]))
    assert shown["verdict"] == WARNING
    assert shown["sections"]["backup"] == {"age_h": 2}


@pytest.mark.parametrize(
    "findings,verdict",
    [([{"severity": "fine"}], UNKNOWN), ([{}], UNKNOWN), ("x", "ok"), (None, "ok")],
)
def test_careless_section(findings: object, verdict: str) -> None:
    """A finding whose severity nobody knows counts as unknown, never as good."""
    shown = status(PLAN, usage(), sections=[{"findings": findings}, "rubbish", None])
    assert shown["verdict"] == verdict
    assert set(shown["counts"]) == set(SEVERITIES)


@pytest.mark.parametrize("output", ["svg", "", None, 1, ["text"]])
def test_unknown_format(output: object) -> None:
    """An unknown format is refused and the known ones are named."""
    with pytest.raises(PlanError, match="use one of text, json"):
        drift_report(PLAN, usage(), [], output)
