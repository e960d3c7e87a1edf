# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The program that asks a new image which migrations it brings; it runs inside that image.

No database is needed and none is changed: each migration prints its SQL, as ``alembic upgrade --sql``
does. It is tried without the image's ``env.py`` first, which may want settings or a connection.
"""

from __future__ import annotations

MARKER = "planner-migrations: "
"""What the one line of the answer begins with; all else is the image's own talk."""

PROGRAM = f"MARKER = {MARKER!r}\n"
PROGRAM += """
import importlib.util, io, json, os, sys

answer = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # whatever the image prints is no answer


def say(**found):
    answer.write("\\n" + MARKER + json.dumps(found) + "\\n")
    answer.flush()
    sys.exit(0)


found = sys.argv[1] if len(sys.argv) > 1 else ""
ini = os.environ.get("ALEMBIC_CONFIG", "alembic.ini")
# The folder of the migrations may be called alembic, too; it is not the package.
sys.path[:] = [path for path in sys.path if path not in ("", os.getcwd())]
spec = importlib.util.find_spec("alembic")
if spec is None or spec.origin is None or not os.path.exists(ini):
    say(alembic=False)

from alembic import command
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

sys.path.insert(0, "")


def config(**options):
    if hasattr(Config, "toml_alembic_config"):
        options["toml_file"] = "pyproject.toml"
    return Config(ini, **options)


def without_env(migration, buffer):
    options = {"as_sql": True, "literal_binds": True, "output_buffer": buffer}
    context = MigrationContext.configure(
        dialect_name="postgresql", dialect_opts={"paramstyle": "named"}, opts=options
    )
    with Operations.context(context):
        migration.module.upgrade()


def with_env(migration, buffer):
    steps = "%s:%s" % (migration.down_revision or "base", migration.revision)
    command.upgrade(config(output_buffer=buffer), steps, sql=True)


def printed(migration):
    problems = []
    for way in (without_env, with_env):
        buffer = io.StringIO()
        try:
            way(migration, buffer)
        except (Exception, SystemExit) as error:
            text = "%s: %s" % (type(error).__name__, error)
            problems.append(" ".join(text.split())[:160])
        else:
            return {"sql": buffer.getvalue().strip(), "problem": ""}
    return {"sql": "", "problem": "; with env.py: ".join(problems)}


def word(migration):
    given = getattr(migration.module, "works_with_older_code", None)
    return given if isinstance(given, bool) else None


script = ScriptDirectory.from_config(config())
migrations = list(script.walk_revisions())[::-1]
ids = [one.revision for one in migrations]
if found in ids:
    done = {one.revision for one in script.walk_revisions("base", found)}
else:
    done = set(ids if found else ())
say(
    alembic=True,
    revisions=ids,
    heads=list(script.get_heads()),
    pending=[
        dict(printed(one), id=one.revision, works_with_older_code=word(one))
        for one in migrations
        if one.revision not in done
    ],
)
"""
