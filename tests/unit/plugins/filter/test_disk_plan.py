"""The filter disk_plan."""

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.planner.droplet.plugins.filter import disk_plan as glue
from ansible_collections.planner.droplet.plugins.module_utils._disk_plan import (
    Options,
)
from ansible_collections.planner.droplet.plugins.module_utils._disk_plan import (
    disk_plan as pure,
)
from ansible_collections.planner.droplet.plugins.module_utils._disk_text import disk_text
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan

disk_plan = glue.FilterModule().filters()["disk_plan"]
MACHINE = plan("s-1vcpu-1gb").to_dict()


def test_plans() -> None:
    """A template gets the plan in its plain form, or its text; options may be left out."""
    expected = pure(MACHINE).to_dict()
    assert disk_plan(MACHINE) == disk_plan(MACHINE, None) == expected
    assert disk_plan(MACHINE, {}, "text") == disk_text(expected)
    fewer = disk_plan(MACHINE, {"backup_keep_days": 3})
    assert fewer == pure(MACHINE, {"backup_keep_days": 3}).to_dict() != expected


def test_refuses_in_ansibles_words() -> None:
    """A refusal is Ansible's own error with every reason and proposal in it."""
    with pytest.raises(AnsibleFilterError) as caught:
        disk_plan(MACHINE, {"stack_disk_budget_mb": 20000})
    assert str(caught.value).startswith("The disk plan was refused:\n1. droplet_size = ")
    assert "=> fits with stack_disk_budget_mb: " in str(caught.value)
    with pytest.raises(AnsibleFilterError, match="format is plan or text, not 'svg'"):
        disk_plan(MACHINE, {}, "svg")


def test_documented_options() -> None:
    """The documentation names every option, with its default."""
    told = yaml.safe_load(glue.DOCUMENTATION)["options"]["options"]["suboptions"]
    assert {name: one["default"] for name, one in told.items()} == vars(Options())
