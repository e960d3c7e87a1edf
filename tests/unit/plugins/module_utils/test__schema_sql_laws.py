"""What holds for every SQL text that a migration may bring."""

from ansible_collections.planner.droplet.plugins.module_utils._schema_sql import sql_breaks
from hypothesis import given
from hypothesis import strategies as st

# What the reader looks for, in any order.
WORDS = """alter table only drop column add constraint unique index create on rename to delete
from truncate do with set type rule trigger foreign key check default a b.c"""
PIECES = [*"'\"$;(),. \n*/-\\", "$$", "$a$", "--", "/*", "*/", "E'", *WORDS.split()]
STATEMENTS = [
    "DROP TABLE tasks",
    'ALTER TABLE ONLY "Tasks" RENAME COLUMN title TO name',
    "ALTER TABLE app.tasks ADD n INT NOT NULL, DROP COLUMN title",
    "ALTER TABLE tasks ALTER COLUMN title SET NOT NULL",
    "ALTER TABLE tasks OWNER TO nobody",
    "CREATE UNIQUE INDEX i ON tasks (title)",
    "DELETE FROM tasks",
    "TRUNCATE tasks, jobs",
]
breaking = st.sampled_from(STATEMENTS)


@given(sql=st.text() | st.lists(st.sampled_from(PIECES)).map(" ".join))
def test_any_text_can_be_read(sql: str) -> None:
    """No text is an error, and every reason is one line."""
    for reason in sql_breaks(sql):
        assert reason
        assert reason.splitlines() == [reason]


@given(sql=breaking, other=breaking)
def test_what_is_quoted_breaks_nothing(sql: str, other: str) -> None:
    """A statement in a literal, a dollar quote or a comment is no statement; the one behind it is."""
    for quoted in (
        f"SELECT '{sql}'",
        f"SELECT $q$ {sql} $q$",
        f"/* {sql} */ SELECT 1",
        f"-- {sql}\n",
    ):
        assert sql_breaks(quoted) == ()
        assert sql_breaks(f"{quoted};\n{other}") == sql_breaks(other)


@given(sql=breaking, data=st.data())
def test_spelling_makes_no_difference(sql: str, data: st.DataObject) -> None:
    """Spaces, comments and the case of the words change no reason."""
    between = st.sampled_from([" ", "\n\t", " /* drop; */ ", " -- it's\n"])
    words = [
        data.draw(st.sampled_from([word, word if '"' in word else word.lower()]))
        for word in sql.split(" ")
    ]
    spelt = words[0] + "".join(data.draw(between) + word for word in words[1:])
    assert sql_breaks(spelt) == sql_breaks(sql) != ()
