"""The filter plan_comparison."""

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.planner.droplet.plugins.filter import plan_comparison as glue
from ansible_collections.planner.droplet.plugins.module_utils._report import comparison

plan_comparison = glue.FilterModule().filters()["plan_comparison"]


def test_renders() -> None:
    """Text is the default; format and swap go through."""
    assert plan_comparison([]) == comparison([], "text")
    assert plan_comparison([], "svg", 0) == comparison([], "svg", 0) != comparison([], "svg")


@pytest.mark.parametrize("services, output", [([{"name": "x"}], "text"), ([], "html")])
def test_refuses_in_ansibles_words(services: list[dict[str, str]], output: str) -> None:
    """Wishes that mean nothing and unknown formats are Ansible's errors."""
    with pytest.raises(AnsibleFilterError, match=r"planner\.droplet\.plan_comparison"):
        plan_comparison(services, output)
