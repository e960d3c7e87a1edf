# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Looks whether an upgrade may begin, and whether an old volume may go; says everything that speaks against it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

from ansible_collections.planner.droplet.plugins.module_utils import _postgres_look as data
from ansible_collections.planner.droplet.plugins.module_utils import (
    _postgres_upgrade_rules as rules,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_engine import Engine
from ansible_collections.planner.droplet.plugins.module_utils._backup_make import server
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import BackupError
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose, DockerError
from ansible_collections.planner.droplet.plugins.module_utils._postgres import Postgres
from ansible_collections.planner.droplet.plugins.module_utils._postgres_data import (
    PLAYBOOK,
    Found,
    major_of,
    sibling,
)
from ansible_collections.planner.droplet.plugins.module_utils._postgres_upgrade_server import (
    NewServer,
)


def refuse_to_begin(engine: Engine, compose: Compose, found: Found, target: int) -> None:
    """Raise :class:`BackupError` with everything that stands in the way."""
    source = major_of(found.serving)
    problems = rules.version_problems(source, target)
    new = found.volume(sibling(found.serving, target))
    if new.created and not new.by_upgrade:
        problems.append(
            f"{new.name} is there already, and no upgrade made it. Do: docker volume rm {new.name}, if nothing in it "
            "is needed"
        )
    if found.image_major not in {0, target}:
        problems.append(_other_image(found.image, found.image_major, target))
    try:
        postgres = server(compose.folder)
        database = engine.settings.database
        problems += rules.database_problems(postgres.databases(), database)
        problems += _room_problems(engine, compose, found, postgres)
    except BackupError as error:
        problems.append(str(error))
    if problems:
        raise BackupError("\n".join(["Nothing was changed:", *problems]))


def have_image(new: NewServer) -> None:
    """Fetch the image where it is not here, and look what it says of itself."""
    if not new.compose.image_id(new.image):
        try:
            new.compose.docker("pull", "--quiet", new.image)
        except DockerError as error:
            raise BackupError(
                f"Nothing was changed: the image {new.image} cannot be pulled: {error}. "
                "Do: check its name, and that this host can reach its registry"
            ) from error
    major = data.image_major(new.compose, new.image)
    if major not in {0, new.major}:
        raise BackupError(f"Nothing was changed: {_other_image(new.image, major, new.major)}")


def refuse_to_remove(compose: Compose, found: Found, target: int, old: Sequence[str]) -> None:
    """Raise :class:`BackupError` with everything that speaks against removing the old volumes."""
    serves, problems = major_of(found.serving), []
    if found.upgrade and found.upgrade.open:
        problems.append(f"an upgrade was cut off. Do: {PLAYBOOK}")
    if serves != target:
        problems.append(
            f"PostgreSQL {serves} serves, and stack_postgres_major is {target}. Do: upgrade first, or set "
            f"stack_postgres_major: {serves}"
        )
    try:
        here = int(server(compose.folder).ask("postgres", "SHOW server_version_num;")[0]) // 10000
        if here != serves:
            problems.append(f"PostgreSQL {here} runs, not {serves}. Do: run playbooks/site.yml")
    except BackupError as error:
        problems.append(str(error))
    problems += [
        f"a container uses {name}. Do: docker ps -a --filter volume={name}"
        for name in old
        if compose.docker("ps", "--all", "--quiet", "--filter", f"volume={name}").strip()
    ]
    if problems:
        raise BackupError("\n".join(["Nothing was removed:", *problems]))


def _other_image(image: str, major: int, target: int) -> str:
    return (
        f"the image {image} is of PostgreSQL {major}. Do: give the service postgres in droplet_services an image of "
        f"{target}, or none"
    )


def _room_problems(engine: Engine, compose: Compose, found: Found, postgres: Postgres) -> list[str]:
    size = f"SELECT pg_database_size('{engine.settings.database}');"
    database, last = int(postgres.ask("postgres", size)[0]), engine.shelf.last_good()
    image = 0
    if not compose.image_id(found.image):
        like = compose.docker("inspect", "--format", "{{.Image}}", postgres.container).strip()
        image = int(compose.docker("image", "inspect", "--format", "{{.Size}}", like))
    docker = data.mountpoint(compose, found.serving)
    return rules.room_problems(
        rules.Need(database, last.bytes if last else database, image),
        shutil.disk_usage(docker).free,
        shutil.disk_usage(compose.folder).free,
        one_disk=os.stat(docker).st_dev == os.stat(compose.folder).st_dev,
    )
