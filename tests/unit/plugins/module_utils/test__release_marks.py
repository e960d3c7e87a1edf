"""What a release remembers, and when that is no longer true."""

import re
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _release_run
from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._release import Observed, Step, steps
from ansible_collections.planner.droplet.plugins.module_utils._release_run import Release

from tests.unit.fake_docker import VOLUME, Docker
from tests.unit.release_bench import installed, marks, release, release_all, wished


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A host on which the first version serves."""
    docker = installed(tmp_path / "planner", monkeypatch)
    release_all(release(docker), docker, "backend:1")
    docker.calls.clear()
    return docker


class TestMarks:
    """What is remembered is bound to the data it was done to."""

    def test_another_volume_is_prepared_and_migrated(self, docker: Docker) -> None:
        """A database that was made anew has neither role nor schema, whatever the state file says."""
        before = marks(docker)
        docker.volumes[VOLUME] = "2026-02-02T00:00:00Z"
        run, wish = release(docker), wished("backend:1")
        seen = run.observe(wish)
        assert set(seen.done) == {"nginx_config", "live", "data"}
        assert [step.action for step in steps(wish, seen)] == ["prepare-database", "migrate"]
        assert marks(docker) == before, "looking changes nothing"
        for step in steps(wish, seen):
            run.run(step)
        assert marks(docker) == before | {"data": "2026-02-02T00:00:00Z"}
        assert steps(wish, run.observe(wish)) == ()

    def test_killed_in_between(self, docker: Docker) -> None:
        """The first thing done to the new data does not revive the marks of the old one."""
        docker.volumes[VOLUME] = "2026-02-02T00:00:00Z"
        run, wish = release(docker), wished("backend:1")
        run.run(steps(wish, run.observe(wish))[0])
        assert [step.action for step in steps(wish, release(docker).observe(wish))] == ["migrate"]

    def test_no_volume_yet(self, docker: Docker) -> None:
        """Where there is no data, nothing was done to it."""
        docker.volumes.clear()
        assert set(release(docker).observe(wished("backend:1")).done) >= {"nginx_config"}
        assert "migrated" not in release(docker).observe(wished("backend:1")).done

    def test_a_step_that_fails_is_not_remembered(self, docker: Docker) -> None:
        """Only what succeeded has a mark."""
        before = marks(docker)
        docker.failing = {"psql": "WHY"}
        with pytest.raises(DockerError, match="WHY"):
            release(docker).run(
                Step("prepare-database", ("postgres",), "", ("database_setup", "x"))
            )
        assert marks(docker) == before


def test_the_first_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host with nothing on it is seen as that, without a single command that acts."""
    docker = installed(tmp_path / "planner", monkeypatch)
    assert release(docker).observe(wished("backend:1")) == Observed()
    assert docker.acted == []


def test_every_step_can_be_carried_out() -> None:
    """Each action that the plan knows has its method."""
    source = Path(str(_release_run.__file__)).with_name("_release.py").read_text()
    actions = set(re.findall(r'Step\("([a-z-]+)"', source))
    assert len(actions) == 9
    assert all(callable(getattr(Release, action.replace("-", "_"), None)) for action in actions)
