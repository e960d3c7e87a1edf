"""Module ``backup_inventory``: from an address and a password to what the owner once wrote."""

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.planner.droplet.plugins.module_utils._backup_make import Maker
from ansible_collections.planner.droplet.plugins.modules import backup_inventory

from tests.unit.backup_bench import PASSWORD, REPOSITORY, Bench

INVENTORY = {"droplet_size": "s-1vcpu-1gb", "droplet_secrets": {"telegram_bot_token": "1:x"}}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Off-site is backup 5 of a machine that was lost; here is none."""
    made = Bench(tmp_path, monkeypatch, offsite=True)
    folder = made.folder / "backup/inventory"
    folder.mkdir()
    (folder / "droplet.json").write_text(json.dumps(INVENTORY))
    made.sent(Maker(made.settings, 5, "timer").make())
    (made.folder / "compose.yml").unlink()
    return made


def run(bench: Bench, capsys: pytest.CaptureFixture[str], **options: Any) -> dict[str, Any]:
    """Run the module, as a preview does too; return what it answers."""
    arguments = {
        "project_dir": str(bench.folder),
        "repository": REPOSITORY,
        "password": PASSWORD,
        "_ansible_check_mode": True,
        **options,
    }
    with patch_module_args(arguments), pytest.raises(SystemExit):
        backup_inventory.main()
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def test_found(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """The number and the variables; looking changes nothing."""
    answer = run(bench, capsys)
    assert (answer["number"], answer["inventory"]) == (5, INVENTORY | {"stack_postgres_major": 17})
    assert answer["changed"] is False


def test_refused(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """In a sentence, which has no secret."""
    answer = run(bench, capsys, password="hunter2hunter2hunter2", s3_secret="s3cret-of-the-key")
    assert answer["failed"]
    assert answer["msg"].startswith("Off-site: backup_password does not open the repository")
    assert "hunter2" not in json.dumps(answer)
    assert "s3cret" not in json.dumps(answer)


def test_in_use(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """A machine that serves is not recovered."""
    (bench.folder / "compose.yml").touch()
    assert "so it needs no recovery" in run(bench, capsys)["msg"]
