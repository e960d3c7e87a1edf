"""Filter ``backup_section``: the section enters the state of the machine."""

from ansible_collections.planner.droplet.plugins.filter.backup_section import FilterModule


def test_registered() -> None:
    """Under its name, with what a section has."""
    section = FilterModule().filters()["backup_section"]({"status": None, "error": "x"})
    assert set(section) == {"name", "lines", "data", "findings"}
