"""The module ``release`` on the model of Docker, and what it does there when all goes well."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.planner.droplet.plugins.module_utils import (
    _compose,
    _event_lock,
    _nginx,
    _release_back,
    _release_engine,
    _release_run,
    _release_watch,
)
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose
from ansible_collections.planner.droplet.plugins.module_utils._database import Database
from ansible_collections.planner.droplet.plugins.module_utils._release import (
    LOOK_AGAIN,
    Wished,
    steps,
)
from ansible_collections.planner.droplet.plugins.module_utils._release_engine import (
    Outcome,
    Request,
    perform,
)
from ansible_collections.planner.droplet.plugins.module_utils._release_gate import Gate
from ansible_collections.planner.droplet.plugins.module_utils._release_run import Manner, Release
from ansible_collections.planner.droplet.plugins.module_utils._release_schema import SchemaLook
from ansible_collections.planner.droplet.plugins.module_utils._release_state import Marks
from ansible_collections.planner.droplet.plugins.module_utils._release_watch import Watch
from ansible_collections.planner.droplet.plugins.modules import release as module

from tests.unit.fake_containers import SERVICES, VOLUME, hash_of, rendered
from tests.unit.fake_docker import RELOAD, Docker

Result = dict[str, Any]
Run = Callable[..., Result]
Perform = Callable[..., Outcome]

OLD, NEW = "planner-backend-1", "planner-backend-2"
PSQL = "exec -i planner-postgres-1 psql -q -X -U postgres -d planner -v ON_ERROR_STOP=1"
UP = "up --detach --no-build --pull never --force-recreate"
CREATE = "create --no-build --pull never --no-recreate --scale"
MIGRATE = "run --rm --no-deps --no-TTY --name planner-migrate backend alembic upgrade head"
ASK = "run --rm --no-deps --no-TTY --name planner-schema backend python -c <program>"
DUMP = "exec planner-postgres-1 pg_dump -U postgres --format=custom planner"
FIRST_RUN = [
    "pull --quiet backend:1",
    "pull --quiet nginx:1",
    "pull --quiet postgres:1",
    "pull --quiet redis:1",
    f"{UP} nginx postgres redis",
    f"{PSQL} -f /etc/planner/prepare.sql",
    MIGRATE,
    f"{UP} backend",
    *RELOAD,
]
BESIDE = [f"{CREATE} backend=2 backend", f"start {NEW}", *RELOAD, f"stop {OLD}", f"rm {OLD}"]
INSTEAD = [f"{CREATE} backend=2 backend", f"stop {OLD}", f"start {NEW}", *RELOAD, *BESIDE[-2:]]
RELEASE = ["pull --quiet backend:2", *BESIDE]
FIRST = rendered()
SECOND = rendered(backend={"image": "backend:2"})


def installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A host with Docker, the project's folder and nothing else; it also keeps the release's time."""
    docker = Docker(folder)
    docker.live_conf.parent.mkdir(parents=True)
    monkeypatch.setattr(shutil, "which", lambda _name: "/usr/bin/docker")
    monkeypatch.setattr(subprocess, "run", docker)
    for timed in (
        _compose,
        _event_lock,
        _nginx,
        _release_back,
        _release_engine,
        _release_run,
        _release_watch,
    ):
        monkeypatch.setattr(timed, "time", docker)
    return docker


def runner(docker: Docker, capsys: pytest.CaptureFixture[str]) -> Run:
    """A function that runs the module and returns what it answers."""

    def call(compose: str = rendered(), *, check: bool = False, **options: Any) -> Result:
        arguments = {
            "project_dir": str(docker.folder),
            "compose": compose,
            "nginx_config": "events {}",
            "database_setup": "CREATE ROLE",
            "database": "planner",
            "data_volume": VOLUME,
            "migrate_command": ["alembic", "upgrade", "head"],
            "timeout_s": 5,
            "soak_s": 2,
            "drain_s": 5,
            "lock": str(docker.folder.parent / "lock"),
            "_ansible_check_mode": check,
            "_ansible_diff": True,
            **options,
        }
        docker.calls.clear()
        with patch_module_args(arguments), pytest.raises(SystemExit):
            module.main()
        result: Result = json.loads(capsys.readouterr().out)
        return result

    return call


def performer(docker: Docker) -> Perform:
    """A function that releases a Compose file a while after the one before."""

    def call(compose: str = FIRST, *, check_mode: bool = False, **options: Any) -> Outcome:
        given: dict[str, Any] = {
            "project_dir": str(docker.folder),
            "compose": compose,
            "nginx_config": "n1",
            "database_setup": "d1",
            "database": "planner",
            "data_volume": VOLUME,
            "migrate_command": ["alembic", "upgrade", "head"],
            "by": "anna@laptop",
            "timeout_s": 5,
            "soak_s": 2,
            "drain_s": 5,
            "lock": str(docker.folder.parent / "lock"),
        }
        docker.now += 100
        docker.calls.clear()
        return perform(Request(**given | options), check_mode=check_mode)

    return call


def wished(image: str, **changed: Any) -> Wished:
    """The stack with this image."""
    services = {**SERVICES, "backend": {**SERVICES["backend"], "image": image}}
    wish: dict[str, Any] = {
        "services": {name: hash_of(entry) for name, entry in services.items()},
        "images": {name: entry["image"] for name, entry in services.items()},
        "nginx_config": "n1",
        "database_setup": "d1",
        "migrates": True,
    }
    return Wished(**wish | changed)


def release(docker: Docker, image: str = "backend:1", **manner: Any) -> Release:
    """What carries out the steps, as the engine makes it."""
    compose = Compose(str(docker.folder), rendered(backend={"image": image}))
    database = Database(compose, "planner")
    given: dict[str, Any] = {
        "dump_file": str(docker.folder / "dumps/release-1.dump"),
        "migrate": ("alembic", "upgrade", "head"),
        "drain_s": 20,
    }
    return Release(
        database,
        Marks(compose, VOLUME),
        Watch(compose, Gate(timeout_s=5, soak_s=2), {"backend": 160}),
        SchemaLook(database, (), accepts=True),
        Manner(**given | manner),
    )


def release_all(
    docker: Docker, image: str, *, run: Release | None = None, **changed: Any
) -> Release:
    """Bring the host to a version, looking again where the engine does."""
    run, wish = run or release(docker, image), wished(image, **changed)
    while True:
        for step in steps(wish, run.observe(wish)):
            if step.action == LOOK_AGAIN:
                break
            run.run(step)
        else:
            return run


def serving_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A host on which the first version has served for a minute."""
    docker = installed(folder, monkeypatch)
    release_all(docker, "backend:1")
    docker.now += 60
    docker.calls.clear()
    return docker


def marks(docker: Docker) -> dict[str, str]:
    """What is remembered."""
    found: dict[str, str] = json.loads((docker.folder / "state.json").read_text())
    return found


def log(docker: Docker) -> list[dict[str, Any]]:
    """The records of releases, oldest first."""
    path = docker.folder / "releases.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
