"""A host on which PostgreSQL is upgraded: volumes and their files are folders, what is slow only notes its name."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _postgres_look as data
from ansible_collections.planner.droplet.plugins.module_utils import _postgres_upgrade as module
from ansible_collections.planner.droplet.plugins.module_utils import (
    _postgres_upgrade_check as check,
)
from ansible_collections.planner.droplet.plugins.module_utils import _postgres_upgrade_undo as undo
from ansible_collections.planner.droplet.plugins.module_utils._backup_engine import Engine
from ansible_collections.planner.droplet.plugins.module_utils._backup_manifest import (
    GOOD,
    Facts,
    Manifest,
    Table,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import BackupError
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose, DockerError
from ansible_collections.planner.droplet.plugins.module_utils._postgres_data import LABEL, Upgrade
from ansible_collections.planner.droplet.plugins.module_utils._postgres_upgrade_server import (
    NewServer,
)
from ansible_collections.planner.droplet.plugins.module_utils._product import Product

OLD, NEW = "planner_postgres17", "planner_postgres18"
IMAGE = "pgvector/pgvector:pg18"
ROWS = {"public.tasks": Table(3, "7")}
BACKUP = "backup before the upgrade to PostgreSQL 18"
FINAL = "backup the last data of PostgreSQL 17"
MOVED = [
    *(BACKUP, "rehearse", "arm 30", "hold", FINAL, "stop planner-postgres-1"),
    *(f"create {NEW}", "serve", "fill", "stopped", "arm 900"),
]
"""All that is done until the stack may follow."""
LATER = "2100-01-01T00:00:00Z"


class Killed(BaseException):
    """The program is no more."""


@dataclass
class Host:
    """What an upgrade acts on. ``failing`` names the deeds that fail, or at which the program dies."""

    folder: Path
    deeds: list[str] = field(default_factory=list)
    failing: dict[str, BaseException] = field(default_factory=dict)
    volumes: dict[str, bool] = field(default_factory=lambda: {OLD: False})
    """Whether an upgrade made it, by name."""
    runs_on: str = OLD
    app_started: str = "2020-01-01T00:00:00Z"
    found: dict[str, Table] = field(default_factory=lambda: dict(ROWS))
    users: str = ""
    """Containers that use an old volume."""
    verdict: str = ""
    """Of the next backups, instead of what was asked for."""

    def do(self, deed: str) -> None:
        """Note it, and fail where it has to."""
        self.deeds.append(deed)
        if deed in self.failing:
            raise self.failing[deed]

    @property
    def state(self) -> Upgrade | None:
        """What is written down."""
        return data.read_upgrade(str(self.folder))

    def write(self, state: Upgrade) -> None:
        """Have something else written down."""
        (self.folder / "postgres-upgrade.json").write_text(state.to_json())

    def serves(self, volume: str) -> None:
        """The stack was brought to a volume."""
        (self.folder / "release.json").write_text(json.dumps({"data_volume": volume}))
        self.runs_on = volume

    def place(self, volume: str) -> Path:
        """Where its files are."""
        return self.folder.parent / volume

    def holds(self, volume: str, version: int, folder: str = ".") -> None:
        """Have data in it."""
        place = self.place(volume) / folder / "global"
        place.mkdir(parents=True, exist_ok=True)
        (place / "pg_control").write_bytes(b"as it stopped")
        (place.parent / "PG_VERSION").write_text(f"{version}\n")

    def docker(self, _compose: Compose, *words: str, **_how: Any) -> str:
        """Answer as far as an upgrade asks."""
        if words[0] == "volume":
            return self._volume(words[1:])
        if words[0] == "stop":
            self.do(f"stop {words[1]}")
        if words[0] == "ps":
            return self.users if "volume=" in words[-1] else "a-container"
        if words[0] == "inspect":
            state = {"StartedAt": self.app_started}
            labels = {"com.docker.compose.service": "backend"}
            mounts = [{"Name": self.runs_on}, {"Destination": "/etc/planner"}]
            return json.dumps([{"Mounts": mounts, "State": state, "Config": {"Labels": labels}}])
        return "[{}]" if words[:2] == ("image", "inspect") else ""

    def _volume(self, words: tuple[str, ...]) -> str:
        if words[0] == "ls":
            return "\n".join(self.volumes)
        if words[0] == "rm":
            self.do(f"remove {words[1]}")
            del self.volumes[words[1]]
            return ""
        if words[1] != "--format":
            return json.dumps([self._described(name) for name in words[1:]])
        if words[-1] not in self.volumes:
            raise DockerError("no such volume")
        return str(self.place(words[-1]) if "Mountpoint" in words[2] else f"made {words[-1]}")

    def _described(self, name: str) -> dict[str, Any]:
        labels = {LABEL: "from-17"} if self.volumes[name] else None
        place = str(self.place(name))
        return {"Name": name, "CreatedAt": f"made {name}", "Mountpoint": place, "Labels": labels}

    def make(self, engine: Engine, why: str, verdict: str = GOOD) -> Manifest | None:
        """Make a backup as the engine does."""
        try:
            self.do(f"backup {why}")
        except BackupError as error:
            engine.report.problems.append(str(error))
            return None
        if self.verdict:
            engine.report.problems.append(f"Backup 8 is {self.verdict}")
        verdict = self.verdict or verdict
        made = Manifest(8, "2026-11-28T02:00:00Z", why, verdict, facts=Facts(tables=ROWS))
        place = self.folder / "backups" / made.folder
        place.mkdir(parents=True, exist_ok=True)
        (place / "manifest.json").write_text(made.to_json())
        return made

    @contextlib.contextmanager
    def rehearsal(self, _folder: str, image: str) -> Iterator[None]:
        """Have a throw-away server."""
        assert image == IMAGE
        self.do("rehearse")
        yield

    @contextlib.contextmanager
    def running(self, _new: NewServer) -> Iterator[str]:
        """Have the new server."""
        self.do("serve")
        yield "new"
        self.do("stopped")

    def create(self, new: NewServer, source: int) -> str:
        """Make its volume."""
        assert source == 17
        self.do(f"create {new.volume}")
        self.volumes[new.volume] = True
        return f"made {new.volume}"

    def fill(self, postgres: object, *_rest: object) -> None:
        """Restore into one of the two."""
        if postgres == "new":
            self.do("fill")
            self.holds(NEW, 18, "18/docker")

    def start_again(self, _product: Product) -> None:
        """Do as a release does: with the last request that succeeded."""
        self.do("start again")
        self.runs_on = OLD

    # The product's server, as far as it is asked.
    def facts(self, _database: str) -> Facts:
        """Tell what it holds."""
        return Facts(tables=self.found)

    def ask(self, _database: str, _statement: str) -> list[str]:
        """Tell its version."""
        return [f"{self.runs_on[-2:]}0004"]


def upgrading_host(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host on which 17 serves."""
    host = Host(folder)
    (folder / "backup").mkdir(parents=True)
    host.serves(OLD)
    host.holds(OLD, 17)
    monkeypatch.setattr(Compose, "docker", _method(host.docker))
    monkeypatch.setattr(Engine, "make", _method(host.make))
    monkeypatch.setattr(NewServer, "running", _method(host.running))
    monkeypatch.setattr(NewServer, "create_volume", _method(host.create))
    monkeypatch.setattr(NewServer, "remove", lambda: None)
    monkeypatch.setattr(Product, "hold", lambda _product: host.do("hold"))
    monkeypatch.setattr(Product, "settle", _method(host.start_again))
    for name, stand_in in {
        "container_of": lambda *_given: "planner-postgres-1",
        "server": lambda _folder: host,
        "throw_away_server": host.rehearsal,
        "fill": host.fill,
    }.items():
        monkeypatch.setattr(module, name, stand_in)
    monkeypatch.setattr(check, "server", lambda _folder: host)
    monkeypatch.setattr(check, "refuse_to_begin", lambda *_given: None)
    monkeypatch.setattr(undo, "arm", lambda after_s: host.do(f"arm {after_s}"))
    monkeypatch.setattr(undo, "disarm_timer", lambda: None)
    monkeypatch.setattr(os, "sync", lambda: None)
    return host


def _method(of: Callable[..., Any]) -> Callable[..., Any]:
    """Have a class pass its instance to what is bound to another one."""

    def call(*given: Any, **how: Any) -> Any:
        return of(*given, **how)

    return call
