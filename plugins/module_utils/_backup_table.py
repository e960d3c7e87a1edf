# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Replaces the rows of one table by those of another database, in one transaction that anybody may watch."""

from __future__ import annotations

import os
import tempfile

from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import BackupError
from ansible_collections.planner.droplet.plugins.module_utils._pipe import (
    Command,
    PipeError,
    run_pipe,
)
from ansible_collections.planner.droplet.plugins.module_utils._postgres import (
    DUMP_TIMEOUT_S,
    Postgres,
)

_COLUMNS = """
SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
WHERE attrelid = {table}::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
"""
# While rows are exchanged no trigger runs; what foreign keys demand is asked afterwards, of both ends.
_BEGIN = """
BEGIN;
SET LOCAL session_replication_role = replica;
LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE;
DELETE FROM {name};
COPY {name} ({columns}) FROM STDIN;
"""
_END = r"""
DO $check$
DECLARE
    one record;
    orphans bigint;
BEGIN
    FOR one IN
        SELECT conname, conrelid::regclass AS child, confrelid::regclass AS parent,
            (SELECT string_agg(format('child.%I = parent.%I', c.attname, p.attname), ' AND ')
             FROM unnest(conkey, confkey) AS pair (child, parent)
             JOIN pg_attribute c ON c.attrelid = conrelid AND c.attnum = pair.child
             JOIN pg_attribute p ON p.attrelid = confrelid AND p.attnum = pair.parent) AS same,
            (SELECT string_agg(format('child.%I IS NOT NULL', attname), ' AND ')
             FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey)) AS given
        FROM pg_constraint WHERE contype = 'f' AND {table}::regclass IN (conrelid, confrelid)
    LOOP
        EXECUTE format('SELECT count(*) FROM %s AS child WHERE %s AND NOT EXISTS (SELECT FROM %s AS parent WHERE %s)',
            one.child, one.given, one.parent, one.same) INTO orphans;
        IF orphans > 0 THEN
            RAISE EXCEPTION '% rows of % would point to rows of % that are not there (%)',
                orphans, one.child, one.parent, one.conname;
        END IF;
    END LOOP;
    FOR one IN
        SELECT attname, pg_get_serial_sequence({table}, attname) AS sequence FROM pg_attribute
        WHERE attrelid = {table}::regclass AND attnum > 0 AND NOT attisdropped
            AND pg_get_serial_sequence({table}, attname) IS NOT NULL
    LOOP
        EXECUTE format('SELECT setval(%L, greatest((SELECT max(%I) FROM {name}), (SELECT last_value FROM %s)))',
            one.sequence, one.attname, one.sequence);
    END LOOP;
END
$check$;
SELECT count(*) FROM {name};
COMMIT;
"""


def copy_table(postgres: Postgres, source: str, target: str, table: str) -> int:
    """Return how many rows it has now. Raises :class:`BackupError`; then the table is as it was."""
    schema, _, name = table.partition(".")
    quoted = f'"{schema}"."{name}"'
    literal = "'" + quoted.replace("'", "''") + "'"
    statement = _COLUMNS.format(table=literal)
    try:
        columns, here = (postgres.ask(database, statement)[0] for database in (source, target))
        _refuse_other_columns(table, columns, here)
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            parts = [os.path.join(folder, part) for part in ("begin", "rows", "end")]
            filled = {"name": quoted, "columns": columns, "table": literal}
            _write(parts[0], _filled(_BEGIN, filled))
            copy = f"COPY {quoted} ({columns}) TO STDOUT"
            take = ("docker", "exec", postgres.container, "psql", "-X", "-q", "-U", "postgres")
            run_pipe(
                Command((*take, "-d", source, "-c", copy)),
                timeout_s=DUMP_TIMEOUT_S,
                write_to=parts[1],
            )
            _write(parts[2], "\\.\n" + _filled(_END, filled))
            said = run_pipe(
                Command(("cat", *parts)),
                Command(postgres.psql_words(target)),
                timeout_s=DUMP_TIMEOUT_S,
            )
    except (BackupError, PipeError) as error:
        raise BackupError(f"{error}. Table {table} is as it was") from error
    return int(said.decode().split()[-1])


def _refuse_other_columns(table: str, columns: str, here: str) -> None:
    if set(columns.split(", ")) != set(here.split(", ")):
        raise BackupError(
            f"Table {table} has other columns now ({here}) than in the backup ({columns}). "
            "Do: restore into a database beside, and copy what you need"
        )


def _filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
