"""The module ``release`` on the model of Docker, and what it does there when all goes well."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.planner.droplet.plugins.module_utils import _release_run
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose
from ansible_collections.planner.droplet.plugins.module_utils._release import Wished, steps
from ansible_collections.planner.droplet.plugins.module_utils._release_run import Release
from ansible_collections.planner.droplet.plugins.modules import release as module

from tests.unit.fake_docker import RELOAD, SERVICES, UP, VOLUME, Docker, hash_of, rendered

Result = dict[str, Any]
Run = Callable[..., Result]

FIRST_RUN = [
    "pull --quiet backend:1",
    "pull --quiet nginx:1",
    "pull --quiet postgres:1",
    "pull --quiet redis:1",
    f"{UP} --force-recreate nginx postgres redis",
    "exec planner-postgres-1 psql -q -X -U postgres -d planner -f /etc/planner/prepare.sql",
    "run --rm --no-deps --no-TTY backend alembic upgrade head",
    f"{UP} --force-recreate backend",
    *RELOAD,
]
RELEASE = [
    "pull --quiet backend:2",
    "run --rm --no-deps --no-TTY backend alembic upgrade head",
    f"{UP} --no-recreate --scale backend=2 backend",
    *RELOAD,
    "stop planner-backend-1",
    "rm planner-backend-1",
]
SECOND = rendered(backend={"image": "backend:2"})


def installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A host with Docker, the project's folder and nothing else; it also keeps the release's time."""
    docker = Docker(folder)
    docker.live_conf.parent.mkdir(parents=True)
    monkeypatch.setattr(shutil, "which", lambda _name: "/usr/bin/docker")
    monkeypatch.setattr(subprocess, "run", docker)
    monkeypatch.setattr(_release_run, "time", docker)
    return docker


def runner(docker: Docker, capsys: pytest.CaptureFixture[str]) -> Run:
    """A function that writes the Compose file, runs the module and returns what it answers."""

    def call(compose: str = rendered(), *, check: bool = False, **options: Any) -> Result:
        if not check:
            (docker.folder / "compose.yml").write_text(compose)
        arguments = {
            "project_dir": str(docker.folder),
            "compose": compose,
            "nginx_config": "events {}",
            "database_setup": "CREATE ROLE",
            "database": "planner",
            "data_volume": VOLUME,
            "migrate_command": ["alembic", "upgrade", "head"],
            "timeout_s": 5,
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


def wished(image: str, **changed: Any) -> Wished:
    """The stack with this image."""
    services = SERVICES | {"backend": {"image": image}}
    wish: dict[str, Any] = {
        "services": {name: hash_of(entry) for name, entry in services.items()},
        "images": {name: entry["image"] for name, entry in services.items()},
        "nginx_config": "n1",
        "database_setup": "d1",
        "migrates": True,
    }
    return Wished(**wish | changed)


def release(docker: Docker, timeout_s: int = 5, drain_s: int = 20) -> Release:
    """What carries out the steps, as the module makes it."""
    return Release(
        Compose(str(docker.folder)),
        database="planner",
        data_volume=VOLUME,
        migrate=["alembic", "upgrade", "head"],
        timeout_s=timeout_s,
        drain_s=drain_s,
    )


def release_all(run: Release, docker: Docker, image: str) -> None:
    """Render a version and bring the host to it."""
    (docker.folder / "compose.yml").write_text(rendered(backend={"image": image}))
    wish = wished(image)
    for step in steps(wish, run.observe(wish)):
        run.run(step)


def marks(docker: Docker) -> dict[str, str]:
    """What is remembered."""
    found: dict[str, str] = json.loads((docker.folder / "state.json").read_text())
    return found
