"""What the role wishes, as the program on the host reads it."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import (
    BackupError,
    Settings,
    parse_settings,
    read_settings,
)

FULL = Settings(
    project_dir="/srv/product",
    database="product",
    redis=True,
    volumes=("planner_uploads",),
    keep_last=4,
    keep_days=8,
    shrink_percent=60,
    repository="s3:https://fra1.example/bucket/planner",
    keep_offsite={"daily": 7, "weekly": 5},
    prune=False,
    upload_kib_s=512,
    upload_timeout_s=7200,
    check_percent=5,
    query="SELECT 1",
    schedule="*:0/5",
    jitter_s=0,
    drill_max_age_days=14,
)


def test_there_and_back() -> None:
    """Each wish arrives; what is not said is as by default."""
    assert parse_settings(json.dumps(asdict(FULL))) == FULL
    assert parse_settings("{}") == Settings()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "7",
        "[]",
        "null",
        '{"colour": "red"}',
        '{"volumes": 7}',
        '{"volumes": null}',
        '{"keep_offsite": [1]}',
        '{"keep_offsite": "daily"}',
        "\0" * 100,
    ],
)
def test_damaged(text: str) -> None:
    """Nothing is guessed: keeping too little would lose backups."""
    with pytest.raises(BackupError, match=r"settings\.json is damaged .* Do: run playbooks/site"):
        parse_settings(text)


def test_read(tmp_path: Path) -> None:
    """From the project's folder; without it the playbook is named that makes it."""
    with pytest.raises(BackupError, match=r"backup/settings\.json is missing\. Do: run playbooks"):
        read_settings(str(tmp_path))
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup/settings.json").write_text(json.dumps(asdict(FULL)))
    assert read_settings(str(tmp_path)) == FULL


def test_kept_here() -> None:
    """What stays on this machine is said by the words of what stays off-site."""
    assert FULL.keep_here == {"last": 4, "daily": 8}


def test_places() -> None:
    """All below the project's folder; what is fetched never looks like a backup."""
    assert FULL.folder == "/srv/product/backups"
    assert FULL.scratch == "/srv/product/backups/.fetched"
    assert FULL.kept("secrets") == "/srv/product/backup/secrets"
    assert FULL.kept() == "/srv/product/backup"
