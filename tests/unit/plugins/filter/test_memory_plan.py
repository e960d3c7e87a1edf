"""The filter memory_plan."""

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.planner.droplet.plugins.filter import memory_plan as glue
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan

memory_plan = glue.FilterModule().filters()["memory_plan"]


def test_plans() -> None:
    """A template gets the plan in its plain form; arguments may be left out."""
    assert memory_plan("s-1vcpu-1gb") == plan("s-1vcpu-1gb").to_dict()
    services = [{"name": "nginx", "limit_mb": 40}]
    expected = plan("s-1vcpu-2gb", services, 512, "app:1").to_dict()
    assert memory_plan("s-1vcpu-2gb", services, 512, "app:1") == expected
    assert memory_plan("s-1vcpu-1gb", None, None) == plan("s-1vcpu-1gb").to_dict()


def test_refuses_in_ansibles_words() -> None:
    """A refusal is Ansible's own error with every reason and proposal in it."""
    with pytest.raises(AnsibleFilterError) as caught:
        memory_plan("s-1vcpu-1gb", [{"name": "backend", "limit_mb": 600}], 0)
    text = str(caught.value)
    assert "1. droplet_swap_mb = 0" in text
    assert "2. droplet_services: limits of" in text
    assert "=> fits on s-1vcpu-1gb" in text
