"""The price list and the three numbers derived from a size."""

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._sizes import COMPARED, SIZES

# nominal, what the kernel showed when it was booted, reserve, budget
MEASURED = [
    ("s-1vcpu-512mb-10gb", 464, 379, 133),
    ("s-1vcpu-1gb", 967, 388, 636),
    ("s-1vcpu-2gb", 1973, 407, 1641),
    ("s-2vcpu-4gb", 3921, 508, 3588),
    ("s-4vcpu-8gb", 7947, 581, 7611),
]


@pytest.mark.parametrize("slug, seen, reserve, budget", MEASURED)
def test_formulas_meet_the_measurements(slug: str, seen: int, reserve: int, budget: int) -> None:
    """MemTotal is within 2 MiB of what five boots showed; reserve and budget are the recorded ones."""
    size = SIZES[slug]
    assert abs(size.guest_memory_mb - seen) <= 2
    assert size.reserve_mb == reserve
    assert size.budget_mb == budget


@pytest.mark.parametrize("slug", sorted(SIZES))
def test_reserve_and_budget_are_all_there_is(slug: str) -> None:
    """Nothing is counted twice, and the budget lies within what the kernel shows."""
    size = SIZES[slug]
    assert size.reserve_mb + size.budget_mb == size.memory_mb
    assert 0 < size.budget_mb < size.guest_memory_mb < size.memory_mb


def test_slugs_say_what_they_are() -> None:
    """Memory and CPUs in a slug are those of its row."""
    for slug, size in SIZES.items():
        _, cpus, memory, *_ = slug.split("-")
        unit = 1 if memory.endswith("mb") else 1024
        assert cpus == f"{size.vcpus}vcpu"
        assert int(memory.removesuffix("mb").removesuffix("gb")) * unit == size.memory_mb
        assert slug == size.slug


# the price list: disk GB, transfer GB, USD a month regular and premium (0: there is none)
PRICES = {
    "s-1vcpu-512mb-10gb": (10, 500, 4, 0),
    "s-1vcpu-1gb": (25, 1000, 6, 7),
    "s-1vcpu-2gb": (50, 2000, 12, 14),
    "s-2vcpu-2gb": (60, 3000, 18, 21),
    "s-2vcpu-4gb": (80, 4000, 24, 28),
    "s-4vcpu-8gb": (160, 5000, 48, 56),
    "s-8vcpu-16gb": (320, 6000, 96, 112),
}


def test_price_list() -> None:
    """The table is the price list of the month that AS_OF names; premium is the same machine."""
    expected = {}
    for slug, (disk, transfer, regular, premium) in PRICES.items():
        expected[slug] = (disk, transfer, regular)
        for cpu in ("amd", "intel"):
            if premium:
                expected[f"{slug}-{cpu}"] = (disk, transfer, premium)
    assert expected == {
        slug: (size.disk_gb, size.transfer_gb, size.price_usd) for slug, size in SIZES.items()
    }


def test_compared_sizes_are_in_order() -> None:
    """Side by side they go from small to large, and none is premium."""
    memory = [SIZES[slug].memory_mb for slug in COMPARED]
    assert memory == sorted(memory)
    assert not any(slug.endswith(("-amd", "-intel")) for slug in COMPARED)


def test_swap_is_proposed_everywhere() -> None:
    """Every size gets 1 GiB of swap unless the owner says otherwise."""
    assert {size.swap_mb for size in SIZES.values()} == {1024}
