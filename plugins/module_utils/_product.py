# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The running product, as far as other events on the host hold it and start it again."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils import _release_undo
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import BackupError
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose, DockerError
from ansible_collections.planner.droplet.plugins.module_utils._database import Database
from ansible_collections.planner.droplet.plugins.module_utils._event_lock import HELD
from ansible_collections.planner.droplet.plugins.module_utils._release import (
    FOUNDATION,
    Container,
)
from ansible_collections.planner.droplet.plugins.module_utils._release_engine import (
    REQUEST_FILE,
    Request,
    perform,
)
from ansible_collections.planner.droplet.plugins.module_utils._release_gate import Gate
from ansible_collections.planner.droplet.plugins.module_utils._release_state import Marks
from ansible_collections.planner.droplet.plugins.module_utils._release_watch import Watch


@dataclass(frozen=True)
class Product:
    """The project in a folder."""

    folder: str

    def hold(self, *, at_most_s: float = 0) -> None:
        """Stop what works on the data; nginx shows the holding page meanwhile.

        With ``at_most_s``, should this process die, systemd starts it again then, on the data as it is.
        """
        try:
            held = [one.name for one in self._found() if one.running]
            if at_most_s and held:
                _release_undo.arm_start(held, at_most_s)
            self._apps("stop", held)
        except DockerError as error:
            raise BackupError(f"The app could not be stopped: {error}") from error

    def start_again(self, *, same_schema: bool) -> None:
        """Start it on whatever the database is now.

        On the schema that it knows its containers are simply started, and it serves as soon as they are ready;
        otherwise as :meth:`settle` does it. Raises :class:`BackupError` where it does not become ready.
        """
        request = self._request()
        if request is None:
            return  # nothing was ever released: there is nobody to start
        if not same_schema:
            self.settle()
            return
        try:
            compose = Compose(self.folder)
            Database(compose, request.database).prepare()
            self._apps("start", [one.name for one in self._found()])
            gate = Gate(request.timeout_s, 0)
            Watch(compose, gate).until_ready(sorted({one.service for one in self._found()}))
            _release_undo.disarm()
        except DockerError as error:
            raise BackupError(f"The app does not come up: {error}") from error

    def settle(self) -> None:
        """Look at role and schema anew, migrate what is to be migrated, and prove the app, as a release does."""
        request = self._request()
        if request is None:
            return
        try:
            marks = Marks(Compose(self.folder), request.data_volume)
            marks.load()
            marks.forget_the_data()
            perform(request)
        except DockerError as error:
            raise BackupError(f"The app does not come up: {error}") from error

    def _found(self) -> list[Container]:
        found = Compose(self.folder).containers()
        return [one for one in found if one.service not in FOUNDATION]

    def _apps(self, verb: str, names: Sequence[str]) -> None:
        if names:
            Compose(self.folder).docker(verb, *names)

    def _request(self) -> Request | None:
        """Read what the last run gave the release."""
        path = os.path.join(self.folder, REQUEST_FILE)
        try:
            with open(path, encoding="utf-8") as file:
                saved: dict[str, Any] = json.load(file)
        except FileNotFoundError:
            return None
        except ValueError:
            saved = {"damaged": True}
        if set(saved) - {one.name for one in fields(Request)}:
            raise BackupError(
                f"{path} is damaged or of another version. Do: run playbooks/site.yml"
            )
        return Request(**{**saved, "by": "a restore", "lock": HELD})
