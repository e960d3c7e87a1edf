# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What releases have finished on this host, remembered beside the project in ``state.json``."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field

from ansible_collections.planner.droplet.plugins.module_utils._atomic import write_atomically
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose

_IN_THE_DATA = frozenset({"database_setup", "migrated"})


@dataclass
class Marks:
    """Names and values. What was done to another data volume was not done to this one."""

    compose: Compose
    data_volume: str
    done: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Where they are kept."""
        return os.path.join(self.compose.folder, "state.json")

    def load(self) -> None:
        """Read them."""
        self.done = {}
        if os.path.exists(self.path):
            with open(self.path, encoding="utf-8") as file:
                self.done = json.load(file)
        if self.done.get("data") != self.compose.created(self.data_volume):
            self.done = {name: mark for name, mark in self.done.items() if name not in _IN_THE_DATA}

    def set(self, name: str, value: str) -> None:
        """Remember one, at once and whole."""
        self.done[name] = value
        self.done["data"] = self.compose.created(self.data_volume)
        content = json.dumps(self.done, indent=2, sort_keys=True) + "\n"
        write_atomically(self.path, content.encode(), mode=0o640)

    def forget_the_data(self) -> None:
        """Forget what was done to the data: another database stands in its place."""
        self.done = {name: mark for name, mark in self.done.items() if name not in _IN_THE_DATA}
        self.set("data", self.compose.created(self.data_volume))
