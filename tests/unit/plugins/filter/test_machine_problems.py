"""The filter machine_problems."""

from ansible_collections.planner.droplet.plugins.filter import machine_problems as glue

machine_problems = glue.FilterModule().filters()["machine_problems"]
FACTS = {
    "memtotal_mb": 967,
    "processor_vcpus": 1,
    "distribution": "Debian",
    "distribution_version": "13.1",
}


def test_a_machine_as_declared() -> None:
    """Ansible's facts of the declared machine give an empty text."""
    assert machine_problems(FACTS, "s-1vcpu-1gb") == ""


def test_a_smaller_machine() -> None:
    """A machine smaller than declared gives one line for memory and one for CPUs."""
    lines = machine_problems(FACTS, "s-2vcpu-4gb").splitlines()
    assert len(lines) == 2
    assert "this machine's kernel shows 967" in lines[0]
    assert "this machine has 1" in lines[1]
