"""A file is the old one or the new one, whatever interrupts the writing."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._atomic import (
    STAGED,
    write_atomically,
)


def mode_of(path: Path) -> int:
    """A file's permissions."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o600, 0o644])
def test_content_and_mode_are_exact(tmp_path: Path, mode: int) -> None:
    """The file has the bytes and the mode asked for, whatever the umask is."""
    target = tmp_path / "file"
    before = os.umask(0o077)
    try:
        write_atomically(str(target), b"\x00new\r\n", mode=mode, uid=os.getuid(), gid=os.getgid())
    finally:
        os.umask(before)
    assert target.read_bytes() == b"\x00new\r\n"
    assert mode_of(target) == mode


def test_it_replaces_what_is_there(tmp_path: Path) -> None:
    """An older, longer file leaves nothing behind, nor do its mode and its name's other links."""
    target, link = tmp_path / "file", tmp_path / "link"
    target.write_text("an older and longer text")
    link.hardlink_to(target)
    target.chmod(0o600)
    write_atomically(str(target), b"new", mode=0o644)
    assert target.read_bytes() == b"new"
    assert mode_of(target) == 0o644
    assert link.read_text() == "an older and longer text"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link"]


@pytest.mark.parametrize("call", ["fsync", "chmod", "replace"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_an_interruption_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, error: BaseException
) -> None:
    """Wherever it is interrupted, the old file stays as it was and no staged one remains."""

    def fail(*_arguments: Any) -> None:
        raise error

    target = tmp_path / "file"
    target.write_text("old")
    target.chmod(0o640)
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(type(error)):
        write_atomically(str(target), b"new", mode=0o644)
    monkeypatch.undo()
    assert target.read_text() == "old"
    assert mode_of(target) == 0o640
    assert list(tmp_path.iterdir()) == [target]


def test_the_new_file_is_complete_before_it_has_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Content, mode and the flush to the disk are done when the rename happens."""
    seen: list[str] = []

    def note(name: str) -> None:
        real = getattr(os, name)

        def noted(*arguments: Any) -> Any:
            seen.append(name)
            if name == "replace":
                staged = Path(arguments[0])
                assert staged.parent == tmp_path, "a rename is atomic on one file system only"
                assert staged.name.startswith(STAGED), "whoever tidies up knows it by its name"
                assert staged.read_bytes() == b"new"
                assert mode_of(staged) == 0o640
            return real(*arguments)

        monkeypatch.setattr(os, name, noted)

    for name in ("fsync", "chmod", "replace"):
        note(name)
    write_atomically(str(tmp_path / "file"), b"new", mode=0o640)
    assert seen == ["fsync", "chmod", "replace"]


@pytest.mark.parametrize("euid, expected", [(0, [(7, 8)]), (1000, [])])
def test_only_root_sets_the_owner(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    euid: int,
    expected: list[tuple[int, int]],
) -> None:
    """Root gives the file to its owner; anyone else keeps their own files and does not fail."""
    owners: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: euid)
    monkeypatch.setattr(os, "chown", lambda _path, uid, gid: owners.append((uid, gid)))
    write_atomically(str(tmp_path / "file"), b"new", mode=0o644, uid=7, gid=8)
    assert owners == expected
