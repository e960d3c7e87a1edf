from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from planner.schema import SERVING, SchemaState, read_history, schema_state

HISTORY = ("0001_tasks", "0002_index", "0003_notes")

STATES: list[tuple[str | None, SchemaState, bool]] = [
    ("0003_notes", "current", True),
    ("0004_later", "newer", True),
    ("0002_index", "older", False),
    ("0001_tasks", "older", False),
    (None, "missing", False),
]


@pytest.mark.parametrize("found,state,serves", STATES)
def test_schema_state(found: str | None, state: SchemaState, *, serves: bool) -> None:
    """An unknown revision is a newer one and serves; a known older one lacks its migration."""
    assert schema_state(found, HISTORY) == state
    assert (state in SERVING) is serves


def test_history_is_alembics() -> None:
    """Reading the files gives the same revisions in the same order as alembic itself."""
    script = ScriptDirectory.from_config(Config(Path(__file__).parent.parent / "alembic.ini"))
    assert list(read_history()) == [step.revision for step in script.walk_revisions()][::-1]


@pytest.mark.parametrize(
    "revisions",
    [
        [],
        [("a", '"b"')],
        [("a", "None"), ("b", "None")],
        [("a", "None"), ("b", '"a"'), ("c", '"a"')],
        [("a", "None"), ("c", '"b"')],
    ],
)
def test_branches_are_refused(tmp_path: Path, revisions: list[tuple[str, str]]) -> None:
    """Branches, gaps and an empty folder are errors: the rule needs one line of revisions."""
    for name, parent in revisions:
        (tmp_path / f"{name}.py").write_text(f'revision = "{name}"\ndown_revision = {parent}\n')
    with pytest.raises(ValueError, match="one line"):
        read_history(tmp_path)
