"""What is wrong with a machine's backups, how bad it is, and the one thing to do."""

from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._backup_section import backup_section
from ansible_collections.planner.droplet.plugins.module_utils._drift_text import _finding_lines

from tests.unit.backup_status import DAY, HOUR, NOW, RUNGS, bad, drill, fresh, run, seen, status

BACKUP = "ansible-playbook playbooks/backup.yml"
DRILL = "ansible-playbook playbooks/drill.yml"
SITE = "ansible-playbook playbooks/site.yml --tags backup"
CUT_OFF = "cut off: killed, or the machine went down"
NOT_OFFSITE = (
    "warning backup-offsite: none is off-site: they die with this machine. "
    f"Do: set backup_repository and backup_password (docs/backup.md), then {SITE}"
)
AWAY = (
    "Off-site: the storage does not answer (Fatal: connection refused). Do: look whether it is up"
)
LATER = {"ended": NOW - 4 * HOUR}
DIED = {"failed": True, "result": "exit-code"}


def bits(**fields: Any) -> dict[str, Any]:
    """A drill that ended at the fourth rung."""
    steps = [*([one, "passed", 1.0] for one in RUNGS[:3]), [RUNGS[3], fields["result"], 0.2]]
    return drill("2027-01-15T04:03:00Z", **{"number": 17, "steps": steps, **fields})


def old(moment: str, number: int = 9) -> dict[str, Any]:
    """A backup that was made then."""
    return run("backup", moment, made=moment, number=number)


FINDINGS: dict[str, tuple[dict[str, Any], str]] = {
    "all is well": (seen(), ""),
    "one run was missed": (seen(status(good_backup=old("2027-01-13T07:00:00Z"))), ""),
    "two runs were missed": (
        seen(status(good_backup=old("2027-01-13T06:44:00Z"))),
        f"problem backup: the last good one is 2 days old, and one is due every 24 h. Do: {BACKUP}",
    ),
    "every five minutes": (
        seen(
            status(
                interval_s=300,
                jitter_s=0,
                good_backup=old("2027-01-15T07:55:00Z"),
                good_upload=old("2027-01-15T06:50:00Z"),
            )
        ),
        "",
    ),
    "five minutes, and an hour without": (
        seen(
            status(
                interval_s=300,
                jitter_s=0,
                good_backup=old("2027-01-15T06:50:00Z"),
                good_upload=old("2027-01-15T06:49:00Z"),
            )
        ),
        (
            "problem backup-offsite: the newest off-site is 71 minutes old, and one is due every 5 min. "
            f"Do: {BACKUP}"
        ),
    ),
    "the newest off-site is old": (
        seen(status(good_upload=old("2027-01-12T02:00:00Z"))),
        (
            "problem backup-offsite: the newest off-site is 3 days old, and one is due every 24 h. "
            f"Do: {BACKUP}"
        ),
    ),
    "made in a time to come": (
        seen(status(good_backup=old("2046-01-12T02:00:00Z"))),
        (
            "problem backup: the last good one is of 2046-01-12 02:00 UTC, and now it is "
            f"2027-01-15 08:00 UTC. Do: timedatectl, then {BACKUP}"
        ),
    ),
    "systemd does not know the schedule": (
        seen(status(interval_s=None, repository="")),
        (
            "unknown backup: the last good one is 5 hours old, but systemd does not tell how often one "
            f"is due. Do: systemctl list-timers planner-backup|{NOT_OFFSITE}"
        ),
    ),
    "the last run failed": (
        seen(
            status(
                backup=run("backup", result="failed", reason="postgres does not run. Do: look"),
            ),
            jobs={"planner-backup": {**DIED, **LATER}},
        ),
        (
            "problem backup-run: the last run failed 5 hours ago: postgres does not run. "
            f"Do: look, then {BACKUP}"
        ),
    ),
    "the last run failed, nobody knows why": (
        seen(status(backup=run("backup", result="failed"))),
        (f"problem backup-run: the last run failed 5 hours ago: no reason noted. Do: {BACKUP}"),
    ),
    "the last run was cut off": (
        seen(status(backup=run("backup", result="interrupted", reason="it began"))),
        f"problem backup-run: the last run was {CUT_OFF} 5 hours ago. Do: {BACKUP}",
    ),
    "the last one is doubtful": (
        seen(status(backup=run("backup", result="doubtful", number=18, reason="1 rows, after 9"))),
        (
            "problem backup-run: backup 18 is doubtful and does not count: 1 rows, after 9. "
            f"Do: look into the data; if it is right: {BACKUP} -e backup_accept_shrink=true"
        ),
    ),
    "the upload failed": (
        seen(
            status(upload=run("upload", result="failed", reason=AWAY)),
            jobs={"planner-backup": {**DIED, **LATER}},
        ),
        (
            "problem backup-offsite: the newest off-site is 17: the last upload failed 5 hours ago: "
            "Off-site: the storage does not answer (Fatal: connection refused). "
            f"Do: look whether it is up, then {BACKUP}"
        ),
    ),
    "the first upload was cut off": (
        seen(status(upload=run("upload", result="interrupted"), good_upload=None)),
        (
            f"problem backup-offsite: none is off-site: the last upload was {CUT_OFF} 5 hours ago. "
            f"Do: {BACKUP}"
        ),
    ),
    "nothing was brought off-site yet": (
        seen(status(upload=None, good_upload=None)),
        f"problem backup-offsite: none is off-site yet. Do: {BACKUP}",
    ),
    "no off-site repository": (
        seen(status(repository="", upload=None, good_upload=None, check=None)),
        NOT_OFFSITE,
    ),
    "a check failed before the repository was given up": (
        seen(status(repository="", check=run("check", result="failed"))),
        NOT_OFFSITE,
    ),
    "the check found damage": (
        seen(
            status(check=run("check", result="failed", reason="it is damaged. Do: read the page")),
            jobs={"planner-backup-check": DIED},
        ),
        (
            "problem backup-check: the last check of the off-site repository failed 5 hours ago: "
            "it is damaged. Do: read the page, then planner-backup check"
        ),
    ),
    "nothing ran yet, and nothing is to go off-site": (
        seen(fresh(repository="")),
        f"warning backup: there is none yet. Do: {BACKUP}|{NOT_OFFSITE}",
    ),
    "nothing ran yet": (seen(fresh()), f"warning backup: there is none yet. Do: {BACKUP}"),
    "none was ever good": (
        seen(fresh(backup=run("backup", result="failed", number=0))),
        (
            f"problem backup: there is no good one. Do: {BACKUP}|"
            "problem backup-run: the last run failed 5 hours ago: no reason noted. "
            f"Do: {BACKUP}"
        ),
    ),
    "no drill yet": (
        seen(status(drill=None, passed_drill=None, since="2027-01-06T09:00:00Z")),
        f"warning backup-drill: no restore was rehearsed yet. Do: {DRILL}",
    ),
    "no drill since long": (
        seen(status(drill=None, passed_drill=None, since="2027-01-06T07:00:00Z")),
        f"problem backup-drill: no restore was rehearsed. Do: {DRILL}",
    ),
    "no drill has passed for long": (
        seen(status(passed_drill=drill("2027-01-06T07:00:00Z"))),
        f"problem backup-drill: no drill has passed for 9 days. Do: {DRILL}",
    ),
    "the drill failed": (
        seen(
            status(drill=bits(result="failed", reason="table t has 3 rows, but others")),
            jobs={"planner-drill": {**DIED, **LATER}},
        ),
        (
            "problem backup-drill: the last drill FAILED 3 hours ago, at 'every row has its contents': "
            f"table t has 3 rows, but others. Do: {BACKUP}, then {DRILL}"
        ),
    ),
    "the drill could not verify": (
        seen(status(drill=bits(result="could not verify", reason=AWAY))),
        (
            "problem backup-drill: the last drill COULD NOT VERIFY 3 hours ago, at 'every row has its "
            "contents': Off-site: the storage does not answer (Fatal: connection refused). "
            f"Do: look whether it is up, then {DRILL}"
        ),
    ),
    "the drill was cut off": (
        seen(status(drill=run("drill", result="interrupted"))),
        (
            f"problem backup-drill: the last drill COULD NOT VERIFY 5 hours ago: {CUT_OFF}. "
            f"Do: {DRILL}"
        ),
    ),
    "a restore was cut off": (
        seen(status(restore=run("restore", "2027-01-15T07:00:00Z", result="interrupted"))),
        (
            f"problem backup-restore: the last restore was {CUT_OFF}. Do: look whether the product "
            "serves, then ansible-playbook playbooks/restore.yml"
        ),
    ),
    "a restore was cut off before the last backup": (
        seen(status(restore=run("restore", "2027-01-15T01:00:00Z", result="interrupted"))),
        "",
    ),
    "a restore was refused": (
        seen(status(restore=run("restore", "2027-01-15T07:00:00Z", result="failed"))),
        "",
    ),
    "under way": (
        seen(status(running=run("drill", "2027-01-15T07:59:00Z", result="interrupted")), busy=True),
        "",
    ),
    "it began, and nobody is at work": (
        seen(status(running=run("drill", "2027-01-15T07:59:00Z", result="interrupted"))),
        f"problem backup-running: the drill of 2027-01-15 07:59 UTC was {CUT_OFF}. Do: {DRILL}",
    ),
    "it began, and who is at work was not seen": (
        seen(status(running=run("upload", "2027-01-15T07:59:00Z")), busy=None),
        (
            "warning backup-running: the upload of 2027-01-15 07:59 UTC is under way, or was "
            f"{CUT_OFF}. Do: systemctl status planner-maintenance.slice"
        ),
    ),
    "the timer was stopped": (
        seen(jobs={"planner-backup": {"active": False}}),
        (
            "problem backup-timer: it does not run: no backup is made. "
            "Do: systemctl enable --now planner-backup.timer"
        ),
    ),
    "the check's timer rests where nothing is off-site": (
        seen(status(repository=""), jobs={"planner-backup-check": {"active": False}}),
        NOT_OFFSITE,
    ),
    "a run died without a word": (
        seen(jobs={"planner-backup": {"failed": True, "result": "timeout", **LATER}}),
        (
            "problem backup-unit: its last run failed (timeout). "
            "Do: journalctl -u planner-backup.service -n 50"
        ),
    ),
    "a run died, and when is not known": (
        seen(jobs={"planner-drill": {**DIED, "ended": None}}),
        (
            "problem backup-unit: its last run failed (exit-code). "
            "Do: journalctl -u planner-drill.service -n 50"
        ),
    ),
    "a run failed, a later one was good": (
        seen(jobs={"planner-backup": {**DIED, "ended": NOW - 2 * DAY}}),
        "",
    ),
    "not installed": (
        {"status": None, "units": None, "busy": None, "error": "not installed"},
        f"unknown backup: they could not be seen: not installed. Do: {SITE}",
    ),
    "the program fails": (
        seen({}, error="settings.json is missing. Do: run playbooks/site.yml"),
        (
            "unknown backup: they could not be seen: settings.json is missing. "
            "Do: run playbooks/site.yml"
        ),
    ),
}
ALL = [pytest.param(*one, id=name) for name, one in FINDINGS.items()]


@pytest.mark.parametrize("given, expected", ALL)
def test_findings(given: dict[str, Any], expected: str) -> None:
    """One thing that is wrong is told once, with what was seen and what to do."""
    assert bad(given) == (expected.split("|") if expected else [])


@pytest.mark.parametrize("given, expected", ALL)
def test_sentence(given: dict[str, Any], expected: str) -> None:
    """In the report it is a sentence with one full stop at its end."""
    told = [one for one in backup_section(given)["findings"] if one["severity"] != "ok"]
    assert bool(told) is bool(expected)
    for one in told:
        text = " ".join(_finding_lines(one))
        assert text.endswith(".")
        assert not text.endswith("..")


def test_no_systemd() -> None:
    """What systemd does not tell is unknown, once for each job."""
    told = bad(seen(units=None))
    assert [one.partition(":")[0] for one in told] == ["unknown backup-timer"] * 3
    assert told[2].endswith("systemd did not tell. Do: systemctl status planner-drill.timer")


def test_never_good_by_itself() -> None:
    """Whatever a program of another version leaves out is not seen as good."""
    given = seen({"now": NOW})
    assert [one.partition(":")[0] for one in bad(given)] == [
        "warning backup",
        "warning backup-offsite",
    ]
