"""The filter domain_names."""

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.planner.droplet.plugins.filter import domain_names as glue

domain_names = glue.FilterModule().filters()["domain_names"]


def test_sorts() -> None:
    """Templates read by name what each name is for."""
    assert domain_names(["a.com", "b.com", "www.a.com"]) == {
        "canonical": "a.com",
        "served": ("a.com", "b.com"),
        "redirected": "www.a.com",
        "all": ("a.com", "b.com", "www.a.com"),
    }


def test_without_names_all_is_empty() -> None:
    """A template asks whether there is a canonical name."""
    assert not any(domain_names([]).values())


@pytest.mark.parametrize("wrong", ["a.com", None, {"a.com": 1}])
def test_only_lists(wrong: object) -> None:
    """A text would be taken letter by letter."""
    with pytest.raises(AnsibleFilterError, match=r"domain_names: wants a list; got"):
        domain_names(wrong)


def test_refuses_in_ansibles_words() -> None:
    """A wrong name stops the run before anything changes."""
    with pytest.raises(AnsibleFilterError, match=r"1\. droplet_domains\[0\] = 'A.com': has cap"):
        domain_names(["A.com"])
