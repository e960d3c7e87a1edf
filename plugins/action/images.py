# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action ``images``: reads images of the controller's Docker and sends what the host does not have of them.

Documented in the module of the same name, which does everything else on the host.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible_collections.planner.droplet.plugins.module_utils._image_archive import (
    ArchiveError,
    image_id,
    write_part,
)
from ansible_collections.planner.droplet.plugins.module_utils._image_reference import (
    CONTROLLER,
    no_room,
    wrong_platform,
)

MODULE = "planner.droplet.images"


class SendError(Exception):
    """The controller cannot give or send an image; the message is for the owner."""


@dataclass(frozen=True)
class Offer:
    """An image of the controller. ``problem`` is why there is none."""

    reference: str
    image_id: str = ""
    """What it is called on the host."""
    name: str = ""
    """What it is called here."""
    layers: tuple[str, ...] = ()
    platform: str = ""
    problem: str = ""


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible ships no types
    """Runs on the controller; without an image of the controller it only calls the module."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Offer, ask what is missing, send it, and let the module do the rest."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        wanted = self._task.args.get("wanted")
        local = {
            service: str(reference).removeprefix(CONTROLLER)
            for service, reference in (wanted if isinstance(wanted, Mapping) else {}).items()
            if str(reference).startswith(CONTROLLER)
        }
        if not local:
            return result | self._module(task_vars)
        # Not the system's folder for temporary files, which may be in memory. Only its owner can enter it.
        with tempfile.TemporaryDirectory(dir=constants.DEFAULT_LOCAL_TMP) as folder:
            try:
                offers = {name: offered(reference, folder) for name, reference in local.items()}
                return result | self._send_and_fetch(offers, folder, task_vars)
            except (SendError, ArchiveError) as error:
                return result | {"failed": True, "msg": str(error)}

    def _module(self, task_vars: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
        result: dict[str, Any] = self._execute_module(
            module_name=MODULE, module_args={**self._task.args, **more}, task_vars=task_vars
        )
        return result

    def _send_and_fetch(
        self, offers: Mapping[str, Offer], folder: str, task_vars: dict[str, Any] | None
    ) -> dict[str, Any]:
        sent = {name: offer.image_id for name, offer in offers.items() if offer.image_id}
        layers = {name: list(offer.layers) for name, offer in offers.items()}
        answer = self._module(task_vars, sent=sent, query=layers)
        if answer.get("failed"):
            return answer
        host = answer["host"]
        needed = {name: offers[name] for name in host["needed"]}
        problems = filter(None, (problem(offer, host["platform"]) for offer in needed.values()))
        if told := "\n".join(problems):
            raise SendError(told)
        missing = [name for name in needed if name not in host["here"]]
        if self._task.check_mode:
            return self._module(task_vars, sent=sent) | {"sent_mb": 0.0}
        parts = {name: host["present"][name] for name in missing}
        archives, sent_mb = self._send(parts, offers, host["free_mb"], folder)
        while True:
            result = self._module(task_vars, sent=sent, archives=archives)
            name = result.get("refused")
            if not name or not parts.get(name):
                return result | {"sent_mb": round(sent_mb, 1)}
            self._display.display(f"{result['msg']}; sending {name} again, whole")
            parts[name] = 0
            again, more_mb = self._send({name: 0}, offers, host["free_mb"], folder)
            archives, sent_mb = archives | again, sent_mb + more_mb

    def _send(
        self, parts: Mapping[str, int], offers: Mapping[str, Offer], free_mb: int, folder: str
    ) -> tuple[dict[str, str], float]:
        """Send images without as many of their lowest layers as said; return where they are on the host."""
        written = {}
        for name, present in parts.items():
            target = os.path.join(folder, f"{name}.{present}.tar.gz")
            written[name] = target, write_part(saved(offers[name].name, folder), target, present)
        # The archive, and each layer twice: Docker unpacks the archive before it unpacks the layers.
        needs_mb = sum(part.size_mb + 2 * part.unpacked_mb for _, part in written.values())
        if told := no_room(
            round(needs_mb), free_mb, int(self._task.args.get("disk_reserve_mb", 1024))
        ):
            raise SendError(told)
        archives: dict[str, str] = {}
        for name, (path, part) in written.items():
            self._display.display(
                f"sending {name}: {part.size_mb:.1f} of {part.whole_mb:.0f} MB, "
                f"{part.present} of {part.layers} layers are there already"
            )
            archives[name] = self._put(path)
        return archives, sum(part.size_mb for _, part in written.values())

    def _put(self, path: str) -> str:
        """Copy a file into the task's folder on the host: only its account can enter, and Ansible removes it."""
        shell = self._connection._shell  # noqa: SLF001 - Ansible's way
        if shell.tmpdir is None:
            self._make_tmp_path()
        remote: str = shell.join_path(shell.tmpdir, os.path.basename(path))
        self._transfer_file(path, remote)
        return remote


def problem(offer: Offer, platform: str) -> str:
    """Say why an image cannot be sent to a host; its platform is empty where Docker is still to come."""
    if offer.problem or not platform or offer.platform == platform:
        return offer.problem
    return wrong_platform(offer.reference, [offer.platform], platform)


def offered(reference: str, folder: str) -> Offer:
    """Look at an image in this machine's Docker."""
    try:
        found = json.loads(docker("image", "inspect", reference))[0]
        name = found["Id"]
        # With containerd's store an id is that of the manifest; the host goes by the configuration's.
        known_as = image_id(saved(name, folder)) if found.get("Descriptor") else name
    except SendError as error:
        return Offer(
            reference,
            problem=f"{CONTROLLER}{reference} cannot be read from Docker on this machine, where Ansible runs: {error}\n"
            "Do: build it here (`docker build --tag NAME:TAG .`), or name one that `docker images` lists.",
        )
    platform = f"{found['Os']}/{found['Architecture']}"
    return Offer(reference, known_as, name, tuple(found["RootFS"]["Layers"]), platform)


def saved(name: str, folder: str) -> str:
    """Write an image into a file, once. By its id, so that no other name arrives on the host."""
    path = os.path.join(folder, name.removeprefix("sha256:") + ".tar")
    if not os.path.exists(path):
        docker("image", "save", "--output", path, name)
    return path


def docker(*words: str) -> str:
    """Run ``docker`` on the controller."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed program, arguments as a list
            ["docker", *words],  # noqa: S607 - the owner's own
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise SendError("docker is not installed") from error
    if done.returncode != 0:
        raise SendError((done.stderr or done.stdout).strip())
    return done.stdout
