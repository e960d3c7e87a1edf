"""The server of the new version: how it is started and stopped, by a command ``docker`` that notes what it is asked."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _fingerprint as sql
from ansible_collections.planner.droplet.plugins.module_utils import (
    _postgres_upgrade_server as module,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_manifest import (
    Facts,
    Manifest,
    Table,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import BackupError
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose
from ansible_collections.planner.droplet.plugins.module_utils._drill import CouldNotVerifyError
from ansible_collections.planner.droplet.plugins.module_utils._postgres import Postgres
from ansible_collections.planner.droplet.plugins.module_utils._postgres_upgrade_server import (
    CONTAINER,
    NewServer,
    fill,
)

from tests.unit.command_docker import Docker, says

SECRET = "31337-never-print"
LIMITS = {"Memory": 201326592, "MemorySwap": 301989888, "ShmSize": 67108864, "PidsLimit": 160}
REMOVED = f"rm --force {CONTAINER}"


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A command that answers as Docker does when all goes well."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    secrets = tmp_path / "planner/secrets"
    secrets.mkdir(parents=True)
    (secrets / "database_superuser_password").write_text(SECRET)
    return Docker(tmp_path)


@pytest.fixture
def ends(docker: Docker) -> Callable[..., None]:
    """A function that says how the new server answers and ends."""

    def answer(code: int = 0, *, ready: bool = True) -> None:
        state = {"State": {"Running": False, "ExitCode": code}}
        docker.answer(
            {
                "'ps --all'*": "echo the-product",
                "'inspect the-product'": says(json.dumps([{"HostConfig": LIMITS}])),
                f"'inspect {CONTAINER}'": says(json.dumps([state])),
                "run*": "",
                "'exec planner-upgrade pg_isready'*": f"exit {int(not ready)}",
                "stop*": "",
                "rm*": "",
            }
        )

    answer()
    return answer


@pytest.fixture
def new(tmp_path: Path) -> NewServer:
    """Version 18."""
    compose = Compose(str(tmp_path / "planner"))
    return NewServer(compose, "pgvector/pgvector:pg18", "planner_postgres18", 18)


def said(docker: Docker) -> list[str]:
    """The commands, without the folder they were given in."""
    return [call.partition(": ")[2] for call in docker.calls]


@pytest.mark.usefixtures("ends")
def test_running(docker: Docker, new: NewServer) -> None:
    """With the product's own limits and configuration, reachable by nobody, and stopped in good order."""
    with new.running() as postgres:
        assert postgres == Postgres(CONTAINER)
        assert not [one for one in said(docker) if one.startswith("stop")]
    (run,) = [f"{one} " for one in said(docker) if one.startswith("run")]
    for words in (
        *("--network none", "--read-only", "--cap-drop ALL", "--user 999:999", "--pull never"),
        *("--memory 201326592", "--memory-swap 301989888", "--shm-size 67108864"),
        f"--group-add {os.getgid()}",
        "--volume planner_postgres18:/var/lib/postgresql",
        "-c config_file=/etc/planner/postgresql.conf",
        "-c listen_addresses=127.0.0.1",
        "--env POSTGRES_PASSWORD_FILE=/run/secrets/database_superuser_password",
    ):
        assert f" {words} " in run
    # Who may log in is decided when the data directory is made, and stays.
    assert "POSTGRES_HOST_AUTH_METHOD" not in run
    assert SECRET not in docker.log.read_text()
    assert said(docker)[-3:] == [
        f"stop --time 600 {CONTAINER}",
        f"inspect {CONTAINER}",
        REMOVED,
    ]


@pytest.mark.parametrize(
    "code, words",
    [(1, "ended with exit code 1"), (137, "was killed: it may have needed more memory")],
)
def test_it_does_not_stop_in_good_order(
    docker: Docker, ends: Callable[..., None], new: NewServer, code: int, words: str
) -> None:
    """Its data is not trusted then."""
    ends(code)
    with pytest.raises(BackupError, match=f"the new PostgreSQL {words}"), new.running():
        pass
    assert said(docker)[-1] == REMOVED


def test_it_does_not_come_up(docker: Docker, ends: Callable[..., None], new: NewServer) -> None:
    """How it ended is told."""
    ends(3, ready=False)
    with (
        pytest.raises(CouldNotVerifyError, match="the new PostgreSQL ended with exit code 3"),
        new.running(),
    ):
        pytest.fail("it never served")
    assert said(docker)[-1] == REMOVED


@pytest.mark.usefixtures("ends")
def test_it_is_removed_whatever_happens(docker: Docker, new: NewServer) -> None:
    """Also where what was done with it failed."""
    with pytest.raises(ZeroDivisionError), new.running():
        raise ZeroDivisionError
    assert said(docker)[-1] == REMOVED
    assert not [one for one in said(docker) if one.startswith("stop")]


def test_its_volume(docker: Docker, new: NewServer) -> None:
    """Made as Compose makes it, so that it takes it for its own, and with where it is from."""
    docker.answer({"'volume create'*": "", "'volume inspect'*": "echo now"})
    assert new.create_volume(17) == "now"
    assert said(docker)[0] == (
        "volume create --label planner.upgrade=from-17 --label com.docker.compose.project=planner "
        "--label com.docker.compose.volume=postgres planner_postgres18"
    )


class TestFill:
    """A backup comes back in an empty server, and is judged."""

    FACTS = Facts("17.5", "0002", extensions={"vector": "0.8.0"}, tables={"t": Table(1, "7")})

    class Server(Postgres):
        """One that answers at once."""

        found = Facts("18.0", "0002", extensions={"vector": "0.8.7"}, tables={"t": Table(1, "7")})
        version = "180004"
        extensions = "vector\x1f0.8.7"
        indexes = ""

        def ask(self, database: str, statements: str, _timeout_s: float = 0) -> list[str]:
            """Answer what is asked."""
            assert database in {"postgres", "planner"}
            known = {
                "SHOW server_version_num;": self.version,
                module._EXTENSIONS: self.extensions,
                sql.INDEXES: self.indexes,
            }
            return [line for line in known.get(statements, "").splitlines() if line]

        def restore(self, dump: str, database: str, *words: str) -> None:
            """Take a dump with all that belongs to its database."""
            assert (Path(dump).name, database, words) == (
                "database.dump.zst",
                "postgres",
                ("--create",),
            )

        def facts(self, database: str, query: str = "") -> Facts:
            """Tell what came back."""
            assert (database, query) == ("planner", "SELECT 1")
            return self.found

    @pytest.fixture
    def bring(self, tmp_path: Path) -> Callable[..., None]:
        """A function that fills a server that differs in something from what is expected."""
        (tmp_path / "globals.sql").write_text("CREATE ROLE planner;\n")
        manifest = Manifest(1, "", database="planner", facts=self.FACTS, query="SELECT 1")

        def call(**other: object) -> None:
            server = type("Other", (self.Server,), other)(CONTAINER)
            fill(server, str(tmp_path), manifest, 18)

        return call

    def test_all_is_well(self, bring: Callable[..., None]) -> None:
        """A newer extension is no difference: it is another version of PostgreSQL."""
        bring()

    @pytest.mark.parametrize(
        "other, words",
        [
            ({"version": "170004"}, "the image is of PostgreSQL 17, not 18"),
            ({"extensions": "vector\x1f0.7.0"}, "the image has vector 0.7.0, and the data"),
            ({"extensions": ""}, "the image has no extension vector"),
            ({"indexes": "invalid\x1ft_embedding"}, "the index t_embedding is not valid"),
            (
                {"found": Facts("18.0", "0002", extensions={"vector": "0.8.7"})},
                "table t is missing",
            ),
            (
                {
                    "found": Facts(
                        "18.0", "0002", extensions={"vector": "1"}, tables={"t": Table(1, "8")}
                    )
                },
                "table t has 1 rows, but not the same contents",
            ),
            (
                {"found": Facts("18.0", "0002", tables={"t": Table(1, "7")})},
                "the extension vector is missing",
            ),
            (
                {
                    "found": Facts(
                        "18.0",
                        "0002",
                        extensions={"vector": "1"},
                        tables={"t": Table(1, "7")},
                        answer="9",
                    )
                },
                "the app's own query finds '9'",
            ),
        ],
    )
    def test_what_differs(
        self, bring: Callable[..., None], other: dict[str, object], words: str
    ) -> None:
        """It is named, and the upgrade does not go on."""
        with pytest.raises(BackupError, match=words):
            bring(**other)
