"""Filter ``upgrade_section``: the section enters the state of the machine."""

from ansible_collections.planner.droplet.plugins.filter.upgrade_section import FilterModule


def test_registered() -> None:
    """Under its name, with what a section has."""
    section = FilterModule().filters()["upgrade_section"]({"now": 0, "unfinished": []})
    assert set(section) == {"name", "lines", "data", "findings"}
