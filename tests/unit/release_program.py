"""The program planner-release in a folder of its own, with a release engine that only notes what it was asked."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._release_log import Record, append

ROOT = Path(__file__).resolve().parents[2]
UTILS = "ansible_collections.planner.droplet.plugins.module_utils"
PROGRAM = ROOT / "roles/stack/files/planner-release"
ONE, TWO = "ghcr.io/me/app@sha256:" + "1" * 64, "ghcr.io/me/app@sha256:" + "2" * 64
COMPOSE = f"services:\n  backend:\n    image: {ONE}\n  worker:\n    image: worker:1\n"
WAITS = {"_ONE_WAIT_S = 5": 1, "_LOGIN_WAIT_S = 30": 3, "_LOCK_WAIT_S = 600": 1}

ENGINE = f"""
import json, os
from dataclasses import dataclass, field
from {UTILS}._compose import DockerError
from {UTILS}._release_log import Record, append, next_number, read

REQUEST_FILE = "release.json"

@dataclass(frozen=True)
class Request:
    project_dir: str
    compose: str
    nginx_config: str = ""
    given: dict = field(default_factory=dict)
    kind: str = "release"
    to: object = None
    by: str = ""
    accept_breaking_schema: bool = False
    lock: str = ""

@dataclass
class Outcome:
    steps: list
    record: object = None

def perform(request, *, check_mode=False):
    assert request.lock == "", "the program holds it"
    with open(request.project_dir + "/asked.json", "w") as file:
        json.dump(vars(request), file)
    if "3" * 64 in request.compose:
        raise DockerError("The new version did not become ready.")
    image = request.compose.split("image: ")[1].split()[0]
    record = Record(next_number(read(request.project_dir).records), kind=request.kind, to=request.to, by=request.by,
                    images={{"backend": image}}, given=request.given, result="good")
    append(request.project_dir, record)
    return Outcome(["start-beside backend"], record)
"""
FETCH = f"""
from dataclasses import dataclass
from {UTILS}._image_reference import changes, choose
from {UTILS}._release_log import current, read, rollback_target

@dataclass(frozen=True)
class ImageRequest:
    project_dir: str
    wanted: dict
    rollback_to: str = ""
    login: object = None
    by: str = ""
    lock: str = ""

@dataclass(frozen=True)
class Fetched:
    chosen: object
    images: dict
    changes: tuple

def fetch(request, *, check_mode):
    with open(request.project_dir + "/login", "w") as file:
        file.write(request.login.password if request.login else "none")
    records = read(request.project_dir).records
    target = rollback_target(records, request.rollback_to) if request.rollback_to else None
    chosen = choose(request.wanted, current(records), target, ())
    return Fetched(chosen, chosen.images, changes(current(records).images, chosen.images))
"""


def imports(source: str) -> set[str]:
    """Which module_utils of the collection a file imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(UTILS):
            rest = node.module.removeprefix(UTILS).removeprefix(".")
            found |= {rest} if rest else {name.name for name in node.names}
    return found


def closure(source: str) -> set[str]:
    """And what those import, to the end."""
    known: set[str] = set()
    todo = imports(source)
    while todo:
        name = todo.pop()
        known.add(name)
        text = (ROOT / f"plugins/module_utils/{name}.py").read_text(encoding="utf-8")
        todo |= imports(text) - known
    return known


class Host:
    """The program in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        """Install it, with one release done."""
        self.folder = folder / "project"
        self.folder.mkdir()
        library = folder / "lib" / UTILS.replace(".", "/")
        library.mkdir(parents=True)
        for name in closure(PROGRAM.read_text(encoding="utf-8")):
            shutil.copy(ROOT / f"plugins/module_utils/{name}.py", library)
        (library / "_release_engine.py").write_text(ENGINE)
        (library / "_image_fetch.py").write_text(FETCH)
        self.lock = folder / "lock"
        self.replace(library / "_event_lock.py", "/run/lock/planner-maintenance.lock", self.lock)
        for wait, seconds in WAITS.items():
            name = wait.partition(" = ")[0]
            self.replace(library / "_release_by_key.py", wait, f"{name} = {seconds}")
        self.program = folder / "planner-release"
        shutil.copy(PROGRAM, self.program)
        self.replace(self.program, "/usr/local/lib/planner", folder / "lib")
        self.replace(self.program, "/opt/planner", self.folder)
        self.released(1, ONE)
        self.save(compose=COMPOSE, nginx_config="x", accept_breaking_schema=True, lock="elsewhere")

    @staticmethod
    def replace(file: Path, old: str, new: object) -> None:
        """Point to the test's own place."""
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, str(new)), encoding="utf-8")

    def save(self, **request: Any) -> None:
        """Write what the owner's last run gave the release."""
        content = json.dumps({"project_dir": str(self.folder), **request})
        (self.folder / "release.json").write_text(content)

    def released(self, number: int, image: str, result: str = "good") -> None:
        """Write a release into the log."""
        given = {"backend": "ghcr.io/me/app:1", "worker": "worker:1"}
        images = {"backend": image, "worker": "worker:1"}
        append(str(self.folder), Record(number, given=given, images=images, by="me", result=result))

    def start(self, *words: str, asks: str | None = None) -> "subprocess.Popen[str]":
        """Start it; ``asks`` is what an SSH client asked for."""
        return subprocess.Popen(
            [sys.executable, "-IB", self.program, *words],
            env={"PATH": os.environ["PATH"], "SUDO_USER": "deploy"}
            | ({} if asks is None else {"SSH_ORIGINAL_COMMAND": asks}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, asks: str | None = None, stdin: str = "") -> tuple[int, str, str]:
        """Run it to its end."""
        with self.start(*words, asks=asks) as process:
            out, err = process.communicate(stdin, timeout=60)
            return process.returncode, out, err

    def ask(self, command: str, stdin: str = "") -> tuple[int, str, str]:
        """Ask for something with the release key ``ci``."""
        return self.run("--from-ssh=ci", asks=command, stdin=stdin)

    @property
    def asked(self) -> dict[str, Any] | None:
        """What the engine was given; None when it was not called."""
        file = self.folder / "asked.json"
        return json.loads(file.read_text()) if file.exists() else None
