"""Which secrets are written, kept and removed; what a fingerprint tells and what it does not."""

import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._secret_store import (
    changes,
    fingerprint,
)
from hypothesis import given
from hypothesis import strategies as st

KEY = b"k" * 32
MADE = re.compile(r"[A-Za-z0-9]{40}")


@dataclass(frozen=True)
class Case:
    """A folder, what is wanted in it, and what must happen. A written value of None is generated."""

    name: str
    present: dict[str, str] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)
    generated: list[str] = field(default_factory=list)
    write: dict[str, str | None] = field(default_factory=dict)
    remove: tuple[str, ...] = ()


TEST_CHANGES = [
    Case("nothing wanted, nothing there"),
    Case("given and missing: written", given={"a": "1"}, write={"a": "1"}),
    Case("given and the same: kept", present={"a": "1"}, given={"a": "1"}),
    Case("given and different: replaced", present={"a": "1"}, given={"a": "2"}, write={"a": "2"}),
    Case("given and empty: an empty file", given={"a": ""}, write={"a": ""}),
    Case("given and emptied: replaced", present={"a": "1"}, given={"a": ""}, write={"a": ""}),
    Case("generated and missing: made", generated=["a"], write={"a": None}),
    Case("generated and there: kept for ever", present={"a": "1"}, generated=["a"]),
    Case(
        "generated and empty: made, an empty password is none",
        present={"a": ""},
        generated=["a"],
        write={"a": None},
    ),
    Case("given wins over generated", given={"a": "1"}, generated=["a"], write={"a": "1"}),
    Case(
        "given wins over what was generated before",
        present={"a": "made earlier"},
        given={"a": "1"},
        generated=["a"],
        write={"a": "1"},
    ),
    Case("given empty, generated: made", given={"a": ""}, generated=["a"], write={"a": None}),
    Case("given empty, generated before: kept", {"a": "made"}, {"a": ""}, ["a"]),
    Case("given empty, there empty, generated: made", {"a": ""}, {"a": ""}, ["a"], {"a": None}),
    Case("no longer wanted: removed", present={"b": "1", "a": "1"}, remove=("a", "b")),
    Case(
        "all at once",
        present={"old": "1", "kept": "1", "made": "1"},
        given={"kept": "1", "new": "1"},
        generated=["made", "missing"],
        write={"new": "1", "missing": None},
        remove=("old",),
    ),
]


@pytest.mark.parametrize("case", TEST_CHANGES, ids=lambda case: case.name)
def test_changes(case: Case) -> None:
    """Given values win, generated ones are made once and kept, others go."""
    decided = changes(case.present, case.given, case.generated)
    assert set(decided.write) == set(case.write)
    for name, value in case.write.items():
        if value is None:
            assert MADE.fullmatch(decided.write[name])
        else:
            assert decided.write[name] == value
    assert decided.remove == case.remove
    assert decided.changed is bool(case.write or case.remove)
    assert set(decided.content) == set(case.given) | set(case.generated)


def test_all_problems_are_told_and_no_value() -> None:
    """Names that are no file of the folder and values that are no text are refused together."""
    wrong: dict[str, Any] = {"../outside": "value-1", "token": 12345678, "fine": "value-2"}
    with pytest.raises(ValueError, match="cannot be a secret's name") as error:
        changes({}, wrong, [".fingerprint.key"])
    assert str(error.value).splitlines() == [
        "'../outside' cannot be a secret's name: use letters, digits and underscores",
        "'.fingerprint.key' cannot be a secret's name: use letters, digits and underscores",
        "secrets.token must be a text: put the value in quotes",
    ]


@pytest.mark.parametrize("name", ["a/b", "a b", "a\n", "", ".", "..", ".staged-1", "-rf"])
def test_a_name_must_be_one_visible_file(name: str) -> None:
    """A name that a path, a shell or the module itself would read differently is refused."""
    with pytest.raises(ValueError, match="cannot be a secret's name"):
        changes({}, {name: "1"}, [])


names = st.text("abc_", min_size=1, max_size=3)
values = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
folders = st.dictionaries(names, values, max_size=4)


@given(present=folders, wanted=folders, generated=st.lists(names, max_size=3, unique=True))
def test_a_second_run_changes_nothing(
    present: dict[str, str], wanted: dict[str, str], generated: list[str]
) -> None:
    """Whatever a folder held, applying the changes leads to one that needs none."""
    decided = changes(present, wanted, generated)
    after = {
        name: value for name, value in {**present, **decided.write}.items() if name in wanted
    } | {name: decided.content[name] for name in generated}
    assert after == decided.content
    again = changes(decided.content, wanted, generated)
    assert not again.changed
    assert again.content == decided.content


def test_no_two_generated_values_are_alike() -> None:
    """Each generated secret is drawn anew."""
    decided = changes({}, {}, [f"secret_{number}" for number in range(50)])
    assert len(set(decided.write.values())) == 50


@given(one=folders, other=folders)
def test_fingerprints_differ_when_and_only_when_secrets_do(
    one: dict[str, str], other: dict[str, str]
) -> None:
    """A fingerprint follows names and values; the order of the names means nothing."""
    backwards = dict(reversed(one.items()))
    assert fingerprint(one, KEY) == fingerprint(backwards, KEY)
    assert (fingerprint(one, KEY) == fingerprint(other, KEY)) is (one == other)


DISTINCT: list[tuple[dict[str, str], dict[str, str]]] = [
    ({}, {"a": ""}),
    ({"a": "1"}, {"b": "1"}),
    ({"a": "1", "b": "2"}, {"a": "2", "b": "1"}),
    ({"a": "xb", "c": "y"}, {"a": "x", "bc": "y"}),
    ({"a": "1"}, {"a": "1\n"}),
]


@pytest.mark.parametrize("one, other", DISTINCT)
def test_near_misses_have_different_fingerprints(
    one: dict[str, str], other: dict[str, str]
) -> None:
    """Neither a renamed secret nor a moved boundary goes unnoticed."""
    assert fingerprint(one, KEY) != fingerprint(other, KEY)


@given(content=folders)
def test_a_fingerprint_cannot_be_guessed_without_the_key(content: dict[str, str]) -> None:
    """The same secrets have another fingerprint on another host, so trying values is in vain."""
    found = fingerprint(content, KEY)
    assert re.fullmatch(r"[0-9a-f]{16}", found)
    assert found != fingerprint(content, b"another host's key")
