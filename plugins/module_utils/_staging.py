# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Reads, stages and writes a :mod:`_config_tree` on this host."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from ansible_collections.planner.droplet.plugins.module_utils._atomic import write_atomically
from ansible_collections.planner.droplet.plugins.module_utils._config_tree import (
    ConfigFile,
    Present,
)

FILE_ARGUMENTS = {
    "path": {"type": "str", "required": True},
    "content": {"type": "str", "required": True},
    "mode": {"type": "str", "default": "0644"},
}
"""How a module is told one file."""


def read_present(folder: str, paths: Iterable[str]) -> dict[str, Present]:
    """Read those of the files that exist."""
    present = {}
    for path in paths:
        target = os.path.join(folder, path)
        if os.path.isfile(target):
            found = os.stat(target)
            with open(target, encoding="utf-8", errors="replace", newline="") as file:
                owner = (found.st_uid, found.st_gid)
                present[path] = Present(file.read(), found.st_mode & 0o7777, owner)
    return present


def write_files(folder: str, files: Iterable[ConfigFile]) -> None:
    """Write files below a folder, each by a rename. Folders in between that are missing belong to the file's owner."""
    for file in files:
        target = os.path.join(folder, file.path)
        uid, gid = file.owner or (0, 0)
        _make_folders(os.path.dirname(target), uid, gid)
        write_atomically(target, file.content.encode(), mode=file.mode, uid=uid, gid=gid)


def _make_folders(folder: str, uid: int, gid: int) -> None:
    if os.path.isdir(folder):
        return
    _make_folders(os.path.dirname(folder), uid, gid)
    os.mkdir(folder)
    if os.geteuid() == 0:
        os.chown(folder, uid, gid)


def remove_files(folder: str, paths: Iterable[str]) -> None:
    """Remove files below a folder."""
    for path in paths:
        os.unlink(os.path.join(folder, path))


@contextmanager
def staged(files: Sequence[ConfigFile]) -> Iterator[str]:
    """Write the files below a temporary folder, for programs that check them there."""
    with tempfile.TemporaryDirectory(prefix="config-files-") as folder:
        write_files(folder, files)
        yield folder
