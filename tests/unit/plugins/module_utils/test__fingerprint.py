"""The SQL by which a database tells what it holds, as far as no server is needed, and what is made of its answers."""

import re

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._backup_manifest import Facts, Table
from ansible_collections.planner.droplet.plugins.module_utils._fingerprint import (
    BEGIN,
    FACTS,
    INDEXES,
    SEPARATOR,
    SETTINGS,
    SNAPSHOT,
    OddAnswerError,
    bad_indexes,
    parse_facts,
)
from hypothesis import given
from hypothesis import strategies as st


def lines(text: str) -> list[str]:
    """Write an answer with spaces where psql has its separator."""
    return [line.strip().replace(" ", SEPARATOR) for line in text.splitlines() if line.strip()]


ANSWER = lines("""
    version 17.6
    size 60
    extension plpgsql 1.0
    extension vector 0.8.0
    objects 1
    schema 0002_plan
    table public.tasks 12 -8446744073709551616
    table public.plan 0 0
""")


class TestFacts:
    """What a database says of itself."""

    def test_read(self) -> None:
        """All of it."""
        assert parse_facts(ANSWER) == Facts(
            version="17.6",
            schema="0002_plan",
            size_mb=60,
            extensions={"plpgsql": "1.0", "vector": "0.8.0"},
            tables={
                "public.tasks": Table(12, "-8446744073709551616"),
                "public.plan": Table(0, "0"),
            },
            large_objects=1,
        )

    def test_a_packager_adds_its_name(self) -> None:
        """Debian's own build is no other version."""
        named = f"version{SEPARATOR}17.6 (Debian 17.6-0+deb13u1)"
        assert parse_facts([named, *ANSWER[1:]]).version == "17.6"

    def test_an_empty_database(self) -> None:
        """No table and no schema is an answer too."""
        found = parse_facts([*lines("version 17.6\nsize 8\nobjects 0"), f"schema{SEPARATOR}"])
        assert found == Facts(version="17.6", size_mb=8)
        assert found.rows == 0

    # what is lost or odd in the answer
    @pytest.mark.parametrize("place", range(len(ANSWER)))
    def test_odd(self, place: int) -> None:
        """A line that is cut is no smaller database."""
        with pytest.raises(OddAnswerError, match="The database did not tell what it holds"):
            parse_facts([*ANSWER[:place], ANSWER[place].rpartition(SEPARATOR)[0]])

    @pytest.mark.parametrize(
        "more", ["", "NOTICE: hello", f"table{SEPARATOR}t{SEPARATOR}many{SEPARATOR}0"]
    )
    def test_more(self, more: str) -> None:
        """Nor is what nobody asked for."""
        with pytest.raises(OddAnswerError):
            parse_facts([*ANSWER, more])

    def test_lost_lines(self) -> None:
        """Without its version, size, schema or large objects an answer is none."""
        for place in (0, 1, 4, 5):
            with pytest.raises(OddAnswerError):
                parse_facts(ANSWER[:place] + ANSWER[place + 1 :])


@given(st.lists(st.lists(st.text(max_size=5), max_size=4).map(SEPARATOR.join), max_size=4))
def test_any_answer(answer: list[str]) -> None:
    """There are facts, or the one error that says so."""
    for odd in (answer, [*ANSWER, *answer]):
        try:
            assert parse_facts(odd).version
        except OddAnswerError:
            assert odd != ANSWER
    try:
        bad_indexes(answer)
    except OddAnswerError:
        assert answer


# what the server says -> what is wrong, and how many vector indexes are good
TEST_INDEXES: list[tuple[str, list[str], int]] = [
    ("", [], 0),
    ("vector plan_embedding_idx 1 1", [], 1),
    # Of an empty table there is nothing to find.
    ("vector plan_embedding_idx 0 0", [], 1),
    (
        "vector plan_embedding_idx 0 1\nvector other 1 1",
        ["the vector index plan_embedding_idx does not find a row that is there"],
        1,
    ),
    ("invalid tasks_pkey", ["the index tasks_pkey is not valid"], 0),
]


@pytest.mark.parametrize("text, problems, good", TEST_INDEXES)
def test_indexes(text: str, problems: list[str], good: int) -> None:
    """An index that is not valid, or does not find what is there."""
    assert bad_indexes(lines(text)) == (problems, good)


@pytest.mark.parametrize("odd", ["", "vector", "vector i", "vector i 1", "valid i", "invalid"])
def test_odd_indexes(odd: str) -> None:
    """An answer that is none is never a good index."""
    with pytest.raises(OddAnswerError, match="did not tell of its indexes"):
        bad_indexes([odd.replace(" ", SEPARATOR)])


class TestStatements:
    """What must not depend on the server or on who asks."""

    def test_one_snapshot(self) -> None:
        """Nothing that is asked could write, and all of it sees one moment."""
        assert BEGIN == "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\n"
        assert SNAPSHOT == "SELECT pg_export_snapshot();\n"
        writes = r"\b(INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|COMMIT|TRUNCATE)\b"
        assert not re.search(writes, SETTINGS + FACTS + INDEXES)

    def test_rows_look_the_same_everywhere(self) -> None:
        """Dates, intervals, numbers and bytes as text are set, as is how long a dump may take."""
        names = re.findall(r"^SET (\w+) =", SETTINGS, re.MULTILINE)
        assert {
            *("datestyle", "intervalstyle", "timezone", "bytea_output", "extra_float_digits"),
            *("search_path", "lc_monetary", "statement_timeout"),
            "idle_in_transaction_session_timeout",
        } <= set(names)
