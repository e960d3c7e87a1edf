"""What the module ``backup_state`` sees of a machine whose backups are well, and of others."""

from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._backup_section import backup_section

DAY, HOUR = 86400.0, 3600.0
NOW = 1_800_000_000.0  # 2027-01-15 08:00 UTC
BUCKET = "s3:https://storage.example/bucket/planner"
RUNGS = [
    "the archive opens",
    "the schema comes back",
    "every table has its rows",
    "every row has its contents",
    "indexes and extensions are valid",
    "it is the schema's revision",
]


def run(kind: str, ended: str = "2027-01-15T02:05:10Z", **fields: Any) -> dict[str, Any]:
    """One run as the log has it: last night's, good."""
    return {
        "kind": kind,
        "ended": ended,
        "result": "good",
        "seconds": 4.2,
        "number": 17,
        "made": "2027-01-15T02:05:00Z",
        "reason": "",
        "size": 3 * 2**20,
        "rows": 3001,
        "steps": [],
        "offsite": False,
        **fields,
    }


def drill(ended: str = "2027-01-10T04:03:00Z", **fields: Any) -> dict[str, Any]:
    """Last Sunday's, passed."""
    return run(
        "drill",
        ended,
        **{
            "result": "passed",
            "number": 12,
            "seconds": 21.4,
            "offsite": True,
            "steps": [
                *([one, "passed", 1.0] for one in RUNGS),
                ["the app's own query finds the same", "passed", 0.1],
            ],
            **fields,
        },
    )


def status(**more: Any) -> dict[str, Any]:
    """What the program tells where all is well; each last run is the last that counted, too."""
    last = {
        "backup": run("backup"),
        "upload": run("upload", "2027-01-15T02:06:00Z"),
        "check": run("check", "2027-01-10T03:20:00Z", number=0, made=""),
        "drill": drill(),
        "restore": None,
    }
    return {
        "now": NOW,
        "interval_s": 86400,
        "jitter_s": 900,
        "drill_max_age_days": 9,
        "repository": BUCKET,
        "local": 9,
        "since": "2026-12-30T02:01:00Z",
        "running": None,
        **last,
        "good_backup": last["backup"],
        "good_upload": last["upload"],
        "passed_drill": last["drill"],
        "sizes": [2 * 2**20, 3 * 2**20],
        "drill_seconds": [25.0, 21.4, 23.0],
        **more,
    }


def fresh(**more: Any) -> dict[str, Any]:
    """What it tells of a machine on which nothing ran yet."""
    runs = ("backup", "upload", "check", "drill", "good_backup", "good_upload", "passed_drill")
    nothing: dict[str, Any] = {
        **dict.fromkeys(runs),
        "local": 0,
        "since": None,
        "sizes": [],
        "drill_seconds": [],
    }
    return status(**{**nothing, **more})


def unit(**fields: Any) -> dict[str, Any]:
    """What systemd tells of a job that runs."""
    return {
        "active": True,
        "next": NOW + 18 * HOUR,
        "last": NOW - 6 * HOUR,
        "failed": False,
        "result": "success",
        "ended": NOW - 5.9 * HOUR,
        **fields,
    }


def seen(told: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """What the module saw; what is named by ``jobs`` differs from one that runs."""
    jobs = more.pop("jobs", {})
    names = ("planner-backup", "planner-backup-check", "planner-drill")
    return {
        "status": status() if told is None else told,
        "units": {name: unit(**jobs.get(name, {})) for name in names},
        "busy": False,
        "error": "",
        **more,
    }


def bad(given: object) -> list[str]:
    """Every finding that is not good, one line each."""
    return [
        f"{one['severity']} {one['check']}: {one['what']}. Do: {one['do']}"
        for one in backup_section(given)["findings"]
        if one["severity"] != "ok"
    ]
