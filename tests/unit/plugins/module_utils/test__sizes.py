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


@pytest.mark.parametrize(
    "slug, price",
    [
        ("s-1vcpu-512mb-10gb", 4),
        ("s-1vcpu-1gb", 6),
        ("s-1vcpu-2gb", 12),
        ("s-2vcpu-2gb", 18),
        ("s-2vcpu-4gb", 24),
        ("s-4vcpu-8gb", 48),
        ("s-8vcpu-16gb", 96),
        ("s-1vcpu-1gb-amd", 7),
        ("s-8vcpu-16gb-intel", 112),
    ],
)
def test_prices(slug: str, price: float) -> None:
    """The price list as of the month that AS_OF names."""
    assert SIZES[slug].price_usd == price


def test_compared_sizes_are_in_order() -> None:
    """Side by side they go from small to large, and none is premium."""
    memory = [SIZES[slug].memory_mb for slug in COMPARED]
    assert memory == sorted(memory)
    assert not any(slug.endswith(("-amd", "-intel")) for slug in COMPARED)


def test_swap_is_proposed_everywhere() -> None:
    """Every size gets 1 GiB of swap unless the owner says otherwise."""
    assert {size.swap_mb for size in SIZES.values()} == {1024}
