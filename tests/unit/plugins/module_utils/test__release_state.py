"""What a release remembers, and when that is no longer true."""

import re
import stat
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _release_run
from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._release import Observed, Step, steps
from ansible_collections.planner.droplet.plugins.module_utils._release_run import Release

from tests.unit.fake_containers import VOLUME
from tests.unit.fake_docker import Docker
from tests.unit.release_bench import installed, marks, release, release_all, serving_first, wished

ANEW = ["prepare-database", "migrate"]


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A host on which the first version serves."""
    return serving_first(tmp_path / "planner", monkeypatch)


def planned(docker: Docker) -> list[str]:
    """What a release of the first version would do."""
    run, wish = release(docker), wished("backend:1")
    return [step.action for step in steps(wish, run.observe(wish))]


class TestMarks:
    """What is remembered is bound to the data it was done to."""

    def test_another_volume_is_prepared_and_migrated(self, docker: Docker) -> None:
        """A database that was made anew has neither role nor schema, whatever the state file says."""
        before = marks(docker)
        assert stat.S_IMODE((docker.folder / "state.json").stat().st_mode) == 0o640
        docker.volumes[VOLUME], docker.schema.revision = "2026-02-02T00:00:00Z", ""
        run, wish = release(docker), wished("backend:1")
        seen = run.observe(wish)
        assert set(seen.done) == {"nginx_config", "live", "data"}
        assert planned(docker) == ANEW
        assert marks(docker) == before, "looking changes nothing"
        release_all(docker, "backend:1", run=run)
        assert marks(docker) == before | {"data": "2026-02-02T00:00:00Z"}
        assert planned(docker) == []

    def test_killed_in_between(self, docker: Docker) -> None:
        """The first thing done to the new data does not revive the marks of the old one."""
        docker.volumes[VOLUME], docker.schema.revision = "2026-02-02T00:00:00Z", ""
        run, wish = release(docker), wished("backend:1")
        run.run(steps(wish, run.observe(wish))[0])
        assert planned(docker) == ANEW[1:]

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
    """Each action that the plan knows has its method; after the last one it is planned anew."""
    source = Path(str(_release_run.__file__)).with_name("_release.py").read_text()
    actions = set(re.findall(r'Step\("([a-z-]+)"', source))
    assert len(actions) == 13
    assert all(callable(getattr(Release, action.replace("-", "_"), None)) for action in actions)
