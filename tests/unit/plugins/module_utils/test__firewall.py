"""Networks and ports of the firewall: by family, without overlap, and refused with their place."""

import ipaddress

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._firewall import (
    Networks,
    open_ports,
    split_networks,
)
from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError
from hypothesis import given
from hypothesis import strategies as st

# what stands there -> IPv4, IPv6
LISTS = {
    "nothing": ([], (), ()),
    "both families": (["203.0.113.7", "2001:db8::/64"], ("203.0.113.7/32",), ("2001:db8::/64",)),
    "one inside another": (["10.0.0.0/8", "10.1.2.3"], ("10.0.0.0/8",), ()),
    "two halves": (["10.0.0.0/25", "10.0.0.128/25"], ("10.0.0.0/24",), ()),
    "a netmask": (["10.0.0.0/255.255.255.0"], ("10.0.0.0/24",), ()),
    "everywhere": (["0.0.0.0/0", "::/0"], ("0.0.0.0/0",), ("::/0",)),
}


@pytest.mark.parametrize("values, ipv4, ipv6", LISTS.values(), ids=LISTS)
def test_splits_by_family(values: list[str], ipv4: tuple[str, ...], ipv6: tuple[str, ...]) -> None:
    """Each family gets its own list, and no entry lies inside another."""
    assert split_networks(values, "x") == Networks(ipv4, ipv6)


@pytest.mark.parametrize(
    "value", ["10.0.0.256", "10.0.0.0/33", "office", "", 7, None, "::g", "10.0.0.1-9"]
)
def test_names_the_place_of_nonsense(value: object) -> None:
    """What is no network is refused with its place in the list, counted as everywhere in the inputs."""
    with pytest.raises(PlanError, match=r"hardening_ssh_allow_from\[1\].*neither an address nor"):
        split_networks(["10.0.0.1", value], "hardening_ssh_allow_from")


def test_offers_both_meanings_of_stray_bits() -> None:
    """An address with a mask could mean either; nobody guesses."""
    with pytest.raises(PlanError, match=r"write 10\.0\.0\.0/24, or 10\.0\.0\.5 for"):
        split_networks(["10.0.0.5/24"], "x")


def test_reports_every_problem() -> None:
    """One run shows all of them."""
    with pytest.raises(PlanError) as caught:
        split_networks(["a", "10.0.0.5/24", "b"], "x")
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize("controller", ["203.0.113.9", "2001:db8::1", "fe80::1%eth0"])
def test_does_not_lock_its_own_run_out(controller: str) -> None:
    """The address of the run must be inside, unless everybody may come in."""
    with pytest.raises(PlanError, match="would be locked out"):
        split_networks(["203.0.113.7"], "x", controller)
    assert split_networks([], "x", controller) == Networks((), ())
    everybody = split_networks(["0.0.0.0/0", "::/0"], "x", controller)
    assert everybody == Networks(("0.0.0.0/0",), ("::/0",))


@given(st.lists(st.ip_addresses().map(str)))
def test_keeps_every_address(values: list[str]) -> None:
    """Whatever is merged, each address that was listed is still covered, exactly by its own family."""
    networks = split_networks(values, "x")
    covered = [ipaddress.ip_network(network) for network in (*networks.ipv4, *networks.ipv6)]
    assert all(any(ipaddress.ip_address(value) in net for net in covered) for value in values)


def test_sorts_ports() -> None:
    """Each port once, in order; text from the command line counts."""
    assert open_ports([443, 80, "443"], "x") == (80, 443)


@pytest.mark.parametrize("value", [0, 65536, -1, "http", True, 8.5, None, ""])
def test_refuses_what_is_no_port(value: object) -> None:
    """The place and the range are in the message."""
    with pytest.raises(PlanError, match=r"hardening_open_ports\[0\].*is no TCP port"):
        open_ports([value], "hardening_open_ports")


@pytest.mark.parametrize("values", ["80", 80, None, {"a": 1}])
def test_wants_a_list(values: object) -> None:
    """A bare word is not read letter by letter."""
    with pytest.raises(PlanError, match="is no list"):
        open_ports(values, "x")
    with pytest.raises(PlanError, match="is no list"):
        split_networks(values, "x")
