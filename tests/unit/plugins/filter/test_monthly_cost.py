"""The filter monthly_cost."""

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.planner.droplet.plugins.filter import monthly_cost as glue
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan

monthly_cost = glue.FilterModule().filters()["monthly_cost"]
PLAN = plan("s-1vcpu-1gb").to_dict()


def test_adds_up() -> None:
    """Nothing extra and a budget of seven dollars are the defaults."""
    assert monthly_cost(PLAN)["total_usd"] == 6
    assert monthly_cost(PLAN)["warning"] == ""
    assert monthly_cost(PLAN, "daily", spaces=True, budget_usd=20)["total_usd"] == 12.8


def test_refuses_in_ansibles_words() -> None:
    """All wrong choices are in one error; what is no plan is refused too."""
    with pytest.raises(AnsibleFilterError) as caught:
        monthly_cost(PLAN, "hourly", spaces="x", budget_usd=-1)
    for path in ("backups", "spaces", "budget_usd"):
        assert f"{path} =" in str(caught.value)
    with pytest.raises(AnsibleFilterError, match="give what memory_plan returns"):
        monthly_cost("s-1vcpu-1gb")
