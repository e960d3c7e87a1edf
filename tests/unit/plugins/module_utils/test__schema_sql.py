"""Which migrations older code survives, read from their SQL."""

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._schema_sql import sql_breaks

TEST_HARMLESS: list[tuple[str, str]] = [
    ("nothing", ""),
    ("only a comment", "-- DROP TABLE tasks;\n/* DROP /* nested */ TABLE tasks; */"),
    ("a nullable column", "ALTER TABLE tasks ADD COLUMN note VARCHAR(20)"),
    ("a nullable column, short", "alter table if exists only public.tasks add note text null"),
    ("a column with a default", "ALTER TABLE tasks ADD n NUMERIC(10, 2) DEFAULT 0 NOT NULL"),
    ("a default in brackets", "ALTER TABLE t ADD n INT NOT NULL DEFAULT (round(1, 2))"),
    ("a generated column", "ALTER TABLE t ADD n INT GENERATED ALWAYS AS (a * (2)) STORED NOT NULL"),
    ("a serial column", "ALTER TABLE t ADD COLUMN n BIGSERIAL NOT NULL"),
    ("a nullable unique column", "ALTER TABLE t ADD COLUMN slug TEXT UNIQUE"),
    ("a nullable reference", "ALTER TABLE t ADD COLUMN u INT REFERENCES u (id) ON DELETE SET NULL"),
    (
        "a nullable reference as alembic writes it",
        "ALTER TABLE t ADD COLUMN u INTEGER; ALTER TABLE t ADD FOREIGN KEY(u) REFERENCES users (id)",
    ),
    (
        "a nullable unique index as alembic writes it",
        'ALTER TABLE t ADD COLUMN "Slug" TEXT; CREATE UNIQUE INDEX ix ON t ("Slug")',
    ),
    (
        "a unique constraint with a column that older code leaves empty",
        "ALTER TABLE t ADD s TEXT; ALTER TABLE t ADD CONSTRAINT q UNIQUE (owner, s)",
    ),
    (
        "a default, then NOT NULL",
        "ALTER TABLE t ADD COLUMN n INT DEFAULT 1; ALTER TABLE t ALTER COLUMN n SET NOT NULL",
    ),
    (
        "another type for a new column",
        "ALTER TABLE t ADD COLUMN n INT; ALTER TABLE t ALTER n TYPE BIGINT, RENAME n TO m, DROP n",
    ),
    (
        "anything with a new table",
        (
            "CREATE TABLE jobs (id INT NOT NULL, UNIQUE (id));"
            "ALTER TABLE public.jobs ADD CONSTRAINT c CHECK (id > 0), DROP COLUMN x, RENAME a TO b;"
            'ALTER TABLE ONLY "jobs" RENAME TO work; ALTER TABLE work ALTER x SET NOT NULL;'
            "CREATE UNIQUE INDEX CONCURRENTLY i ON work USING btree (id); DELETE FROM work;"
            "CREATE TRIGGER x AFTER UPDATE ON jobs EXECUTE FUNCTION f(); TRUNCATE ONLY jobs;"
            "DROP TABLE work"
        ),
    ),
    ("a temporary table", "CREATE TEMP TABLE x AS SELECT 1; DROP TABLE IF EXISTS x CASCADE"),
    ("an unlogged table", "CREATE UNLOGGED TABLE x (a INT); TRUNCATE x"),
    ("an index", "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON tasks (chat_id)"),
    ("a comment on a column", "COMMENT ON COLUMN tasks.title IS 'DROP COLUMN title'"),
    ("an enum's value", "ALTER TYPE app.color ADD VALUE IF NOT EXISTS 'red' BEFORE 'blue'"),
    (
        "a type, a view, a function",
        "CREATE TYPE a AS ENUM ('x'); CREATE OR REPLACE VIEW v AS SELECT 1",
    ),
    (
        "a function that drops",
        "CREATE FUNCTION f() RETURNS void AS $body$ BEGIN; DROP TABLE tasks; END $body$ LANGUAGE sql",
    ),
    ("a default is set", "ALTER TABLE tasks ALTER COLUMN title SET DEFAULT 'a, DROP COLUMN b'"),
    ("it may be empty now", "ALTER TABLE tasks ALTER title DROP NOT NULL"),
    ("a constraint is validated", "ALTER TABLE tasks VALIDATE CONSTRAINT c"),
    (
        "storage",
        "ALTER TABLE tasks SET (fillfactor = 70), ALTER a SET STORAGE EXTERNAL, CLUSTER ON i",
    ),
    ("rows come or change", "INSERT INTO a VALUES ('x;y'); UPDATE tasks SET a = 'DELETE FROM b'"),
    ("a WITH that deletes nothing", "WITH a AS (SELECT 1) INSERT INTO b SELECT * FROM a"),
    (
        "sequences, roles, extensions",
        "ALTER SEQUENCE s RESTART WITH 5; ALTER EXTENSION vector UPDATE",
    ),
    ("an index's new name", "ALTER INDEX a RENAME TO b"),
    ("triggers and policies that go", "DROP TRIGGER IF EXISTS a ON tasks; DROP POLICY p ON tasks"),
    ("rights", "GRANT SELECT ON tasks TO reader"),
    (
        "alembic's own",
        (
            "BEGIN; CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL);"
            "INSERT INTO alembic_version (version_num) VALUES ('a') RETURNING alembic_version.version_num;"
            "UPDATE alembic_version SET version_num='b' WHERE alembic_version.version_num = 'a';"
            "DELETE FROM alembic_version WHERE alembic_version.version_num = 'c'; COMMIT;"
        ),
    ),
    ("a block that checks", "DO $$ BEGIN RAISE EXCEPTION 'ALTER it' USING HINT = 'DROP'; END $$"),
    (
        "a block that makes a type",
        "DO $x$ BEGIN CREATE TYPE a AS ENUM ('b'); EXCEPTION WHEN others THEN NULL; END $x$",
    ),
]

TEST_BREAKS: list[tuple[str, list[str]]] = [
    ("DROP TABLE tasks", ["drops table tasks"]),
    ('drop table if exists a, "B c" cascade', ["drops table a", "drops table B_c"]),
    ("DROP VIEW app.v", ["drops view app.v"]),
    ("DROP MATERIALIZED VIEW v", ["drops materialized view v"]),
    ("DROP TYPE color", ["drops type color"]),
    ("DROP SCHEMA IF EXISTS app", ["drops schema app"]),
    ("DROP TABLE $a$ secret\n $a$", ["drops table '...'"]),
    ("DROP FUNCTION f(int, text)", ["drops function f"]),
    ("DROP INDEX CONCURRENTLY i", ["drops index i, which an ON CONFLICT may need if it is unique"]),
    ("ALTER TABLE tasks DROP COLUMN IF EXISTS title", ["drops column tasks.title"]),
    ("ALTER TABLE public . tasks DROP title", ["drops column tasks.title"]),
    ('ALTER TABLE "tasks" DROP "drop"', ["drops column tasks.drop"]),
    ("ALTER TABLE app.tasks RENAME title TO name", ["renames column app.tasks.title"]),
    ("ALTER TABLE tasks RENAME COLUMN title TO name", ["renames column tasks.title"]),
    ("ALTER TABLE tasks RENAME TO jobs", ["renames table tasks to jobs"]),
    ("ALTER TABLE t RENAME CONSTRAINT a TO b", ["renames constraint a of table t"]),
    ("ALTER TABLE t SET SCHEMA old", ["moves table t to schema old"]),
    ("ALTER VIEW v RENAME TO w", ["renames view v or a part of it"]),
    ("ALTER TYPE c RENAME VALUE 'a' TO 'b'", ["renames type c or a part of it"]),
    ("ALTER SEQUENCE s RENAME TO z", ["renames sequence s or a part of it"]),
    ("ALTER SCHEMA app RENAME TO b", ["renames schema app or a part of it"]),
    ("ALTER TABLE t ALTER COLUMN a TYPE BIGINT", ["changes the type of column t.a"]),
    ("ALTER TABLE t ALTER a SET DATA TYPE INT USING a::int", ["changes the type of column t.a"]),
    ("ALTER TABLE t ALTER a SET NOT NULL", ["column t.a must not be empty any more"]),
    (
        "ALTER TABLE t ADD a INT; ALTER TABLE t ALTER a SET NOT NULL",
        ["column t.a must not be empty any more"],
    ),
    ("ALTER TABLE t ALTER a DROP DEFAULT", ["column t.a has no default any more"]),
    (
        "ALTER TABLE t ADD a INT DEFAULT 1 NOT NULL; ALTER TABLE t ALTER a DROP DEFAULT",
        ["column t.a has no default any more"],
    ),
    (
        "ALTER TABLE t ADD COLUMN a INT NOT NULL",
        ["adds column t.a, which must not be empty and has no default"],
    ),
    (
        "ALTER TABLE t ADD COLUMN a INT NOT NULL REFERENCES u ON DELETE SET DEFAULT",
        ["adds column t.a, which must not be empty and has no default"],
    ),
    (
        "ALTER TABLE t ADD COLUMN a INT PRIMARY KEY",
        ["adds column t.a, which must not be empty and has no default"],
    ),
    (
        "ALTER TABLE t ADD a INT DEFAULT 1 UNIQUE",
        ["adds column t.a, whose default can be there only once"],
    ),
    ("ALTER TABLE t ADD CONSTRAINT c UNIQUE (a)", ["adds a UNIQUE constraint to table t"]),
    ("ALTER TABLE t ADD UNIQUE USING INDEX i", ["adds a UNIQUE constraint to table t"]),
    (
        "ALTER TABLE t ADD a INT; ALTER TABLE t ADD UNIQUE NULLS NOT DISTINCT (a)",
        ["adds a UNIQUE constraint to table t"],
    ),
    (
        "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
        ["adds a CHECK constraint to table t"],
    ),
    ("ALTER TABLE t ADD CHECK (a > 0)", ["adds a CHECK constraint to table t"]),
    (
        "ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY(a) REFERENCES u (id)",
        ["adds a FOREIGN KEY constraint to table t"],
    ),
    ("ALTER TABLE t ADD PRIMARY KEY (a)", ["adds a new constraint to table t"]),
    (
        "ALTER TABLE t DROP CONSTRAINT IF EXISTS c",
        ["drops constraint c of table t, which an ON CONFLICT of older code may need"],
    ),
    ("CREATE UNIQUE INDEX IF NOT EXISTS i ON ONLY t (a)", ["adds a unique index to table t"]),
    (
        "ALTER TABLE t ADD a TEXT; CREATE UNIQUE INDEX ON t (coalesce(a, ''))",
        ["adds a unique index to table t"],
    ),
    (
        "CREATE TABLE IF NOT EXISTS t (a INT); CREATE UNIQUE INDEX ON t (a)",
        ["adds a unique index to table t"],
    ),
    ("DELETE FROM ONLY app.t WHERE a = 'b'", ["deletes rows of table app.t"]),
    (
        "WITH x AS (DELETE FROM t RETURNING *) INSERT INTO u SELECT * FROM x",
        ["deletes rows of table t"],
    ),
    (
        "TRUNCATE TABLE a, ONLY b RESTART IDENTITY",
        ["deletes all rows of table a", "deletes all rows of table b"],
    ),
    # several at once, each told once
    (
        "ALTER TABLE t DROP a, ADD b NUMERIC(1, 2), ALTER c SET NOT NULL; ALTER TABLE t DROP a;",
        ["drops column t.a", "column t.c must not be empty any more"],
    ),
    ("SELECT '''; -- '; DROP/**/TABLE--x\nt", ["drops table t"]),
    (r"SELECT E'\'; ', $1; DROP TABLE t", ["drops table t"]),
    (r"SELECT 'C:\'; DROP TABLE t --'", ["drops table t"]),
    ("SELECT $a$ $b$ ; $a$; DROP TABLE t", ["drops table t"]),
    # what is not understood
    ("ALTER TABLE t OWNER TO x", ["cannot be judged: alter table t owner to x"]),
    (
        "ALTER TABLE t ALTER a DROP IDENTITY",
        ["cannot be judged: alter table t alter a drop identity"],
    ),
    (
        "ALTER DOMAIN d ADD CHECK (VALUE > 0)",
        ["cannot be judged: alter domain d add check(value > 0)"],
    ),
    (
        "CREATE TRIGGER x BEFORE UPDATE OF a ON t EXECUTE FUNCTION f('secret')",
        ["cannot be judged: create trigger x before update of a on t execute function f('...')"],
    ),
    (
        "CREATE RULE r AS ON INSERT TO t DO INSTEAD NOTHING",
        ["cannot be judged: create rule r as on insert to t do instead nothing"],
    ),
    ("REVOKE SELECT ON t FROM x", ["cannot be judged: revoke select on t from x"]),
    (
        "DO $$ BEGIN ALTER TABLE t DROP a; EXECUTE 'x'; END $$",
        [
            "cannot be judged: a DO block that says ALTER",
            "cannot be judged: a DO block that says DROP",
            "cannot be judged: a DO block that says EXECUTE",
        ],
    ),
    ("DO 'BEGIN END'", ["cannot be judged: do '...'"]),
    *(
        (
            f"SELECT {unclosed} DROP TABLE t",
            ["cannot be judged: a quote or comment is never closed"],
        )
        for unclosed in ("'", '"', "$x$", "/* /* */", "E'\\'")
    ),
]


@pytest.mark.parametrize(
    "sql", [row[1] for row in TEST_HARMLESS], ids=[row[0] for row in TEST_HARMLESS]
)
def test_harmless(sql: str) -> None:
    """What only adds, and what happens to what is new, older code does not notice."""
    assert sql_breaks(sql) == ()


@pytest.mark.parametrize("sql, expected", TEST_BREAKS)
def test_breaks(sql: str, expected: list[str]) -> None:
    """What takes away, renames or forbids is told in the owner's words."""
    assert list(sql_breaks(sql)) == expected


def test_a_reason_is_short_and_tells_no_literal() -> None:
    """A statement that is quoted is cut, and its literals are left out: they may be secrets."""
    (reason,) = sql_breaks("ALTER TABLE t OWNER TO x, SET y = 'token', z" + "z" * 100)
    assert len(reason) == len("cannot be judged: ") + 80
    assert "token" not in reason
