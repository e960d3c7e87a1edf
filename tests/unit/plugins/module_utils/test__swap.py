"""The decision about the swap file: from every state a host can be in."""

from dataclasses import replace

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _swap
from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError
from ansible_collections.planner.droplet.plugins.module_utils._swap import (
    EMPTY,
    FOREIGN,
    MIB,
    SWAP,
    Active,
    File,
    Host,
    decide,
)
from hypothesis import given
from hypothesis import strategies as st

PATH = "/swapfile"
FSTAB = "UUID=1 / ext4 errors=remount-ro 0 1\n"
LISTED = FSTAB + "/swapfile none swap sw 0 0\n"
BARE = Host(
    file=File(),
    active=(),
    fstab=FSTAB,
    filesystem="ext4",
    disk_mb=25_000,
    free_mb=20_000,
    available_mb=400,
)
COMPLETE = File(SWAP, 1024 * MIB, 1024 * MIB, private=True)
DONE = replace(BARE, file=COMPLETE, active=(Active(PATH, 1024 * 1024 - 4, 0),), fstab=LISTED)
CREATE = ("allocate", "format", "activate", "persist")


def with_file(host: Host, **changes: object) -> Host:
    """The host, its file a little different."""
    return replace(host, file=replace(host.file, **changes))  # type: ignore[arg-type]


def other(size_mb: int, used_mb: int = 0) -> Active:
    """Swap of somebody else."""
    return Active("/dev/vdb", size_mb * 1024 - 4, used_mb * 1024)


INACTIVE = replace(DONE, active=())
# what stands there, planned MiB -> steps
STATES = {
    "bare": (BARE, 1024, CREATE),
    "done": (DONE, 1024, ()),
    "none wished, none there": (BARE, 0, ()),
    # each point at which a first run can be interrupted
    "half a file": (
        replace(BARE, file=File(EMPTY, 300 * MIB, 300 * MIB, private=True)),
        1024,
        ("remove", *CREATE),
    ),
    "an empty file": (replace(BARE, file=File(EMPTY, private=True)), 1024, ("remove", *CREATE)),
    "no signature": (
        replace(BARE, file=replace(COMPLETE, kind=EMPTY)),
        1024,
        ("format", "activate", "persist"),
    ),
    "not active": (replace(BARE, file=COMPLETE), 1024, ("activate", "persist")),
    "not in fstab": (replace(DONE, fstab=FSTAB), 1024, ("persist",)),
    "not active after a boot": (INACTIVE, 1024, ("activate",)),
    # each point at which a removal can be interrupted
    "remove": (DONE, 0, ("deactivate", "forget", "remove")),
    "switched off, to be removed": (INACTIVE, 0, ("forget", "remove")),
    "forgotten, to be removed": (replace(BARE, file=COMPLETE), 0, ("remove",)),
    "only fstab remains": (replace(INACTIVE, file=File()), 0, ("forget",)),
    # what else may stand there
    "readable by all": (with_file(DONE, private=False), 1024, ("protect",)),
    "readable by all, without signature": (
        with_file(INACTIVE, private=False, kind=EMPTY),
        1024,
        ("protect", "format", "activate"),
    ),
    "holes": (
        with_file(INACTIVE, allocated=4096),
        1024,
        ("remove", "allocate", "format", "activate"),
    ),
    "smaller": (
        replace(
            DONE,
            file=File(SWAP, 512 * MIB, 512 * MIB, private=True),
            active=(Active(PATH, 512 * 1024, 90 * 1024),),
        ),
        1024,
        ("deactivate", "remove", "allocate", "format", "activate"),
    ),
    "larger": (DONE, 512, ("deactivate", "remove", "allocate", "format", "activate")),
    "noauto": (replace(DONE, fstab="/swapfile none swap noauto 0 0\n"), 1024, ("persist",)),
    "somebody's data, none wished": (replace(BARE, file=File(FOREIGN, 9, 4096)), 0, ()),
    # swap of somebody else
    "other is enough": (replace(BARE, active=(other(1024),)), 1024, ()),
    "two others are enough": (
        replace(BARE, active=(other(600), Active("/dev/zram0", 600 * 1024, 0))),
        1024,
        (),
    ),
    "other is too small": (replace(BARE, active=(other(1000),)), 1024, CREATE),
    "other, and a run that was interrupted": (
        replace(BARE, active=(other(2048),), file=COMPLETE),
        1024,
        ("activate", "persist"),
    ),
    "other beside ours": (replace(DONE, active=(*DONE.active, other(4096))), 1024, ()),
    "other, none wished": (replace(BARE, active=(other(1024),)), 0, ()),
    # the disk: a tenth of 10 GB, 2 GiB of 25 GB and of 160 GB
    "just enough disk": (replace(BARE, free_mb=3072), 1024, CREATE),
    "a small disk": (replace(BARE, disk_mb=10_000, free_mb=2024), 1024, CREATE),
    "a large disk": (replace(BARE, disk_mb=160_000, free_mb=3072), 1024, CREATE),
    "the old file makes room": (
        replace(with_file(DONE, size=2048 * MIB, allocated=2048 * MIB), free_mb=1024),
        1024,
        ("deactivate", "remove", "allocate", "format", "activate"),
    ),
    "a full disk does not matter to what is there": (replace(DONE, free_mb=0), 1024, ()),
    "nor to a removal": (
        replace(DONE, free_mb=0, filesystem="btrfs"),
        0,
        ("deactivate", "forget", "remove"),
    ),
    "full swap with room elsewhere": (
        replace(DONE, active=(Active(PATH, 1024**2, 500 * 1024), other(200, 20))),
        0,
        ("deactivate", "forget", "remove"),
    ),
}


@pytest.mark.parametrize("host, planned, steps", STATES.values(), ids=STATES)
def test_steps(host: Host, planned: int, steps: tuple[str, ...]) -> None:
    """From any state, exactly what is missing."""
    assert decide(host, PATH, planned).steps == steps


IN_USE = (Active(PATH, 1024 * 1024, 395 * 1024),)
REFUSED = {
    "full disk": (
        replace(BARE, free_mb=3000),
        1024,
        "/swapfile: 3000 of 25000 MiB are free, and 2048 must stay free. Do: free 72 MiB",
    ),
    "copy on write": (replace(BARE, filesystem="btrfs"), 1024, "/swapfile: lies on btrfs"),
    "no disk": (replace(BARE, filesystem="tmpfs"), 1024, "/swapfile: lies on tmpfs"),
    "somebody's data": (
        replace(BARE, file=File(FOREIGN, 1024 * MIB, 1024 * MIB)),
        1024,
        "/swapfile: exists and is no swap file",
    ),
    "swap that memory cannot take back": (
        replace(DONE, active=IN_USE, available_mb=300),
        0,
        "/swapfile: must be switched off and holds 395 MiB, but memory can take back only 236",
    ),
    "the same while resizing": (replace(DONE, active=IN_USE, available_mb=20), 512, "only 0"),
}


@pytest.mark.parametrize("host, planned, words", REFUSED.values(), ids=REFUSED)
def test_refusals(host: Host, planned: int, words: str) -> None:
    """What cannot be done safely is said before anything is touched, with numbers and a way out."""
    with pytest.raises(PlanError) as refusal:
        decide(host, PATH, planned)
    assert words in str(refusal.value)
    assert ". Do: " in str(refusal.value)


def test_refuses_everything_at_once() -> None:
    """One run names all that is wrong with the place."""
    with pytest.raises(PlanError) as refusal:
        decide(replace(BARE, filesystem="zfs", free_mb=10), PATH, 1024)
    assert len(refusal.value.problems) == 2


def test_note() -> None:
    """Other swap is reported by name, also where a file is made beside it."""
    assert not decide(BARE, PATH, 1024).note
    note = "1024 MiB of other swap (/dev/vdb) are active and left alone"
    assert decide(replace(BARE, active=(other(1024),)), PATH, 2048).note == note
    enough = decide(replace(BARE, active=(other(1024),)), PATH, 1024).note
    assert enough == f"{note}: enough for the planned 1024, no file is made"


FSTABS = [
    "",
    FSTAB,
    FSTAB.rstrip("\n"),
    "#/swapfile none swap sw 0 0\n",
    "\n\n# text\f of \x85somebody\n",
    "/swapfile.old none swap sw 0 0\n/srv/swapfile /swapfile none bind 0 0\n",
]


@pytest.mark.parametrize("text", FSTABS)
def test_fstab_keeps_what_is_not_ours(text: str) -> None:
    """The entry comes last, once, and goes without a trace."""
    assert not _swap.in_fstab(text, PATH)
    entered = _swap.fstab_with(text, PATH)
    assert _swap.in_fstab(entered, PATH)
    assert entered.endswith("/swapfile none swap sw 0 0\n")
    assert _swap.fstab_with(entered, PATH) == entered
    assert _swap.fstab_without(entered, PATH).removesuffix("\n") == text.removesuffix("\n")


def test_parse_swaps() -> None:
    """What the kernel lists, with its escaped blanks."""
    text = (
        "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
        "/swapfile                               file\t\t1048572\t\t2048\t\t-2\n"
        "/my\\040swap file 8 4 -3\n"
    )
    assert _swap.parse_swaps(text) == (Active(PATH, 1048572, 2048), Active("/my swap", 8, 4))
    assert _swap.parse_swaps("") == ()


def after(host: Host, step: str, planned: int) -> Host:
    """The host when a step was taken."""
    file, active, fstab, free_mb = host.file, host.active, host.fstab, host.free_mb
    if step == "deactivate":
        active = tuple(swap for swap in active if swap.path != PATH)
    elif step == "remove":
        file, free_mb = File(), free_mb + file.allocated // MIB
    elif step == "allocate":
        file = File(EMPTY, planned * MIB, planned * MIB, private=True)
        free_mb -= planned
    elif step == "protect":
        file = replace(file, private=True)
    elif step == "format":
        file = replace(file, kind=SWAP)
    elif step == "activate":
        assert (file.kind, file.private) == (SWAP, True), "swap before it is private"
        active = (*active, Active(PATH, planned * 1024 - 4, 0))
    elif step == "persist":
        fstab = _swap.fstab_with(fstab, PATH)
    else:
        assert step == "forget"
        fstab = _swap.fstab_without(fstab, PATH)
    return replace(host, file=file, active=active, fstab=fstab, free_mb=free_mb)


@given(
    start=st.sampled_from([state[0] for state in STATES.values()]),
    planned=st.sampled_from([0, 512, 1024, 2048]),
    stops=st.lists(st.integers(min_value=0, max_value=6), max_size=5),
)
def test_interrupted_runs_are_finished(start: Host, planned: int, stops: list[int]) -> None:
    """However often runs are cut short, one whole run ends where nothing is left to do."""
    host = start
    try:
        for stop in [*stops, 99]:
            for step in decide(host, PATH, planned).steps[:stop]:
                host = after(host, step, planned)
    except PlanError:
        return  # the start itself was no place for this size
    assert decide(host, PATH, planned).steps == ()
