"""Verdict, exit code, and careful reading."""

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    UNKNOWN,
    WARNING,
    Finding,
    entries,
    exit_code,
    number,
    shown,
    worst,
)


def found(severity: str, check: str = "pressure") -> Finding:
    """One finding."""
    return Finding(severity, check, "machine", "something")


@pytest.mark.parametrize(
    "findings,verdict,code",
    [
        ([found(OK)], OK, 0),
        ([found(OK), found(WARNING)], WARNING, 0),
        ([found(WARNING), found(UNKNOWN)], UNKNOWN, 0),
        ([found(UNKNOWN, "use"), found(OK)], UNKNOWN, 3),
        ([found(UNKNOWN, "use"), found(PROBLEM)], PROBLEM, 2),
        ([], UNKNOWN, 0),
    ],
)
def test_verdict(findings: list[Finding], verdict: str, code: int) -> None:
    """A problem beats what is unknown, which beats a warning; nothing checked is never good."""
    assert (worst(findings), exit_code(findings)) == (verdict, code)


@pytest.mark.parametrize(
    "value,read",
    [
        (0, 0.0),
        (1.5, 1.5),
        (None, None),
        (True, None),
        ("1", None),
        (-1, None),
        (float("nan"), None),
        (float("inf"), None),
        ([], None),
    ],
)
def test_number(value: object, read: float | None) -> None:
    """Only finite numbers from 0 on were measured."""
    assert number(value) == read


def test_entries() -> None:
    """Of a list only mappings are read, of anything else nothing."""
    assert entries([{"a": 1}, None, "x"]) == [{"a": 1}]
    assert entries("x") == entries(None) == entries({"a": 1}) == []


def test_shown() -> None:
    """Numbers are written without needless decimals."""
    assert [shown(value) for value in (None, 3.0, 3.25)] == ["unknown", "3", "3.2"]
