"""The steps of a release as they are carried out, against a small model of Docker and nginx."""

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._release import Step, steps
from ansible_collections.planner.droplet.plugins.module_utils._release_run import RECOVERS_S

from tests.unit.fake_docker import Docker
from tests.unit.release_bench import (
    INSTEAD,
    NEW,
    OLD,
    RELEASE,
    release,
    release_all,
    serving_first,
    wished,
)

CREATED = RELEASE[1]
REMOVED = f"rm --force {NEW}"
ALONE: dict[str, Any] = {"start_first": frozenset()}


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A host on which the first version serves."""
    return serving_first(tmp_path / "planner", monkeypatch)


class TestRecovery:
    """A server whose probes time out on a machine out of breath is not replaced for it."""

    def test_it_recovers(self, docker: Docker) -> None:
        """It passes a probe again while it is waited for: nothing is done to it."""
        docker.one("postgres").health = ["unhealthy", "unhealthy", "healthy"]
        release_all(docker, "backend:1")
        assert docker.acted == []

    def test_it_does_not(self, docker: Docker) -> None:
        """When the time is over it is replaced."""
        docker.one("postgres").health, before = ["unhealthy"], docker.now
        release_all(docker, "backend:1")
        assert any(call.startswith("up ") and "postgres" in call for call in docker.acted)
        assert docker.now - before >= RECOVERS_S


MEMORY = "the kernel killed it, as a rule because it grew over its limit"
# what the new version's looks show and when it crashes, what is said
TEST_UNPROVED: list[tuple[str, list[str], list[tuple[float, int]], str]] = [
    ("never ready", ["starting"], [], "it was not ready within 5 s."),
    ("unhealthy", ["starting", "starting", "unhealthy"], [], "its health check fails."),
    ("crashes", [""], [(1.5, 3)], "it crashed once within 2 s (exit code 3)."),
    ("crashes at once", [""], [(0, 1)], "it crashed once within 0 s (exit code 1)."),
    (
        "killed at its limit",
        ["healthy"],
        [(1, 137)],
        f"it crashed once within 1 s (exit code 137: {MEMORY} of 160 MiB).",
    ),
    ("again and again", [""], [(0, 1), (0, 1)], "it crashed 2 times within 0 s (exit code 1)."),
]
UNPROVED = pytest.mark.parametrize(
    "health, crashes, says", [row[1:] for row in TEST_UNPROVED], ids=[r[0] for r in TEST_UNPROVED]
)


class TestBeside:
    """A version that does not prove itself gets no request and leaves nothing behind."""

    @UNPROVED
    def test_unproved(
        self, docker: Docker, health: list[str], crashes: list[tuple[float, int]], says: str
    ) -> None:
        """The new container alone goes, its last lines are told once, and nginx is not touched."""
        docker.health["backend"], docker.crashes["backend"] = health, crashes
        live, route, old = docker.live_conf.read_bytes(), docker.nginx.route, docker.one("backend")
        with pytest.raises(DockerError) as error:
            release_all(docker, "backend:2")
        assert docker.acted == [*RELEASE[:3], REMOVED]
        assert docker.of("backend") == {OLD: old}
        assert old.ready
        assert (docker.live_conf.read_bytes(), docker.nginx.route) == (live, route)
        first, *rest = str(error.value).splitlines()
        serves = "The new version was removed and the old one serves on"
        assert first == f"{serves}: {NEW}: {says}"
        assert rest == [
            f"--- the last lines of {NEW}:",
            f"the last words of {NEW}",
            "Do: read its last lines above, mend the image, release again.",
        ]

    def test_it_has_to_live_a_while(self, docker: Docker) -> None:
        """Ready at once is not enough: requests come after the time it has to stay up."""
        before = docker.now
        release_all(docker, "backend:2")
        assert docker.acted == RELEASE
        assert 2 <= docker.now - before < 6

    def test_only_the_new_one_is_judged(self, docker: Docker) -> None:
        """An old one that never gets healthy is no reason to keep its successor back."""
        docker.one("backend").health = ["starting"]
        release_all(docker, "backend:2")
        assert list(docker.of("backend")) == [docker.nginx.route] == [NEW]

    def test_one_that_cannot_be_made(self, docker: Docker) -> None:
        """Docker's own words come, and nothing was made."""
        docker.failing = {"create": "no space left on device"}
        with pytest.raises(DockerError, match="No new container of backend can be made: no space"):
            release_all(docker, "backend:2")
        assert list(docker.of("backend")) == [docker.nginx.route] == [OLD]

    def test_one_that_cannot_start(self, docker: Docker) -> None:
        """Docker's own words come, and what it made is removed."""
        docker.stillborn["backend"] = "exec format error"
        with pytest.raises(DockerError, match="the old one serves on: exec format error"):
            release_all(docker, "backend:2")
        assert docker.acted == [*RELEASE[:3], REMOVED]

    def test_it_is_asked_again_before_the_switch(self, docker: Docker) -> None:
        """One that fell ill between its gate and the switch is not switched to either."""
        run, wish = release(docker, "backend:2"), wished("backend:2", migrates=False)
        *others, switch, _ = steps(wish, run.observe(wish))
        for step in others:
            run.run(step)
        docker.containers[NEW].health = ["starting", "starting"]
        with pytest.raises(DockerError, match=r"Not healthy within 5 s: backend\.") as error:
            run.run(switch)
        assert f"the last words of {NEW}" in str(error.value)
        docker.containers[NEW].health = ["unhealthy"]
        with pytest.raises(DockerError, match="nginx was not switched: no container of backend"):
            run.run(switch)
        assert docker.nginx.route == OLD
        assert OLD in docker.live_conf.read_text()


class TestGate:
    """What an interrupted release had started proves itself, too."""

    def test_it_does(self, docker: Docker) -> None:
        """It stays up without a crash for as long as any new one has to, and nothing is done to it."""
        run, before = release(docker), docker.now
        run.run(Step("gate", ("backend", OLD), ""))
        assert docker.now - before == 2
        assert docker.acted == []

    def test_it_does_not(self, docker: Docker) -> None:
        """It goes, and one that was stopped for it is started again."""
        docker.images["backend:2"] = "sha256:2"
        run = release(docker, "backend:2")
        run.compose.compose(*CREATED.split())
        docker.containers[NEW].crashes = [(1, 1)]
        run.compose.docker("start", NEW)
        docker.now += 30
        run.compose.docker("stop", OLD)
        with pytest.raises(DockerError, match="the old one serves again: planner-backend-2: it cr"):
            release_all(docker, "backend:2", run=run)
        assert docker.acted[-2:] == [REMOVED, f"start {OLD}"]
        assert docker.one("backend").ready


class TestInstead:
    """Where memory does not allow two, the old one stops first."""

    def test_it_is_kept_until_the_new_one_serves(self, docker: Docker) -> None:
        """Stop, start, prove, switch; only then it goes, and the time nobody served is known."""
        run = release_all(docker, "backend:2", **ALONE)
        assert docker.acted == ["pull --quiet backend:2", *INSTEAD]
        assert 2 <= run.back.gap_s < 3

    @UNPROVED
    def test_unproved(
        self, docker: Docker, health: list[str], crashes: list[tuple[float, int]], says: str
    ) -> None:
        """The new one goes, the old one is started again and serves."""
        docker.health["backend"], docker.crashes["backend"] = health, crashes
        run = release(docker, "backend:2")
        with pytest.raises(DockerError) as error:
            release_all(docker, "backend:2", run=run, **ALONE)
        serves = "The new version was removed and the old one serves again"
        assert str(error.value).startswith(f"{serves}: {NEW}: {says}\n--- the last lines of {NEW}")
        assert docker.acted[1:] == [*INSTEAD[:3], REMOVED, f"start {OLD}"]
        assert docker.one("backend").ready
        assert docker.nginx.route == OLD
        assert run.back.gap_s > 0 or "within 0 s" in says
        assert docker.timers == {}
