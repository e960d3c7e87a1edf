"""The parts of an upgrade in their order: what is done, and what becomes of the app and the volumes when one fails."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._backup_log import Log
from ansible_collections.planner.droplet.plugins.module_utils._backup_manifest import (
    DOUBTFUL,
    Table,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import (
    BackupError,
    Settings,
)
from ansible_collections.planner.droplet.plugins.module_utils._drill import CouldNotVerifyError
from ansible_collections.planner.droplet.plugins.module_utils._postgres_data import (
    DONE,
    FILLED,
    FILLING,
    Upgrade,
)
from ansible_collections.planner.droplet.plugins.module_utils._postgres_upgrade import Upgrading

from tests.unit.upgrade_bench import (
    BACKUP,
    IMAGE,
    LATER,
    MOVED,
    NEW,
    OLD,
    Host,
    Killed,
    upgrading_host,
)

Go = Callable[[], Upgrading]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host on which 17 serves."""
    return upgrading_host(tmp_path / "planner", monkeypatch)


@pytest.fixture
def go(host: Host) -> Go:
    """The program, begun anew."""
    return lambda: Upgrading(Settings(project_dir=str(host.folder)))


def logged(host: Host) -> list[tuple[str, str]]:
    """What the log of backups says."""
    return [(one.result, one.reason) for one in Log(str(host.folder / "backup")).read().runs]


class TestBegin:
    """From the first look to the filled volume."""

    def test_in_order(self, host: Host, go: Go) -> None:
        """Only what was rehearsed stops the app; somebody else watches over it from then on."""
        report = go().begin(18, IMAGE)
        assert host.deeds == MOVED
        assert host.state
        assert (host.state.phase, host.state.source, host.state.target) == (FILLED, 17, 18)
        assert (host.state.volume, host.state.created) == (NEW, f"made {NEW}")
        assert host.state.control
        assert report.problems == []
        assert report.did[-1].startswith(
            "planner_postgres18 has all 3 rows in 1 tables of backup 8"
        )

    def test_it_serves_already(self, host: Host, go: Go) -> None:
        """Nothing is to be done."""
        assert go().begin(17, IMAGE).notes == ["PostgreSQL 17 serves already."]
        assert host.deeds == []

    def test_a_preview(self, host: Host, go: Go) -> None:
        """It says what would happen, and leaves even an upgrade that was cut off alone."""
        host.write(Upgrade(17, 18, NEW, ""))
        report = go().begin(18, IMAGE, dry=True)
        assert report.did == []
        assert "Would rehearse PostgreSQL 18" in report.notes[0]
        assert host.deeds == []

    def test_nothing_was_released(self, host: Host, go: Go) -> None:
        """There is no data that could be moved."""
        (host.folder / "release.json").unlink()
        with pytest.raises(BackupError, match=r"Do: run playbooks/site\.yml"):
            go().begin(18, IMAGE)

    @pytest.mark.parametrize(
        "deed, error",
        [
            (BACKUP, BackupError("no room")),
            ("rehearse", CouldNotVerifyError("was killed")),
            ("rehearse", BackupError("table public.tasks is missing")),
        ],
    )
    def test_a_failure_before_the_app_is_held(
        self, host: Host, go: Go, deed: str, error: Exception
    ) -> None:
        """The app does not notice, and nothing was written down."""
        host.failing[deed] = error
        with pytest.raises(BackupError, match=str(error)):
            go().begin(18, IMAGE)
        assert "hold" not in host.deeds
        assert host.state is None
        assert host.volumes == {OLD: False}

    def test_a_doubtful_backup(self, host: Host, go: Go) -> None:
        """What looks as if something had been lost is not moved."""
        host.verdict = DOUBTFUL
        with pytest.raises(BackupError, match="doubtful"):
            go().begin(18, IMAGE)
        assert host.deeds == [BACKUP]

    @pytest.mark.parametrize("deed", MOVED[3:10])
    def test_a_failure_once_the_app_is_held(self, host: Host, go: Go, deed: str) -> None:
        """The old version serves again, the volume that was begun is gone, and both are said."""
        host.failing[deed] = BackupError("it broke")
        with pytest.raises(BackupError) as told:
            go().begin(18, IMAGE)
        assert str(told.value).startswith(
            "PostgreSQL 18 was not filled: it broke\nPostgreSQL 17 serves again"
        )
        assert "start again" in host.deeds
        assert host.volumes == {OLD: False}
        assert host.state is None
        assert logged(host) == [("failed", "PostgreSQL 17 -> 18")]

    def test_not_even_the_way_back(self, host: Host, go: Go) -> None:
        """Both reasons are told, and what is written down stays for the next one."""
        host.failing = {"fill": BackupError("it broke"), "start again": BackupError("nor this")}
        with pytest.raises(
            BackupError, match=r"it broke\nAnd it could not be taken back: nor this"
        ):
            go().begin(18, IMAGE)
        assert host.state
        assert host.state.open

    @pytest.mark.parametrize("deed", MOVED[3:])
    def test_the_program_is_killed(self, host: Host, go: Go, deed: str) -> None:
        """Whenever that is, the next one brings the old version back and begins anew."""
        host.failing[deed] = Killed()
        with pytest.raises(Killed):
            go().begin(18, IMAGE)
        assert host.state
        assert host.state.phase == (FILLED if deed == "arm 900" else FILLING)
        host.failing.clear()
        host.deeds.clear()
        go().begin(18, IMAGE)
        begun = [f"remove {NEW}"] if NEW in host.deeds[1] else []
        assert host.deeds == ["start again", *begun, *MOVED]
        assert host.volumes == {OLD: False, NEW: True}

    def test_a_volume_that_nobody_wrote_down(self, host: Host, go: Go) -> None:
        """One of an upgrade that was cut off before it could is thrown away."""
        host.volumes[NEW] = True
        go().begin(18, IMAGE)
        assert host.deeds == [*MOVED[:6], f"remove {NEW}", *MOVED[6:]]


class TestAfterwards:
    """Once the volume is filled."""

    @pytest.fixture(autouse=True)
    def filled(self, host: Host, go: Go) -> None:
        """The stack may follow."""
        go().begin(18, IMAGE)
        host.deeds.clear()

    def test_finish(self, host: Host, go: Go) -> None:
        """The stack serves from it: this is written down, and what is left to do is said."""
        host.serves(NEW)
        report = go().finish()
        assert host.state
        assert host.state.phase == DONE
        assert report.did[0].startswith("PostgreSQL 18 serves. The app was held for ")
        assert "stack_postgres_major: 18" in report.notes[0]
        assert report.notes[1].startswith("planner_postgres17 stays as it was.")
        assert logged(host) == [("good", "PostgreSQL 17 -> 18")]
        assert go().finish().did == []

    def test_the_stack_did_not_follow(self, host: Host, go: Go) -> None:
        """That is no success."""
        with pytest.raises(BackupError, match="The stack was not brought to planner_postgres18"):
            go().finish()
        assert host.state
        assert host.state.phase == FILLED

    def test_back(self, host: Host, go: Go) -> None:
        """The old version serves again, and nothing is left of the new one."""
        report = go().settle()
        assert host.deeds == ["start again", f"remove {NEW}"]
        assert report.did[0].startswith("PostgreSQL 17 serves again, on its data of before.")
        assert host.state is None
        assert go().settle().did == []

    def test_no_way_back_once_it_serves(self, host: Host, go: Go) -> None:
        """What the app wrote since would be lost: the upgrade is finished instead."""
        host.serves(NEW)
        assert go().settle().did[0].startswith("PostgreSQL 18 serves.")
        assert host.deeds == []

    def test_the_app_had_written_already(self, host: Host, go: Go) -> None:
        """It is held, and what only the new volume has is backed up before that goes."""
        host.runs_on, host.app_started = NEW, LATER
        host.found["public.tasks"] = Table(4, "8")
        report = go().settle()
        kept = "backup what PostgreSQL 18 took before the way back"
        assert host.deeds == ["hold", kept, "start again", f"remove {NEW}"]
        assert report.notes == [
            "The app had written already, to public.tasks: that is only in this backup."
        ]

    def test_the_app_had_written_nothing(self, host: Host, go: Go) -> None:
        """There is nothing to keep."""
        host.runs_on, host.app_started = NEW, LATER
        go().settle()
        assert host.deeds == ["hold", "start again", f"remove {NEW}"]

    @pytest.mark.parametrize("deed", ["hold", "backup what PostgreSQL 18 took before the way back"])
    def test_what_it_wrote_cannot_be_kept(self, host: Host, go: Go, deed: str) -> None:
        """Then the volume stays, and this is said."""
        host.runs_on, host.app_started = NEW, LATER
        host.found["public.tasks"] = Table(4, "8")
        host.failing[deed] = BackupError("it broke")
        report = go().settle()
        assert (
            report.notes[-1]
            == "So planner_postgres18 stays: it may have rows that are nowhere else."
        )
        assert NEW in host.volumes
        assert host.deeds[-1] == "start again"

    def test_the_old_server_was_started_since(self, host: Host, go: Go) -> None:
        """A reboot, say: the new volume is stale, so the next upgrade begins anew."""
        host.app_started = LATER
        go().begin(18, IMAGE)
        assert host.deeds == ["start again", f"remove {NEW}", *MOVED]


class TestConfirm:
    """The old volume goes."""

    @pytest.fixture(autouse=True)
    def upgraded(self, host: Host, go: Go) -> None:
        """18 serves."""
        go().begin(18, IMAGE)
        host.serves(NEW)
        go().finish()
        host.deeds.clear()

    def test_it_is_removed(self, host: Host, go: Go) -> None:
        """And the next time there is none."""
        assert go().confirm(18).did == [f"Removed {OLD}."]
        assert host.volumes == {NEW: True}
        assert go().confirm(18).notes == [f"There is no volume beside {NEW}."]

    def test_a_preview(self, host: Host, go: Go) -> None:
        """It only says so."""
        assert go().confirm(18, dry=True).did == [f"Would remove {OLD}."]
        assert OLD in host.volumes

    def test_it_is_what_the_owner_wishes(self, host: Host, go: Go) -> None:
        """The inventory still wishes 17: its data is not removed under it."""
        with pytest.raises(
            BackupError, match="PostgreSQL 18 serves, and stack_postgres_major is 17"
        ):
            go().confirm(17)
        assert OLD in host.volumes

    def test_everything_that_speaks_against_it(self, host: Host, go: Go) -> None:
        """The product runs on it, something uses it, an upgrade is open: all at once."""
        assert host.state
        host.write(replace(host.state, phase=FILLED))
        host.runs_on, host.users = OLD, "4711"
        with pytest.raises(BackupError) as told:
            go().confirm(18)
        lines = str(told.value).splitlines()
        assert lines[0] == "Nothing was removed:"
        assert [line.split(". Do:")[0] for line in lines[1:]] == [
            "an upgrade was cut off",
            "PostgreSQL 17 runs, not 18",
            f"a container uses {OLD}",
        ]
        assert OLD in host.volumes
