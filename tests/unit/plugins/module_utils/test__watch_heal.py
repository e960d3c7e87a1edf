"""What is down is restarted as a person would, and not without end."""

import fcntl
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    PROBLEM,
    UNKNOWN,
    WARNING,
    Finding,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_heal import (
    PAUSES_MIN,
    WINDOW_S,
    heal,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings

from tests.unit.command_docker import Docker, says

NOW = 1_800_000_000.0
DOWN = Finding(PROBLEM, "state", "backend", "runs, but is unhealthy", "read `docker logs`")
LOGS = "`docker logs planner-backend-1`, then run playbooks/site.yml"


def box(
    service: str = "backend", state: str = "running", health: str = "unhealthy", number: int = 1
) -> dict[str, Any]:
    """One container as Docker describes it."""
    return {
        "Id": f"{service}{number}",
        "Name": f"/planner-{service}-{number}",
        "RestartCount": 0,
        "Config": {"Labels": {"com.docker.compose.service": service}},
        "HostConfig": {"Memory": 0, "MemorySwap": 0},
        "State": {
            "Status": state,
            "Pid": 7,
            "ExitCode": 0 if state == "running" else 137,
            "StartedAt": "2027-01-15T00:00:00Z",
            "Health": {"Status": health},
        },
    }


class Bench:
    """A host with Docker and the lock of its events."""

    def __init__(self, folder: Path) -> None:
        """Put a `docker` where it is found."""
        self.docker = Docker(folder)
        self.lock = folder / "lock"
        services: dict[str, Any] = {
            name: {"name": name} for name in ("backend", "postgres", "redis", "nginx")
        }
        self.settings = Settings(project_dir=str(folder), plan={"services": services})
        self.has(box())

    def has(self, *boxes: dict[str, Any], restart: str = "true") -> None:
        """Set the containers, and how a restart ends."""
        self.docker.answer({
            "ps*": says("".join(f"{one['Id']}\n" for one in boxes)),
            "inspect*": says(json.dumps(boxes)),
            "restart*": restart,
        })  # fmt: skip

    def heal(
        self, *findings: Finding, state: object = None, now: float = NOW
    ) -> tuple[list[Finding], Mapping[str, Any]]:
        """Heal what was found."""
        return heal(self.settings, findings or [DOWN], state, now, lock=str(self.lock))

    @property
    def restarted(self) -> list[str]:
        """The arguments of every restart."""
        calls = self.docker.calls if self.docker.log.exists() else []
        words = [call.partition(": ")[2] for call in calls]
        return [call.partition(" ")[2] for call in words if call.startswith("restart ")]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """One backend, unhealthy."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return Bench(tmp_path)


@pytest.mark.parametrize(
    "sick, words, how",
    [
        (box(), "-t 10 backend1", "unhealthy"),
        (box(state="exited"), "-t 10 backend1", "exited (137)"),
        (box(state="dead"), "-t 10 backend1", "dead (137)"),
        (box(state="created"), "-t 10 backend1", "created (137)"),
        (box("postgres"), "-t 60 postgres1", "unhealthy"),
    ],
)
def test_a_restart(bench: Bench, sick: dict[str, Any], words: str, how: str) -> None:
    """What is down is restarted at once and once; PostgreSQL gets a minute to stop."""
    name = sick["Config"]["Labels"]["com.docker.compose.service"]
    bench.has(sick, box("nginx", health="healthy"))
    found, state = bench.heal(Finding(PROBLEM, "state", name, "is down"))
    assert bench.restarted == [words]
    logs = LOGS.replace("backend", name)
    assert found == [Finding(PROBLEM, "heal", name, f"was {how}: restarted (1 of 5 in 6 h)", logs)]
    assert state == {name: [NOW]}


@pytest.mark.parametrize(
    "finding",
    [
        Finding(WARNING, "state", "backend", "is starting"),
        Finding(UNKNOWN, "state", "backend", "unknown"),
        Finding(PROBLEM, "use", "backend", "holds 190 of 192 MiB"),
        Finding(PROBLEM, "present", "backend", "has no container"),
        Finding(PROBLEM, "state", "somebody-elses", "is down"),
    ],
)
def test_nothing_to_heal(bench: Bench, finding: Finding) -> None:
    """Only a service of the plan that is down is touched; Docker is not even asked."""
    assert bench.heal(finding) == ([], {})
    assert not bench.docker.log.exists()


@pytest.mark.parametrize(
    "healthy",
    [
        [],
        [box(health="healthy")],
        [box(health="starting")],
        [box(state="restarting")],
        [box(state="paused")],
        [box("postgres")],
    ],
)
def test_no_longer_down(bench: Bench, healthy: list[dict[str, Any]]) -> None:
    """What came back by itself, what Docker restarts, and what somebody paused stay as they are."""
    bench.has(*healthy)
    assert bench.heal() == ([], {})
    assert bench.restarted == []


def test_an_interrupted_release(bench: Bench) -> None:
    """Of two containers nobody knows which one is wished: the playbook does."""
    bench.has(box(), box(number=2, state="created"))
    (found,), state = bench.heal()
    assert bench.restarted == []
    assert "has 2 containers, so none is restarted" in found.what
    assert (found.severity, found.do, state) == (WARNING, "run playbooks/site.yml", {})


def test_never_during_an_event(bench: Bench) -> None:
    """Who holds the lock stops and starts containers itself."""
    with bench.lock.open("w") as file:
        file.write("release (pid 7)")
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        (found,), state = bench.heal()
    assert found.severity == WARNING
    assert "is not restarted: release (pid 7)" in found.what
    assert (bench.restarted, state) == ([], {})
    bench.heal()
    assert len(bench.restarted) == 1


def test_pauses_and_an_end(bench: Bench) -> None:
    """It waits longer each time, stops after the last, says so, and begins again when that is long ago."""
    state: object = {}
    at: list[int] = []
    for minute in range(300):
        _, state = bench.heal(state=state, now=NOW + 60 * minute)
        if len(bench.restarted) > len(at):
            at.append(minute)
    assert at == [0, 2, 12, 42, 102]
    assert len(at) == len(PAUSES_MIN)
    (found,), state = bench.heal(state=state, now=NOW + 300 * 60)
    assert (found.severity, found.check, found.subject) == (PROBLEM, "heal", "backend")
    assert found.what == "was restarted 5 x in 6 h and is down again; no more tries"
    assert found.do == f"find out why: {LOGS}"
    (found,), state = bench.heal(state=state, now=NOW + 102 * 60 + WINDOW_S)
    assert "1 of 5" in found.what
    assert len(bench.restarted) == 6


def test_each_service_counts_for_itself(bench: Bench) -> None:
    """One that is given up does not keep another from being restarted."""
    bench.has(box(), box("redis", state="exited"))
    worn_out = {"backend": [NOW - 60] * 5}
    also = Finding(PROBLEM, "state", "redis", "is not running")
    found, state = bench.heal(DOWN, also, state=worn_out)
    assert [(one.severity, one.subject) for one in found] == [
        (PROBLEM, "backend"),
        (PROBLEM, "redis"),
    ]
    assert bench.restarted == ["-t 10 redis1"]
    assert state == {**worn_out, "redis": [NOW]}


def test_a_restart_that_fails(bench: Bench) -> None:
    """Docker's words are told, and the try counts: nothing is tried every minute."""
    bench.has(box(), restart="echo port is already allocated >&2; exit 1")
    (found,), state = bench.heal()
    assert found == Finding(
        PROBLEM, "heal", "backend", "could not be restarted: port is already allocated", LOGS
    )
    assert bench.heal(state=state, now=NOW + 60) == ([], {"backend": [NOW]})


@pytest.mark.parametrize("answer", ["echo no daemon >&2; exit 1", "echo [7]"])
def test_docker_does_not_tell(bench: Bench, answer: str) -> None:
    """That is told, and is no try."""
    bench.docker.answer({"ps*": "echo backend1", "inspect*": answer})
    (found,), state = bench.heal()
    assert (found.severity, state) == (PROBLEM, {})
    assert "could not be restarted: " in found.what


@pytest.mark.parametrize(
    "state",
    [None, [], "x", {"backend": 7}, {"backend": ["x", None, NOW + 900, NOW - WINDOW_S]}],
)
def test_damaged_state(bench: Bench, state: object) -> None:
    """It counts as none; so do times in the future, after a clock was set back."""
    found, kept = bench.heal(state=state)
    assert "1 of 5" in found[0].what
    assert kept == {"backend": [NOW]}
