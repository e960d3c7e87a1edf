"""What an upgrade of PostgreSQL needs, and what stands in its way."""

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._postgres_upgrade_rules import (
    MIB,
    Need,
    database_problems,
    extension_problems,
    last_start,
    ready_since,
    room_problems,
    version_problems,
)

GIB = 1024 * MIB


class TestRoom:
    """Space for two copies of the database, two backups and an image."""

    def test_enough(self) -> None:
        """2.2 GiB, two backups and what must stay."""
        need = Need(GIB, 100 * MIB)
        assert need.data + need.backups == int(2.2 * GIB) + 200 * MIB
        assert room_problems(need, 3 * GIB, 3 * GIB, one_disk=True) == []

    def test_an_image_that_is_not_here_counts(self) -> None:
        """It is pulled before anything else."""
        assert len(room_problems(Need(GIB, 0, GIB), 3 * GIB, 3 * GIB, one_disk=True)) == 1

    def test_one_disk_too_small(self) -> None:
        """All of it is on one disk: what is free there, and what it may take."""
        (said,) = room_problems(Need(GIB, 100 * MIB), 2 * GIB, 2 * GIB, one_disk=True)
        assert said.startswith(
            "the disk has 2048 MiB free, and the upgrade may take 2453, with 256 to stay. Do: "
        )

    @pytest.mark.parametrize(
        "docker, project, where",
        [(GIB, 3 * GIB, "Docker's disk"), (3 * GIB, 100 * MIB, "the backups' disk")],
    )
    def test_two_disks(self, docker: int, project: int, where: str) -> None:
        """Each for its own part."""
        (said,) = room_problems(Need(GIB, 50 * MIB), docker, project, one_disk=False)
        assert said.startswith(f"{where} has ")


@pytest.mark.parametrize("target, refused", [(16, True), (18, False), (19, False)])
def test_only_upwards(target: int, *, refused: bool) -> None:
    """Data cannot be moved to an older version; one may be left out."""
    assert bool(version_problems(17, target)) == refused


def test_other_databases_would_not_come_along() -> None:
    """They are named, and PostgreSQL's own are not."""
    system = {"postgres", "template0", "template1"}
    assert database_problems({*system, "planner"}, "planner") == []
    (said,) = database_problems({*system, "planner", "planner_then", "mine"}, "planner")
    assert said.startswith("beside planner there is mine, planner_then, of which no backup is made")


@pytest.mark.parametrize(
    "there, problem",
    [
        (["vector|0.8.0", "plpgsql|1.0"], ""),
        (["vector|0.10.0", "plpgsql|1.0"], ""),
        (
            ["vector|0.7.4", "plpgsql|1.0"],
            "the image has vector 0.7.4, and the data was made with 0.8.0",
        ),
        (["plpgsql|1.0"], "the image has no extension vector, which the data needs"),
    ],
    ids=["the same", "newer, by number and not by letter", "older", "none"],
)
def test_extensions(there: list[str], problem: str) -> None:
    """The image must bring each of the data's, in that version or a later one."""
    wished = {"vector": "0.8.0", "plpgsql": "1.0"}
    assert extension_problems(wished, there, "|") == ([problem] if problem else [])


def app(*probes: tuple[str, int], started: str = "2026-11-28T02:00:10.5Z") -> dict[str, object]:
    """What Docker shows of a container."""
    log = [{"End": end, "ExitCode": code} for end, code in probes]
    labels = {"com.docker.compose.service": "backend"}
    state = {"StartedAt": started, "Health": {"Log": log}}
    return {"State": state, "Config": {"Labels": labels}}


BEGAN = 1795831210.5


def test_when_the_app_was_ready() -> None:
    """With its first good probe since it was started; those of before, and bad ones, do not count."""
    shown = app(
        ("2026-11-28T01:59:00Z", 0),
        ("2026-11-28T02:00:11Z", 1),
        ("2026-11-28T02:00:12.25Z", 0),
        ("2026-11-28T02:00:13+00:00", 0),
    )
    assert ready_since(shown) == BEGAN + 1.75


def test_when_nobody_knows() -> None:
    """No good probe is in the log, or there is none at all."""
    assert ready_since(app()) == 0
    assert ready_since({"State": {"StartedAt": "0001-01-01T00:00:00Z"}}) == 0


def test_whether_an_app_was_started() -> None:
    """Servers do not count: they answer no visitor."""
    server = app(started="2026-11-28T05:00:00Z")
    server["Config"] = {"Labels": {"com.docker.compose.service": "postgres"}}
    assert last_start([app(), server], ("postgres",)) == BEGAN
    assert last_start([server], ("postgres",)) == last_start([], ()) == 0
