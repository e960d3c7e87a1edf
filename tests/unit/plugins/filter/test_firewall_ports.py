"""The filter firewall_ports."""

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.planner.droplet.plugins.filter import firewall_ports as glue

firewall_ports = glue.FilterModule().filters()["firewall_ports"]


def test_sorts() -> None:
    """Templates get each port once."""
    assert firewall_ports([443, 80, 80], "x") == [80, 443]


def test_refuses_in_ansibles_words() -> None:
    """A wrong port stops the run before anything changes."""
    with pytest.raises(AnsibleFilterError, match=r"ports\[1\] = 70000: is no TCP port"):
        firewall_ports([80, 70000], "ports")
