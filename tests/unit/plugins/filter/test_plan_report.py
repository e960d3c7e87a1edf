"""The filter plan_report."""

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.planner.droplet.plugins.filter import plan_report as glue
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan
from ansible_collections.planner.droplet.plugins.module_utils._report import report

plan_report = glue.FilterModule().filters()["plan_report"]
PLAN = plan("s-1vcpu-1gb").to_dict()


def test_renders() -> None:
    """Text is the default; format and cost go through."""
    assert plan_report(PLAN) == report(PLAN, "text")
    assert plan_report(PLAN, "json", {"total_usd": 6}) == report(PLAN, "json", {"total_usd": 6})


def test_wrong_format() -> None:
    """A wrong format is Ansible's error and names the accepted ones."""
    with pytest.raises(AnsibleFilterError, match="use one of text, json, svg"):
        plan_report(PLAN, "html")
