"""The filter input_problems."""

from typing import Any

from ansible_collections.planner.droplet.plugins.filter import input_problems as glue

input_problems = glue.FilterModule().filters()["input_problems"]
SPEC: dict[str, Any] = {"droplet_size": {"type": "str"}}


def test_nothing_wrong_is_an_empty_text() -> None:
    """An assert compares with the empty text."""
    assert input_problems({"droplet_size": "s-1vcpu-1gb"}, SPEC) == ""
    inputs = {"droplet_size": "s-1vcpu-1gb", "droplet_plan": {}}
    assert input_problems(inputs, SPEC, ["droplet_plan"]) == ""


def test_problems_are_numbered_lines() -> None:
    """Each problem is a line of the message."""
    lines = input_problems({"droplet_sizes": "x", "droplet_plan": {}}, SPEC).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "1. droplet_plan",
        "2. droplet_sizes",
        "3. droplet_size",
    ]
