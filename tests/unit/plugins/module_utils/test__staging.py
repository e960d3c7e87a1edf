"""Configuration read from and written to the disk."""

import os
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._config_tree import (
    ConfigFile,
    Present,
    differing,
)
from ansible_collections.planner.droplet.plugins.module_utils._staging import (
    read_present,
    remove_files,
    staged,
    write_files,
)

ME = (os.geteuid(), os.getegid())


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Text as it is, line ends included; then nothing differs any more."""
    wanted = [ConfigFile("a", "1\r\n", 0o600, ME), ConfigFile("sub/b", "ü", 0o2644, ME)]
    write_files(str(tmp_path), wanted)
    present = read_present(str(tmp_path), ["a", "sub/b", "missing"])
    assert present == {"a": Present("1\r\n", 0o600, ME), "sub/b": Present("ü", 0o2644, ME)}
    assert differing(wanted, present, ME) == ()


def test_only_files_are_read(tmp_path: Path) -> None:
    """A folder is none, nor is a link that leads nowhere; text that is no UTF-8 differs from all that is."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "latin").write_bytes(b"\xfc")
    assert list(read_present(str(tmp_path), ["folder", "link", "latin"])) == ["latin"]
    assert differing(
        [ConfigFile("latin", "ü", 0o644, ME)], read_present(str(tmp_path), ["latin"]), ME
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_owner(tmp_path: Path) -> None:
    """A file's owner gets the folders that had to be made for it, not the one that was there."""
    write_files(str(tmp_path), [ConfigFile("a/b/c", "", 0o600, (1, 2))])
    owners = [(path.stat().st_uid, path.stat().st_gid) for path in tmp_path.rglob("*")]
    assert owners == [(1, 2)] * 3
    assert tmp_path.stat().st_uid == 0


def test_removed(tmp_path: Path) -> None:
    """Files go, their folder stays; a link goes without what it leads to."""
    (tmp_path / "a").touch()
    (tmp_path / "link").symlink_to("b")
    (tmp_path / "b").touch()
    remove_files(str(tmp_path), ["a", "link"])
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_the_stage_is_gone_afterwards() -> None:
    """Also when what happened on it failed; meanwhile nobody else looks into it."""
    folders = []

    def fail() -> None:
        with staged([ConfigFile("sub/a", "1", 0o600, ME)]) as stage:
            folders.append(Path(stage))
            assert (folders[0] / "sub/a").read_text() == "1"
            assert folders[0].stat().st_mode & 0o077 == 0
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not folders[0].exists()
