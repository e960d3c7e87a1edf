"""When a release migrates, leaves the schema alone or refuses, and what it says then."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._schema import (
    History,
    Revision,
    SchemaError,
    Verdict,
    judge_schema,
    parse_history,
)
from ansible_collections.planner.droplet.plugins.module_utils._schema_program import MARKER
from hypothesis import given
from hypothesis import strategies as st

ADDS = Revision("2")
DROPS = Revision("3", ("drops column tasks.title",))
ALL = (Revision("1"), ADDS, DROPS)


def image(*pending: Revision, upto: int = 3, heads: tuple[str, ...] = ()) -> History:
    """An image with the revisions 1 to `upto`."""
    revisions = tuple(str(number) for number in range(1, upto + 1))
    return History(revisions, pending, heads=heads or revisions[-1:])


def record(history: str, **applied: list[str]) -> dict[str, Any]:
    """What a release wrote down; its revisions have one letter each."""
    return {"history": list(history), "applied": {name[1:]: why for name, why in applied.items()}}


@dataclass(frozen=True)
class Case:
    """A database, an image and what is known; the verdict in short."""

    name: str
    found: str
    history: History | None
    expected: Verdict
    records: list[dict[str, Any]] = field(default_factory=list)
    has_tables: bool = True
    accept: bool = False
    serving: bool = True
    says: tuple[str, ...] = ()


def migrates(*pending: Revision, dump: bool = True) -> Verdict:
    """Migrate these."""
    return Verdict("migrate", dump, pending)


def refuses(*blocking: str, pending: tuple[Revision, ...] = ()) -> Verdict:
    """Refuse because of these; the text is checked apart."""
    return Verdict("refuse", pending=pending, blocking=blocking)


NONE = Verdict("none")
KNOWN = [record("12"), record("123", _2=[], _3=["drops column tasks.title"])]
HARMLESS = [record("123", _2=[]), record("12"), record("1234", _3=[], _4=["drops table x"])]
TEST_VERDICTS = [
    Case("no alembic: its command may do anything", "", None, migrates()),
    Case("no alembic, an empty database", "", None, migrates(dump=False), has_tables=False),
    Case("no alembic, but there was one", "3", None, migrates()),
    Case("a bare database", "", image(*ALL), migrates(*ALL, dump=False), has_tables=False),
    Case("tables that no alembic made", "", image(*ALL), migrates(*ALL)),
    Case("no migrations yet", "", image(upto=0), NONE),
    Case("nothing to do", "3", image(), NONE),
    Case("one that adds", "1", image(ADDS, upto=2), migrates(ADDS)),
    Case(
        "one that takes away while an old version serves",
        "1",
        image(ADDS, DROPS),
        refuses("3", pending=(ADDS, DROPS)),
        says=("3: drops column tasks.title", "two releases", "works_with_older_code = True"),
    ),
    Case("the same while nothing serves", "1", image(DROPS), migrates(DROPS), serving=False),
    Case("the same, accepted", "1", image(DROPS), migrates(DROPS), accept=True),
    Case(
        "several heads",
        "1",
        image(ADDS, heads=("2", "3")),
        refuses("2", "3"),
        accept=True,
        says=("several heads: 2, 3", "alembic merge heads"),
    ),
    # the database is ahead of the image
    Case("ahead by harmless ones", "3", image(upto=1), NONE, HARMLESS),
    Case("ahead by one", "3", image(upto=2), NONE, HARMLESS),
    Case(
        "ahead by one that takes away",
        "3",
        image(upto=1),
        refuses("3"),
        KNOWN,
        says=(
            "3, which this image does not know (its newest is 1)",
            "moved beyond",
            "drops column",
        ),
    ),
    Case("the same, accepted", "3", image(upto=1), NONE, KNOWN, accept=True),
    Case("the same while nothing serves", "3", image(upto=2), refuses("3"), KNOWN, serving=False),
    Case(
        "one record says it is harmless, another one not",
        "3",
        image(upto=2),
        refuses("3"),
        [*HARMLESS, record("123", _3=["drops column a.b"])],
    ),
    Case(
        "ahead by one of which nothing is known",
        "3",
        image(upto=1),
        refuses("2"),
        [record("123", _3=[])],
        says=("is not known", "2: no release wrote down"),
    ),
    Case("ahead, and no release tells how", "9", image(upto=1), refuses("9"), KNOWN),
    Case("ahead without any record", "3", image(upto=1), refuses("3")),
    Case("the same, accepted", "3", image(upto=1), NONE, accept=True),
    Case(
        "both kinds",
        "3",
        image(upto=1),
        refuses("3", "2"),
        [record("123", _3=["drops table a"])],
        says=("3: drops table a", "2: no release wrote down"),
    ),
    Case(
        "another branch of the code",
        "3",
        image(upto=1),
        refuses("3"),
        [record("x23", _2=[], _3=[])],
    ),
    Case(
        "older in the record, unknown here", "0", image(upto=1), refuses("0"), [record("01", _1=[])]
    ),
    Case(
        "an image without migrations, harmless ones before",
        "2",
        image(upto=0),
        NONE,
        [record("12", _1=[], _2=[])],
    ),
    Case(
        "an image without migrations",
        "1",
        image(upto=0),
        refuses("1"),
        [{"release": 1, "history": None}],
        says=("(it has none)",),
    ),
    Case(
        "the newest record counts", "3", image(upto=1), NONE, [record("1x3"), record("13", _3=[])]
    ),
]


@pytest.mark.parametrize("case", TEST_VERDICTS, ids=lambda case: case.name)
def test_verdict(case: Case) -> None:
    """A release migrates forwards, and refuses what would break a version, this one or the old one."""
    verdict = judge_schema(
        case.found,
        case.history,
        case.records,
        has_tables=case.has_tables,
        accept=case.accept,
        serving=case.serving,
    )
    assert (verdict.action, verdict.dump) == (case.expected.action, case.expected.dump)
    assert (verdict.pending, verdict.blocking) == (case.expected.pending, case.expected.blocking)
    assert bool(verdict.problem) is (verdict.action == "refuse")
    if verdict.problem:
        assert "\nDo: " in verdict.problem
        assert ("stack_accept_breaking_schema=true" in verdict.problem) is not case.accept
    for words in case.says:
        assert words in verdict.problem


def answer(*pending: dict[str, Any], **more: Any) -> str:
    """What the program prints."""
    found = {"alembic": True, "revisions": ["1", "2"], "heads": ["2"], "pending": pending, **more}
    return f"noise\r\n{MARKER}not this one\n\n{MARKER}{json.dumps(found)}\r\nmore noise"


def migration(sql: str = "", *, word: bool | None = None, problem: str = "") -> dict[str, Any]:
    """One migration as the program tells it."""
    return {"id": "2", "sql": sql, "works_with_older_code": word, "problem": problem}


DROP = "DROP TABLE x;"
TEST_REVISIONS: list[tuple[dict[str, Any], tuple[str, ...], str]] = [
    (migration(), (), "-- 2\n-- nothing"),
    (migration(DROP), ("drops table x",), f"-- 2\n{DROP}"),
    (migration(DROP, word=True), (), f"-- 2\n{DROP}"),
    (migration(word=False), ("it says works_with_older_code = False",), "-- 2\n-- nothing"),
    (
        migration(problem="no rows"),
        ("cannot be judged: its SQL cannot be printed (no rows)",),
        "-- 2\n-- cannot be printed: no rows",
    ),
    (migration(problem="no rows", word=True), (), "-- 2\n-- cannot be printed: no rows"),
]


@pytest.mark.parametrize("one, breaks, sql", TEST_REVISIONS)
def test_history(one: dict[str, Any], breaks: tuple[str, ...], sql: str) -> None:
    """The author's word counts more than our reading; what cannot be read is not harmless."""
    expected = History(("1", "2"), (Revision("2", breaks),), sql, ("2",))
    assert parse_history(answer(one)) == expected


def test_no_alembic() -> None:
    """An image without alembic has no history."""
    assert parse_history(answer(alembic=False)) is None


TEST_NO_ANSWER: list[tuple[str, str]] = [
    ("", "\n(it printed nothing)"),
    ("\n".join(str(number) for number in range(12)), "\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11"),
    (f"a\n{MARKER}[]", f"\na\n{MARKER}[]"),
    (f'{MARKER}{{"alembic": true}}', f'\n{MARKER}{{"alembic": true}}'),
    (f"{MARKER}cut off {{", f"\n{MARKER}cut off {{"),
]


@pytest.mark.parametrize("output, last", TEST_NO_ANSWER)
def test_no_answer(output: str, last: str) -> None:
    """Without an answer the last lines are told."""
    with pytest.raises(SchemaError) as error:
        parse_history(output)
    assert str(error.value).endswith(last)


ids = st.sampled_from("1234")
records = st.lists(
    st.builds(
        lambda history, applied: {"history": history, "applied": applied},
        st.lists(ids, unique=True),
        st.dictionaries(ids, st.sampled_from([[], ["drops it"]])),
    )
)


@given(
    found=ids,
    upto=st.integers(0, 3),
    known=records,
    has_tables=st.booleans(),
    serving=st.booleans(),
)
def test_nothing_unknown_or_breaking_passes(
    found: str,
    upto: int,
    known: list[dict[str, Any]],
    has_tables: bool,  # noqa: FBT001
    serving: bool,  # noqa: FBT001
) -> None:
    """Code older than the schema goes on only if every step between is written down as harmless."""
    history = image(upto=upto)
    if found in history.revisions:
        return
    verdict = judge_schema(
        found, history, known, has_tables=has_tables, accept=False, serving=serving
    )
    reasons = [one["applied"].get(found) for one in known if found in one["applied"]]
    if not reasons or any(reasons):
        assert verdict.action == "refuse"
        assert found in verdict.blocking
    if verdict.action == "refuse":
        assert verdict.blocking
        accepted = judge_schema(
            found, history, known, has_tables=has_tables, accept=True, serving=serving
        )
        assert accepted == NONE
