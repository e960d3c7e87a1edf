"""One release from beginning to end: what it writes down, refuses, proves and leaves as it was."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _release_engine
from ansible_collections.planner.droplet.plugins.module_utils._release_engine import (
    ReleaseError,
    Request,
)

from tests.unit.fake_containers import rendered
from tests.unit.fake_docker import Docker
from tests.unit.release_bench import (
    DUMP,
    FIRST,
    MIGRATE,
    OLD,
    SECOND,
    Perform,
    installed,
    log,
    performer,
)

RUNNING = "release.running.json"
THIRD = rendered(backend={"image": "backend:3"})


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A host with Docker, the project's folder and nothing else."""
    return installed(tmp_path / "planner", monkeypatch)


@pytest.fixture
def go(docker: Docker) -> Perform:
    """Release a Compose file."""
    return performer(docker)


def compose_yml(docker: Docker) -> str:
    """What the project could be started with by hand."""
    return (docker.folder / "compose.yml").read_text()


class TestRecord:
    """The log of releases."""

    def test_the_first(self, go: Perform, docker: Docker) -> None:
        """Who released what, by id, on which schema, and how it ended."""
        record = go(given={"backend": "registry/app:1.0"}).record
        assert record
        assert log(docker) == [json.loads(record.to_json())]
        (found,) = log(docker)
        assert found["started"].startswith("2027-01-15T08:01:4")
        del found["started"], found["seconds"]
        assert found == {
            "release": 1,
            "kind": "release",
            "to": None,
            "by": "anna@laptop",
            "given": {"backend": "registry/app:1.0"},
            "images": {"backend": "backend:1"},
            "image_ids": {"backend": "sha256:id-of-backend:1"},
            "schema_before": "",
            "schema_after": "0001",
            "history": ["0001"],
            "applied": {"0001": []},
            "strategy": "start-first",
            "gap_s": 0,
            "dump": "",
            "result": "good",
            "reason": "",
        }

    def test_a_migration(self, go: Perform, docker: Docker) -> None:
        """What was migrated is known, why older code cannot go on, and where the data from before is."""
        go()
        docker.schema.brings["backend:2"], docker.schema.breaks = ["0001", "0002"], {"0002"}
        record = go(SECOND, accept_breaking_schema=True, kind="rollback", to=1).record
        assert record
        assert (record.release, record.kind, record.to) == (2, "rollback", 1)
        assert (record.schema_before, record.schema_after) == ("0001", "0002")
        assert record.applied == {"0002": ("it says works_with_older_code = False",)}
        assert record.dump == f"{docker.folder}/dumps/release-2.dump"
        assert Path(record.dump).exists()
        assert 2 <= record.gap_s < 4

    def test_a_void_one(self, go: Perform, docker: Docker) -> None:
        """Its reason is one line; what runs and could be started by hand is the old version."""
        go()
        docker.crashes["backend"] = [(1, 1)]
        with pytest.raises(ReleaseError) as error:
            go(SECOND)
        last = log(docker)[-1]
        assert last["result"] == "void"
        assert last["reason"] == (
            "The new version was removed and the old one serves on: planner-backend-2: it crashed once "
            "within 1 s (exit code 1)."
        )
        assert str(error.value).startswith(last["reason"])
        assert [step.split()[0] for step in error.value.taken] == ["pull", "remember"]
        assert compose_yml(docker) == FIRST
        assert json.loads((docker.folder / "release.json").read_text())["compose"] == FIRST
        assert not (docker.folder / RUNNING).exists()

    def test_restored_is_not_applied(self, go: Perform, docker: Docker) -> None:
        """A void release whose dump came back migrated nothing."""
        go()
        docker.schema.brings["backend:2"], docker.schema.breaks = ["0001", "0002"], {"0002"}
        docker.crashes["backend"] = [(1, 1)]
        with pytest.raises(ReleaseError, match="the old one serves again"):
            go(SECOND, accept_breaking_schema=True)
        last = log(docker)[-1]
        assert (last["applied"], last["schema_after"]) == ({}, "0001")
        assert docker.schema.revision == "0001"

    def test_what_serves_on_was_migrated(self, go: Perform, docker: Docker) -> None:
        """A void release whose migrations stay says which, so that a way back can be judged."""
        go()
        docker.schema.brings["backend:2"] = ["0001", "0002"]
        docker.crashes["backend"] = [(1, 1)]
        with pytest.raises(ReleaseError, match="the old one serves on"):
            go(SECOND)
        last = log(docker)[-1]
        assert (last["applied"], last["schema_after"]) == ({"0002": []}, "0002")
        docker.crashes.clear()
        # The first version goes on: what stands between was written down.
        assert go(FIRST).steps == ["remember backend (the schema is one it can use)"]

    @pytest.mark.parametrize(
        "changed",
        [
            {"nginx_config": "n2"},
            {"database_setup": "d2"},
            {"compose": rendered(redis={"image": "redis:2"})},
            {},
        ],
    )
    def test_no_release(self, go: Perform, docker: Docker, changed: dict[str, Any]) -> None:
        """Nginx' configuration, a password or another Redis is none, nor is nothing."""
        go()
        outcome = go(**changed)
        assert bool(outcome.steps) is bool(changed)
        assert outcome.record is None
        assert len(log(docker)) == 1

    def test_no_backend_yet(self, go: Perform, docker: Docker) -> None:
        """A host that shows the holding page has no release."""
        outcome = go(rendered(backend=None))
        assert outcome.record is None
        assert outcome.proof == {}
        assert log(docker) == []

    def test_an_own_service(self, go: Perform, docker: Docker) -> None:
        """A new version of one of the owner's own is a release, too."""
        bot = {"image": "bot:1"}
        go(rendered(bot=bot))
        record = go(rendered(bot={"image": "bot:2"}), start_first=["bot"]).record
        assert record
        assert record.images == {"backend": "backend:1", "bot": "bot:2"}
        assert list(docker.of("bot")) == ["planner-bot-2"]
        assert docker.nginx.route == OLD


class TestFiles:
    """What lies beside the project."""

    def test_compose_yml(self, go: Perform, docker: Docker) -> None:
        """It is there from the first run on, and another one takes its place when it has proved itself."""
        docker.failing = {"up .* backend": "WHY"}
        with pytest.raises(ReleaseError):
            go()
        assert compose_yml(docker) == FIRST
        docker.failing = {}
        go()
        assert go(SECOND).compose_before == FIRST
        assert compose_yml(docker) == SECOND
        assert stat.S_IMODE((docker.folder / "compose.yml").stat().st_mode) == 0o640

    def test_release_json(self, go: Perform, docker: Docker) -> None:
        """Another release can start from it: everything but whose it was. Only root reads it."""
        go(kind="rollback", to=1)
        path = docker.folder / "release.json"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        saved = json.loads(path.read_text())
        assert set(saved) == set(vars(Request(**saved))) - {"by", "kind", "to"}
        assert saved["compose"] == FIRST

    def test_check_mode(self, go: Perform, docker: Docker) -> None:
        """A preview writes nothing, not even that a release runs."""
        go()
        before = {one: one.read_bytes() for one in docker.folder.rglob("*") if one.is_file()}
        outcome = go(SECOND, check_mode=True)
        assert outcome.record is None
        assert outcome.steps
        assert docker.acted == []
        assert {
            one: one.read_bytes() for one in docker.folder.rglob("*") if one.is_file()
        } == before


class TestProof:
    """At the end it is looked at what runs."""

    def test_it_is_told(self, go: Perform) -> None:
        """By id, by name, by schema, by what the backend answers on nginx' own way."""
        assert go().proof == {
            "backend": {
                "image": "backend:1",
                "image_id": "sha256:id-of-backend:1",
                "container": OLD,
                "readiness": '{"ready": true}',
                "schema": "0001",
            }
        }

    def test_it_fails(self, go: Perform, docker: Docker) -> None:
        """A release that cannot be proved is void, and the next run tells how it is then."""
        go()
        docker.failing = {"wget": "wget: server returned error: HTTP/1.1 503"}
        with pytest.raises(ReleaseError, match=r"HTTP/1\.1 503"):
            go(SECOND)
        assert log(docker)[-1]["result"] == "void"
        assert compose_yml(docker) == FIRST
        docker.failing = {}
        assert go(SECOND).record
        assert [one["result"] for one in log(docker)] == ["good", "void", "good"]


def test_two_rounds(go: Perform, docker: Docker) -> None:
    """Where PostgreSQL had to come first, the rest is planned when it can be asked."""
    outcome = go()
    assert [step.split()[0] for step in outcome.steps] == [
        "pull",
        "start",
        "remember",
        "prepare-database",
        "migrate",
        "start",
        "switch",
    ]
    asked = next(at for at, call in enumerate(docker.calls) if "planner-schema backend" in call)
    prepared = next(at for at, call in enumerate(docker.calls) if "prepare.sql" in call)
    assert prepared < asked < docker.calls.index(MIGRATE)
    assert DUMP not in docker.calls, "there was nothing to dump"


def test_it_cleans_up_after_a_good_one_only(
    go: Perform, docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old images and dumps go by the budget, when it is certain that they are not needed."""
    budgets: list[int] = []

    def clean(_compose: Any, budget_mb: int) -> list[str]:
        budgets.append(budget_mb)
        return ["image abc, 100 MiB"]

    monkeypatch.setattr(_release_engine, "clean", clean)
    assert go(disk_budget_mb=300).cleaned == ["image abc, 100 MiB"]
    docker.crashes["backend"] = [(1, 1)]
    with pytest.raises(ReleaseError):
        go(THIRD)
    assert budgets == [300]
