"""Every command of docs/backup.md does what the page says, in the state for which it is written."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from .conftest import BLOCKS, NAME, ROOT, Droplet, bench, storage

RESTIC = "droplet-restic-environment"
# The page's number of a backup.
NUMBER = re.compile(r"\b(?:0017(?=-)|17\b)")


def nothing(droplet: Droplet) -> Iterator[None]:
    """Take the Droplet as it is."""
    assert droplet.local()
    yield


def lost(droplet: Droplet) -> Iterator[None]:
    """Lose some rows; in the end there are as many as in the backup."""
    droplet.made()
    before = droplet.rows()
    droplet.psql("DELETE FROM label WHERE task_id % 5 = 0")
    yield
    assert droplet.rows() == before


def one_too_many(droplet: Droplet) -> Iterator[None]:
    """Have a backup of which the page says that it may go."""
    droplet.made()
    droplet.made()
    yield


def doubtful(droplet: Droplet) -> Iterator[None]:
    """Have a table emptied since the last good backup; in the end that is right."""
    droplet.psql("CREATE TABLE gone AS SELECT generate_series(1, 100) AS n")
    droplet.made()
    droplet.psql("DELETE FROM gone")
    assert droplet.program("run").code == 1
    assert droplet.manifest()["verdict"] == "doubtful"
    yield
    assert droplet.manifest()["verdict"] == "good"
    droplet.psql("DROP TABLE gone")


def damaged(droplet: Droplet) -> Iterator[None]:
    """Have bits flipped in the storage; in the end it is whole, and every local backup is there."""
    with storage("flip", "unflip", NAME):
        yield
        assert set(droplet.local()) <= set(droplet.offsite())


def cut_off(droplet: Droplet) -> Iterator[None]:
    """Be where a restore is between its two renamings; in the end the product works on its data of before."""
    before = droplet.rows()
    backend = droplet.host.check_output(
        "docker ps -q --filter label=com.docker.compose.service=backend"
    )
    droplet.host.check_output(f"docker stop {backend}")
    droplet.psql("ALTER DATABASE planner WITH ALLOW_CONNECTIONS false", "postgres")
    droplet.psql("ALTER DATABASE planner RENAME TO planner_before", "postgres")
    yield
    assert droplet.rows() == before


def away(droplet: Droplet) -> Iterator[None]:
    """Have the storage away for a run; in the end it has everything."""
    with storage("stop", "start"):
        assert droplet.program("run").code == 1
    yield
    assert set(droplet.local()) <= set(droplet.offsite())


def other_data(droplet: Droplet) -> Iterator[None]:
    """Have Redis in a backup, and lose what is in it."""
    redis = "docker exec planner-redis-1 redis-cli"
    droplet.host.check_output(f"{redis} set kept 'a word'")
    with droplet.settings(redis=True):
        assert "redis.rdb" in droplet.made()["files"]
        droplet.host.check_output(f"{redis} del kept")
        yield
    assert droplet.host.check_output(f"{redis} get kept") == "a word"


Setting = Callable[[Droplet], Iterator[None]]
# Executed by tests of their own; the last by test_zzz_recover.py, when the machine is gone.
OWN = {"droplet-key-add", "droplet-key-remove", "any-copy", "recover"}
# What belongs together, in the page's order, each in the state it is for. Those that are quick come with make test.
QUICK: dict[str, tuple[Setting, list[str]]] = {
    "what there is": (nothing, ["status", "restore-dry-run", "droplet-list", "droplet-journal"]),
    "where the disk went": (nothing, ["droplet-disk"]),
    "keys": (nothing, ["droplet-password", RESTIC, "droplet-unlock"]),
}
CASES: dict[str, tuple[Setting, list[str]]] = {
    "a backup": (nothing, ["backup-now"]),
    "the latest": (lost, ["restore-latest"]),
    "of a day": (lost, ["restore-date"]),
    "a number": (lost, ["restore-number"]),
    "from off-site": (lost, ["restore-offsite"]),
    "beside": (nothing, ["restore-beside", "droplet-beside"]),
    "one table": (nothing, ["restore-table"]),
    "other data": (other_data, ["restore-other-data"]),
    "on the droplet": (lost, ["droplet-restore"]),
    "on the droplet, others": (nothing, ["droplet-restore-others"]),
    "by hand": (lost, ["droplet-by-hand", "droplet-by-hand-into-place", "droplet-by-hand-done"]),
    "from the repository": (nothing, [RESTIC, "any-restic"]),
    "cut off": (
        cut_off,
        ["droplet-cut-off", "droplet-cut-off-back", "droplet-cut-off-open", "cut-off-start"],
    ),
    "drills": (nothing, ["drill", "drill-local"]),
    "the disk is full": (one_too_many, ["droplet-disk-clean", "droplet-check"]),
    "damaged": (damaged, [RESTIC, "droplet-damaged-look", "droplet-damaged-mend"]),
    "away": (away, ["droplet-away"]),
    "doubtful": (doubtful, ["doubtful-look", "doubtful-accept"]),
    "somebody else forgets": (nothing, [RESTIC, "any-forget"]),
}  # fmt: skip


def test_every_block_is_run() -> None:
    """The page has no command that nobody executes, and none is executed that it does not have."""
    run = {name for _, names in [*QUICK.values(), *CASES.values()] for name in names}
    assert run | OWN == set(BLOCKS)


@contextmanager
def state(setting: Setting, droplet: Droplet) -> Iterator[None]:
    """Bring the Droplet into a state, and see to it that it ends as the page says."""
    walk = setting(droplet)
    next(walk)
    yield
    next(walk, None)
    droplet.idle()


def execute(droplet: Droplet, names: list[str], before: str = "") -> str:
    """Execute blocks, those that follow each other on one machine in one shell; return what they said."""
    said = ""
    while names:
        here = remote(names[0])
        shell = names[
            : next((i for i, name in enumerate(names) if remote(name) != here), len(names))
        ]
        names = names[len(shell) :]
        script = before + "\n".join(
            placed(name) + numbered(droplet, BLOCKS[name]) for name in shell
        )
        said += in_shell(droplet, script) if here else on_this_machine(script)
    return said


def placed(name: str) -> str:
    """Go where a block's files may be: on another machine that is not the folder of the secrets."""
    return 'cd "$folder"\n' if name.startswith("any-") else ""


def remote(name: str) -> bool:
    """Tell whether a block is for the Droplet; it is also the machine with restic, zstd and Docker."""
    return name.startswith(("droplet-", "any-"))


def numbered(droplet: Droplet, block: str) -> str:
    """Put the number of a backup that exists in the place of the page's: the last one that counts."""
    good = [number for number in droplet.local() if droplet.manifest(number)["verdict"] == "good"]
    return NUMBER.sub(lambda found: f"{max(good):0{len(found[0])}}", block)


def in_shell(droplet: Droplet, script: str) -> str:
    """Execute on the Droplet, as root, in a folder of its own; the first command that fails ends it."""
    begin = 'folder=$(mktemp -d); trap \'rm -rf "$folder"\' EXIT; cd "$folder"\n'
    done = droplet.host.run("bash -e -c %s", begin + script)
    assert done.rc == 0, done.stdout + done.stderr
    return str(done.stdout)


def on_this_machine(script: str) -> str:
    """Execute where this repository is; the inventory is the scenario's."""
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=ROOT,
        env=os.environ | {"ANSIBLE_INVENTORY": os.environ["MOLECULE_INVENTORY_FILE"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(autouse=True)
def good_again(droplet: Droplet, outside) -> Iterator[None]:
    """Whatever a page's command did, the product works, and nothing half-done is left."""
    yield
    outside.until_ready()
    droplet.clean()


@pytest.mark.parametrize("case", QUICK)
def test_looking(droplet, case) -> None:
    """What only looks, or tidies up, works at any time."""
    setting, names = QUICK[case]
    with state(setting, droplet):
        execute(droplet, names)


@pytest.mark.thorough
@pytest.mark.parametrize("case", CASES)
def test_doing(droplet, case) -> None:
    """What does something does it, in the state for which it is written."""
    setting, names = CASES[case]
    with state(setting, droplet):
        execute(droplet, names)


@pytest.mark.thorough
def test_another_password(droplet, playbook) -> None:
    """The new one is added, the owner's next run has it, and the old one opens nothing any more."""
    old = droplet.host.check_output("cat /opt/planner/backup/secrets/backup_password")
    said = execute(droplet, [RESTIC, "droplet-key-add"])
    new = said.splitlines()[-1]
    wish = json.dumps({"backup_password": new})
    changed = playbook("site", "--tags", "backup", "-e", wish)
    assert changed.returncode == 0, changed.stdout
    execute(droplet, [RESTIC, "droplet-key-remove"])
    droplet.made()
    opens = f"export RESTIC_PASSWORD={old}; unset RESTIC_PASSWORD_FILE; ! restic cat config"
    in_shell(droplet, f"{BLOCKS[RESTIC]}\n{opens}")
    # And back, the same way.
    back = f"printf '%s' '{old}' >/root/old; restic key add --new-password-file /root/old; rm /root/old"
    in_shell(droplet, f"{BLOCKS[RESTIC]}\n{back}")
    again = playbook("site", "--tags", "backup")
    assert again.returncode == 0, again.stdout
    execute(droplet, [RESTIC, "droplet-key-remove"], "touch /root/backup_password.new\n")


@pytest.mark.thorough
def test_a_second_copy(droplet) -> None:
    """Another repository gets everything from the first, and is whole."""
    there = "RESTIC_REPOSITORY=/var/tmp/copy RESTIC_FROM_REPOSITORY=$RESTIC_REPOSITORY"
    names = f"export RESTIC_FROM_PASSWORD_FILE=$RESTIC_PASSWORD_FILE {there}"
    copied = in_shell(
        droplet, f"{BLOCKS[RESTIC]}\n{names}\n{BLOCKS['any-copy']}\nrestic snapshots --json"
    )
    assert copied.count('"number=') == len(droplet.offsite())
    droplet.host.check_output("rm -r /var/tmp/copy")


@pytest.mark.thorough
def test_a_key_that_only_adds(droplet, playbook) -> None:
    """With the policy of the page backups go on, and nothing can be deleted with that key."""
    key_id, secret = bench("append-only", NAME).split()
    wish = {"backup_s3_key_id": key_id, "backup_s3_secret": secret, "backup_prune": False}
    changed = playbook("site", "--tags", "backup", "-e", json.dumps(wish))
    assert changed.returncode == 0, changed.stdout
    try:
        number = droplet.made()["number"]
        droplet.must("check")
        snapshot = droplet.offsite()[number]
        in_shell(droplet, f"{BLOCKS[RESTIC]}\nrestic forget {snapshot} || true")
        assert number in droplet.offsite()
        assert "Drill PASSED" in droplet.must("drill")
    finally:
        again = playbook("site", "--tags", "backup")
        assert again.returncode == 0, again.stdout
