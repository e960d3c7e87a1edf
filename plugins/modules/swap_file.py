#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module ``swap_file``: one swap file of a planned size, active now and at boot."""

from __future__ import annotations

DOCUMENTATION = r"""
module: swap_file
short_description: Keep one swap file of a planned size, active now and at boot
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Compares the file, C(/proc/swaps) and C(/etc/fstab) with the wish and takes the missing steps only. A run
    that was interrupted anywhere is finished by the next one.
  - The file never has holes and is private before it becomes swap. The disk must have room before anything is touched.
    It is switched off only while memory can take back what is in it.
  - Other active swap (a partition, zram) is left alone, and no file is made where it is large enough.
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict changes.
  diff_mode:
    support: full
    description: Shows the file's state and the change of C(/etc/fstab).
  idempotent:
    support: full
    description: A second run with the same input changes nothing.
options:
  path:
    description: Where the file is. What is active or in C(/etc/fstab) under this name belongs to the module.
    type: path
    default: /swapfile
  size_mb:
    description: Size in MiB. V(0) removes the file.
    type: int
    required: true
"""

EXAMPLES = r"""
- name: Keep the planned swap
  planner.droplet.swap_file:
    size_mb: "{{ droplet_plan.swap_mb }}"
"""

RETURN = r"""
steps:
  description: What was done, or in check mode would be, in order.
  type: list
  elements: str
  returned: always
msg:
  description: What is said about swap that is not the module's.
  type: str
  returned: always
active_mb:
  description: All active swap in MiB, that of others included; in check mode as it is now.
  type: int
  returned: always
"""

import os
import stat
import struct

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.planner.droplet.plugins.module_utils import _swap
from ansible_collections.planner.droplet.plugins.module_utils._atomic import write_atomically

# The kernel's own places; a test has others.
SWAPS = "/proc/swaps"
FSTAB = "/etc/fstab"
MEMINFO = "/proc/meminfo"
MOUNTS = "/proc/self/mounts"
PAGE = os.sysconf("SC_PAGE_SIZE")


def read(path: str) -> str:
    """Read a text; a missing one is empty."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def observe_file(path: str) -> _swap.File:
    """Look at the file without following a link."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return _swap.File()
    if not stat.S_ISREG(found.st_mode):
        return _swap.File(_swap.FOREIGN)
    with open(path, "rb") as file:
        page = file.read(PAGE)
    kind = _swap.FOREIGN
    if not page.strip(b"\0"):
        kind = _swap.EMPTY
    elif page[-10:] == b"SWAPSPACE2":
        # A signature that speaks of another size is a file that was grown since: format it again.
        last_page = struct.unpack_from("=I", page, 1028)[0]
        kind = _swap.SWAP if (last_page + 1) * PAGE == found.st_size else _swap.EMPTY
    private = stat.S_IMODE(found.st_mode) == 0o600 and found.st_uid == os.geteuid()
    return _swap.File(kind, found.st_size, found.st_blocks * 512, private)


def filesystem_of(path: str) -> str:
    """Name the type of the file system that holds a folder: the longest mount point wins, then the last."""
    best, name = "", ""
    for fields in (line.split() for line in read(MOUNTS).splitlines()):
        point = fields[1].replace("\\040", " ")
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, name = point, fields[2]
    return name


def observe(path: str) -> _swap.Host:
    """Gather what the decision needs; touches nothing."""
    folder = os.path.dirname(path)
    disk = os.statvfs(folder)
    available = next(
        line for line in read(MEMINFO).splitlines() if line.startswith("MemAvailable:")
    )
    return _swap.Host(
        file=observe_file(path),
        active=_swap.parse_swaps(read(SWAPS)),
        fstab=read(FSTAB),
        filesystem=filesystem_of(os.path.realpath(folder)),
        disk_mb=disk.f_blocks * disk.f_frsize // _swap.MIB,
        free_mb=disk.f_bavail * disk.f_frsize // _swap.MIB,
        available_mb=int(available.split()[1]) // 1024,
    )


def allocate(path: str, size_mb: int, filesystem: str) -> None:
    """Make the file with all its blocks, on the disk; a failure leaves none behind."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb", buffering=0) as file:
            os.fchmod(file.fileno(), 0o600)  # whatever the umask is
            if filesystem in _swap.PREALLOCATING:
                os.posix_fallocate(file.fileno(), 0, size_mb * _swap.MIB)
            else:
                zeros = bytes(_swap.MIB)
                for _ in range(size_mb):
                    file.write(zeros)
            os.fsync(file.fileno())
    except BaseException:
        os.unlink(path)
        raise


def write_fstab(module: AnsibleModule, text: str) -> None:
    """Replace fstab as a whole, and let systemd see it."""
    mode = stat.S_IMODE(os.stat(FSTAB).st_mode) if os.path.exists(FSTAB) else 0o644
    write_atomically(FSTAB, text.encode(errors="surrogateescape"), mode=mode)
    if os.path.isdir("/run/systemd/system"):
        module.run_command(["systemctl", "daemon-reload"], check_rc=True)


def take(module: AnsibleModule, step: str, host: _swap.Host) -> None:
    """Take one step."""
    path, size_mb = module.params["path"], module.params["size_mb"]
    if step == _swap.ALLOCATE:
        allocate(path, size_mb, host.filesystem)
    elif step == _swap.PROTECT:
        os.chown(path, os.geteuid(), os.getegid())
        os.chmod(path, 0o600)
    elif step == _swap.REMOVE:
        os.unlink(path)
    elif step == _swap.PERSIST:
        write_fstab(module, _swap.fstab_with(host.fstab, path))
    elif step == _swap.FORGET:
        write_fstab(module, _swap.fstab_without(host.fstab, path))
    else:
        command = {
            _swap.FORMAT: "mkswap",
            _swap.ACTIVATE: "swapon",
            _swap.DEACTIVATE: "swapoff",
        }[step]
        code, out, err = module.run_command([module.get_bin_path(command, required=True), path])
        if code != 0:
            module.fail_json(
                msg=f"{command} {path} (on {host.filesystem}): {(err or out).strip()}. "
                "Do: see `dmesg | tail`; where this machine cannot swap to a file, name another path.",
                rc=code,
            )


def describe(host: _swap.Host, path: str) -> str:
    """Say in one line what the file is, for the diff."""
    if host.file.kind == _swap.NO_FILE:
        state = "absent"
    else:
        active = any(swap.path == path for swap in host.active)
        state = f"{host.file.size // _swap.MIB} MiB, {'' if active else 'not '}active"
    return f"{path}: {state}, {'' if _swap.in_fstab(host.fstab, path) else 'not '}in fstab\n"


def diffs(
    host: _swap.Host, decision: _swap.Decision, path: str, size_mb: int
) -> list[dict[str, str]]:
    """Build Ansible's diff: the file's state, and fstab where it changes."""
    if not decision.steps:
        return []
    after = f"{path}: {size_mb} MiB, active, in fstab\n"
    if size_mb == 0:
        after = f"{path}: absent, not in fstab\n"
    result = [
        {
            "before": describe(host, path),
            "after": after,
            "before_header": path,
            "after_header": path,
        }
    ]
    edits = {_swap.PERSIST: _swap.fstab_with, _swap.FORGET: _swap.fstab_without}
    result += [
        {
            "before": host.fstab,
            "after": edit(host.fstab, path),
            "before_header": FSTAB,
            "after_header": FSTAB,
        }
        for step, edit in edits.items()
        if step in decision.steps
    ]
    return result


def main() -> None:
    """Observe, decide, act, look again."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "default": "/swapfile"},
            "size_mb": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )
    path, size_mb = module.params["path"], module.params["size_mb"]
    if size_mb < 0:
        module.fail_json(msg=f"size_mb = {size_mb}: is negative. Do: write 0 for no swap.")
    try:
        host = observe(path)
        decision = _swap.decide(host, path, size_mb)
        after = host
        if not module.check_mode:
            for step in decision.steps:
                take(module, step, host)
            after = observe(path)
            left = _swap.decide(after, path, size_mb).steps
            if left:
                module.fail_json(
                    msg=f"{path}: after {', '.join(decision.steps)} the host still lacks: {', '.join(left)}. "
                    "Do: look at `swapon --show`, `ls -ls` of the file and /etc/fstab."
                )
    except ValueError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"{path}: {error}")
    module.exit_json(
        changed=bool(decision.steps),
        steps=list(decision.steps),
        msg=decision.note,
        active_mb=sum(swap.size_mb for swap in after.active),
        diff=diffs(host, decision, path, size_mb),
    )


if __name__ == "__main__":
    main()
