"""The generator of the option tables."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SPEC: dict[str, Any] = {
    "short_description": "Swap and sysctl.",
    "description": ["Makes the machine's memory", "ready."],
    "options": {
        "memory_swap_mb": {
            "type": "int",
            "default": 1024,
            "description": "Size of O(swap) | file.",
        },
        "memory_mode": {
            "type": "str",
            "required": True,
            "choices": ["a", "b"],
            "description": ["What", "to do."],
        },
        "memory_services": {
            "type": "list",
            "elements": "dict",
            "description": "All of them.",
            "options": {"name": {"type": "str", "description": "Its name."}},
        },
    },
}


@pytest.fixture
def readmes(load_script: Callable[[str], ModuleType]) -> ModuleType:
    """The script as a module."""
    return load_script("scripts/role_readmes.py")


@pytest.mark.parametrize(
    "row",
    [
        "| `memory_swap_mb` | int | `1024` | Size of `swap` \\| file. |",
        "| `memory_mode` | str | **required** | What to do. One of `a`, `b`. |",
        "| `memory_services` | list of dict | - | All of them. |",
        "| `memory_services[].name` | str | - | Its name. |",
    ],
)
def test_row(readmes: ModuleType, row: str) -> None:
    """An option is one row: name, type, default, description; nested ones carry their path."""
    assert row in readmes.table(SPEC).splitlines()


def test_missing_readme_is_made_from_the_spec(readmes: ModuleType) -> None:
    """A role without README gets its descriptions and the table."""
    text = readmes.render(None, "memory", SPEC)
    assert text.startswith("# Role memory\n\nSwap and sysctl.\n\nMakes the machine's memory")
    assert text.count(readmes.BEGIN) == 1


def test_hand_written_text_stays(readmes: ModuleType) -> None:
    """Only what is between the markers is replaced."""
    text = f"# Mine\n\nbefore\n\n{readmes.BEGIN}\nold\n{readmes.END}\n\nafter\n"
    new = readmes.render(text, "memory", SPEC)
    assert new.startswith("# Mine\n\nbefore\n")
    assert new.endswith("\n\nafter\n")
    assert "old" not in new
    assert readmes.render(new, "memory", SPEC) == new


def test_readme_without_markers_gets_them_at_its_end(readmes: ModuleType) -> None:
    """A hand-written README is kept and extended."""
    assert readmes.render("# Mine\n", "memory", SPEC).startswith("# Mine\n\n## Options\n\n<!--")


def test_stale_readmes_are_named(readmes: ModuleType, tmp_path: Path) -> None:
    """A README that differs from its spec is reported with the text it should have."""
    role = tmp_path / "roles/memory"
    (role / "meta").mkdir(parents=True)
    (role / "meta/argument_specs.yml").write_text(
        "argument_specs: {main: {short_description: Swap, options: {}}}", encoding="utf-8"
    )
    stale = readmes.stale_readmes(tmp_path)
    assert list(stale) == [role / "README.md"]
    (role / "README.md").write_text(stale[role / "README.md"], encoding="utf-8")
    assert readmes.stale_readmes(tmp_path) == {}
