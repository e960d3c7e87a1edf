"""Module ``swap_file`` on temporary files, with commands that do to them what the real ones do."""

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible_collections.planner.droplet.plugins.modules import swap_file

MIB = 1024 * 1024
HEADER = "Filename\tType\tSize\tUsed\tPriority\n"
ROOT_FS = "/dev/vda1 / ext4 rw 0 0\n"


class Host:
    """The files the module reads, and the three commands it calls."""

    def __init__(self, folder: Path) -> None:
        """A bare host."""
        self.swapfile = folder / "swapfile"
        self.swaps, self.fstab = folder / "swaps", folder / "fstab"
        self.meminfo, self.mounts = folder / "meminfo", folder / "mounts"
        self.swaps.write_text(HEADER)
        self.fstab.write_text(ROOT_FS)
        self.meminfo.write_text("MemTotal: 990000 kB\nMemAvailable: 409600 kB\n")
        self.mounts.write_text(ROOT_FS)
        self.commands: list[str] = []
        self.dies_at = ""
        self.refuses = ""

    def run(self, argv: list[str], **_options: object) -> tuple[int, str, str]:
        """Do what the command does."""
        name = Path(argv[0]).name
        self.commands.append(name)
        if name == self.dies_at:
            raise KeyboardInterrupt
        if name == self.refuses:
            return 22, "", f"{name}: Invalid argument"
        rows = [row for row in self.swaps.read_text().splitlines() if str(self.swapfile) not in row]
        size = self.swapfile.stat().st_size if self.swapfile.exists() else 0
        if name == "mkswap":
            assert self.swapfile.stat().st_mode & 0o777 == 0o600, "readable before it is swap"
            pages = struct.pack("=II", 1, size // swap_file.PAGE - 1)
            header = bytes(1024) + pages
            header += bytes(swap_file.PAGE - 10 - len(header)) + b"SWAPSPACE2"
            with self.swapfile.open("r+b") as file:
                file.write(header)
        elif name == "swapon":
            rows.append(f"{self.swapfile} file {size // 1024 - 4} 0 -2")
        if name in ("swapon", "swapoff"):
            self.swaps.write_text("".join(f"{row}\n" for row in rows))
        return 0, "", ""


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """The model in the module's places."""
    model = Host(tmp_path)
    for name in ("swaps", "fstab", "meminfo", "mounts"):
        monkeypatch.setattr(swap_file, name.upper(), str(getattr(model, name)))
    monkeypatch.setattr(
        AnsibleModule, "run_command", lambda _self, argv, **opts: model.run(argv, **opts)
    )
    monkeypatch.setattr(AnsibleModule, "get_bin_path", lambda _self, name, **_opts: f"/sbin/{name}")
    return model


Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(host: Host, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the module and return what it answers."""

    def call(size_mb: int, *, check: bool = False) -> dict[str, Any]:
        arguments = {"path": str(host.swapfile), "size_mb": size_mb, "_ansible_check_mode": check}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            swap_file.main()
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return call


def test_create(host: Host, run: Run) -> None:
    """A file without holes, private, formatted, active, and in fstab; then there is nothing to do."""
    done = run(2)
    assert done["changed"]
    assert done["steps"] == ["allocate", "format", "activate", "persist"]
    found = host.swapfile.stat()
    assert (found.st_size, found.st_mode & 0o777) == (2 * MIB, 0o600)
    assert found.st_blocks * 512 >= 2 * MIB
    assert host.fstab.read_text() == f"{ROOT_FS}{host.swapfile} none swap sw 0 0\n"
    assert done["active_mb"] == 2
    again = run(2)
    assert (again["changed"], again["steps"], again["diff"]) == (False, [], [])


def test_zeros_where_the_kernel_wants_written_blocks(host: Host, run: Run) -> None:
    """On a file system whose reserved blocks are not trusted, they are written."""
    host.mounts.write_text("overlay / overlay rw 0 0\n")
    run(2)
    assert host.swapfile.stat().st_blocks * 512 >= 2 * MIB


@pytest.mark.parametrize("size_mb", [0, 2, 4])
def test_check_mode(host: Host, run: Run, size_mb: int) -> None:
    """A preview says what would happen and touches nothing, on a bare host and on a running one."""
    bare = run(size_mb, check=True)
    assert bare["changed"] is (size_mb > 0)
    assert (host.commands, host.swapfile.exists()) == ([], False)
    run(2)
    before = (host.swapfile.read_bytes(), host.swaps.read_text(), host.fstab.read_text())
    host.commands.clear()
    assert run(size_mb, check=True)["changed"] is (size_mb != 2)
    assert (host.swapfile.read_bytes(), host.swaps.read_text(), host.fstab.read_text()) == before
    assert host.commands == []


def test_diff(host: Host, run: Run) -> None:
    """The file's state in a line each, and fstab's change."""
    state, fstab = run(2, check=True)["diff"]
    assert state["before"] == f"{host.swapfile}: absent, not in fstab\n"
    assert state["after"] == f"{host.swapfile}: 2 MiB, active, in fstab\n"
    assert fstab["before"] == ROOT_FS
    assert fstab["after"] == f"{ROOT_FS}{host.swapfile} none swap sw 0 0\n"
    run(2)
    state, fstab = run(0, check=True)["diff"]
    assert state["before"] == f"{host.swapfile}: 2 MiB, active, in fstab\n"
    assert state["after"] == f"{host.swapfile}: absent, not in fstab\n"
    assert fstab["after"] == ROOT_FS


def test_remove(host: Host, run: Run) -> None:
    """Nothing remains, and fstab is as before."""
    run(2)
    assert run(0)["steps"] == ["deactivate", "forget", "remove"]
    assert not host.swapfile.exists()
    assert (host.swaps.read_text(), host.fstab.read_text()) == (HEADER, ROOT_FS)
    assert not run(0)["changed"]


def test_resize(host: Host, run: Run) -> None:
    """Switched off, made anew, switched on; fstab keeps its entry."""
    run(2)
    assert run(3)["steps"] == ["deactivate", "remove", "allocate", "format", "activate"]
    assert host.swapfile.stat().st_size == 3 * MIB
    assert host.swaps.read_text().count(str(host.swapfile)) == 1


@pytest.mark.parametrize("command", ["mkswap", "swapon"])
def test_interrupted(host: Host, run: Run, command: str) -> None:
    """Ctrl-C at a command leaves a state that the next run finishes."""
    host.dies_at = command
    arguments = {"path": str(host.swapfile), "size_mb": 2, "_ansible_check_mode": False}
    with patch_module_args(arguments), pytest.raises(KeyboardInterrupt):
        swap_file.main()
    host.dies_at = ""
    assert run(2)["changed"]
    assert not run(2)["changed"]


def test_a_failed_allocation_leaves_no_file(
    host: Host, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full after all is not kept full."""

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    failed = run(2)
    assert failed["failed"]
    assert "No space left on device" in failed["msg"]
    assert str(host.swapfile) in failed["msg"]
    assert not host.swapfile.exists()


def test_a_command_that_fails(host: Host, run: Run) -> None:
    """The kernel's words reach the owner, and what to do."""
    host.refuses = "swapon"
    failed = run(2)
    assert failed["failed"]
    assert "(on ext4): swapon: Invalid argument. Do: " in failed["msg"]


def test_a_command_that_lies(host: Host, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Success counts only when the host shows it."""
    monkeypatch.setattr(AnsibleModule, "run_command", lambda *_arguments, **_options: (0, "", ""))
    failed = run(2)
    assert failed["failed"]
    assert "still lacks: format, activate. Do: " in failed["msg"]
    assert host.commands == []


def test_refusals_reach_the_owner(host: Host, run: Run) -> None:
    """Somebody's file under that name is not touched."""
    host.swapfile.write_text("my notes")
    failed = run(2)
    assert failed["failed"]
    assert "exists and is no swap file" in failed["msg"]
    assert host.swapfile.read_text() == "my notes"
    assert "is negative. Do: " in run(-1)["msg"]


def test_a_link_is_not_followed(host: Host, run: Run, tmp_path: Path) -> None:
    """What a link points to is never overwritten."""
    (tmp_path / "target").write_bytes(bytes(4096))
    host.swapfile.symlink_to(tmp_path / "target")
    assert "exists and is no swap file" in run(2)["msg"]
    assert (tmp_path / "target").read_bytes() == bytes(4096)


def test_a_grown_file_is_formatted_again(host: Host, run: Run) -> None:
    """A signature that speaks of another size does not count."""
    run(2)
    host.swaps.write_text(HEADER)
    with host.swapfile.open("ab") as file:
        file.write(bytes(MIB))
    assert run(3)["steps"] == ["format", "activate"]


def test_modes(host: Host, run: Run) -> None:
    """A file that others can read is closed to them; fstab keeps its mode."""
    host.fstab.chmod(0o640)
    run(2)
    assert host.fstab.stat().st_mode & 0o777 == 0o640
    host.swapfile.chmod(0o644)
    assert run(2)["steps"] == ["protect"]
    assert host.swapfile.stat().st_mode & 0o777 == 0o600


def test_other_swap(host: Host, run: Run) -> None:
    """A partition that is large enough is respected, and said."""
    host.swaps.write_text(f"{HEADER}/dev/vdb partition 1048572 0 -2\n")
    done = run(1024)
    assert not done["changed"]
    assert done["msg"].endswith(
        "(/dev/vdb) are active and left alone: enough for the planned 1024, no file is made"
    )
    assert done["active_mb"] == 1024


@pytest.mark.parametrize(
    "mounts, path, name",
    [
        ("/dev/a / ext4 rw 0 0\n", "/srv", "ext4"),
        ("/dev/a / ext4 rw 0 0\n/dev/b /srv xfs rw 0 0\n", "/srv/x", "xfs"),
        ("/dev/a / ext4 rw 0 0\n/dev/b /srv xfs rw 0 0\n", "/srv2", "ext4"),
        ("rootfs / rootfs rw 0 0\n/dev/b / btrfs rw 0 0\n", "/", "btrfs"),
        ("/dev/a / ext4 rw 0 0\n/dev/b /my\\040disk xfs rw 0 0\n", "/my disk", "xfs"),
    ],
)
def test_filesystem_of(host: Host, mounts: str, path: str, name: str) -> None:
    """The mount nearest to the folder tells."""
    host.mounts.write_text(mounts)
    assert swap_file.filesystem_of(path) == name
