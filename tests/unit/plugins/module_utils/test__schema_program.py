"""The program that runs in the image, with a stand-in for the few things of alembic that it uses."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._schema_program import MARKER, PROGRAM

# Migrations are the files m_*.py: `down` names the one before, upgrade(op) prints SQL.
FAKE = {
    "__init__.py": "",
    "config.py": """
class Config:
    def __init__(self, file_, output_buffer=None):
        self.output_buffer = output_buffer
""",
    "runtime/__init__.py": "",
    "runtime/migration.py": """
class MigrationContext:
    @classmethod
    def configure(cls, dialect_name, dialect_opts, opts):
        assert (dialect_name, dialect_opts["paramstyle"]) == ("postgresql", "named")
        assert opts["as_sql"] and opts["literal_binds"]
        return opts["output_buffer"]
""",
    "operations.py": """
import contextlib
class Operations:
    buffer = None
    @classmethod
    @contextlib.contextmanager
    def context(cls, buffer):
        cls.buffer = buffer
        yield
        cls.buffer = None
""",
    "script.py": """
import glob, importlib
class Script:
    def __init__(self, name):
        self.module = importlib.import_module(name)
        self.revision, self.down_revision = name[2:], self.module.down
class ScriptDirectory:
    @classmethod
    def from_config(cls, config):
        return cls()
    def walk_revisions(self, base="base", head="heads"):
        every = [Script(path[:-3]) for path in sorted(glob.glob("m_*.py"))]
        return reversed([one for one in every if head == "heads" or one.revision <= head])
    def get_heads(self):
        every = list(self.walk_revisions())
        return [one.revision for one in every if one.revision not in [x.down_revision for x in every]]
""",
    "command.py": """
def upgrade(config, revision, sql):
    import env
    config.output_buffer.write("-- by env.py: " + revision + chr(10) + env.text(revision))
""",
}
IMAGE = {
    "alembic.ini": "[alembic]",
    # The folder of the migrations bears the package's name.
    "alembic/__init__.py": "raise RuntimeError('this is not the package')",
    "helpers.py": "def write(text):\n    from alembic.operations import Operations as on\n    on.buffer.write(text)",
    "env.py": "def text(revision):\n    print('env.py talks')\n    raise SystemExit(revision)",
    "m_1.py": "import helpers\ndown = None\ndef upgrade():\n    helpers.write('CREATE\\nTABLE ü;\\n')",
    "m_2.py": (
        "import helpers, os\ndown = '1'\nworks_with_older_code = True\n"
        "def upgrade():\n    print('talk')\n    os.system('echo more talk')\n    helpers.write('X')"
    ),
    "m_3.py": "import helpers\ndown = '2'\nworks_with_older_code = 'no'\ndef upgrade():\n    helpers.write('Y')",
}
FIRST = {"id": "1", "sql": "CREATE\nTABLE ü;", "works_with_older_code": None, "problem": ""}
SECOND = {"id": "2", "sql": "X", "works_with_older_code": True, "problem": ""}
THIRD = {"id": "3", "sql": "Y", "works_with_older_code": None, "problem": ""}


def write(folder: Path, files: dict[str, str]) -> None:
    """Write files into a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def run(tmp_path: Path, *found: str, installed: bool = True, **changed: str) -> Any:
    """Run the program in an image; it has to answer in one line of its own, and nothing else."""
    image = tmp_path / "image"
    write(image, {**IMAGE, **{f"{name}.py": content for name, content in changed.items()}})
    if installed:
        write(tmp_path / "packages/alembic", FAKE)
    done = subprocess.run(
        [sys.executable, "-S", "-c", PROGRAM, *found],
        cwd=image,
        # An image may name its workdir, too.
        env={"PYTHONPATH": f"{image}:{tmp_path / 'packages'}", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    blank, answer, end = done.stdout.split("\n")
    assert (blank, end) == ("", "")
    assert answer.startswith(MARKER)
    return json.loads(answer.removeprefix(MARKER))


TEST_PENDING: list[tuple[tuple[str, ...], list[dict[str, Any]]]] = [
    ((), [FIRST, SECOND, THIRD]),
    (("",), [FIRST, SECOND, THIRD]),
    (("1",), [SECOND, THIRD]),
    (("2",), [THIRD]),
    (("3",), []),
    (("unknown",), []),
]


@pytest.mark.parametrize("found, pending", TEST_PENDING)
def test_pending(tmp_path: Path, found: tuple[str, ...], pending: list[dict[str, Any]]) -> None:
    """All revisions are told, and the SQL of those that the database has not had; talk does not matter."""
    assert run(tmp_path, *found) == {
        "alembic": True,
        "revisions": ["1", "2", "3"],
        "heads": ["3"],
        "pending": pending,
    }


def test_env_py_is_asked_where_a_migration_needs_it(tmp_path: Path) -> None:
    """What cannot be printed without env.py is printed with it, from the revision before."""
    answer = run(
        tmp_path,
        "2",
        m_3="down = '2'\ndef upgrade():\n    raise NameError('needs env.py')",
        env="def text(revision):\n    return 'Z'",
    )
    assert [(one["sql"], one["problem"]) for one in answer["pending"]] == [
        ("-- by env.py: 2:3\nZ", "")
    ]


def test_a_migration_that_cannot_be_printed_says_why(tmp_path: Path) -> None:
    """The errors of both ways are told in one line, and the other migrations are printed all the same."""
    answer = run(tmp_path, "1", m_2="down = '1'\ndef upgrade():\n    raise TypeError('no\\nrows')")
    assert [(one["sql"], one["problem"]) for one in answer["pending"]] == [
        ("", "TypeError: no rows; with env.py: SystemExit: 1:2"),
        ("Y", ""),
    ]


def test_several_heads(tmp_path: Path) -> None:
    """All heads are told."""
    answer = run(tmp_path, "2", m_3="down = '1'\ndef upgrade(): pass")
    assert sorted(answer["heads"]) == ["2", "3"]


def test_an_image_without_alembic(tmp_path: Path) -> None:
    """A folder named alembic is not the package."""
    assert run(tmp_path, installed=False) == {"alembic": False}


def test_an_image_without_alembic_ini(tmp_path: Path) -> None:
    """Alembic may have come along with another package; without its file it is not used."""
    write(tmp_path / "packages/alembic", FAKE)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, ""],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "packages")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f'\n{MARKER}{{"alembic": false}}\n'
