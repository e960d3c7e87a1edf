"""The test fits."""

from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible_collections.planner.droplet.plugins.test import fits as glue

fits = glue.TestModule().tests()["fits"]

TABLE: list[tuple[str, Any, int | None, bool]] = [
    ("s-1vcpu-1gb", None, None, True),
    ("s-1vcpu-1gb", [], 0, False),
    ("s-1vcpu-512mb-10gb", None, None, False),
    ("s-1vcpu-1gb", [{"name": "backend", "workers": 2}], None, False),
    ("s-1vcpu-2gb", [{"name": "backend", "workers": 2}], None, True),
]


@pytest.mark.parametrize("size, services, swap_mb, expected", TABLE)
def test_fits(
    size: str,
    services: Any,
    swap_mb: int | None,
    expected: bool,  # noqa: FBT001 - a table's column
) -> None:
    """True exactly when there is a plan."""
    assert fits(size, services, swap_mb) is expected


def test_misspelt_size() -> None:
    """A size that does not exist is an error that names the nearest one, not a "no"."""
    with pytest.raises(AnsibleError, match="write 's-1vcpu-1gb'"):
        fits("s-1vcpu-1bg")
