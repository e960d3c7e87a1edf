"""Whether an upgrade may begin: every reason against it at once, and the image that it needs."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import (
    _postgres_upgrade_check as check,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import BackupError
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose
from ansible_collections.planner.droplet.plugins.module_utils._postgres_data import Found, Volume
from ansible_collections.planner.droplet.plugins.module_utils._postgres_upgrade_server import (
    NewServer,
)

from tests.unit.command_docker import Docker, says

OLD, NEW = "planner_postgres17", "planner_postgres18"
IMAGE = "pgvector/pgvector:pg18"
FOUND = Found((Volume(OLD, "then", 17),), OLD, IMAGE, 18)
HUGE = 10**18
"""Bytes that no disk has."""


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A command that answers: the image is here."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    docker = Docker(tmp_path)
    docker.answer(
        {
            "'image inspect --format {{.Id}}'*": "echo sha256:here",
            "'volume inspect --format'*": f"echo {tmp_path}",
        }
    )
    return docker


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The product's PostgreSQL, with a small database."""
    found = SimpleNamespace(
        container="planner-postgres-1",
        databases=lambda: {"planner", "postgres", "template0", "template1"},
        ask=lambda *_given: ["1000000"],
    )
    monkeypatch.setattr(check, "server", lambda _folder: found)
    return found


@pytest.fixture
def begin(
    tmp_path: Path,
    docker: Docker,  # noqa: ARG001 - these two answer
    server: SimpleNamespace,  # noqa: ARG001
) -> Callable[..., None]:
    """A function that judges what was found."""
    shelf = SimpleNamespace(last_good=lambda: None)
    engine: Any = SimpleNamespace(settings=SimpleNamespace(database="planner"), shelf=shelf)
    compose = Compose(str(tmp_path))
    return lambda found=FOUND, target=18: check.refuse_to_begin(engine, compose, found, target)


def test_nothing_stands_in_the_way(begin: Callable[..., None]) -> None:
    """17 serves, 18 is wished, there is room."""
    begin()


def test_everything_at_once(begin: Callable[..., None], server: SimpleNamespace) -> None:
    """The owner corrects all of it before the next run."""
    server.databases = lambda: {"planner", "mine"}
    server.ask = lambda *_given: [str(HUGE)]
    theirs = (Volume(OLD, "then", 17), Volume("planner_postgres16", "now"))
    with pytest.raises(BackupError) as told:
        begin(replace(FOUND, volumes=theirs, image_major=15), 16)
    assert [line.split(". Do: ")[0][:50] for line in str(told.value).splitlines()] == [
        "Nothing was changed:",
        "stack_postgres_major: 16 is older than 17, which s",
        "planner_postgres16 is there already, and no upgrad",
        "the image pgvector/pgvector:pg18 is of PostgreSQL ",
        "beside planner there is mine, of which no backup i",
        "the disk has " + str(told.value).split("the disk has ")[1][:37],
    ]


def test_a_volume_that_an_upgrade_left(begin: Callable[..., None]) -> None:
    """It is thrown away, so it does not stand in the way."""
    left = Volume(NEW, "now", 18, by_upgrade=True)
    begin(replace(FOUND, volumes=(*FOUND.volumes, left)))


def test_postgresql_does_not_run(
    begin: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No backup could be made of it."""

    def away(_folder: str) -> None:
        raise BackupError("postgres does not run. Do: docker logs planner-postgres-1")

    monkeypatch.setattr(check, "server", away)
    with pytest.raises(BackupError, match="postgres does not run"):
        begin()


def test_an_image_that_is_not_here_takes_room(
    begin: Callable[..., None], docker: Docker, tmp_path: Path
) -> None:
    """As much as the present one is reckoned for it."""
    docker.answer(
        {
            "'image inspect --format {{.Id}}'*": "exit 1",
            "'inspect --format {{.Image}}'*": "echo sha256:present",
            "'image inspect --format {{.Size}}'*": f"echo {HUGE}",
            "'volume inspect --format'*": f"echo {tmp_path}",
        }
    )
    with pytest.raises(BackupError, match="the disk has "):
        begin()


class TestImage:
    """The image of the new version."""

    @pytest.fixture
    def new(self, tmp_path: Path) -> NewServer:
        """Version 18."""
        return NewServer(Compose(str(tmp_path)), IMAGE, NEW, 18)

    def inspected(self, major: int) -> str:
        """What Docker tells of it."""
        return says(f'[{{"Config": {{"Env": ["PATH=/bin", "PG_MAJOR={major}"]}}}}]')

    def test_it_is_here(self, docker: Docker, new: NewServer) -> None:
        """It is not fetched again."""
        docker.answer(
            {
                "'image inspect --format'*": "echo sha256:here",
                "'image inspect'*": self.inspected(18),
            }
        )
        check.have_image(new)
        assert not [one for one in docker.calls if "pull" in one]

    def test_it_is_fetched(self, docker: Docker, new: NewServer) -> None:
        """And believed only what it says itself."""
        docker.answer(
            {
                "'image inspect --format'*": "exit 1",
                "pull*": "",
                "'image inspect'*": self.inspected(16),
            }
        )
        with pytest.raises(
            BackupError, match=f"Nothing was changed: the image {IMAGE} is of PostgreSQL 16"
        ):
            check.have_image(new)
        assert f"pull --quiet {IMAGE}" in docker.calls[1]

    def test_it_cannot_be_had(self, docker: Docker, new: NewServer) -> None:
        """What Docker says is told."""
        docker.answer(
            {
                "'image inspect --format'*": "exit 1",
                "pull*": "echo 'manifest unknown' >&2; exit 1",
            }
        )
        with pytest.raises(
            BackupError, match=r"cannot be pulled: manifest unknown\. Do: check its name"
        ):
            check.have_image(new)
