"""What old releases leave on the disk goes, oldest first, but never what runs or what the way back needs."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._release_log import (
    GOOD,
    INTERRUPTED,
    VOID,
    Record,
    current,
    previous,
)
from ansible_collections.planner.droplet.plugins.module_utils._release_prune import Pruned, prune
from hypothesis import given
from hypothesis import strategies as st

RESULTS = {"!": VOID, "?": INTERRUPTED}


def log(text: str) -> tuple[Record, ...]:
    """Write a log as words: A is a release of image A, ``A>1`` a rollback, ``A!`` void, ``A+`` with a dump."""
    records = []
    for number, word in enumerate(text.split(), 1):
        image, _, to = word.rstrip("!?+").partition(">")
        records.append(
            Record(
                number,
                kind="rollback" if to else "release",
                to=int(to) if to else None,
                images={"backend": image},
                image_ids={"backend": image},
                dump=f"d{number}" if "+" in word else "",
                result=next((RESULTS[mark] for mark in RESULTS if mark in word), GOOD),
            )
        )
    return tuple(records)


def sizes(names: str) -> Mapping[str, float]:
    """Each of these is 10 MiB."""
    return dict.fromkeys(names.split(), 10)


# (log, images here, dumps here, in use), budget -> images and dumps that go, in order
CHOICES = [
    (("A B C D", "A B C D", "", ""), 40, ("", "")),
    (("A B C D", "A B C D", "", ""), 39, ("A", "")),
    (("A B C D", "A B C D", "", ""), 0, ("A B", "")),
    (("A B C D", "A B C D", "", "A"), 0, ("B", "")),
    # What never served goes first, though it is newer; not what a good release names, too.
    (("A B C! D? E", "A B C D E", "", ""), 40, ("C", "")),
    (("A B C! D? E", "A B C D E", "", ""), 0, ("C D A", "")),
    (("A! A B C", "A B C", "", ""), 20, ("A", "")),
    (("A B! B C! D E", "A B C D E", "", ""), 30, ("C A", "")),
    # An image is as old as the newest release that has it.
    (("A B A C D", "A B C D", "", ""), 30, ("B", "")),
    # A dump goes with its release's image; the others after all images, the oldest first.
    (("A+ B C+ D E", "A B C D E", "d1 d3", ""), 60, ("A", "d1")),
    (("A+ B+ C+ D+ E+", "B D E", "d1 d2 d3 d4 d5", ""), 20, ("B", "d2 d1 d3 d4")),
    # The newest dump stays, and the one with the data from before the current version.
    (("A B+ C+!", "A B C", "d2 d3", ""), 0, ("C", "")),
    (("A B+ B C+!", "A B C", "d2 d3", ""), 0, ("C", "")),
    (("A+ B", "A B", "d1", ""), 0, ("", "")),
    # After a rollback the way back needs another image.
    (("A B C B>2", "A B C", "", ""), 0, ("C", "")),
    (("A B C D C>3 B>2", "A B C D", "", ""), 0, ("D C", "")),
    # No record, not ours: neither removed nor counted.
    (("A B C", "A B C other", "other.dump", ""), 30, ("", "")),
    (("", "A", "d", ""), 0, ("", "")),
    # Nothing good yet: nothing to protect but what is in use.
    (("A! B!", "A B", "", "B"), 0, ("A", "")),
]


@pytest.mark.parametrize("world, budget, gone", CHOICES)
def test_choice(world: tuple[str, str, str, str], budget: float, gone: tuple[str, str]) -> None:
    """The order of leaving, and who stays."""
    text, images, dumps, in_use = world
    pruned = prune(log(text), sizes(images), sizes(dumps), in_use.split(), budget)
    assert (" ".join(pruned.images), " ".join(pruned.dumps)) == gone
    assert pruned.records == log(text)


# log, images here, records to keep -> numbers that stay
RECORDS = [
    ("A B C D", "", 4, "1 2 3 4"),
    ("A B C D", "", 2, "3 4"),
    ("A B C D", "", 0, "3 4"),
    ("A B C! D! E!", "", 1, "1 2 5"),
    # One that still has its image here stays: without it nobody would ever remove the image.
    ("A B C D", "A", 1, "1 3 4"),
    ("A A B C D", "A", 1, "2 4 5"),
    # The way back goes over the releases that rollbacks went to.
    ("A B C D C>3 B>2 E! F!", "", 1, "1 2 6 8"),
    ("", "", 0, ""),
]


@pytest.mark.parametrize("text, images, keep, numbers", RECORDS)
def test_records(text: str, images: str, keep: int, numbers: str) -> None:
    """The newest stay, the current and the previous release, and what is still here."""
    pruned = prune(log(text), sizes(images), {}, [], 1000, keep_records=keep)
    assert " ".join(str(one.release) for one in pruned.records) == numbers


@dataclass(frozen=True)
class Case:
    """A host and its log."""

    records: tuple[Record, ...]
    images: Mapping[str, float]
    dumps: Mapping[str, float]
    in_use: frozenset[str]
    budget: int
    keep: int

    def prune(self) -> Pruned:
        """Do what is tested."""
        return prune(
            self.records,
            self.images,
            self.dumps,
            self.in_use,
            self.budget,
            keep_records=self.keep,
        )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any log, with rollbacks and two services, and any host."""
    names = st.sampled_from("ABCDEF")
    records = []
    for number in range(1, draw(st.integers(0, 12)) + 1):
        services = {"backend": draw(names), **({"bot": draw(names)} if draw(st.booleans()) else {})}
        to = draw(st.none() | st.integers(1, number))
        records.append(
            Record(
                number,
                kind="rollback" if to else "release",
                to=to,
                images={name: image.lower() for name, image in services.items()},
                image_ids=services,
                dump=draw(st.sampled_from(["", f"d{number}"])),
                result=draw(st.sampled_from([GOOD, GOOD, VOID, INTERRUPTED])),
            )
        )
    size = st.integers(0, 50)
    return Case(
        tuple(records),
        draw(st.dictionaries(st.sampled_from("ABCDEFXY"), size)),
        draw(st.dictionaries(st.sampled_from([f"d{n}" for n in range(1, 15)]), size)),
        draw(st.frozensets(st.sampled_from("ABCDEFXY"), max_size=2)),
        draw(st.integers(0, 300)),
        draw(st.integers(-1, 14)),
    )


def named(case: Case) -> tuple[set[str], set[str]]:
    """Images and dumps that are here and that a record names."""
    images = {image for one in case.records for image in one.image_ids.values()}
    return images & set(case.images), {one.dump for one in case.records} & set(case.dumps)


def left_mb(case: Case, pruned: Pruned) -> float:
    """What of ours is left."""
    images, dumps = named(case)
    kept_images, kept_dumps = images - set(pruned.images), dumps - set(pruned.dumps)
    return sum(case.images[one] for one in kept_images) + sum(case.dumps[one] for one in kept_dumps)


@given(cases())
def test_never_removed(case: Case) -> None:
    """What is not ours, what runs, what current and previous need, the newest dump."""
    pruned = case.prune()
    images, dumps = named(case)
    assert set(pruned.images) <= images - case.in_use
    assert set(pruned.dumps) <= dumps
    assert len(set(pruned.images)) == len(pruned.images)
    assert len(set(pruned.dumps)) == len(pruned.dumps)
    for one in (current(case.records), previous(case.records)):
        if one:
            assert not set(one.image_ids.values()) & set(pruned.images)
    newest = [one.dump for one in case.records if one.dump in case.dumps][-1:]
    assert not set(newest) & set(pruned.dumps)


@given(cases())
def test_within_the_budget(case: Case) -> None:
    """Nothing goes without need, and nothing that may go stays while there is need."""
    pruned = case.prune()
    images, dumps = named(case)
    if left_mb(case, Pruned()) <= case.budget:
        assert (pruned.images, pruned.dumps) == ((), ())
    if left_mb(case, pruned) > case.budget:
        back = [one for one in (current(case.records), previous(case.records)) if one]
        needed = {image for one in back for image in one.image_ids.values()}
        assert images - set(pruned.images) <= case.in_use | needed
        assert len(dumps - set(pruned.dumps)) <= 2


@given(cases())
def test_the_last_one_was_needed(case: Case) -> None:
    """With the last image still here, and its dumps, it would be too much."""
    pruned = case.prune()
    if pruned.images and not pruned.dumps:
        assert left_mb(case, pruned) + case.images[pruned.images[-1]] > case.budget


@given(cases())
def test_the_way_back_is_found(case: Case) -> None:
    """With the records that stay, current and previous release are the same, and their order is."""
    kept = case.prune().records
    assert current(kept) == current(case.records)
    assert previous(kept) == previous(case.records)
    assert list(kept) == [one for one in case.records if one in kept]
    newest = case.records[-case.keep :] if case.keep > 0 else ()
    assert {one.release for one in newest} <= {one.release for one in kept}


@given(cases())
def test_twice_is_once(case: Case) -> None:
    """A second run finds nothing to do."""
    pruned = case.prune()
    again = Case(
        pruned.records,
        {name: mb for name, mb in case.images.items() if name not in pruned.images},
        {name: mb for name, mb in case.dumps.items() if name not in pruned.dumps},
        case.in_use,
        case.budget,
        case.keep,
    )
    assert again.prune() == Pruned((), (), pruned.records)
