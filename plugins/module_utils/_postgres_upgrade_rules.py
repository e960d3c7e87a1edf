# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What an upgrade of PostgreSQL needs, and what stands in its way: numbers and names in, sentences out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._container_state import SERVICE
from ansible_collections.planner.droplet.plugins.module_utils._postgres_data import PLAYBOOK

MIB = 1024 * 1024
RESERVE_MB = 256
"""What stays of each disk, as with a backup."""
COPIES = 2.2
"""Databases' sizes that an upgrade takes: the rehearsal's copy and the new one, each with indexes just built."""
SYSTEM = frozenset({"postgres", "template0", "template1"})


@dataclass(frozen=True)
class Need:
    """Bytes: of the database, of the last backup, and of an image that is not here yet."""

    database: int
    backup: int
    image: int = 0

    @property
    def data(self) -> int:
        """What it takes where Docker keeps its data."""
        return int(COPIES * self.database) + self.image

    @property
    def backups(self) -> int:
        """What the two backups take."""
        return 2 * self.backup


def room_problems(need: Need, docker_free: int, project_free: int, *, one_disk: bool) -> list[str]:
    """Say where there is not enough room."""
    if one_disk:
        wanted = [("the disk", need.data + need.backups, min(docker_free, project_free))]
    else:
        wanted = [
            ("Docker's disk", need.data, docker_free),
            ("the backups' disk", need.backups, project_free),
        ]
    return [
        f"{where} has {free // MIB} MiB free, and the upgrade may take {most // MIB + 1}, with {RESERVE_MB} to stay. "
        "Do: free some (docs/backup.md, 'The disk is full')"
        for where, most, free in wanted
        if free < most + RESERVE_MB * MIB
    ]


def version_problems(source: int, target: int) -> list[str]:
    """Say that this is no upgrade."""
    if target > source:
        return []
    said = (
        f"stack_postgres_major: {target} is older than {source}, which serves, and cannot read its data. "
        f"Do: set a newer one, {PLAYBOOK} -e stack_postgres_major={source + 1}"
    )
    return [said]


def database_problems(found: Collection[str], product: str) -> list[str]:
    """Say which databases would not come along."""
    others = sorted(set(found) - SYSTEM - {product})
    if not others:
        return []
    said = (
        f"beside {product} there is {', '.join(others)}, of which no backup is made, so it would not come along. "
        "Do: keep what you need of it with pg_dump, then docker exec planner-postgres-1 dropdb -U postgres NAME"
    )
    return [said]


def extension_problems(
    wished: Mapping[str, str], lines: Iterable[str], separator: str
) -> list[str]:
    """Compare the data's extensions with those that an image brings, each a line of name and version."""
    brings = dict(line.split(separator, 1) for line in lines)
    problems = []
    for name, version in sorted(wished.items()):
        there = brings.get(name)
        if there is None:
            problems.append(f"the image has no extension {name}, which the data needs")
        elif _numbers(there) < _numbers(version):
            problems.append(f"the image has {name} {there}, and the data was made with {version}")
    return problems


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"[0-9]+", version)))


def ready_since(inspected: Mapping[str, Any]) -> float:
    """Tell since when a container is healthy, as far as its last probes show; 0 where they do not."""
    state = inspected["State"]
    began = _moment(state["StartedAt"])
    probes = (state.get("Health") or {}).get("Log") or []
    good = [_moment(one["End"]) for one in probes if one["ExitCode"] == 0]
    return min((when for when in good if when >= began), default=0.0)


def last_start(inspected: Iterable[Mapping[str, Any]], but: Collection[str]) -> float:
    """Tell when the last container of a service was started, those services aside."""
    mine = [one for one in inspected if one["Config"]["Labels"].get(SERVICE) not in but]
    return max((_moment(one["State"]["StartedAt"]) for one in mine), default=0.0)


def _moment(text: str) -> float:
    """Read one of Docker's times: nine digits of a second, and Z or an offset."""
    found = re.fullmatch(r"(\S+?)(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})", text)
    if found is None:
        return 0.0
    zone = "+00:00" if found[3] == "Z" else found[3]
    return datetime.fromisoformat(found[1] + zone).timestamp() + float(found[2] or 0)
