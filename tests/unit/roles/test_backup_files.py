"""What the role backup writes, rendered for several inventories, as its program and systemd read it."""

import configparser
import json
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.planner.droplet.plugins.filter.program_library import program_library
from ansible_collections.planner.droplet.plugins.module_utils._backup_inputs import problems
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import (
    Settings,
    parse_settings,
)

ROOT = Path(__file__).resolve().parents[3]
PASSWORD, SECRET, KEY = "correct horse battery staple", "the-secret-of-the-key", "-----BEGIN KEY"
S3 = {
    "backup_repository": "s3:https://fra1.example/bucket/planner",
    "backup_password": PASSWORD,
    "backup_s3_key_id": "AKIAEXAMPLE",
    "backup_s3_secret": SECRET,
}
CASES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "s3": {
        **S3,
        "backup_keep_offsite": {"daily": 7, "weekly": 5},
        "backup_redis": True,
        "backup_volumes": ["planner_uploads"],
        "backup_prune": False,
        "backup_drill_query": "SELECT count(*) FROM tasks",
        "backup_ping_url": "https://hc-ping.com/5d1d-uuid",
        "droplet_size": "s-1vcpu-1gb",
        "droplet_secrets": {"telegram_bot_token": "1:x"},
        "droplet_registry_login": {"username": "anna", "password": SECRET},
        "tls_email": "me@a.test",
        "ansible_host": "192.0.2.7",
        "somebody_elses": "x",
    },
    "sftp": {
        "backup_repository": "sftp:me@storage.test:/planner",
        "backup_password": PASSWORD,
        "backup_sftp_key": KEY,
        "backup_sftp_host_key": "storage.test ssh-ed25519 AAAA",
    },
    # As -e on the command line gives them.
    "text": {
        "backup_keep_last": "5",
        "backup_jitter_s": "0",
        "backup_redis": "false",
        "backup_prune": "no",
    },
    "elsewhere": {
        "backup_project_dir": "/srv/product",
        "backup_database": "product",
        "backup_schedule": "*:0/5",
        "backup_check_schedule": "monthly",
        "backup_drill_schedule": "Sat 05:00",
        "backup_jitter_s": 30,
    },
}


@pytest.fixture(scope="module")
def rendered() -> dict[str, dict[str, Any]]:
    """All cases at once, because Ansible takes its time to start."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.roles.render_backup"],
        cwd=ROOT,
        input=json.dumps(CASES),
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


def unit(case: dict[str, Any], name: str) -> configparser.RawConfigParser:
    """Read one of the units by its name, as systemd does; nothing in it stands twice."""
    (text,) = (one["content"] for one in case["__backup_units"] if one["path"].endswith(f"/{name}"))
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return parser


class TestSettings:
    """What the program reads."""

    # the case -> what differs from the program's own defaults
    @pytest.mark.parametrize(
        "case, differs",
        [
            ("defaults", {}),
            (
                "s3",
                {
                    "repository": S3["backup_repository"],
                    "keep_offsite": {"daily": 7, "weekly": 5},
                    "redis": True,
                    "volumes": ("planner_uploads",),
                    "prune": False,
                    "query": "SELECT count(*) FROM tasks",
                },
            ),
            ("sftp", {"repository": "sftp:me@storage.test:/planner"}),
            ("text", {"keep_last": 5, "jitter_s": 0, "redis": False, "prune": False}),
            (
                "elsewhere",
                {
                    "project_dir": "/srv/product",
                    "database": "product",
                    "schedule": "*:0/5",
                    "jitter_s": 30,
                },
            ),
        ],
    )
    def test_read(self, rendered: dict[str, Any], case: str, differs: dict[str, Any]) -> None:
        """Each option arrives with its type; the file is root's."""
        (file,) = rendered[case]["__backup_files"]
        found = parse_settings(file["content"])
        assert asdict(found) == {**asdict(Settings()), **differs}
        assert {name: type(value) for name, value in asdict(found).items()} == {
            name: type(value) for name, value in asdict(Settings()).items()
        }
        assert file["path"] == f"{found.project_dir[1:]}/backup/settings.json"
        assert file["mode"] == "0600"

    @pytest.mark.parametrize("case", CASES)
    def test_judged(self, rendered: dict[str, Any], case: str) -> None:
        """All these cases are right, as they come to the check."""
        wish, secrets = rendered[case]["__backup_settings"], rendered[case]["__backup_secrets"]
        assert problems(wish, secrets, persistence=True) == []


class TestSecrets:
    """What opens the off-site repository."""

    def test_kept(self, rendered: dict[str, Any]) -> None:
        """Only what is given; keys for SSH end as their files must."""
        assert rendered["defaults"]["__backup_secrets"] == {}
        assert rendered["s3"]["__backup_secrets"] == {
            "backup_password": PASSWORD,
            "backup_s3_key_id": "AKIAEXAMPLE",
            "backup_s3_secret": SECRET,
            "backup_ping_url": "https://hc-ping.com/5d1d-uuid",
        }
        assert rendered["sftp"]["__backup_secrets"] == {
            "backup_password": PASSWORD,
            "backup_sftp_key": f"{KEY}\n",
            "backup_sftp_host_key": "storage.test ssh-ed25519 AAAA\n",
        }

    @pytest.mark.parametrize("case", ["s3", "sftp"])
    def test_nowhere_else(self, rendered: dict[str, Any], case: str) -> None:
        """No file whose diff is shown has one, and neither has what the owner gets back in a recovery."""
        shown = {name: one for name, one in rendered[case].items() if name != "__backup_secrets"}
        text = json.dumps(shown)
        for secret in (PASSWORD, SECRET, KEY, "hc-ping.com"):
            assert secret not in text

    def test_what_the_owner_wrote(self, rendered: dict[str, Any]) -> None:
        """It comes back with a backup: this collection's variables, the product's own secrets among them."""
        found = rendered["s3"]["__backup_inventory"]
        assert found["droplet_secrets"] == {"telegram_bot_token": "1:x"}
        assert {"droplet_size", "tls_email", "backup_repository", "backup_keep_offsite"} <= set(
            found
        )
        assert not {"droplet_registry_login", "ansible_host", "somebody_elses"} & set(found)


class TestUnits:
    """The three timers."""

    # unit, what it runs, when it runs by default and elsewhere
    @pytest.mark.parametrize(
        "name, verb, schedule, elsewhere",
        [
            ("planner-backup", "run --why timer", "*-*-* 02:00:00", "*:0/5"),
            ("planner-backup-check", "check", "Sun *-*-* 03:15:00", "monthly"),
            ("planner-drill", "drill", "Sun *-*-* 04:00:00", "Sat 05:00"),
        ],
    )
    def test_timed(
        self, rendered: dict[str, Any], name: str, verb: str, schedule: str, elsewhere: str
    ) -> None:
        """One that was missed is made up for; it runs in the maintenance slice, and is given time."""
        for case, when, jitter in (("defaults", schedule, "900"), ("elsewhere", elsewhere, "30")):
            service = unit(rendered[case], f"{name}.service")
            assert service["Service"]["ExecStart"] == f"/usr/local/sbin/planner-backup {verb}"
            assert service["Service"]["Type"] == "oneshot"
            assert service["Service"]["Slice"] == "planner-maintenance.slice"
            assert "docker.service" in service["Unit"]["After"]
            timer = unit(rendered[case], f"{name}.timer")
            assert dict(timer["Timer"]) == {
                "OnCalendar": when,
                "RandomizedDelaySec": jitter,
                "Persistent": "true",
            }
            assert timer["Install"]["WantedBy"] == "timers.target"
            subprocess.run(["systemd-analyze", "calendar", when], capture_output=True, check=True)

    def test_privileges(self, rendered: dict[str, Any]) -> None:
        """Only who backs up reads the files of others; its drop-in comes after the sandbox of all."""
        wished = yaml.safe_load((ROOT / "roles/hardening/vars/main/sandbox.yml").read_text())
        sandbox = max(
            name for name in re.findall(r"planner-\.service\.d/([\w.-]+)", json.dumps(wished))
        )
        found = [
            Path(one["path"])
            for one in rendered["defaults"]["__backup_units"]
            if "CapabilityBoundingSet=" in one["content"]
        ]
        assert [one.parent.name for one in found] == ["planner-backup.service.d"]
        assert found[0].name > sandbox
        service = unit(rendered["defaults"], found[0].name)["Service"]
        assert dict(service) == {"CapabilityBoundingSet": "CAP_DAC_READ_SEARCH"}

    def test_started(self, rendered: dict[str, Any]) -> None:
        """A check needs a repository; without one its timer does not run."""
        for case, state in (("defaults", "stopped"), ("s3", "started")):
            wished = {one["name"]: one for one in rendered[case]["__backup_wished_units"]}
            assert wished["planner-backup-check.timer"]["state"] == state
            for name in ("planner-backup.timer", "planner-drill.timer"):
                assert wished[name].get("state", "started") == "started"
            written = {Path(one["path"]).name for one in rendered[case]["__backup_units"]}
            assert {name for name in wished if "." in name} <= written


@pytest.fixture
def program(rendered: dict[str, Any], tmp_path: Path) -> Path:
    """Install the program below a folder of its own."""
    case = rendered["elsewhere"]
    for one in program_library(["_backup_command"]):
        file = tmp_path / one["path"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(one["content"])
    (found,) = case["__backup_program"]
    assert (found["path"], found["mode"]) == ("usr/local/sbin/planner-backup", "0750")
    text = found["content"]
    assert text.startswith("#!/usr/bin/python3 -IB\n")
    assert text.endswith('sys.exit(main(sys.argv[1:], "/srv/product"))\n')
    text = text.replace("/usr/local/lib/planner", f"{tmp_path}/usr/local/lib/planner")
    file = tmp_path / "planner-backup"
    file.write_text(text.replace("/usr/bin/python3", sys.executable).replace("/srv", f"{tmp_path}"))
    file.chmod(0o755)
    return file


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
        assert "restore  bring a backup's data back" in done.stdout
        assert not list(program.parent.rglob("__pycache__"))

    def test_no_settings(self, program: Path) -> None:
        """What to do is said."""
        done = run(program, "status")
        assert done.returncode == 1
        assert "settings.json is missing. Do: run playbooks/site.yml" in done.stderr

    def test_status(self, program: Path, rendered: dict[str, Any]) -> None:
        """It reads the settings that the role wrote."""
        settings = program.parent / "product/backup/settings.json"
        settings.parent.mkdir(parents=True)
        wish = rendered["elsewhere"]["__backup_settings"]
        settings.write_text(json.dumps({**wish, "project_dir": f"{program.parent}/product"}))
        done = run(program, "status")
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)["jitter_s"] == 30
