"""The workflows: nothing of others' that can change under us, no more rights than needed, releases in a row."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def jobs(name: str) -> dict[str, Any]:
    """The jobs of one workflow."""
    loaded = yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text(encoding="utf-8"))
    found: dict[str, Any] = loaded["jobs"]
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_actions_are_pinned(file: Path) -> None:
    """By the commit, with the version for people; a tag can be moved."""
    used = re.findall(r"uses: (.+)", file.read_text(encoding="utf-8"))
    assert used
    assert [one for one in used if not PINNED.fullmatch(one)] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_action_has_one_version(file: Path) -> None:
    """The same one in all workflows."""
    for action, commit in re.findall(r"uses: (\S+)@(\S+)", file.read_text(encoding="utf-8")):
        for other in FILES:
            found = set(re.findall(rf"uses: {action}@(\S+)", other.read_text(encoding="utf-8")))
            assert found <= {commit}, f"{other.name}: {action}"


def test_rights() -> None:
    """Only the build may write, and only packages; only the release has the key, behind an approval."""
    build, deploy = jobs("deploy")["build"], jobs("deploy")["deploy"]
    assert build["permissions"] == {"contents": "read", "packages": "write"}
    assert deploy["permissions"] == {"contents": "read", "packages": "read"}
    assert "DEPLOY_KEY" not in str(build)
    assert "environment" not in build
    assert deploy["environment"] == "production"


def test_one_release_after_the_other() -> None:
    """One that has begun is never cut off."""
    assert jobs("deploy")["deploy"]["concurrency"] == {
        "group": "deploy",
        "cancel-in-progress": False,
    }


def test_no_expression_in_a_script() -> None:
    """What somebody typed reaches a script by its environment only, never as part of it."""
    for job in jobs("deploy").values():
        for step in job["steps"]:
            assert "${{" not in step.get("run", "")


def test_the_page_names_every_variable() -> None:
    """docs/ci-cd.md has all that the workflow and the playbook read, and no other."""
    page = (ROOT / "docs/ci-cd.md").read_text(encoding="utf-8")
    files = (".github/workflows/deploy.yml", "playbooks/deploy_by_key.yml")
    read = "".join((ROOT / file).read_text(encoding="utf-8") for file in files)
    names = r"\bDEPLOY_[A-Z_]+\b"
    assert set(re.findall(names, page)) == set(re.findall(names, read))
