"""What the new image and the database say about the schema."""

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._release_log import Record
from ansible_collections.planner.droplet.plugins.module_utils._release_schema import SchemaLook

from tests.unit.fake_docker import Docker
from tests.unit.release_bench import ASK, release, serving_first


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """The first version serves, the second brings one more migration."""
    docker = serving_first(tmp_path / "planner", monkeypatch)
    docker.schema.brings["backend:2"] = ["0001", "0002"]
    return docker


def look(docker: Docker, image: str, *records: Record, **how: Any) -> SchemaLook:
    """A look with this image."""
    return SchemaLook(release(docker, image).database, records, **how)


def test_it_is_asked(docker: Docker) -> None:
    """In a container of its own, with what the database has as the question."""
    seen = look(docker, "backend:2")
    verdict = seen.judge("backend:2", serving=True)
    assert docker.calls[-1] == f"{ASK} 0001"
    assert (verdict.action, verdict.dump) == ("migrate", True)
    assert [one.id for one in verdict.pending] == ["0002"]
    assert seen.history
    assert "CREATE TABLE t0002" in seen.history.sql
    assert seen.verdict == verdict


def test_one_that_outlived_its_release(docker: Docker) -> None:
    """It goes before the question is asked again."""
    docker.oneshots = {"planner-schema"}
    look(docker, "backend:2").judge("backend:2", serving=True)
    assert docker.oneshots == set()


# what the log knows about backend:1; whether a container is started
TEST_KNOWN: list[tuple[tuple[Record, ...], bool]] = [
    ((), True),
    ((Record(1, images={"backend": "backend:1"}, history=("0001",)),), False),
    ((Record(1, images={"backend": "backend:0"}, history=("0001",)),), True),
    ((Record(1, images={"backend": "backend:1"}),), True),
    # It knows more than the database has: there is something to migrate, whose SQL has to be read.
    ((Record(1, images={"backend": "backend:1"}, history=("0001", "0002")),), True),
]


@pytest.mark.parametrize("records, asked", TEST_KNOWN)
def test_what_ran_before_is_known(
    docker: Docker,
    records: tuple[Record, ...],
    asked: bool,  # noqa: FBT001
) -> None:
    """A way back without anything to migrate needs no memory for another container."""
    seen = look(docker, "backend:1", *records)
    assert seen.judge("backend:1", serving=True).action == "none"
    assert (f"{ASK} 0001" in docker.calls) is asked


@pytest.mark.parametrize("accepts, action", [(False, "refuse"), (True, "migrate")])
def test_the_owners_word(docker: Docker, accepts: bool, action: str) -> None:  # noqa: FBT001
    """What would break the version that serves is migrated only if its owner accepts that."""
    docker.schema.breaks = {"0002"}
    seen = look(docker, "backend:2", accepts=accepts)
    assert seen.judge("backend:2", serving=True).action == action


@pytest.mark.parametrize("failing", [True, False])
def test_an_image_that_does_not_tell(
    docker: Docker, monkeypatch: pytest.MonkeyPatch, *, failing: bool
) -> None:
    """What it said comes, and what to do; its container is removed."""
    docker.oneshots = set()
    if failing:
        docker.failing = {"^run": "exec: python: not found"}
    else:
        monkeypatch.setattr(docker.schema.__class__, "asked", lambda *_: "no such thing\n")
    with pytest.raises(DockerError) as error:
        look(docker, "backend:2").judge("backend:2", serving=True)
    said = str(error.value)
    assert said.startswith(
        "The new version does not tell its migrations; everything runs as before."
    )
    assert ("python: not found" if failing else "no such thing") in said
    assert "an image without alembic needs a migrate_command of its own" in said


class TestAfter:
    """The revision once more."""

    def test_it_is_there(self, docker: Docker) -> None:
        """The database is where the image wants it."""
        seen = look(docker, "backend:2")
        seen.judge("backend:2", serving=True)
        docker.schema.migrate("backend:2")
        seen.check()
        assert seen.after() == "0002"

    def test_it_is_not(self, docker: Docker) -> None:
        """A command that ended well and did nothing has not migrated."""
        seen = look(docker, "backend:2")
        seen.judge("backend:2", serving=True)
        with pytest.raises(DockerError, match="the schema is at 0001 instead of 0002"):
            seen.check()

    def test_nobody_tells(self, docker: Docker) -> None:
        """An empty answer stands for not known."""
        docker.failing = {"psql": "WHY"}
        assert look(docker, "backend:2").after() == ""
