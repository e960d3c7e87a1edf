"""Module ``pam_profiles`` beside a pam-auth-update that does to its files what the real one does."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible_collections.planner.droplet.plugins.modules import pam_profiles

Run = Callable[..., dict[str, Any]]


class Pam:
    """The profiles, what the common files were made from, and the command."""

    def __init__(self, folder: Path) -> None:
        """Make a host that uses one profile of the distribution."""
        self.profiles, self.saved = folder / "pam-configs", folder / "pam"
        self.profiles.mkdir()
        self.saved.mkdir()
        self.commands: list[list[str]] = []
        self.refuses = False
        self.make(["unix"])

    def make(self, names: list[str]) -> None:
        """Write what the common files are made from."""
        text = "".join(f"Module: {name}\nrequired pam_x.so\n" for name in names)
        for kind in ("auth", "password"):
            (self.saved / kind).write_text(text)

    def run(self, argv: list[str], **_options: object) -> tuple[int, str, str]:
        """Do what the command does."""
        self.commands.append(argv)
        if not self.refuses:
            known = [path.name for path in self.profiles.iterdir()]
            used = pam_profiles.used("") - {"unix"} | set(argv[3:])
            self.make(["unix", *(name for name in sorted(used) if name in known)])
        return 0, "", "locally modified" if self.refuses else ""


@pytest.fixture
def pam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pam:
    """The model in the module's places, with one profile of ours."""
    model = Pam(tmp_path)
    (model.profiles / "planner-a").write_text("Name: a\n")
    os.utime(model.profiles / "planner-a", (1, 1))
    monkeypatch.setattr(pam_profiles, "PROFILES", str(model.profiles))
    monkeypatch.setattr(pam_profiles, "SAVED", str(model.saved))
    monkeypatch.setattr(
        AnsibleModule, "run_command", lambda _self, argv, **opts: model.run(argv, **opts)
    )
    return model


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the module and return what it answers."""

    def call(*profiles: str, check: bool = False) -> dict[str, Any]:
        arguments = {
            "prefix": "planner-",
            "profiles": list(profiles),
            "_ansible_check_mode": check,
        }
        with patch_module_args(arguments), pytest.raises(SystemExit):
            pam_profiles.main()
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return call


def test_used_and_no_longer(pam: Pam, run: Run) -> None:
    """Switched on once, off when its file is gone, and the distribution's own stays."""
    assert run("planner-a")["changed"]
    assert pam_profiles.used("") == {"unix", "planner-a"}
    assert not run("planner-a")["changed"]
    (pam.profiles / "planner-a").unlink()
    assert run()["changed"]
    assert pam_profiles.used("") == {"unix"}
    assert not run()["changed"]
    assert len(pam.commands) == 2


def test_a_changed_profile(pam: Pam, run: Run) -> None:
    """Its new text reaches the common files, also when the run that wrote it was cut short."""
    run("planner-a")
    later = (pam.saved / "auth").stat().st_mtime + 5
    os.utime(pam.profiles / "planner-a", (later, later))
    assert run("planner-a")["changed"]


def test_check_mode(pam: Pam, run: Run) -> None:
    """A preview names the profile and calls nothing."""
    told = run("planner-a", check=True)
    assert told["changed"]
    assert told["diff"]["after"] == "planner-a\n"
    assert pam.commands == []


def test_a_command_that_changes_nothing(pam: Pam, run: Run) -> None:
    """Common files edited by hand are not touched by it, and that is said."""
    pam.refuses = True
    failed = run("planner-a")
    assert failed["failed"]
    assert "PAM does not use planner-a as wished: locally modified. Do: " in failed["msg"]
