"""The deterministic way from a message to a task: no network, no clock, same text same task."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Priority = Literal["low", "normal", "high"]

TITLE_MAX = 200
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_PRIORITY = re.compile(r"(?<!\S)!(high|low)(?!\S)", re.IGNORECASE)
_DUE = re.compile(
    r"(?<!\S)(?:(?:due|by|on|next)\s+)*"
    r"(?:(?P<iso>\d{4}-\d{2}-\d{2})"
    r"|(?P<day>today|tomorrow)"
    rf"|(?P<weekday>{'|'.join(_WEEKDAYS)})"
    r"|in\s+(?P<count>\d{1,3})\s+(?P<unit>day|week)s?)"
    r"(?=[\s,.;:!?]|$)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ParsedTask:
    """What a message asks for."""

    title: str
    due: date | None = None
    priority: Priority = "normal"


def parse(text: str, today: date) -> ParsedTask | None:
    """Read title, due date and priority; None when nothing is left for a title."""
    text = clean(text)
    priorities = _PRIORITY.findall(text)
    text = _PRIORITY.sub(" ", text)
    due = None
    for match in _DUE.finditer(text):
        due = _date(match, today)
        if due:  # the first date counts, later ones stay in the title
            text = f"{text[: match.start()]} {text[match.end() :]}"
            break
    title = clean_title(text)
    if not title:
        return None
    return ParsedTask(title, due, priorities[0].lower() if priorities else "normal")


def clean(text: str) -> str:
    """Drop what PostgreSQL cannot store (NUL, lone surrogates) and fold white space."""
    text = text.replace("\0", " ").encode("utf-8", "ignore").decode("utf-8")
    return " ".join(text.split())


def clean_title(text: str) -> str:
    """Fold a title and cut it to the stored length."""
    return clean(text).strip(" ,.;:-")[:TITLE_MAX].rstrip()


def _date(match: re.Match[str], today: date) -> date | None:
    if match["iso"]:
        try:
            return date.fromisoformat(match["iso"])
        except ValueError:  # 2027-13-01 is text, not a date
            return None
    if match["day"]:
        return today + timedelta(days=match["day"].lower() == "tomorrow")
    if match["weekday"]:
        # Always in the future: on a Monday, "monday" is a week ahead.
        ahead = _WEEKDAYS.index(match["weekday"].lower()) - today.weekday()
        return today + timedelta(days=(ahead - 1) % 7 + 1)
    days = 7 if match["unit"].lower() == "week" else 1
    return today + timedelta(days=int(match["count"]) * days)
