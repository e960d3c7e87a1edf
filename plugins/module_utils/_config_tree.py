# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""A folder of rendered configuration, compared with what is on the disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ConfigFile:
    """One file as it should be. ``path`` is relative to the folder."""

    path: str
    content: str
    mode: int = 0o644
    owner: tuple[int, int] | None = None
    """User and group id; ``None`` for whoever writes it."""

    def __post_init__(self) -> None:
        """Refuse a path that leaves the folder."""
        if self.path.startswith("/") or ".." in self.path.split("/") or not self.path:
            msg = f"files[].path must stay inside the folder, got {self.path!r}"
            raise ValueError(msg)


@dataclass(frozen=True)
class Present:
    """One file as it is."""

    content: str
    mode: int
    owner: tuple[int, int]


def differing(
    wanted: Sequence[ConfigFile], present: Mapping[str, Present], owner: tuple[int, int]
) -> tuple[ConfigFile, ...]:
    """List the files whose content, mode or owner is not as wanted."""
    return tuple(
        file
        for file in wanted
        if present.get(file.path) != Present(file.content, file.mode, file.owner or owner)
    )


def diffs(
    folder: str,
    changing: Sequence[ConfigFile],
    removing: Sequence[str],
    present: Mapping[str, Present],
) -> list[dict[str, str]]:
    """Build Ansible's diff for each file that changes or goes."""
    base = folder.rstrip("/")
    result = []
    for file in changing:
        before = present.get(file.path)
        target = f"{base}/{file.path}"
        result.append(
            {
                "before": before.content if before else "",
                "after": file.content,
                "before_header": f"{target} (mode {before.mode:04o})" if before else "absent",
                "after_header": f"{target} (mode {file.mode:04o})",
            }
        )
    for path in removing:
        before_header = f"{base}/{path} (mode {present[path].mode:04o})"
        result.append(
            {
                "before": present[path].content,
                "after": "",
                "before_header": before_header,
                "after_header": "absent",
            }
        )
    return result
