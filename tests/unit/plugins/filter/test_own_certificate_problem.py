"""Filter ``own_certificate_problem``: judged by the controller's clock."""

from ansible_collections.planner.droplet.plugins.filter.own_certificate_problem import FilterModule

from tests.unit.certificates import issue

problem = FilterModule().filters()["own_certificate_problem"]


def test_good() -> None:
    """Nothing is said of a good one, of one for any name, and of none."""
    good = issue(["a.test"])
    assert problem(good.chain, good.key, ["a.test"]) == ""
    assert problem(good.chain, good.key, []) == ""
    assert problem("", "", ["a.test"]) == ""


def test_bad() -> None:
    """The reason, without a line of the key."""
    good, other = issue(["a.test"]), issue(["a.test"])
    said = problem(good.chain, other.key, ["a.test"])
    assert said.startswith("tls_own_certificate: with tls_own_key, its private key belongs to")
    assert not any(line in said for line in other.key.splitlines() if "-" not in line)
    assert "not for b.test" in problem(good.chain, good.key, ["a.test", "b.test"])


def test_now() -> None:
    """One that has ended is refused today."""
    old = issue(["a.test"], begins=1_700_000_000)
    assert "ended on 2024-02-12" in problem(old.chain, old.key, ["a.test"])
