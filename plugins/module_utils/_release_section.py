# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The releases of a machine, judged and put into a section of its state."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    UNKNOWN,
    WARNING,
    Finding,
    entries,
    number,
    section,
    shown,
)
from ansible_collections.planner.droplet.plugins.module_utils._plan_text import (
    COLUMNS,
    count,
    labelled,
    shorten,
    table,
)
from ansible_collections.planner.droplet.plugins.module_utils._release_log import (
    GOOD,
    INTERRUPTED,
    LOG_FILE,
    ROLLBACK,
    VOID,
    Record,
)

SHOWN = 5
_DIGITS = 12
_REASON = 300
_AGAIN = "ansible-playbook playbooks/site.yml"
_HEADER = ("Release", "Started (UTC)", "Result", "Strategy", "Seconds", "Gap")


def differences(
    record: Record, containers: Mapping[str, Collection[str]], present: Collection[str]
) -> list[str]:
    """Say where the host is not what was released: image ids of running containers, and those on the host."""
    said = []
    for service, image in sorted(record.image_ids.items()):
        others = sorted(set(containers.get(service, ())) - {image})
        if others:
            said.append(f"{service} runs {_some_digits(others)}, released {_digits(image)}")
        elif not containers.get(service):
            said.append(f"{service} does not run")
        if image not in present:
            said.append(f"the image {_digits(image)} of {service} is no longer on this host")
    return said


def release_section(seen: object) -> dict[str, Any]:
    """Judge what the module ``release_log`` saw, as a section for the state of the machine."""
    return section("releases", seen, _lines, judge)


def judge(seen: Mapping[str, Any]) -> list[Finding]:
    """Judge each point; what could not be seen is unknown."""
    if not isinstance(seen.get("records"), (list, tuple)):
        what = f"the log could not be read: {_line(seen.get('error') or 'nothing was seen')}"
        return [Finding(UNKNOWN, "release", "releases", what)]
    return [_serving(seen), _last_attempt(seen), _log(seen)]


def _serving(seen: Mapping[str, Any]) -> Finding:
    now = _record(seen.get("current"))
    if now is None:
        what = "nothing has been released yet, the holding page answers"
        return Finding(WARNING, "release", "releases", what, "set droplet_image, then " + _AGAIN)
    name = f"release {now.release}"
    matches = seen.get("matches")
    if matches is True:
        return Finding(OK, "release", name, "it runs as released")
    if matches is not False:
        what = "whether it runs could not be seen"
        return Finding(UNKNOWN, "release", name, what, "systemctl status docker")
    said = seen.get("differences")
    why = "; ".join(map(_line, said)) if isinstance(said, (list, tuple)) else ""
    what = f"not what runs: {why or 'other images do'}"
    return Finding(PROBLEM, "release", name, what, _AGAIN)


def _last_attempt(seen: Mapping[str, Any]) -> Finding:
    check = "release-attempt"
    under_way = _record(seen.get("running"))
    if under_way:
        do = f"if nobody is releasing now, {_AGAIN}"
        what = "under way, or it was interrupted"
        return Finding(WARNING, check, f"release {under_way.release}", what, do)
    records = _records(seen)
    last = records[-1] if records else None
    if last and last.result == VOID:
        why = shorten(_line(last.reason) or "no reason noted", _REASON).rstrip(".")
        what = f"{_image(last.version) or 'it'} never went into service: {why}"
        do = "mend what it says, then release again"
        return Finding(WARNING, check, f"release {last.release}", what, do)
    if last and last.result == INTERRUPTED:
        do = f"run the playbook again: {_AGAIN}"
        return Finding(WARNING, check, f"release {last.release}", "was interrupted", do)
    return Finding(OK, check, "releases", "the last attempt was good" if last else "none yet")


def _log(seen: Mapping[str, Any]) -> Finding:
    lines = number(seen.get("unreadable")) or 0
    if lines:
        what = (
            f"{count(int(lines), 'line')} of {LOG_FILE} cannot be read and count as never written"
        )
        return Finding(WARNING, "release-log", "releases", what, "remove them from the file")
    return Finding(OK, "release-log", "releases", "every line can be read")


def _lines(seen: Mapping[str, Any]) -> list[str]:
    records = _records(seen)
    now = _record(seen.get("current"))
    lines = labelled("Releases", _current(now) if now else _none(seen))
    disk = seen.get("disk")
    if isinstance(disk, Mapping):
        images, dumps = (shown(number(disk.get(name)), "?") for name in ("images_mb", "dumps_mb"))
        lines += labelled("", f"on disk {images} MiB of images, {dumps} MiB of dumps")
    return [*lines, "", *_table(records[-SHOWN:])] if records else lines


def _current(now: Record) -> str:
    """Say the version as the owner wrote it; a digest, theirs or the one it was pinned to, is short."""
    digest = _digits(now.images.get("backend") or next(iter(now.images.values()), ""))
    version = f"{_line(now.version).partition('@')[0]}{f' ({digest})' if digest else ''}"
    by = f" by {_line(now.by)}" if now.by else ""
    schema = _line(now.schema_after) or "unknown"
    return f"{now.release} is current: {version}, since {_minute(now)} UTC{by}, schema {schema}"


def _none(seen: Mapping[str, Any]) -> str:
    return "none yet" if isinstance(seen.get("records"), (list, tuple)) else "?"


def _table(records: Sequence[Record]) -> list[str]:
    """Draw one row a record; its image gets the room that is left."""
    rows = table(_HEADER, [_row(one) for one in records], frozenset({1, 2, 3}))
    images = ("Image", *(_image(one.version) for one in records))
    return [
        f"{row}  {shorten(image, COLUMNS - len(row) - 2)}".rstrip()
        for row, image in zip(rows, images, strict=True)
    ]


def _row(one: Record) -> Sequence[str]:
    back = one.kind == ROLLBACK and one.result == GOOD and one.to
    return (
        str(one.release),
        _minute(one),
        shorten(f"back to {one.to}" if back else one.result, 11),
        one.strategy,
        f"{one.seconds:.1f}",
        f"{one.gap_s:.1f}",
    )


def _minute(one: Record) -> str:
    return _line(one.started)[:16].replace("T", " ") or "?"


def _image(reference: str) -> str:
    """Shorten to the name without its registry, and a digest to its first digits."""
    name, _, digest = _line(reference).rpartition("/")[2].partition("@")
    return f"{name}@{_digits(digest)}" if digest else name


def _digits(image: str) -> str:
    return image.rpartition("@")[2].removeprefix("sha256:")[:_DIGITS] if "sha256:" in image else ""


def _some_digits(images: Iterable[str]) -> str:
    return " and ".join(_digits(one) or one for one in images)


def _records(seen: Mapping[str, Any]) -> list[Record]:
    return [one for one in map(_record, entries(seen.get("records"))) if one]


def _record(given: object) -> Record | None:
    try:
        return Record.from_dict(given)
    except ValueError:
        return None


def _line(value: object) -> str:
    """Keep on one line, and without what would steer a terminal."""
    return "".join(one for one in " ".join(str(value).split()) if one.isprintable())
