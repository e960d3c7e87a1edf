"""What a backup says of itself, what looks like a loss, and what did not come back."""

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._backup_manifest import (
    DUMP,
    FORMAT,
    HOST,
    SAFETY,
    Facts,
    Manifest,
    Stored,
    Table,
    compare,
    doubts,
    folder_name,
    numbered,
    parse_manifest,
)
from hypothesis import given, settings
from hypothesis import strategies as st

MIB = 1024 * 1024
FULL = Manifest(
    number=17,
    made="2026-11-28T02:00:11Z",
    why="timer",
    verdict=SAFETY,
    doubts=("tables that had rows are empty: public.tasks",),
    database="planner",
    facts=Facts(
        version="17.6",
        schema="0002_plan",
        size_mb=60,
        extensions={"plpgsql": "1.0", "vector": "0.8.0"},
        tables={"public.plan": Table(0, "0"), "public.tasks": Table(12, "-8446744073709551616")},
        large_objects=1,
        answer="12\x1fBuy milk\nline two",
    ),
    query="SELECT count(*), max(title) FROM tasks",
    release=12,
    images={"backend": "registry/app:1.2"},
    files={DUMP: Stored(3_000_000_000, "ab"), HOST: Stored(7, "cd")},
    volumes=("planner_uploads",),
    seconds=14.2,
)


class TestManifest:
    """The file in a backup's folder."""

    def test_there_and_back(self) -> None:
        """It is read as it was written, and a person can read it too."""
        assert parse_manifest(FULL.to_json()) == FULL
        assert parse_manifest(Manifest(1, "2026-11-28T02:00:11Z").to_json()).number == 1
        assert list(json.loads(FULL.to_json())) == sorted(json.loads(FULL.to_json()))
        assert FULL.to_json().endswith("}\n")

    def test_sums(self) -> None:
        """What a table or a line of the log shows of it."""
        assert (FULL.bytes, FULL.facts.rows, FULL.facts.major) == (3_000_000_007, 12, 17)
        assert (Manifest(1, "").bytes, Facts().rows, Facts().major) == (0, 0, 0)

    def test_later_versions(self) -> None:
        """What a later version only added is passed over; what it changed is not guessed at."""
        given_ = json.loads(FULL.to_json())
        given_["colour"] = given_["facts"]["colour"] = "red"
        assert parse_manifest(json.dumps(given_)) == FULL
        given_["format"] = FORMAT + 1
        with pytest.raises(ValueError, match=r"written by a later version \(format 2\)"):
            parse_manifest(json.dumps(given_))

    # what a disk may have made of it
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "\0" * 4096,
            "7",
            "null",
            "[]",
            "{}",
            "[" * 100_000,
            '{"format": 1}',
            '{"format": 1, "facts": {}}',
            '{"format": 1, "number": 1, "made": "x", "facts": []}',
            '{"format": 1, "number": 1, "made": "x", "facts": {"tables": {"t": 7}}}',
            '{"format": 1, "number": 1, "made": "x", "facts": {}, "files": {"t": {"bytes": 1}}}',
            '{"format": 1, "number": 1, "made": "x", "facts": {}, "files": []}',
            FULL.to_json()[:-3],
        ],
    )
    def test_none(self, text: str) -> None:
        """It is said, in one kind of error."""
        with pytest.raises(ValueError, match=r".+"):
            parse_manifest(text)


NAMES = st.text(max_size=8)
TABLES = st.builds(Table, st.integers(0, 10**12), st.integers(-(10**30), 10**30).map(str))
FACTS = st.builds(
    Facts,
    version=st.sampled_from(["17.6", "18.1", "9.6"]),
    schema=NAMES,
    size_mb=st.integers(0, 10**6),
    extensions=st.dictionaries(NAMES, NAMES, max_size=2),
    tables=st.dictionaries(NAMES, TABLES, max_size=3),
    large_objects=st.integers(0, 99),
    answer=NAMES,
)
MANIFESTS = st.builds(
    Manifest,
    number=st.integers(1, 10**6),
    made=st.just("2026-11-28T02:00:11Z"),
    doubts=st.lists(NAMES, max_size=2).map(tuple),
    facts=FACTS,
    query=NAMES,
    images=st.dictionaries(NAMES, NAMES, max_size=2),
    files=st.dictionaries(NAMES, st.builds(Stored, st.integers(0, 10**13), NAMES), max_size=2),
    volumes=st.lists(NAMES, max_size=2).map(tuple),
    seconds=st.floats(0, 1e6),
)


@settings(max_examples=40)
@given(MANIFESTS)
def test_any_comes_back(manifest: Manifest) -> None:
    """Also with names that nobody thought of."""
    assert parse_manifest(manifest.to_json()) == manifest
    assert compare(manifest.facts, manifest.facts) == ()
    assert doubts(manifest, manifest, 1) == ()


@given(st.text(max_size=20), st.integers(0, 1500))
def test_anything_is_refused_in_one_way(noise: str, cut: int) -> None:
    """Whatever is in the file, there is a manifest or a ValueError."""
    text = FULL.to_json()
    try:
        parse_manifest(f"{text[:cut]}{noise}{text[cut:]}")
    except ValueError:
        assert noise


class TestFolder:
    """Names sort by number as long as anybody looks at them."""

    def test_name(self) -> None:
        """The number and the UTC time."""
        assert FULL.folder == folder_name(17, FULL.made) == "0017-20261128T020011Z"
        assert folder_name(12345, FULL.made) == "12345-20261128T020011Z"

    # a name in the folder of backups -> the number
    @pytest.mark.parametrize(
        "name, number",
        [
            ("0017-20261128T020011Z", 17),
            ("12345-20461128T020011Z", 12345),
            ("0017-20261128T020011Z.partial", 0),
            ("017-20261128T020011Z", 0),
            ("0017-20261128", 0),
            (".fetched", 0),
            ("lost+found", 0),
            ("x0017-20261128T020011Z", 0),
            ("0017-20261128T020011Z\n", 0),
        ],
    )
    def test_numbered(self, name: str, number: int) -> None:
        """Only what a run gave its final name is taken for a backup."""
        assert numbered(name) == number


def of(rows: dict[str, int], dump: int = 0, number: int = 1) -> Manifest:
    """A backup of tables with so many rows, and a dump of so many MiB."""
    tables = {name: Table(count, str(count)) for name, count in rows.items()}
    files = {DUMP: Stored(dump * MIB, "")} if dump else {}
    return Manifest(number, "2026-11-28T02:00:00Z", facts=Facts(tables=tables), files=files)


LAST = of({"a": 1000, "b": 19, "c": 20}, dump=10, number=16)
# what it is now, percent that may go -> what is said
TEST_DOUBTS: list[tuple[Manifest, int, tuple[str, ...]]] = [
    (of({"a": 1000, "b": 19, "c": 20}, 10), 50, ()),
    (of({"a": 5000, "b": 19, "c": 20}, 90), 1, ()),
    # Half may go, not more.
    (of({"a": 500, "b": 19, "c": 20}, 5), 50, ()),
    (of({"a": 500, "c": 19}, 10), 50, ("519 rows, after 1039 in backup 16",)),
    (of({"a": 1000, "b": 19, "c": 20}, 4), 50, ("a dump of 4194304 bytes, after 10485760 in",)),
    # A few rows may well be used up; a table of many is not emptied in everyday use.
    (of({"a": 1000, "b": 0, "c": 20}, 10), 50, ()),
    (of({"a": 1000, "b": 19, "c": 0}, 10), 99, ("tables that had rows are empty: c",)),
    (of({"a": 1000, "c": 20}, 10), 50, ()),
    (of({"a": 1039}, 10), 50, ("2 of 3 tables are gone: b, c",)),
    (of({"a": 1039}, 10), 70, ()),
    # Everything is gone: all of it is told.
    (of({}), 50, ("3 of 3 tables are gone: a, b, c", "0 rows, after 1039", "a dump of 0 bytes")),
    # The owner said that it is right.
    (of({}), 100, ()),
]


@pytest.mark.parametrize("now, percent, said", TEST_DOUBTS)
def test_doubts(now: Manifest, percent: int, said: tuple[str, ...]) -> None:
    """What looks like a loss since the last good one."""
    found = doubts(now, LAST, percent)
    assert len(found) == len(said)
    assert all(one.startswith(wished) for one, wished in zip(found, said, strict=True))


def test_no_doubts_of_the_first() -> None:
    """There is nothing to compare it with, be it empty or not."""
    assert doubts(of({}), None, 1) == ()
    assert doubts(of({}), of({}), 1) == ()
    assert doubts(of({"a": 7}), of({}), 1) == ()


def test_many_tables_are_not_all_named() -> None:
    """The first five, and how many more."""
    last = of({f"t{number}": 1 for number in range(9)})
    assert doubts(of({}), last, 50) == ("9 of 9 tables are gone: t0, t1, t2, t3, t4 and 4 more",)


WISHED = FULL.facts
TASKS, PLAN = WISHED.tables["public.tasks"], WISHED.tables["public.plan"]


def tables(**changed: Table) -> dict[str, Any]:
    """The tables, some of them otherwise."""
    return {"tables": {**WISHED.tables, **{f"public.{name}": one for name, one in changed.items()}}}


# what is found otherwise -> what is said
TEST_COMPARED: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({}, ()),
    # What a restore brings beside is no loss, nor is how much room it takes.
    ({"size_mb": 1, "version": "17.7"}, ()),
    (tables(more=Table(1, "1")), ()),
    (tables(tasks=Table(11, "1")), ("table public.tasks has 11 rows, not 12",)),
    (
        tables(tasks=replace(TASKS, content="1")),
        ("table public.tasks has 12 rows, but not the same contents",),
    ),
    (tables(plan=Table(1, "0")), ("table public.plan has 1 rows, not 0",)),
    (
        {"tables": {}},
        ("table public.plan is missing", "table public.tasks is missing"),
    ),
    ({"schema": ""}, ("the schema is none, not 0002_plan",)),
    ({"large_objects": 0}, ("0 large objects, not 1",)),
    ({"extensions": {"plpgsql": "1.0"}}, ("the extension vector is missing",)),
    (
        {"extensions": {"plpgsql": "1.0", "vector": "0.7.0"}},
        ("the extension vector is 0.7.0, not 0.8.0",),
    ),
]


@pytest.mark.parametrize("changed, said", TEST_COMPARED)
def test_compare(changed: dict[str, Any], said: tuple[str, ...]) -> None:
    """Everything that did not come back, each in a sentence."""
    assert compare(WISHED, replace(WISHED, **changed)) == said


def test_compare_with_another_major() -> None:
    """A newer PostgreSQL brings newer extensions; that one is there is still demanded."""
    newer = replace(WISHED, version="18.1", extensions={"plpgsql": "1.0", "vector": "0.8.1"})
    assert compare(WISHED, newer, same_major=False) == ()
    assert compare(WISHED, replace(newer, extensions={}), same_major=False) == (
        "the extension plpgsql is missing",
        "the extension vector is missing",
    )


SOME = st.dictionaries(
    st.sampled_from(["a", "rows", "missing", "the schema is"]),
    st.builds(Table, st.integers(0, 2), st.sampled_from(["0", "1"])),
)


@given(SOME, SOME)
def test_compare_sees_each_table(wished: dict[str, Table], found: dict[str, Table]) -> None:
    """A table that is not what it was is never passed over, whatever it is called."""
    said = "\n".join(compare(Facts(tables=wished), Facts(tables=found)))
    for name, table in wished.items():
        is_told = f"table {name} has" in said or f"table {name} is missing" in said
        assert is_told == (found.get(name) != table)
