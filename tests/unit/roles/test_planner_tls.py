"""The program planner-tls as it is on a host: with its library, without Ansible."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.filter.program_library import program_library

ROOT = Path(__file__).resolve().parents[3]
FILES = ROOT / "roles/tls/files"
LIBRARY = "/usr/local/lib/planner"
# What the packages certbot and python3-dnspython bring along.
PACKAGES = ["cryptography", "dns"]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Install it below a folder of its own."""
    for one in program_library(["_tls_command"], PACKAGES):
        file = tmp_path / one["path"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(one["content"])
    text = (FILES / "planner-tls").read_text()
    assert text.startswith("#!/usr/bin/python3 -IB\n")
    text = text.replace(LIBRARY, f"{tmp_path}{LIBRARY}").replace("/opt/planner", f"{tmp_path}/p")
    file = tmp_path / "planner-tls"
    file.write_text(text.replace("/usr/bin/python3", sys.executable))
    file.chmod(0o755)
    return file


def run(program: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run it as root's shell does, with nothing in the environment."""
    return subprocess.run(
        [program, *words], capture_output=True, text=True, check=False, env={"PATH": "/bin"}
    )


def test_it_runs_alone(program: Path) -> None:
    """All that it needs is installed, and it leaves nothing of Python's behind."""
    done = run(program, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "keep    serve the best certificate there is" in done.stdout
    assert not list(program.parent.rglob("__pycache__"))


def test_status(program: Path) -> None:
    """It reads the settings that the role wrote."""
    settings = program.parent / "p/tls/settings.json"
    settings.parent.mkdir(parents=True)
    wish = {"project_dir": f"{program.parent}/p", "names": ["a.test"], "https_port": 1}
    settings.write_text(json.dumps(wish))
    done = run(program, "status")
    assert (done.returncode, done.stderr) == (0, "")
    seen = json.loads(done.stdout)
    assert (seen["subjects"], seen["how"], seen["served"]) == (["a.test"], "ca", None)


def test_no_settings(program: Path) -> None:
    """What to do is said."""
    done = run(program, "status")
    assert done.returncode == 1
    assert done.stderr.endswith("p/tls/settings.json is missing. Do: run playbooks/site.yml\n")


def test_the_deploy_hook(tmp_path: Path) -> None:
    """Certbot's hook has nginx serve what certbot keeps, and passes on how that ended."""
    text = (FILES / "deploy-hook").read_text()
    stand_in = tmp_path / "stand-in"
    stand_in.write_text('#!/bin/sh\necho "called: $*"\nexit 7\n')
    stand_in.chmod(0o755)
    hook = tmp_path / "hook"
    hook.write_text(text.replace("/usr/local/sbin/planner-tls", str(stand_in)))
    hook.chmod(0o755)
    done = run(hook)
    assert (done.returncode, done.stdout) == (7, "called: serve\n")
