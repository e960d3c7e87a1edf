import subprocess
import sys
from pathlib import Path

import pytest

from planner.schema import read_history
from tests.conftest import APP, Cluster, alembic


@pytest.fixture
def password(env: dict[str, str]) -> Path:
    """The file with the application's password."""
    return Path(env["DATABASE_PASSWORD_FILE"])


def test_models_match(cluster: Cluster, database: str, password: Path) -> None:
    """The migrated schema is what the models declare."""
    assert "No new upgrade operations" in alembic(cluster.app_url(database), password, "check")


def test_up_and_down(cluster: Cluster, empty_database: str, password: Path) -> None:
    """All revisions apply without superuser rights, can be taken back and applied again."""
    url = cluster.app_url(empty_database)
    for step in (("upgrade", "head"), ("downgrade", "base"), ("upgrade", "head")):
        alembic(url, password, *step)
    (index,) = cluster.run(
        "SELECT indexdef FROM pg_indexes WHERE indexname = 'tasks_embedding_idx'", empty_database
    )
    assert "USING hnsw (embedding vector_cosine_ops)" in index["indexdef"]


def test_extension_missing(cluster: Cluster, empty_database: str, password: Path) -> None:
    """Without the extension the first migration says what is missing and leaves nothing behind."""
    cluster.run("DROP EXTENSION vector", empty_database)
    with pytest.raises(AssertionError, match=r"extension vector 0\.8 or newer is missing"):
        alembic(cluster.app_url(empty_database), password, "upgrade", "head")
    (found,) = cluster.run("SELECT to_regclass('alembic_version')", empty_database)
    assert found[0] is None


def test_offline_sql_is_the_migration(cluster: Cluster, empty_database: str) -> None:
    """`alembic upgrade head --sql` needs no settings, and what it prints can be run as it is."""
    run = subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head", "--sql"],
        cwd=APP,
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    cluster.run(f"SET ROLE {cluster.role}; {run.stdout}", empty_database)
    (row,) = cluster.run("SELECT version_num FROM alembic_version", empty_database)
    assert row["version_num"] == read_history()[-1]
