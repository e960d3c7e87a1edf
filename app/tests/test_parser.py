from datetime import date

import pytest

from planner.parser import TITLE_MAX, ParsedTask, parse

MONDAY = date(2027, 1, 4)

TASKS = [
    ("pay rent tomorrow !high", ParsedTask("pay rent", date(2027, 1, 5), "high")),
    ("2027-01-05 call bank", ParsedTask("call bank", date(2027, 1, 5))),
    ("call bank on 2027-01-05", ParsedTask("call bank", date(2027, 1, 5))),
    ("buy milk", ParsedTask("buy milk")),
    ("Buy milk TODAY", ParsedTask("Buy milk", MONDAY)),
    ("report by friday", ParsedTask("report", date(2027, 1, 8))),
    ("report on Monday", ParsedTask("report", date(2027, 1, 11))),
    ("report next sunday", ParsedTask("report", date(2027, 1, 10))),
    ("water plants in 3 days !low", ParsedTask("water plants", date(2027, 1, 7), "low")),
    ("in 1 day: call", ParsedTask("call", date(2027, 1, 5))),
    ("dentist in 2 weeks", ParsedTask("dentist", date(2027, 1, 18))),
    ("!high", None),
    ("tomorrow !low", None),
    (" \n\t ", None),
    ("in 9999 days", ParsedTask("in 9999 days")),
    ("2027-13-45 is no date", ParsedTask("2027-13-45 is no date")),
    ("2027-13-45 or tomorrow", ParsedTask("2027-13-45 or", date(2027, 1, 5))),
    ("today or tomorrow", ParsedTask("or tomorrow", MONDAY)),
    ("fix !highway sign", ParsedTask("fix !highway sign")),
    ("!low !high both", ParsedTask("both", None, "low")),
    ("mondayish mood", ParsedTask("mondayish mood")),
    ("buy\x00 milk\ud800", ParsedTask("buy milk")),
    ("заплатить за квартиру tomorrow", ParsedTask("заплатить за квартиру", date(2027, 1, 5))),
    ("x" * 5000, ParsedTask("x" * TITLE_MAX)),
]


@pytest.mark.parametrize("text,expected", TASKS)
def test_parse(text: str, expected: ParsedTask | None) -> None:
    """A message's date and priority words are read and leave the title."""
    assert parse(text, MONDAY) == expected


@pytest.mark.parametrize("day", range(7))
def test_weekday_is_always_ahead(day: int) -> None:
    """A weekday means its next occurrence, one to seven days ahead, whatever day it is."""
    today = date(2027, 1, 4 + day)
    task = parse("report friday", today)
    assert task is not None
    assert task.due is not None
    assert task.due.weekday() == 4
    assert 1 <= (task.due - today).days <= 7
