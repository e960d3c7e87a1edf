"""How a release that stopped the old version first gets back: held, dumped, migrated, restored."""

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._release_undo import UNIT

from tests.unit.fake_containers import Container
from tests.unit.fake_docker import Docker
from tests.unit.release_bench import (
    DUMP,
    INSTEAD,
    MIGRATE,
    NEW,
    OLD,
    marks,
    release,
    release_all,
    serving_first,
)

ALONE: dict[str, Any] = {"start_first": frozenset()}
RESTORE = (
    "exec -i planner-postgres-1 pg_restore -U postgres --create --exit-on-error --dbname=postgres"
)
STOPPED, STARTED = f"stop {OLD}", f"start {OLD}"


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """The first version serves; the second brings a migration on which that one cannot go on."""
    docker = serving_first(tmp_path / "planner", monkeypatch)
    docker.images["backend:2"] = "sha256:2"
    docker.schema.brings["backend:2"] = ["0001", "0002", "0003"]
    docker.schema.breaks = {"0002"}
    return docker


def test_it_goes_well(docker: Docker) -> None:
    """The old version stops, then the dump, then the migration, then the new version; a gap, no loss."""
    run = release_all(docker, "backend:2")
    assert docker.acted == [STOPPED, DUMP, MIGRATE, *INSTEAD]
    assert (docker.schema.revision, docker.nginx.route) == ("0003", NEW)
    assert run.back.migrated
    assert run.back.dumped == run.manner.dump_file
    assert 2 <= run.back.gap_s < 3
    assert docker.armed == [], "the old version could not work on the new schema"


# a command that fails, or nothing and the new version crashes; the schema at which it stops, how often restored
TEST_FAILURES: list[tuple[str, str, str, str, bool]] = [
    ("the old version does not stop", f"stop {OLD}", "", "WHY", False),
    ("no dump", "pg_dump", "", "The dump before the migration is not good", False),
    ("a dump that cannot be read", "pg_restore --list", "", "nothing was migrated: WHY", False),
    (
        "no migration",
        "^run .*planner-migrate",
        "",
        "The migration alembic upgrade head failed",
        False,
    ),
    ("a migration stops half-way", "", "0003", "It got as far as 0002, from 0001.", True),
    ("no new container", "^create", "", "No new container of backend can be made: WHY", True),
    ("it does not start", f"start {NEW}", "", "the old one serves again: WHY", True),
    ("it crashes", "", "", "the old one serves again: planner-backend-2: it crashed once", True),
    ("nginx does not take it", "nginx -t", "", "WHY", True),
]


@pytest.mark.parametrize(
    "failing, fails_at, says, restored",
    [row[1:] for row in TEST_FAILURES],
    ids=[row[0] for row in TEST_FAILURES],
)
def test_the_old_version_serves_again(
    docker: Docker, failing: str, fails_at: str, says: str, *, restored: bool
) -> None:
    """Whatever fails, the data is as it was, the new container is gone, the old one runs."""
    docker.failing = {failing: "WHY"} if failing else {}
    docker.schema.fails_at = fails_at
    if not failing and not fails_at:
        docker.crashes["backend"] = [(1, 1)]
    run = release(docker, "backend:2")
    with pytest.raises(DockerError) as error:
        release_all(docker, "backend:2", run=run)
    assert says in str(error.value)
    assert "serves again" in str(error.value) or "runs again, but" in str(error.value)
    assert docker.schema.revision == "0001"
    assert list(docker.of("backend")) == [OLD]
    assert docker.one("backend").ready
    # The dump comes back before the old version starts: whoever uses the database would be in its way.
    back = docker.acted.index(STARTED)
    assert (docker.acted[back - 1] == RESTORE) is restored
    assert docker.nginx.route == OLD
    assert not run.back.migrated, "what was restored was not migrated"
    docker.failing, docker.schema.fails_at, docker.crashes = {}, "", {}
    release_all(docker, "backend:2")
    assert (docker.schema.revision, docker.nginx.route) == ("0003", NEW)


def test_a_dump_that_cannot_be_restored(docker: Docker) -> None:
    """What failed first is said first, and that nobody serves; the old one is not started on a schema it breaks on."""
    docker.failing = {"pg_restore.* --create": "no space left"}
    docker.crashes["backend"] = [(1, 1)]
    with pytest.raises(DockerError, match="it crashed once") as error:
        release_all(docker, "backend:2")
    assert "could not be started again (no space left): planner-backend-2" in str(error.value)
    assert not docker.one("backend").running


def test_nobody_served_before(docker: Docker) -> None:
    """An old version that was stopped already loses nothing by the restore either."""
    docker.one("backend").running = False
    docker.crashes["backend"] = [(1, 1)]
    with pytest.raises(DockerError, match="the old one serves again"):
        release_all(docker, "backend:2")
    assert docker.schema.revision == "0001"
    assert docker.acted[-2:] == [RESTORE, STARTED]


def test_what_was_written_meanwhile_stays(docker: Docker) -> None:
    """While the old version serves a dump is never restored: it goes on with the newer schema."""
    docker.schema.breaks = set()
    docker.crashes["backend"] = [(1, 1)]
    run = release(docker, "backend:2")
    with pytest.raises(DockerError, match="the old one serves on"):
        release_all(docker, "backend:2", run=run)
    assert docker.schema.revision == "0003"
    assert run.back.migrated
    assert marks(docker)["migrated"] == "backend:2"
    assert RESTORE not in docker.acted


def test_a_migration_that_outlived_its_release(docker: Docker) -> None:
    """It is ended before another one begins, and one that fails leaves no container."""
    docker.oneshots = {"planner-migrate", "planner-schema"}
    release_all(docker, "backend:2")
    assert docker.oneshots == set()


def test_an_own_service_restores_nothing(docker: Docker) -> None:
    """One of the owner's own that fails after the backend was released brings no dump back."""
    run = release_all(docker, "backend:2")
    bot = Container("bot", "old", "backend:2", 99, [""], [])
    docker.containers["planner-bot-1"] = bot
    assert run.back.start_again("bot", "planner-bot-1") == "serves again"
    assert bot.running
    assert docker.schema.revision == "0003"


class TestTimer:
    """Should the release die while nobody serves, systemd starts the old version."""

    def test_armed_and_disarmed(self, docker: Docker) -> None:
        """From before the old one stops until the new one has proved itself."""
        docker.schema.brings.clear()
        seen: dict[str, bool] = {}

        def note() -> None:
            seen.setdefault(docker.calls[-1], UNIT in docker.timers)

        docker.after = note
        release_all(docker, "backend:2", **ALONE)
        assert [seen[call] for call in INSTEAD] == [False, True, True, False, False, True, False]
        ((*words, shell, option, script, old, new),) = docker.armed
        assert words[:5] == ["systemd-run", "--quiet", "--unit", UNIT, "--collect"]
        assert float(words[words.index("--on-active") + 1]) == 5 + 2 + 120
        assert (shell, option, old, new) == ("sh", "-c", OLD, NEW)
        assert script == 'docker stop "$1"; docker start "$0"', "never two of them"
        assert docker.timers == {}
