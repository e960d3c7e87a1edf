"""Module ``release`` when something goes wrong: what the owner reads, what serves on, what is left to do."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.fake_docker import Docker
from tests.unit.release_bench import FIRST_RUN, SECOND, Run, installed, log, runner


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A host with Docker, the project's folder and nothing else."""
    return installed(tmp_path / "planner", monkeypatch)


@pytest.fixture
def run(docker: Docker, capsys: pytest.CaptureFixture[str]) -> Run:
    """Write the Compose file and run the module; return what it answers."""
    return runner(docker, capsys)


TEST_FAILURES: list[tuple[str, str, list[str], list[str]]] = [
    (
        "an image that cannot be had",
        "pull --quiet backend:2",
        [
            "The image backend:2 cannot be pulled; everything runs as before.",
            "WHY",
            "Do: check the name and digest",
        ],
        [],
    ),
    (
        "a migration that fails",
        "^run .*alembic",
        ["The migration alembic upgrade head failed; the backend was not replaced.", "WHY"],
        ["pull", "reload", "prepare-database", "dump"],
    ),
    (
        "an image that does not tell its migrations",
        "^run .*planner-schema",
        ["The new version does not tell its migrations; everything runs as before.", "WHY"],
        ["pull", "reload", "prepare-database"],
    ),
    (
        "a dump that cannot be made",
        "pg_dump",
        ["The dump before the migration is not good, so nothing was migrated: WHY"],
        ["pull", "reload", "prepare-database"],
    ),
    (
        "an nginx configuration that is not valid",
        "exec .* nginx -t",
        ["WHY"],
        ["pull"],
    ),
    (
        "a database that refuses its set-up",
        "exec .* psql .*prepare",
        ["WHY"],
        ["pull", "reload"],
    ),
    (
        "a backend that cannot be made",
        "^create ",
        ["No new container of backend can be made: WHY"],
        ["pull", "reload", "prepare-database", "dump", "migrate"],
    ),
    (
        "a backend that cannot be started",
        "start planner-backend-2",
        ["The new version was removed and the old one serves on: WHY"],
        ["pull", "reload", "prepare-database", "dump", "migrate"],
    ),
    (
        "an old backend that does not stop",
        "stop planner-backend-1",
        ["WHY"],
        ["pull", "reload", "prepare-database", "dump", "migrate", "start-beside", "switch"],
    ),
    ("a Compose file that is not valid", "config", ["WHY"], []),
]


@pytest.mark.parametrize(
    "failing, message, taken", [row[1:] for row in TEST_FAILURES], ids=[r[0] for r in TEST_FAILURES]
)
def test_failures(
    run: Run, docker: Docker, failing: str, message: list[str], taken: list[str]
) -> None:
    """A failure ends the run with Docker's words and what to do; the next run does the rest."""
    changed: dict[str, Any] = {"nginx_config": "new", "database_setup": "new"}
    run()
    before = docker.one("backend")
    docker.schema.brings["backend:2"] = ["0001", "0002"]
    text = (docker.folder / "compose.yml").read_bytes()
    docker.failing = {failing: "WHY"}
    result = run(SECOND, **changed)
    assert result["failed"]
    for part in message:
        assert part in result["msg"]
    assert [step.split()[0] for step in result["steps"]] == taken
    assert docker.containers["planner-backend-1"] is before
    assert before.ready
    assert docker.containers[docker.nginx.route].ready
    assert not any("kill" in call for call in docker.acted) or "reload" in taken

    assert (docker.folder / "compose.yml").read_bytes() == text
    records = [(one["result"], one["reason"]) for one in log(docker)[1:]]
    begun = taken and taken[-1] not in {"pull", "reload"} and "planner-schema" not in failing
    assert records == ([("void", result["msg"].splitlines()[0])] if begun else [])
    docker.failing = {}
    repaired = run(SECOND, **changed)
    every = ["pull", "reload", "prepare-database", "dump", "migrate"]
    every += ["start-beside", "switch", "retire"]
    # Nothing is migrated without a dump of what is there now.
    done = set(taken) - ({"dump"} if "migrate" not in taken else set())
    left = [action for action in every if action not in done]
    assert [step.split()[0] for step in repaired["steps"]] == left
    assert not run(SECOND, **changed)["changed"]


class TestHealth:
    """A release ends when everything is healthy, or says what is not."""

    def test_starting_becomes_healthy(self, run: Run, docker: Docker) -> None:
        """A service may need a while."""
        docker.health["backend"] = ["starting"] * 4 + ["healthy"]
        assert run()["changed"]

    @pytest.mark.parametrize(
        "health, says",
        [("starting", "Not healthy within 0 s: backend."), ("unhealthy", "Failed: planner-back")],
    )
    def test_never_healthy(self, run: Run, docker: Docker, health: str, says: str) -> None:
        """One that does not become healthy fails the run, with the end of its log."""
        docker.health["backend"] = [health]
        result = run(timeout_s=0)
        assert result["failed"]
        assert result["msg"].startswith(says)
        words = "--- the last lines of planner-backend-1:\nthe last words of planner-backend-1"
        assert result["msg"].endswith(words)
        assert "start backend" not in "".join(result["steps"])
        assert not docker.live_conf.exists(), "it was never switched to"

    def test_a_server_that_is_not_healthy_keeps_the_backend_back(
        self, run: Run, docker: Docker
    ) -> None:
        """Without its database the backend is neither migrated nor started."""
        docker.health["postgres"] = ["starting"]
        result = run(timeout_s=0)
        assert "Not healthy within 0 s: postgres." in result["msg"]
        assert docker.acted == FIRST_RUN[:5]

    def test_one_that_was_not_touched(self, run: Run, docker: Docker) -> None:
        """A service that fell ill without any change fails the run as well."""
        run()
        docker.one("redis").health = ["starting"]
        result = run(timeout_s=0)
        assert result["msg"].startswith("Not healthy within 0 s: redis.")
        assert result["steps"] == []

    def test_one_that_cannot_start(self, run: Run, docker: Docker) -> None:
        """What Docker says is followed by the container's own last lines."""
        docker.stillborn = {"redis": "exec format error"}
        result = run()
        assert result["msg"].startswith("exec format error\n--- the last lines of planner-redis-1:")
        assert result["msg"].count("the last words of planner-redis-1") == 1
