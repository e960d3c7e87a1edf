"""Releases that must not begin, and those whose process died: what the log and the next one say."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._release_engine import ReleaseError
from ansible_collections.planner.droplet.plugins.module_utils._release_undo import UNIT

from tests.unit.fake_docker import Cut, Docker
from tests.unit.release_bench import (
    FIRST,
    MIGRATE,
    NEW,
    RELEASE,
    SECOND,
    Perform,
    installed,
    log,
    performer,
)

RUNNING = "release.running.json"


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A host with Docker, the project's folder and nothing else."""
    return installed(tmp_path / "planner", monkeypatch)


@pytest.fixture
def go(docker: Docker) -> Perform:
    """Release a Compose file."""
    return performer(docker)


class TestInterrupted:
    """A release whose process died."""

    def cut(self, go: Perform, docker: Docker, command: str, **options: Any) -> None:
        """Release the second version until right after a command."""

        def after() -> None:
            if docker.calls[-1] == command:
                raise Cut

        docker.after = after
        with pytest.raises(Cut):
            go(SECOND, **options)
        docker.after = lambda: None

    def test_it_is_seen_while_it_runs(self, go: Perform, docker: Docker) -> None:
        """What it was about to do lies beside the log, also what it migrates and where the dump is."""
        go()
        docker.schema.brings["backend:2"] = ["0001", "0002"]
        self.cut(go, docker, MIGRATE)
        found = json.loads((docker.folder / RUNNING).read_text())
        assert stat.S_IMODE((docker.folder / RUNNING).stat().st_mode) == 0o640
        assert (found["release"], found["result"]) == (2, "interrupted")
        assert found["applied"] == {"0002": []}
        assert found["dump"] == f"{docker.folder}/dumps/release-2.dump"
        assert len(log(docker)) == 1

    def test_the_next_enters_it_into_the_log(self, go: Perform, docker: Docker) -> None:
        """It keeps its number and is nobody's way back; what it migrated is known afterwards."""
        go()
        docker.schema.brings["backend:2"] = ["0001", "0002"]
        self.cut(go, docker, MIGRATE)
        go(SECOND)
        found = [(one["release"], one["result"], one["reason"]) for one in log(docker)]
        assert found == [(1, "good", ""), (2, "interrupted", "it was interrupted"), (3, "good", "")]
        assert not (docker.folder / RUNNING).exists()
        # The way back is judged by what the interrupted one had noted: its migration breaks nothing.
        assert go(FIRST).record
        assert docker.schema.revision == "0002"

    @pytest.mark.parametrize("command", RELEASE[3:])
    def test_after_its_version_served(self, go: Perform, docker: Docker, command: str) -> None:
        """What runs is written down by the next, though there may be nothing left to do."""
        go()
        self.cut(go, docker, command)
        outcome = go(SECOND)
        assert outcome.record
        assert outcome.record.images == {"backend": "backend:2"}
        assert [one["result"] for one in log(docker)] == ["good", "interrupted", "good"]
        assert go(SECOND).record is None

    def test_written_down_twice(self, go: Perform, docker: Docker) -> None:
        """One that died after it was written down is not entered again."""
        go()
        (docker.folder / RUNNING).write_text(json.dumps(log(docker)[0]))
        go()
        assert len(log(docker)) == 1
        assert not (docker.folder / RUNNING).exists()

    @pytest.mark.parametrize("text", ["", "{", "[]"])
    def test_an_unreadable_one(self, go: Perform, docker: Docker, text: str) -> None:
        """A file that power cut short is none."""
        go()
        (docker.folder / RUNNING).write_text(text)
        assert go(SECOND).record
        assert len(log(docker)) == 2

    def test_its_timer_is_stopped(self, go: Perform, docker: Docker) -> None:
        """It would start the old version in the middle of the next release."""
        go()
        docker.timers[UNIT] = ["systemd-run"]
        go(check_mode=True)
        assert docker.timers, "a preview touches nothing"
        go()
        assert docker.timers == {}

    def test_what_crashes_is_not_written_down_as_good(self, go: Perform, docker: Docker) -> None:
        """A first version that crashes again and again is void each time, though it runs in between."""
        docker.crashes["backend"] = [(1, 1)] + [(0.7, 1)] * 500
        docker.health["backend"] = [""]
        for _ in range(2):
            with pytest.raises(ReleaseError, match="it crashed"):
                go()
        assert {one["result"] for one in log(docker)} == {"void"}


class TestRefused:
    """What would be wrong half-way is said before anything is touched."""

    def state(self, docker: Docker) -> Any:
        """All that must stay."""
        files = {one: one.read_bytes() for one in docker.folder.rglob("*") if one.is_file()}
        return files, dict(docker.containers), docker.schema.revision, docker.nginx.route

    @pytest.mark.parametrize("check_mode", [False, True])
    def test_a_migration_that_breaks(
        self, go: Perform, docker: Docker, *, check_mode: bool
    ) -> None:
        """Also a preview says so."""
        go()
        docker.images["backend:2"] = "sha256:2"
        docker.schema.brings["backend:2"], docker.schema.breaks = ["0001", "0002"], {"0002"}
        before = self.state(docker)
        with pytest.raises(DockerError, match="would break by migrations of the new one"):
            go(SECOND, check_mode=check_mode)
        assert docker.acted == []
        assert self.state(docker) == before

    def test_an_older_version(self, go: Perform, docker: Docker) -> None:
        """One that cannot use the schema is refused with the dump and the command that brings it back."""
        go()
        docker.schema.brings["backend:2"], docker.schema.breaks = ["0001", "0002"], {"0002"}
        go(SECOND, accept_breaking_schema=True)
        with pytest.raises(DockerError) as error:
            go(FIRST)
        assert "The database is at revision 0002, which this image does not know" in str(error)
        assert str(error.value).splitlines()[-1].startswith(f"  sudo docker stop {NEW} && sudo sh")
        assert "dumps/release-2.dump" in str(error.value)
        assert docker.acted == []
        assert go(FIRST, accept_breaking_schema=True).record

    def test_not_asked_for_long(self, go: Perform, docker: Docker) -> None:
        """Where the image is not here yet, the refusal comes after the pull and before all else."""
        go()
        docker.schema.brings["backend:2"], docker.schema.breaks = ["0001", "0002"], {"0002"}
        with pytest.raises(ReleaseError) as error:
            go(SECOND)
        assert docker.acted == ["pull --quiet backend:2"]
        assert len(error.value.taken) == 1
        assert len(log(docker)) == 1

    def test_a_database_that_does_not_answer(self, go: Perform, docker: Docker) -> None:
        """It is asked twice, not for ever."""
        go()
        docker.one("postgres").health = ["healthy", "starting"]
        docker.health["postgres"] = ["starting"]
        with pytest.raises(ReleaseError, match="PostgreSQL does not answer"):
            go(SECOND)
