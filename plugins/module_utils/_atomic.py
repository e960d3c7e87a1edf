# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Files that are either the old or the new one, whatever interrupts the writing."""

from __future__ import annotations

import os
import tempfile

STAGED = ".staged-"
"""How the names of files begin that are being written."""


def write_atomically(path: str, content: bytes, *, mode: int, uid: int = 0, gid: int = 0) -> None:
    """Write beside the target with its final owner and mode, then rename over it.

    The owner is set only by root; anyone else keeps their own files.
    """
    folder = os.path.dirname(path)
    handle, staged = tempfile.mkstemp(dir=folder, prefix=STAGED)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if os.geteuid() == 0:
            os.chown(staged, uid, gid)
        os.chmod(staged, mode)
        os.replace(staged, path)
    except BaseException:
        os.unlink(staged)
        raise
