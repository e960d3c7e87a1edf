"""The filter firewall_networks."""

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.planner.droplet.plugins.filter import firewall_networks as glue

firewall_networks = glue.FilterModule().filters()["firewall_networks"]


def test_splits() -> None:
    """Templates get plain lists by family."""
    assert firewall_networks(["::1", "10.0.0.0/8"], "x") == {
        "ipv4": ["10.0.0.0/8"],
        "ipv6": ["::1/128"],
    }


def test_refuses_in_ansibles_words() -> None:
    """Nonsense, and a list without the run's own address, stop the run before anything changes."""
    with pytest.raises(AnsibleFilterError, match=r"allow\[0\] = 'x'"):
        firewall_networks(["x"], "allow")
    with pytest.raises(AnsibleFilterError, match=r"198\.51\.100\.1, where this run comes from"):
        firewall_networks(["10.0.0.1"], "allow", "198.51.100.1")
