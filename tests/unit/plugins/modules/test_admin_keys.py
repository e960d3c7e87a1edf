"""Module ``admin_keys`` on real files; only the account's home is somewhere else."""

import json
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.planner.droplet.plugins.modules import admin_keys

from tests.unit.ssh_keys import ED25519, OTHER, line

FORCED = f"no-pty,command=\"echo 'Please login as the user debian';sleep 10\" {OTHER}"
COMMAND = 'restrict,command="sudo -n /usr/local/sbin/planner-release --from-ssh='
THIRD = line("ssh-ed25519", bytes(range(2, 34)))
EXPIRED = f'expiry-time="20200101" {OTHER}'

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of the account ``deploy``, the only one there is."""
    (tmp_path / "home/.ssh").mkdir(parents=True)
    account = pwd.struct_passwd(("deploy", "x", 1000, 1000, "", str(tmp_path / "home"), ""))
    monkeypatch.setattr(pwd, "getpwnam", {"deploy": account}.__getitem__)
    return tmp_path / "home"


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the module; ``own`` and ``roots`` are what the two files hold, none where they are missing."""

    def call(
        own: str | None = None, roots: str | None = None, user: str = "deploy", **options: Any
    ) -> dict[str, Any]:
        files = {home / ".ssh/authorized_keys": own, home.parent / "roots": roots}
        for file, text in files.items():
            file.unlink(missing_ok=True)
            if text is not None:
                file.write_text(text)
        arguments = {"user": user, "source": str(home.parent / "roots"), **options}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            admin_keys.main()
        assert {file for file in home.parent.rglob("*") if file.is_file()} == {
            file for file, text in files.items() if text is not None
        }, "it decides, and changes nothing"
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return call


# the account's file, root's, the keys given -> what the account's is to hold, and how many keys that is
Case = tuple[str | None, str | None, list[str], str, int]
TEST_DECIDED: dict[str, Case] = {
    "first run": (None, f"{ED25519} me\n", [], f"{ED25519} me\n", 1),
    "first run, with what is no use left behind": (
        "",
        f"# cloud\n{FORCED}\n{EXPIRED}\nnonsense\n{ED25519}",
        [],
        f"{ED25519}\n",
        1,
    ),
    "an account's own are kept": (f"# mine\n{ED25519}", OTHER, [], f"# mine\n{ED25519}", 1),
    "an account's own are no use": (f"{FORCED}\n", ED25519, [], f"{ED25519}\n", 1),
    "given": (ED25519, None, [f"{OTHER} new \n"], f"{OTHER} new\n", 1),
    "given, two": (None, None, [ED25519, OTHER], f"{ED25519}\n{OTHER}\n", 2),
    "given twice": (None, None, [ED25519, ED25519], f"{ED25519}\n", 1),
    "one key for two addresses": (
        None,
        None,
        [f'from="a" {ED25519}', f'from="b" {ED25519}'],
        f'from="a" {ED25519}\nfrom="b" {ED25519}\n',
        1,
    ),
}


@pytest.mark.parametrize("case", TEST_DECIDED.values(), ids=TEST_DECIDED)
def test_decided(home: Path, run: Run, case: Case) -> None:
    """Given keys are all there is; else the account's own, once root's."""
    own, roots, keys, expected, count = case
    result = run(own, roots, keys=keys)
    assert (result["authorized_keys"], result["count"], result["changed"]) == (
        expected,
        count,
        False,
    )
    assert result["path"] == str(home / ".ssh/authorized_keys").lstrip("/")
    assert run(result["authorized_keys"], roots, keys=keys)["authorized_keys"] == expected


@pytest.mark.parametrize("check", [True, False])
def test_an_account_that_is_going_to_be_made(run: Run, check: bool) -> None:  # noqa: FBT001
    """A preview before the first run tells the same as the run."""
    result = run(None, ED25519, user="planner-new", _ansible_check_mode=check)
    assert result["path"] == "home/planner-new/.ssh/authorized_keys"
    assert result["authorized_keys"] == f"{ED25519}\n"


@pytest.mark.parametrize("text", [None, "", "# nothing\n", f"{FORCED}\n{EXPIRED}\n"])
def test_no_key(run: Run, home: Path, text: str | None) -> None:
    """Nobody could log in: it says whose keys were looked at, and where to write one."""
    result = run(text, text)
    assert result["failed"]
    assert result["msg"] == (
        f"Nothing was closed: deploy has no valid key that gives a shell, and neither has {home.parent}/roots. "
        "Do: write yours into droplet_admin_keys, the line in ~/.ssh/id_ed25519.pub."
    )


def test_no_valid_key_given(run: Run) -> None:
    """Root's are not looked at, so they are not spoken of."""
    result = run(ED25519, ED25519, keys=["nonsense", FORCED])
    assert result["failed"]
    assert result["msg"].startswith(
        "Nothing was closed: none of the keys given lets deploy in. Do: "
    )


def test_a_comment_in_an_old_encoding(run: Run, home: Path) -> None:
    """It is no reason to shut anybody out."""
    latin = f"{ED25519} B".encode() + b"\xfcro\n"
    (home / ".ssh/authorized_keys").write_bytes(latin)
    text = admin_keys.read(str(home / ".ssh/authorized_keys"))
    assert text == f"{ED25519} B\ufffdro\n"
    assert run(text)["count"] == 1


# the account's file, root's, the keys and the release keys given -> what the account's is to hold
ReleaseCase = tuple[str | None, str | None, list[str], list[str], str]
TEST_RELEASE_KEYS: dict[str, ReleaseCase] = {
    "beside given keys": (
        None,
        None,
        [ED25519],
        [f"{OTHER} ci"],
        f'{ED25519}\n{COMMAND}ci" {OTHER} ci\n',
    ),
    "beside root's, on the first run": (
        None,
        ED25519,
        [],
        [f"{OTHER} ci"],
        f'{ED25519}\n{COMMAND}ci" {OTHER} ci\n',
    ),
    "beside the account's own": (
        f"# mine\n{ED25519}",
        OTHER,
        [],
        [f"{OTHER} ci", f'from="203.0.113.9" {THIRD} ci'],
        f'# mine\n{ED25519}\n{COMMAND}ci" {OTHER} ci\nfrom="203.0.113.9",{COMMAND}ci" {THIRD} ci\n',
    ),
    "another one": (
        f'{ED25519}\n{COMMAND}ci" {OTHER} ci\n',
        None,
        [],
        [f"{THIRD} ci"],
        f'{ED25519}\n{COMMAND}ci" {THIRD} ci\n',
    ),
    "removed, beside the account's own": (
        f'{ED25519}\n{COMMAND}ci" {OTHER} ci\n',
        None,
        [],
        [],
        f"{ED25519}\n",
    ),
    "removed, beside given keys": (
        f'{ED25519}\n{COMMAND}ci" {OTHER} ci\n',
        None,
        [ED25519],
        [],
        f"{ED25519}\n",
    ),
    "given twice": (
        None,
        None,
        [ED25519],
        [f"{OTHER} ci", f"{OTHER} ci\n"],
        f'{ED25519}\n{COMMAND}ci" {OTHER} ci\n',
    ),
}


@pytest.mark.parametrize("case", TEST_RELEASE_KEYS.values(), ids=TEST_RELEASE_KEYS)
def test_release_keys(run: Run, case: ReleaseCase) -> None:
    """Those given stand last, behind their command; those given before and not any more are gone."""
    own, roots, keys, release_keys, expected = case
    result = run(own, roots, keys=keys, release_keys=release_keys)
    assert (result["authorized_keys"], result["count"]) == (expected, 1)
    again = run(expected, roots, keys=keys, release_keys=release_keys)
    assert again["authorized_keys"] == expected


@pytest.mark.parametrize(
    "own, keys",
    [(f"{OTHER}\n{ED25519}\n", []), (None, [f'from="a" {OTHER}', ED25519])],
)
def test_a_release_key_that_opens_a_shell(run: Run, own: str | None, keys: list[str]) -> None:
    """The server would take the line with the shell, so it is refused, wherever that line is from."""
    result = run(own, None, keys=keys, release_keys=[f"{OTHER} ci"])
    assert result["failed"]
    assert result["msg"].startswith(
        "Nothing was changed: the release key ci gives deploy a shell already. Do: "
    )


def test_a_release_key_is_no_way_in(run: Run) -> None:
    """With it alone nobody could manage the host."""
    result = run(f'{COMMAND}ci" {OTHER} ci\n', None, release_keys=[f"{OTHER} ci"])
    assert result["failed"]
    assert "deploy has no valid key that gives a shell" in result["msg"]


def test_what_is_no_release_key(run: Run) -> None:
    """It is named by its place in the list."""
    result = run(ED25519, None, release_keys=[f"{OTHER} ci", f"pty {THIRD}"])
    assert result["failed"]
    assert result["msg"].startswith("Nothing was changed: release_keys[1] has options of its own")
