"""What the role watch writes, rendered for several inventories, as its program, Monit and systemd read it."""

import configparser
import json
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.filter.program_library import program_library
from ansible_collections.planner.droplet.plugins.module_utils._watch_heard import CHECKS, MONIT
from ansible_collections.planner.droplet.plugins.module_utils._watch_inputs import problems
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import (
    THRESHOLDS,
    Settings,
    parse_settings,
)

ROOT = Path(__file__).resolve().parents[3]
TOKEN, PASSWORD, URL = "123456:ABC-def-ghi", "hunter2hunter2", "https://alerts.test/5d1d-uuid"
CASES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "all": {
        "droplet_secrets": {"telegram_bot_token": TOKEN},
        "droplet_domains": ["example.com", "www.example.com"],
        "watch_telegram_chat": 12345,
        "watch_alert_url": URL,
        "watch_email_to": "me@example.com",
        "watch_smtp_host": "smtp.example.com",
        "watch_smtp_user": "me",
        "watch_smtp_password": PASSWORD,
        "watch_ping_url": f"{URL}/ping",
        "watch_quiet_hours": "22:00-07:00",
        "watch_timezone": "Europe/Berlin",
        "watch_thresholds": {"disk_percent": 91, "cpu_percent": 95},
    },
    # As -e on the command line gives them.
    "text": {"watch_cycle_s": "10", "watch_remind_h": "5", "watch_https_port": "8443"},
    "elsewhere": {
        "watch_project_dir": "/srv/product",
        "watch_report_schedule": "monthly",
        "watch_review_schedule": "Sat 05:00",
    },
}


@pytest.fixture(scope="module")
def rendered() -> dict[str, dict[str, Any]]:
    """All cases at once, because Ansible takes its time to start."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.roles.render_watch"],
        cwd=ROOT,
        input=json.dumps(CASES),
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


def file(case: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the one file whose path ends so."""
    (found,) = (one for one in case["__watch_files"] if one["path"].endswith(name))
    return dict(found)


def unit(case: dict[str, Any], name: str) -> configparser.RawConfigParser:
    """Read one of the units by its name; a timer may have a key once only, too."""
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(file(case, f"/{name}")["content"])
    return parser


@pytest.mark.parametrize("case", CASES)
def test_settings(rendered: dict[str, Any], case: str) -> None:
    """Each option arrives with its type, the check of the inputs accepts them, and the file is root's."""
    one = file(rendered[case], "watch/settings.json")
    found = parse_settings(one["content"])
    assert {name: type(value) for name, value in asdict(found).items()} == {
        name: type(value) for name, value in asdict(Settings()).items()
    }
    assert one["path"] == f"{found.project_dir[1:]}/watch/settings.json"
    assert one["mode"] == "0600"
    assert problems(rendered[case]["__watch_settings"], rendered[case]["__watch_given"]) == []


def test_values(rendered: dict[str, Any]) -> None:
    """What matters most, as it was written."""
    wish = parse_settings(file(rendered["all"], "settings.json")["content"])
    assert (wish.host, wish.telegram_chat) == ("planner-1", "12345")
    assert wish.domains == ("example.com", "www.example.com")
    assert wish.webhook_url == "https://example.com/telegram/webhook"
    assert wish.thresholds == {**THRESHOLDS, "disk_percent": 91, "cpu_percent": 95}
    assert wish.plan["disk_gb"] == 25
    plain = parse_settings(file(rendered["text"], "settings.json")["content"])
    assert (plain.cycle_s, plain.remind_h, plain.https_port) == (10, 5, 8443)
    assert plain.webhook_url == ""


def test_secrets(rendered: dict[str, Any]) -> None:
    """Only what is given, and nowhere but in files of their own."""
    assert rendered["defaults"]["__watch_secrets"] == {}
    assert rendered["all"]["__watch_secrets"] == {
        "telegram_token": TOKEN,
        "alert_url": URL,
        "smtp_password": PASSWORD,
        "ping_url": f"{URL}/ping",
    }
    kept = {"__watch_secrets", "__watch_given"}
    text = json.dumps({name: one for name, one in rendered["all"].items() if name not in kept})
    for secret in (TOKEN, PASSWORD, URL):
        assert secret not in text


def test_monit(rendered: dict[str, Any]) -> None:
    """Each check that the program knows of Monit begins and ends in it, at the owner's threshold; no port is opened."""
    one = file(rendered["all"], "monit/conf.d/planner")
    text = one["content"]
    assert one["mode"] == "0600"
    for name in CHECKS - {MONIT}:
        assert f'exec "/usr/local/sbin/planner-watch-heard {name} problem"' in text
        assert f'exec "/usr/local/sbin/planner-watch-heard {name} ok"' in text
    assert set(re.findall(r"planner-watch-heard (\w+) ", text)) == CHECKS - {MONIT}
    assert "cpu usage > 95% " in text
    # Nobody looks any more, or nobody has since the last reboot.
    assert text.count('exec "/usr/local/sbin/planner-watch cry"') == 2
    assert "if does not exist for 10 cycles" in text.partition("check file look ")[2]
    assert "unixsocket" in text
    assert " port " not in text


# the job, what it runs, when it runs by default and elsewhere
JOBS = [
    ("planner-report", "report", "*-*-01 08:00:00", "monthly"),
    ("planner-review", "review", "Mon *-*-* 08:00:00", "Sat 05:00"),
]


@pytest.mark.parametrize("name, verb, schedule, elsewhere", JOBS)
def test_rare(
    rendered: dict[str, Any], name: str, verb: str, schedule: str, elsewhere: str
) -> None:
    """The report and the review run in the maintenance slice and under its lock, and are made up for."""
    for case, when in (("defaults", schedule), ("elsewhere", elsewhere)):
        service = unit(rendered[case], f"{name}.service")
        begin = f"/usr/local/sbin/planner-maintenance {verb}"
        assert service["Service"]["ExecStart"] == f"{begin} /usr/local/sbin/planner-watch {verb}"
        assert service["Service"]["Slice"] == "planner-maintenance.slice"
        timer = unit(rendered[case], f"{name}.timer")
        assert (timer["Timer"]["OnCalendar"], timer["Timer"]["Persistent"]) == (when, "true")
        subprocess.run(["systemd-analyze", "calendar", when], capture_output=True, check=True)


def test_often(rendered: dict[str, Any]) -> None:
    """A look is no event: it neither waits for one nor takes its memory, and has a limit of its own."""
    service = unit(rendered["text"], "planner-watch.service")["Service"]
    assert service["ExecStart"] == "/usr/local/sbin/planner-watch look"
    assert "Slice" not in service
    assert service["MemoryMax"].endswith("M")
    assert unit(rendered["text"], "planner-watch.timer")["Timer"]["OnUnitActiveSec"] == "10"


def test_units(rendered: dict[str, Any]) -> None:
    """Each unit that is wished is written, or is Monit's own; each one reads what was written for it."""
    case = rendered["defaults"]
    written = {f"/{one['path']}" for one in case["__watch_files"]}
    for one in case["__watch_units"]:
        assert one["name"] == "monit.service" or f"/etc/systemd/system/{one['name']}" in written
        assert set(one.get("files", [])) <= written


@pytest.fixture
def program(rendered: dict[str, Any], tmp_path: Path) -> Path:
    """Install the program below a folder of its own."""
    for one in program_library(["_watch_command"], ["cryptography", "dns"]):
        target = tmp_path / one["path"]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(one["content"])
    found, heard = rendered["elsewhere"]["__watch_program"]
    assert (found["path"], found["mode"]) == ("usr/local/sbin/planner-watch", "0750")
    assert (heard["path"], heard["mode"]) == ("usr/local/sbin/planner-watch-heard", "0750")
    text = found["content"]
    assert text.startswith("#!/usr/bin/python3 -IB\n")
    assert text.endswith('sys.exit(main(sys.argv[1:], "/srv/product"))\n')
    text = text.replace("/usr/local/lib/planner", f"{tmp_path}/usr/local/lib/planner")
    target = tmp_path / "planner-watch"
    target.write_text(
        text.replace("/usr/bin/python3", sys.executable).replace("/srv", f"{tmp_path}")
    )
    target.chmod(0o755)
    return target


def run(program: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run it as root's shell does, with nothing in the environment."""
    return subprocess.run(
        [program, *words], capture_output=True, text=True, check=False, env={"PATH": "/bin"}
    )


class TestProgram:
    """The program as it is on a host: with its library, without Ansible."""

    def test_it_runs_alone(self, program: Path) -> None:
        """All that it needs is installed, and it leaves nothing of Python's behind."""
        done = run(program, "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert "hush     tell nothing" in done.stdout
        assert not list(program.parent.rglob("__pycache__"))

    def test_no_settings(self, program: Path) -> None:
        """What to do is said."""
        done = run(program, "status")
        assert done.returncode == 1
        assert "settings.json is missing. Do: run playbooks/site.yml" in done.stderr

    def test_status(self, program: Path, rendered: dict[str, Any]) -> None:
        """It reads the settings that the role wrote, and says that nobody has looked yet."""
        settings = program.parent / "product/watch/settings.json"
        settings.parent.mkdir(parents=True)
        wish = rendered["elsewhere"]["__watch_settings"]
        settings.write_text(json.dumps({**wish, "project_dir": f"{program.parent}/product"}))
        done = run(program, "status")
        assert (done.returncode, done.stderr) == (0, "")
        told = json.loads(done.stdout)
        assert told["looked_at"] is None
        assert told["channels"] == {}
