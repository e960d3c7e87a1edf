"""What is remembered between two runs, whatever has become of its file."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._acme import Attempt
from ansible_collections.planner.droplet.plugins.module_utils._tls_state import State
from hypothesis import given
from hypothesis import strategies as st

ATTEMPT = Attempt("wish", 1.0, 2, "refused", "no", 3.0)


def test_it_is_remembered(tmp_path: Path) -> None:
    """All of it, in a file that only root reads."""
    file = tmp_path / "state.json"
    state = State(str(file), ATTEMPT, {"url": "https://a.test"}, "it failed")
    state.save()
    assert State.load(str(file)) == state
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_it_is_written_when_it_changes(tmp_path: Path) -> None:
    """A run that changes nothing writes nothing; a first one without anything to tell neither."""
    file = tmp_path / "state.json"
    State(str(file)).save()
    assert not file.exists()
    state = State(str(file), problem="no")
    state.save()
    written = file.stat().st_ino
    state.save()
    assert file.stat().st_ino == written
    state.problem = ""
    state.save()
    assert file.stat().st_ino != written
    assert State.load(str(file)).problem == ""


def test_nothing_was_written(tmp_path: Path) -> None:
    """Then nothing is known."""
    path = str(tmp_path / "state.json")
    assert State.load(path) == State(path)


TEST_DAMAGED = ["", "{", "[]", "5", "null", '"x"', "[" * 100_000, "\0\xff", '{"attempt": 5}']


@pytest.mark.parametrize("text", TEST_DAMAGED, ids=range(len(TEST_DAMAGED)))
def test_damaged(tmp_path: Path, text: str) -> None:
    """What cannot be read counts as never written, and is mended by the next run."""
    file = tmp_path / "state.json"
    file.write_text(text, encoding="latin-1")
    state = State.load(str(file))
    assert state == State(str(file))
    state.problem = "it failed"
    state.save()
    assert State.load(str(file)).problem == "it failed"


def test_one_part_is_damaged(tmp_path: Path) -> None:
    """The others count."""
    file = tmp_path / "state.json"
    given = {"attempt": {"at": "today"}, "webhook": ["no"], "problem": 5, "more": 1}
    file.write_text(json.dumps({**given, "attempt": ATTEMPT.to_dict()}))
    assert State.load(str(file)) == State(str(file), ATTEMPT, {}, "5")
    file.write_text(json.dumps({**given, "webhook": {"url": "u"}}))
    assert State.load(str(file)) == State(str(file), None, {"url": "u"}, "5")


VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
FIELDS = st.sampled_from(["wish", "at", "failures", "kind", "reason", "retry_at"])


@given(VALUES | st.fixed_dictionaries({"attempt": st.dictionaries(FIELDS, VALUES)}))
def test_anything(tmp_path_factory: pytest.TempPathFactory, content: object) -> None:
    """Whatever JSON is there, it is read, and can be written again."""
    file = tmp_path_factory.mktemp("state") / "state.json"
    file.write_text(json.dumps(content))
    state = State.load(str(file))
    state.problem += "!"
    state.save()
    assert State.load(str(file)).problem == state.problem
