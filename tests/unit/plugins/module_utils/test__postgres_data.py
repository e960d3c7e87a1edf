"""Which volume PostgreSQL may start on: judged from what is there."""

from dataclasses import replace

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._postgres_data import (
    DONE,
    FILLED,
    FILLING,
    PLAYBOOK,
    Found,
    Upgrade,
    Volume,
    data_folder,
    major_of,
    mount_point,
    parse_upgrade,
    refusals,
    sibling,
)
from hypothesis import given
from hypothesis import strategies as st

OLD, NEW = "planner_postgres17", "planner_postgres18"
WITH_17 = Volume(OLD, "then", 17)
FRESH_18 = Volume(NEW, "now", 18, by_upgrade=True)
UPGRADE = Upgrade(17, 18, NEW, "now", FILLED, control="as it stopped")
# What serves is 17, and an upgrade has just filled 18.
MOVED = Found((WITH_17, FRESH_18), OLD, upgrade=UPGRADE, control="as it stopped")


def said(found: Found, wish: str) -> str:
    """All reasons."""
    return "\n".join(refusals(found, wish))


def test_a_first_start() -> None:
    """Nothing is there: any version may begin."""
    assert refusals(Found(), OLD) == refusals(Found(), NEW) == ()


def test_as_always() -> None:
    """The volume that serves may be started again, whether its image tells its version or not."""
    assert refusals(Found((WITH_17,), OLD), OLD) == ()
    assert refusals(Found((WITH_17,), OLD, "an image", 17), OLD) == ()


@pytest.mark.parametrize(
    "new",
    [(), (Volume(NEW, "now"),), (Volume(NEW, "now", by_upgrade=True),)],
    ids=["no volume", "an empty one", "one that an upgrade just made"],
)
@pytest.mark.parametrize("serving", [OLD, ""])
def test_it_would_start_empty(new: tuple[Volume, ...], serving: str) -> None:
    """Another version has the data: both ways out are named."""
    assert said(Found((WITH_17, *new), serving), NEW) == (
        "PostgreSQL: the data is of version 17, in planner_postgres17; 18 would start empty. "
        f"Do: {PLAYBOOK} -e stack_postgres_major=18, or set stack_postgres_major: 17"
    )


def test_an_older_one_would_start_empty() -> None:
    """There is no upgrade to an older version, so only one way out."""
    assert said(Found((WITH_17,), OLD), "planner_postgres16").endswith(
        "16 would start empty. Do: set stack_postgres_major: 17"
    )


@pytest.mark.parametrize("phase", [FILLED, DONE])
def test_after_an_upgrade_the_old_version_is_refused(phase: str) -> None:
    """It would serve what was true before the upgrade."""
    served = replace(MOVED, serving=NEW, upgrade=replace(UPGRADE, phase=phase))
    assert refusals(served, NEW) == ()
    assert said(served, OLD) == (
        "PostgreSQL: version 18 serves; planner_postgres17 has the data of before the upgrade, and nothing since. "
        "Do: set stack_postgres_major: 18"
    )


def test_even_where_an_upgrade_had_made_the_old_one() -> None:
    """Its label says where it is from, not that it may come back."""
    found = replace(MOVED, volumes=(replace(WITH_17, by_upgrade=True), FRESH_18), serving=NEW)
    assert "version 18 serves" in said(found, OLD)


def test_a_volume_that_was_filled_to_the_end() -> None:
    """The stack may follow, and may as well stay where it is."""
    assert refusals(MOVED, NEW) == refusals(MOVED, OLD) == ()


@pytest.mark.parametrize(
    "found",
    [
        replace(MOVED, upgrade=None),
        replace(MOVED, upgrade=replace(UPGRADE, phase=FILLING, control="")),
        replace(MOVED, upgrade=replace(UPGRADE, created="another day")),
        replace(MOVED, upgrade=replace(UPGRADE, volume="planner_postgres19")),
        replace(MOVED, control="as it was started once more"),
        replace(MOVED, control="", upgrade=replace(UPGRADE, control="")),
        replace(MOVED, serving="", upgrade=None),
    ],
    ids=[
        "nothing was written down",
        "it was cut off while it was filled",
        "another volume got its name",
        "the upgrade was to another version",
        "the old server was started since",
        "nobody knows how the old server stopped",
        "nothing ever served",
    ],
)
def test_a_volume_that_nobody_vouches_for(found: Found) -> None:
    """What an upgrade left half-done, or what the old data has overtaken, is never taken for good."""
    assert said(found, NEW) == (
        "PostgreSQL: planner_postgres18 was not filled to the end by an upgrade, or planner_postgres17 was written to "
        f"since. Do: {PLAYBOOK} -e stack_postgres_major=18, or set stack_postgres_major: 17"
    )
    assert refusals(found, OLD) == ()


def test_a_volume_of_the_owners_own_beside_what_serves() -> None:
    """No upgrade made it, so nobody knows whether it is whole."""
    found = Found((WITH_17, Volume(NEW, "now", 18)), OLD)
    assert "was not filled to the end by an upgrade" in said(found, NEW)


def test_an_image_of_another_version_than_the_data() -> None:
    """An image of the owner's own cannot read it; the upgrade is a way out only upwards."""
    newer = Found((WITH_17,), OLD, "mine:18", 18)
    assert said(newer, OLD) == (
        "PostgreSQL: the data in planner_postgres17 is of version 17, and the image mine:18 is 18. Do: give the "
        "service postgres in droplet_services an image of 17, or none; or upgrade: "
        f"{PLAYBOOK} -e stack_postgres_major=18"
    )
    assert said(Found((WITH_17,), OLD, "mine:16", 16), OLD).endswith("an image of 17, or none")


def test_an_image_of_another_version_than_is_wished() -> None:
    """Its data would get into a volume of another name, or into none at all: refused on an empty machine too."""
    assert said(Found((), "", "mine:18", 18), OLD) == (
        "PostgreSQL: stack_postgres_major is 17, and the image mine:18 is 18. Do: give the service postgres in "
        "droplet_services an image of 17, or none"
    )


def test_data_in_a_volume_of_another_name() -> None:
    """Somebody moved it: the server could not read it."""
    found = Found((Volume(OLD, "then", 16),), OLD)
    assert "the data in planner_postgres17 is of version 16, and 17 cannot read it" in said(
        found, OLD
    )
    assert "belongs into planner_postgres16" in said(found, OLD)


def test_every_reason_at_once() -> None:
    """The owner corrects all of them before the next run."""
    assert len(refusals(Found((WITH_17,), OLD, "mine:17", 17), NEW)) == 2


def test_a_volume_without_a_version_is_not_judged() -> None:
    """Whoever calls the module otherwise has names of their own."""
    assert refusals(Found((WITH_17,), OLD), "mine") == ()


@given(
    st.lists(st.sampled_from([16, 17, 18, 19]), unique=True, min_size=1),
    st.sampled_from([16, 17, 18, 19]),
)
def test_data_is_never_left_behind_unnoticed(holding: list[int], wish: int) -> None:
    """Whichever volumes have data: one that is empty is not begun, and what serves is not left without an upgrade."""
    volumes = tuple(Volume(f"planner_postgres{one}", "then", one) for one in holding)
    for serving in ["", *(one.name for one in volumes)]:
        found = Found(volumes, serving)
        allowed = not refusals(found, f"planner_postgres{wish}")
        assert allowed == (wish in holding if not serving else serving.endswith(str(wish)))


def test_names_and_places() -> None:
    """Up to 17 the data is the volume itself, from 18 on it is in a folder of its version."""
    assert (major_of(OLD), major_of("mine"), sibling(OLD, 18)) == (17, 0, NEW)
    assert (mount_point(17), data_folder(17)) == ("/var/lib/postgresql/data", ".")
    assert (mount_point(18), data_folder(18)) == ("/var/lib/postgresql", "18/docker")


def test_an_upgrade_is_read_as_it_was_written() -> None:
    """What a later version may have added is left out; what is no upgrade is refused."""
    assert parse_upgrade(UPGRADE.to_json()) == UPGRADE
    assert parse_upgrade(UPGRADE.to_json().replace("{", '{"later": 1,', 1)) == UPGRADE
    for text in ("{}", "[]", "7", "", '{"source": 17'):
        with pytest.raises(ValueError, match=r".*"):
            parse_upgrade(text)
