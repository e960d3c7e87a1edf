"""The disk plan for a terminal."""

import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._disk_plan import disk_plan
from ansible_collections.planner.droplet.plugins.module_utils._disk_text import disk_text
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan
from ansible_collections.planner.droplet.plugins.module_utils._plan_text import COLUMNS
from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError
from ansible_collections.planner.droplet.plugins.module_utils._sizes import SIZES

DOCUMENT = Path(__file__).parents[4] / "docs" / "disk-plan.md"
FITTING = sorted(slug for slug, size in SIZES.items() if size.memory_mb > 512)


def made(size: str = "s-1vcpu-1gb", **options: Any) -> dict[str, Any]:
    """A plan in its plain form."""
    return disk_plan(plan(size).to_dict(), options).to_dict()


@pytest.mark.parametrize("size", FITTING)
@pytest.mark.parametrize("database", [0, 1, 1500])
def test_fits_the_terminal(size: str, database: int) -> None:
    """No line is wider than the terminal, none ends in blanks, nothing is cut."""
    text = disk_text(made(size, backup_repository="s3:x", watch_database_mb=database))
    assert max(len(line) for line in text.splitlines()) <= COLUMNS
    assert not re.search(r" +\n|\x1b|\n\n\n|…", text)
    assert text.endswith("\n")


def test_every_part_is_shown() -> None:
    """Each part stands there with its room and what it is for; the growth is the free one."""
    planned = made()
    lines = {line.split()[0]: line for line in disk_text(planned).splitlines() if line}
    for name, part in planned["parts"].items():
        assert str(part["mb"]) in lines[name].split()
        assert part["what"] in lines[name]
    assert re.fullmatch(r"growth +\d+  ·+ +for the database and its backups", lines["growth"])


def test_growth_and_warning() -> None:
    """How large the database may become is said in words, and that it is little."""
    planned = made(watch_database_mb=1500)
    flowing = " ".join(disk_text(planned).split())
    assert (
        f"Growth the database, planned with 1500 MiB, may grow to {planned['database_most_mb']}: "
        "with backups and drill each MiB takes 6.1"
    ) in flowing
    assert f"Warning {planned['warnings'][0]}" in flowing
    assert "Warning" not in disk_text(made())


def test_nothing_takes_no_bar() -> None:
    """A part of nothing is not drawn."""
    planned = made()
    planned["parts"]["swap"]["mb"] = 0
    assert re.search(r"^swap +0 +the swap file$", disk_text(planned), re.MULTILINE)


def test_documented_example_is_current() -> None:
    """The example in docs/ is what the tool prints, and so is the refusal."""
    document = DOCUMENT.read_text(encoding="utf-8")
    assert f"```text\n{disk_text(made())}```" in document
    with pytest.raises(PlanError) as caught:
        made(watch_database_mb=3000)
    assert " ".join(str(caught.value).split()) in " ".join(document.split())
