# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Makes room on a disk that is filling up, in the order of what is missed least, and only as much as is needed.

Never touched: volumes, backups and dumps that are whole, what runs and the way back to the release before, and
whatever is not known to be ours or the system's.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ansible_collections.planner.droplet.plugins.module_utils import _release_clean as releases
from ansible_collections.planner.droplet.plugins.module_utils import _release_log as log
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose, DockerError
from ansible_collections.planner.droplet.plugins.module_utils._disk_usage import (
    DOCKER_ROOT,
    MIB,
    Use,
    bytes_of,
    measure,
    said_bytes,
    use_of,
)
from ansible_collections.planner.droplet.plugins.module_utils._event_lock import LOCK, event_lock
from ansible_collections.planner.droplet.plugins.module_utils._pipe import (
    Command,
    PipeError,
    run_pipe,
)
from ansible_collections.planner.droplet.plugins.module_utils._restic import CACHE
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings

BELOW_PERCENT = 5
"""So far below its threshold a disk is cleaned: one that is only just below is over it again tomorrow."""
JOURNAL_MB, RELEASES_MB = 256, 4096
"""Where there is no disk plan: what roles hardening and stack allow."""
_PARTIAL_S, _ROTATED_S = 86400, 7 * 86400
_TIMEOUT_S = 300
_EVIDENCE = frozenset({"journal", "audit"})
"""In /var/log: the journal has its own cap, and what logins did is for nobody to remove."""

_DO = {
    "backups": "`planner-backup list`, then remove the oldest that is off-site too, and lower backup_keep_last or "
    "backup_keep_days (docs/backup.md#the-disk-is-full)",
    "images": "lower stack_disk_budget_mb and run playbooks/site.yml; `docker image ls` shows images of your own",
    "dumps": "lower stack_disk_budget_mb and run playbooks/site.yml: dumps of old releases go with their images",
    "postgres": "remove rows that nobody needs, or take a larger droplet_size (docs/disk-plan.md)",
}


@dataclass
class Cleaned:
    """What was done: ``freed`` and ``left`` in words, how full it is now, the next thing a person can do."""

    freed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    use: Use = field(default_factory=Use)
    do: str = ""
    """Empty where there is room again."""


def is_enough(settings: Settings, use: Use) -> bool:
    """Tell whether there is room again."""
    return (
        use.percent <= settings.most("disk_percent") - BELOW_PERCENT
        and use.inodes_percent <= settings.most("inodes_percent") - BELOW_PERCENT
    )


def clean(
    settings: Settings,
    now: float,
    *,
    root: str = "/",
    lock: str = LOCK,
    look: Callable[[], Use] | None = None,
) -> Cleaned:
    """Make room, unless another event has the lock: a release needs the images that it has just pulled.

    ``now`` in seconds since the epoch, ``root`` where the machine's files begin, ``look`` tells how full it is; a
    caller that has the lock says ``HELD``. A step that fails is told in ``left``, and the next one does its work.
    """
    steps = _Steps(settings, now, root)
    used = look or (lambda: use_of(root, os.path.join(root, DOCKER_ROOT[1:]), settings.project_dir))
    done = Cleaned()
    try:
        with event_lock(lock, "clean", 0):
            for what, step in steps.in_order():
                if is_enough(settings, used()):
                    break
                try:
                    done.freed += step()
                except (PipeError, DockerError, OSError, ValueError) as error:
                    done.left.append(f"{what}: {error}")
    except DockerError as error:  # the lock is held
        done.left.append(f"Nothing was removed: {error}")
        done.use, done.do = used(), "ask again when it has ended"
        return done
    done.use = used()
    if not is_enough(settings, done.use):
        _what_stays(done, measure(settings, root)["parts"])
    return done


def _what_stays(done: Cleaned, parts: dict[str, float | None]) -> None:
    """Name what is large and not ours to remove, the largest first, and what can be done about that."""
    large = sorted(((parts[name] or 0, name) for name in _DO), reverse=True)
    done.left += [f"{name}, {size:.0f} MiB" for size, name in large if size >= 1]
    done.do = _DO[large[0][1]] if large[0][0] >= 1 else "`du -xh --max-depth=2 / | sort -h | tail`"


@dataclass(frozen=True)
class _Steps:
    """Each step removes one kind of thing and returns what went, in words."""

    settings: Settings
    now: float
    root: str

    def in_order(self) -> list[tuple[str, Callable[[], list[str]]]]:
        return [
            ("packages", self._packages),
            ("journal", self._journal),
            ("images without a name", self._images),
            ("build cache", self._build_cache),
            ("old releases", self._releases),
            ("rotated logs", self._rotated),
            ("backups that were cut off", self._partial),
            ("restic's cache", self._restic),
        ]

    @property
    def _compose(self) -> Compose:
        return Compose(self.settings.project_dir, project=self.settings.project)

    def _at(self, *names: str) -> str:
        return os.path.join(self.root, *names)

    def _packages(self) -> list[str]:
        return self._by("apt-get clean", self._at("var/cache/apt"), "downloaded packages")

    def _journal(self) -> list[str]:
        cap = self.settings.disk.get("parts", {}).get("journal", {}).get("mb", JOURNAL_MB)
        command = f"journalctl --quiet --vacuum-size={cap}M"
        return self._by(command, self._at("var/log/journal"), "journal")

    def _by(self, command: str, folder: str, what: str) -> list[str]:
        before = bytes_of(folder)
        run_pipe(Command(command.split()), timeout_s=_TIMEOUT_S)
        return _went(what, before - bytes_of(folder))

    def _images(self) -> list[str]:
        """Not by `docker image prune`: that takes images known by their digest alone for nameless, as releases are."""
        docker = self._compose.docker
        filters = ("--filter", "dangling=true", "--quiet", "--no-trunc")
        ids = sorted(set(docker("image", "ls", *filters, timeout_s=_TIMEOUT_S).split()))
        found = json.loads(docker("image", "inspect", *ids)) if ids else []
        records = log.read(self.settings.project_dir).records
        released = {image for one in records for image in one.image_ids.values()}
        gone = []
        for one in found:
            if one.get("RepoTags") or one.get("RepoDigests") or one["Id"] in released:
                continue
            try:
                docker("image", "rm", one["Id"])
            except DockerError:  # a container or another image is made of it
                continue
            gone += _went(f"image {one['Id'][7:19]}", one["Size"])
        return gone

    def _build_cache(self) -> list[str]:
        said = self._compose.docker("builder", "prune", "--force", timeout_s=_TIMEOUT_S)
        _, _, total = said.rpartition("Total")
        return _went("build cache", said_bytes(total.partition(":")[2]))

    def _releases(self) -> list[str]:
        budget = self.settings.disk.get("releases_mb", RELEASES_MB)
        return releases.clean(self._compose, budget)

    def _rotated(self) -> list[str]:
        gone = 0
        for folder, folders, names in os.walk(self._at("var/log")):
            folders[:] = [one for one in folders if one not in _EVIDENCE]
            paths = [os.path.join(folder, name) for name in names if name.endswith((".gz", ".1"))]
            gone += sum(map(_removed, filter(self._older(_ROTATED_S), paths)))
        return _went("rotated logs", gone)

    def _partial(self) -> list[str]:
        """Both programs remove them when they run next; a full disk may keep that from coming."""
        is_old = self._older(_PARTIAL_S)
        gone = [path for path in self._cut_off() if is_old(path)]
        return [words for path in gone for words in _went(path, _removed(path))]

    def _cut_off(self) -> Iterator[str]:
        for name in ("backups", "dumps"):
            folder = self.settings.path(name)
            found = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
            yield from (os.path.join(folder, one) for one in found if one.endswith(".partial"))
        fetched = self.settings.path("backups", ".fetched")
        if os.path.isdir(fetched):
            yield fetched

    def _restic(self) -> list[str]:
        """Read again from the storage when it is needed."""
        folder = self._at(CACHE[1:])
        found = os.listdir(folder) if os.path.isdir(folder) else []
        return _went("restic's cache", sum(_removed(os.path.join(folder, one)) for one in found))

    def _older(self, seconds: float) -> Callable[[str], bool]:
        def is_older(path: str) -> bool:
            try:
                return self.now - os.lstat(path).st_mtime > seconds
            except FileNotFoundError:  # rotated again in between
                return False

        return is_older


def _removed(path: str) -> int:
    size = bytes_of(path)
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)
    return size


def _went(what: str, size: float) -> list[str]:
    return [f"{what}, {size / MIB:.1f} MiB"] if size > 0 else []
