# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What old releases may leave on the disk, and what goes when that is too much.

Pure. Only what a record names is ours: any other image or dump is neither counted nor removed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.planner.droplet.plugins.module_utils._release_log import (
    GOOD,
    Record,
    current,
    previous,
)


@dataclass(frozen=True)
class Pruned:
    """Images (their ids) and dumps (their paths) to remove, in this order, and the records that stay."""

    images: tuple[str, ...] = ()
    dumps: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()


def prune(
    records: Sequence[Record],
    images: Mapping[str, float],
    dumps: Mapping[str, float],
    in_use: Collection[str],
    budget_mb: float,
    *,
    keep_records: int = 200,
) -> Pruned:
    """Choose what goes so that images and dumps (MiB of each on this host) fit into the budget.

    First go images that never served, then the oldest good ones, each with its releases' dumps; then
    the oldest dumps. What runs and what the way back needs stays, even over the budget.
    """
    ours = [one for one in _by_worth(records) if one in images]
    made = [one for one in dict.fromkeys(record.dump for record in records) if one in dumps]
    fixed = {*in_use, *_way_back(records), *_needed_dumps(records, made)}
    loose_images = [one for one in ours if one not in fixed]
    loose_dumps = [one for one in made if one not in fixed]
    bundles = [
        (image, [one.dump for one in records if image in one.image_ids.values()])
        for image in loose_images
    ]
    bundles += [("", [dump]) for dump in loose_dumps]
    left = sum(images[one] for one in ours) + sum(dumps[one] for one in made)
    gone_images: list[str] = []
    gone_dumps: list[str] = []
    for image, its_dumps in bundles:
        if left <= budget_mb:
            break
        if image:
            gone_images.append(image)
            left -= images[image]
        for dump in dict.fromkeys(its_dumps):
            if dump in loose_dumps and dump not in gone_dumps:
                gone_dumps.append(dump)
                left -= dumps[dump]
    stays = {*ours, *made} - {*gone_images, *gone_dumps}
    return Pruned(
        tuple(gone_images), tuple(gone_dumps), _records(records, stays, max(0, keep_records))
    )


def _by_worth(records: Sequence[Record]) -> list[str]:
    """List every image: those that no good release has first, each half by its newest release."""
    worth = {
        image: (one.result == GOOD, age)
        for good in (False, True)
        for age, one in enumerate(records)
        if (one.result == GOOD) == good
        for image in one.image_ids.values()
    }
    return sorted(worth, key=lambda image: worth[image])


def _way_back(records: Sequence[Record]) -> Iterator[str]:
    for one in (current(records), previous(records)):
        yield from one.image_ids.values() if one else ()


def _needed_dumps(records: Sequence[Record], made: Sequence[str]) -> Iterator[str]:
    """Find the newest dump, and the one with the data as they were before the current version."""
    now = current(records)
    yield from made[-1:]
    brought = [
        one.dump for one in records if now and one.result == GOOD and one.images == now.images
    ]
    yield from [dump for dump in brought if dump in made][-1:]


def _records(records: Sequence[Record], stays: set[str], keep: int) -> tuple[Record, ...]:
    """Keep the newest, those that the way back is found by, and the last that names what stays."""
    back = {one.release for one in _lineage(records, current(records))}
    before = previous(records)
    if before:
        back.add(before.release)
    kept: list[Record] = []
    named: set[str] = set()
    for age, one in enumerate(reversed(records)):
        names = {*one.image_ids.values(), one.dump} & stays
        # Without a record nobody would know that an image is ours, and remove it one day.
        if age < keep or one.release in back or names - named:
            kept.append(one)
            named |= names
    return tuple(reversed(kept))


def _lineage(records: Iterable[Record], record: Record | None) -> Iterator[Record]:
    """Follow rollbacks back; the previous release is the one before the last of these."""
    known = {one.release: one for one in records}
    while record:
        yield record
        record = known.get(record.to) if record.to and record.to < record.release else None
