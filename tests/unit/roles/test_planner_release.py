"""The program planner-release as it is installed, with a release engine that only notes what it was asked."""

import fcntl
from pathlib import Path

import pytest

from tests.unit.release_program import COMPOSE, ONE, TWO, Host

OTHERS = f"ghcr.io/you/app@sha256:{'2' * 64}"
LOGIN = '{"registry": "ghcr.io", "username": "me", "password": "31337"}\n'


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """The program in a folder of its own."""
    return Host(tmp_path)


def test_deploy(host: Host) -> None:
    """The backend's image is another one, all else is what the owner's last run said, risks aside."""
    code, out, err = host.ask(f"deploy {TWO} --login", LOGIN)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"deploy {TWO}, by key ci",
        f"backend: {ONE} -> {TWO}",
        "start-beside backend",
        f"Release 2, , by key ci: {TWO} is good.",
    ]
    assert host.asked == {
        "project_dir": str(host.folder),
        "compose": COMPOSE.replace(ONE, TWO),
        "nginx_config": "x",
        "given": {"backend": TWO, "worker": "worker:1"},
        "kind": "release",
        "to": None,
        "by": "key ci",
        "accept_breaking_schema": False,
        "lock": "",
    }
    assert (host.folder / "login").read_text() == "31337"


def test_rollback(host: Host) -> None:
    """It goes back to the release before, or to the one that is named, without a login where none is needed."""
    host.released(2, TWO)
    host.save(compose=COMPOSE.replace(ONE, TWO))
    code, out, _ = host.ask("rollback 1")
    assert (code, out.splitlines()[-1]) == (0, f"Release 3, , by key ci: {ONE} is good.")
    assert host.asked
    assert (host.asked["kind"], host.asked["to"], host.asked["compose"]) == ("rollback", 1, COMPOSE)
    assert host.asked["given"]["backend"] == "ghcr.io/me/app:1"
    assert (host.folder / "login").read_text() == "none"


def test_status(host: Host) -> None:
    """It says what runs, and reads no standard input."""
    host.released(2, TWO, "void")
    with host.start("--from-ssh=ci", asks="status") as process:
        assert process.wait(timeout=60) == 0
        assert process.stdout
        assert process.stdout.read().splitlines()[-1] == "A rollback leads to nothing."


def test_by_hand(host: Host) -> None:
    """The owner may type the same, and goes into the log by the name of the account."""
    assert host.run("deploy", TWO)[0] == 0
    assert host.asked
    assert host.asked["by"] == "deploy"


# words, what the client asked for, standard input -> what it says
TEST_REFUSED: list[tuple[list[str], str | None, str, str]] = [
    (["--from-ssh=ci"], None, "", "Nothing is none of the commands. Usage: "),
    (["--from-ssh=ci"], "sh", "", "'sh' is none of the commands. Usage: "),
    (["--from-ssh=ci"], f"deploy {TWO}; touch /tmp/x", "", "is none of the commands"),
    (["--from-ssh=ci"], f"deploy {OTHERS}", "", "may release ghcr.io/me/app only, not ghcr.io/you"),
    (["--from-ssh=ci"], f"deploy {TWO} --login", "", "Standard input holds no login."),
    (["--from-ssh=ci", "status"], "status", "", "is none of the commands"),
    (["status", "--from-ssh=ci"], None, "", "is none of the commands"),
    ([], f"deploy {TWO}", "", "Nothing is none of the commands"),
]


@pytest.mark.parametrize("words, asks, stdin, says", TEST_REFUSED)
def test_refused(host: Host, words: list[str], asks: str | None, stdin: str, says: str) -> None:
    """Nothing is fetched or released, and nobody else's turn is taken."""
    code, out, err = host.run(*words, asks=asks, stdin=stdin)
    assert (code, out) == (1, "")
    assert err.startswith("planner-release: ")
    assert says in err
    assert not (host.folder / "login").exists()
    assert host.asked is None
    assert not host.lock.exists()


def test_a_release_that_fails(host: Host) -> None:
    """Its reason is what is said, and the exit code is not 0."""
    code, _, err = host.ask(f"deploy {ONE.replace('1' * 64, '3' * 64)}")
    assert (code, err) == (1, "planner-release: The new version did not become ready.\n")


@pytest.mark.parametrize(
    "name, says", [("release.json", "No backend"), ("releases.jsonl", "No backend")]
)
def test_nothing_was_released(host: Host, name: str, says: str) -> None:
    """The first release is the owner's."""
    (host.folder / name).unlink()
    code, _, err = host.ask(f"deploy {TWO}")
    assert (code, says in err) == (1, True)


@pytest.mark.parametrize("content", ["{", "[]", "5", '{"compose": "", "of_tomorrow": 1}', "{}"])
def test_a_damaged_request(host: Host, content: str) -> None:
    """What cannot be understood is not guessed at."""
    (host.folder / "release.json").write_text(content)
    code, _, err = host.ask(f"deploy {TWO}")
    assert code == 1
    assert "of another version or damaged. Do: run playbooks/site.yml" in err


def test_one_at_a_time(host: Host) -> None:
    """A second one neither waits for long nor reads a login, so that a lost key cannot fill the memory."""
    with host.start("--from-ssh=ci", asks=f"deploy {TWO} --login") as first:
        lock = Path(f"{host.lock}.by-key")
        while not (lock.exists() and lock.read_text()):
            assert first.poll() is None
        code, _, err = host.ask(f"deploy {TWO} --login", LOGIN)
        assert (code, "a release by key ci (pid" in err) == (1, True)
        assert first.wait(timeout=60) == 1, "it is not waited for without end, either"
        assert first.stderr
        assert first.stderr.read().startswith("planner-release: No login came on standard input")
    assert host.asked is None


def test_waits_for_its_turn(host: Host) -> None:
    """Backup, upgrade and the owner's release come first."""
    with host.lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        code, _, err = host.ask(f"deploy {TWO}")
    assert (code, host.asked) == (1, None)
    assert f"holds {host.lock}" in err


def test_a_caller_who_hangs_up(host: Host) -> None:
    """The release goes on: half of one helps nobody."""
    with host.lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        process = host.start("--from-ssh=ci", asks=f"deploy {TWO}")
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline().startswith("deploy ")
        process.stdout.close()
        process.stderr.close()
    process.wait(timeout=60)
    assert host.asked
