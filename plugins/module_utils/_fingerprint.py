# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The SQL by which a database tells what it holds, and what it answers.

One psql does it all in one transaction, so everything belongs to one snapshot. The contents of a table are the sum
of 64 bits of the MD5 of each row as text: no order, no memory, and the same on every version of PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.planner.droplet.plugins.module_utils._backup_manifest import Facts, Table

# What a row looks like as text must not depend on the server's settings. A dump of an hour must not end it.
SETTINGS = """
SET idle_in_transaction_session_timeout = 0;
SET statement_timeout = 0;
SET search_path = pg_catalog;
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'iso_8601';
SET timezone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;
SET lc_monetary = 'C';
SET max_parallel_workers_per_gather = 0;
"""
BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\n"
SNAPSHOT = "SELECT pg_export_snapshot();\n"

# An extension's own tables are none of the product's: CREATE EXTENSION makes them.
_OWN = """relkind = 'r' AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend WHERE deptype = 'e' AND classid = 'pg_class'::regclass AND objid = c.oid)"""

SCHEMA = r"""
SELECT to_regclass('public.alembic_version') IS NOT NULL AS alembic \gset
\if :alembic
SELECT 'schema', coalesce(string_agg(version_num, ',' ORDER BY version_num), '') FROM public.alembic_version;
\else
SELECT 'schema', coalesce('catalog-' || left(md5(string_agg(
    concat_ws(' ', nspname, relname, attname, format_type(atttypid, atttypmod), attnotnull), ','
    ORDER BY nspname, relname, attname)), 12), '')
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
JOIN pg_attribute ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped WHERE @own@;
\endif
""".replace("@own@", _OWN)

FACTS = r"""
SELECT 'version', current_setting('server_version');
SELECT 'size', ceil(pg_database_size(current_database()) / 1048576.0);
SELECT 'extension', extname, extversion FROM pg_extension ORDER BY extname;
SELECT 'objects', count(*) FROM pg_largeobject_metadata;
@schema@SELECT format($$
    SELECT 'table', %L, count(*),
        coalesce(sum(('x' || left(md5("the row"::text), 16))::bit(64)::bigint), 0)
    FROM ONLY %I.%I AS "the row"$$, nspname || '.' || relname, nspname, relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE @own@ ORDER BY nspname, relname \gexec
""".replace("@schema@", SCHEMA).replace("@own@", _OWN)

# Each index must be valid, and each vector index must find a row by a row that is there.
INDEXES = r"""
SELECT 'invalid', indexrelid::regclass FROM pg_index WHERE NOT indisvalid OR NOT indisready;
SET enable_seqscan = off;
SELECT format($$
    SELECT 'vector', %L,
        (SELECT count(*) FROM (SELECT FROM %2$I.%3$I ORDER BY %4$I %5$s (
            SELECT %4$I FROM %2$I.%3$I WHERE %4$I IS NOT NULL LIMIT 1) LIMIT 1) AS found),
        (SELECT count(*) FROM (SELECT FROM %2$I.%3$I WHERE %4$I IS NOT NULL LIMIT 1) AS there)$$,
    i.relname, tn.nspname, t.relname, a.attname, format('OPERATOR(%I.%s)', onp.nspname, op.oprname))
FROM pg_index x JOIN pg_class i ON i.oid = indexrelid JOIN pg_am am ON am.oid = i.relam
JOIN pg_class t ON t.oid = indrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.indkey[0]
JOIN pg_opclass oc ON oc.oid = x.indclass[0]
JOIN pg_amop ao ON ao.amopfamily = oc.opcfamily AND ao.amoppurpose = 'o' AND ao.amoplefttype = oc.opcintype
JOIN pg_operator op ON op.oid = ao.amopopr JOIN pg_namespace onp ON onp.oid = op.oprnamespace
WHERE am.amname IN ('hnsw', 'ivfflat') AND x.indkey[0] <> 0 ORDER BY i.relname \gexec
"""
SEPARATOR = "\x1f"


class OddAnswerError(ValueError):
    """PostgreSQL answered what this program does not understand."""


def parse_facts(lines: Sequence[str]) -> Facts:
    """Read the answer to FACTS. Raises :class:`OddAnswerError`."""
    single: dict[str, str] = {}
    extensions: dict[str, str] = {}
    tables: dict[str, Table] = {}
    try:
        for line in lines:
            kind, *rest = line.split(SEPARATOR)
            if kind == "table":
                name, rows, content = rest
                tables[name] = Table(int(rows), content)
            elif kind == "extension":
                extensions[rest[0]] = rest[1]
            else:
                (single[kind],) = rest
        return Facts(
            version=single["version"].split()[0],
            schema=single["schema"],
            size_mb=int(single["size"]),
            extensions=extensions,
            tables=tables,
            large_objects=int(single["objects"]),
        )
    except (ValueError, LookupError) as error:
        msg = f"The database did not tell what it holds: {' / '.join(lines)[:300]!r}"
        raise OddAnswerError(msg) from error


def bad_indexes(lines: Sequence[str]) -> tuple[list[str], int]:
    """Read the answer to INDEXES: what is wrong, and how many vector indexes found what they should.

    Raises :class:`OddAnswerError`.
    """
    problems, good = [], 0
    for line in lines:
        match line.split(SEPARATOR):
            case ["invalid", name]:
                problems.append(f"the index {name} is not valid")
            case ["vector", _, found, there] if found == there:
                good += 1
            case ["vector", name, _, _]:
                problems.append(f"the vector index {name} does not find a row that is there")
            case _:
                raise OddAnswerError(f"The database did not tell of its indexes: {line[:300]!r}")
    return problems, good
