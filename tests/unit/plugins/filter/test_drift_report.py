"""The filter drift_report."""

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.planner.droplet.plugins.filter import drift_report as glue
from ansible_collections.planner.droplet.plugins.module_utils import _drift_text

from tests.unit.drift_fixtures import PLAN, usage

drift_report = glue.FilterModule().filters()["drift_report"]


def test_renders() -> None:
    """Text is the default; every argument goes through."""
    assert drift_report(usage(), PLAN) == _drift_text.drift_report(PLAN, usage())
    section = [{"name": "x", "lines": ["y"]}]
    assert drift_report(usage(), PLAN, None, "json", host="a", sections=section) == (
        _drift_text.drift_report(PLAN, usage(), [], "json", host="a", sections=section)
    )


@pytest.mark.parametrize("arguments", [(usage(), {}), ("x", PLAN), (usage(), PLAN, [], "svg")])
def test_wrong_input(arguments: tuple[object, ...]) -> None:
    """What is no plan, no measurement or no format is Ansible's error."""
    with pytest.raises(AnsibleFilterError, match=r"planner\.droplet\.drift_report"):
        drift_report(*arguments)
