"""The wish of the role watch, as its program reads it."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import (
    SETTINGS_FILE,
    THRESHOLDS,
    Settings,
    WatchError,
    parse_settings,
    read_secret,
    read_settings,
)


def test_there_and_back() -> None:
    """What is written is what is read."""
    wish = Settings(host="a", domains=("a.test",), services=({"name": "worker"},), cycle_s=10)
    assert parse_settings(json.dumps(asdict(wish))) == wish
    assert parse_settings("{}") == Settings()


@pytest.mark.parametrize("text", ["", "[]", "null", '{"hosts": 1}', '{"domains": 1}'])
def test_damaged(text: str) -> None:
    """What is damaged or of another version says what to do."""
    with pytest.raises(WatchError, match=r"playbooks/site\.yml"):
        parse_settings(text)


def test_missing(tmp_path: Path) -> None:
    """A host without it is told what is missing."""
    with pytest.raises(WatchError, match=rf"{SETTINGS_FILE} is missing"):
        read_settings(str(tmp_path))


def test_thresholds() -> None:
    """The owner's goes before the built-in one."""
    wish = Settings(thresholds={"disk_percent": 91})
    assert wish.most("disk_percent") == 91
    assert wish.most("latency_s") == THRESHOLDS["latency_s"]


def test_secret(tmp_path: Path) -> None:
    """One that is not there is empty; an end of line is none of it."""
    wish = Settings(project_dir=str(tmp_path))
    assert read_secret(wish, "ping_url") == ""
    (tmp_path / "watch/secrets").mkdir(parents=True)
    (tmp_path / "watch/secrets/ping_url").write_text("https://a.test/x\n")
    assert read_secret(wish, "ping_url") == "https://a.test/x"
