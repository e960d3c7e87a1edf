"""Module ``secret_files`` as Ansible runs it, on temporary folders."""

import json
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.planner.droplet.plugins.modules import secret_files

Result = dict[str, Any]
Run = Callable[..., Result]

VALUE = "123456:AAH-do-not-print-me"
OTHER = "another-one-that-nobody-may-see"
ROOT = os.geteuid() == 0
# Only root can give a file to a group it is not in.
GID = 10001 if ROOT else os.getegid()


def mode_of(path: Path) -> int:
    """A file's permissions."""
    return stat.S_IMODE(path.stat().st_mode)


def secrets(folder: Path) -> dict[str, str]:
    """What is in the folder, without the module's own key."""
    return {
        path.name: path.read_bytes().decode()
        for path in folder.iterdir()
        if not path.name.startswith(".")
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that does not exist, nor does its parent."""
    return tmp_path / "opt" / "secrets"


@pytest.fixture
def said() -> list[str]:
    """Everything the module wrote to stdout and stderr."""
    return []


@pytest.fixture
def run(folder: Path, said: list[str], capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the module; return what it answers."""

    def call(
        given: dict[str, Any] | None = None, *generated: str, check: bool = False, gid: int = GID
    ) -> Result:
        arguments = {
            "path": str(folder),
            "secrets": given or {},
            "generated": list(generated),
            "gid": gid,
            "_ansible_check_mode": check,
            "_ansible_diff": True,
            "_ansible_verbosity": 4,
        }
        with patch_module_args(arguments), pytest.raises(SystemExit):
            secret_files.main()
        captured = capsys.readouterr()
        said.extend(captured)
        result: Result = json.loads(captured.out)
        return result

    return call


class TestPreview:
    """Check mode."""

    def test_on_a_bare_host(self, run: Run, folder: Path) -> None:
        """Where the folder does not exist yet, the names are shown and nothing is made."""
        result = run({"token": VALUE}, "password", check=True)
        assert result["changed"]
        assert result["names"] == ["password", "token"]
        assert result["diff"]["before"] == ""
        assert result["diff"]["after"] == "password\ntoken\n"
        assert not folder.parent.exists()

    def test_of_a_change(self, run: Run, folder: Path) -> None:
        """A preview shows what would be new, replaced and removed, and touches nothing."""
        run({"token": VALUE, "old": "1"}, "password")
        before = secrets(folder), folder.stat().st_mtime_ns
        result = run({"token": OTHER, "new": "1"}, "password", check=True)
        assert result["changed"]
        assert result["diff"]["before"] == "old\npassword\ntoken\n"
        assert result["diff"]["after"] == "new\npassword\ntoken (new value)\n"
        assert (secrets(folder), folder.stat().st_mtime_ns) == before

    def test_of_no_change(self, run: Run) -> None:
        """A preview after a run has nothing to say and knows the same fingerprint."""
        first = run({"token": VALUE}, "password")
        preview = run({"token": VALUE}, "password", check=True)
        assert not preview["changed"]
        assert preview["fingerprint"] == first["fingerprint"]


class TestFolder:
    """What is in the folder afterwards."""

    def test_access(self, run: Run, folder: Path) -> None:
        """The folder is for its owner alone, a file readable by one group, whatever the umask."""
        before = os.umask(0)
        try:
            run({"token": VALUE}, "password")
        finally:
            os.umask(before)
        assert mode_of(folder) == 0o700
        for name in ("token", "password"):
            found = (folder / name).stat()
            assert stat.S_IMODE(found.st_mode) == 0o440
            assert (found.st_uid, found.st_gid) == (os.geteuid(), GID)

    def test_generated_is_kept(self, run: Run, folder: Path) -> None:
        """A generated value is made once, long and safe to put anywhere, and never changes."""
        run({}, "password")
        made = secrets(folder)["password"]
        assert re.fullmatch(r"[A-Za-z0-9]{40}", made)
        assert not run({}, "password")["changed"]
        assert run({"token": VALUE}, "password", "second")["changed"]
        assert secrets(folder)["password"] == made != secrets(folder)["second"]

    def test_given_wins(self, run: Run, folder: Path) -> None:
        """An owner who moves in with a password of their own gets it."""
        run({}, "password")
        assert run({"password": VALUE}, "password")["changed"]
        assert secrets(folder) == {"password": VALUE}
        assert not run({}, "password")["changed"]
        assert secrets(folder) == {"password": VALUE}, "now it is the one that is kept"

    def test_an_empty_value_does_not_replace_a_generated_one(
        self, run: Run, folder: Path, said: list[str]
    ) -> None:
        """An owner who leaves a password empty keeps the generated one; elsewhere empty is empty."""
        run({"password": "", "token": ""}, "password")
        made = secrets(folder)
        assert re.fullmatch(r"[A-Za-z0-9]{40}", made["password"])
        assert made["token"] == ""
        assert not run({"password": "", "token": ""}, "password")["changed"]
        assert secrets(folder) == made
        assert made["password"] not in "".join(said)

    def test_leftovers_are_removed(self, run: Run, folder: Path) -> None:
        """A value that a killed run was writing does not stay; a preview leaves it, others' files too."""
        run({"token": VALUE})
        (folder / ".staged-abc").write_text(OTHER)
        (folder / ".keep").write_text("mine")
        run({"token": VALUE}, check=True)
        assert (folder / ".staged-abc").exists()
        run({"token": VALUE})
        assert sorted(path.name for path in folder.iterdir()) == [
            ".fingerprint.key",
            ".keep",
            "token",
        ]

    def test_removed(self, run: Run, folder: Path) -> None:
        """A secret that is no longer wanted does not stay on the host."""
        run({"token": VALUE, "old": OTHER})
        result = run({"token": VALUE})
        assert result["changed"]
        assert result["names"] == ["token"]
        assert secrets(folder) == {"token": VALUE}

    @pytest.mark.parametrize("value", ["", "x", " spaces \n", "a\r\nb\r\n", "ünï¢ode", '$"\\'])
    def test_a_second_run_changes_nothing(self, run: Run, folder: Path, value: str) -> None:
        """Any text arrives byte for byte and is recognised afterwards."""
        assert run({"token": value})["changed"]
        assert secrets(folder) == {"token": value}
        inode = (folder / "token").stat().st_ino
        again = run({"token": value})
        assert not again["changed"]
        assert again["diff"]["before"] == again["diff"]["after"]
        assert (folder / "token").stat().st_ino == inode

    @pytest.mark.parametrize("name", ["token", "password"])
    def test_mode_is_repaired(self, run: Run, folder: Path, name: str) -> None:
        """A file that others could read is closed again; its value stays."""
        run({"token": VALUE}, "password")
        before = secrets(folder)
        (folder / name).chmod(0o644)
        assert run({"token": VALUE}, "password", check=True)["changed"]
        assert mode_of(folder / name) == 0o644
        assert run({"token": VALUE}, "password")["changed"]
        assert mode_of(folder / name) == 0o440
        assert secrets(folder) == before

    def test_owner_is_repaired(self, run: Run, folder: Path) -> None:
        """As root a file of someone else becomes root's and the group's again."""
        run({"token": VALUE})
        if ROOT:
            os.chown(folder / "token", 12345, 12345)
        assert run({"token": VALUE})["changed"] is ROOT
        found = (folder / "token").stat()
        assert (found.st_uid, found.st_gid) == (os.geteuid(), GID)

    def test_an_open_folder_is_closed(self, run: Run, folder: Path) -> None:
        """A folder that others could look into is repaired, and that counts as a change."""
        run({"token": VALUE})
        folder.chmod(0o755)
        assert run({"token": VALUE}, check=True)["changed"]
        assert mode_of(folder) == 0o755
        assert run({"token": VALUE})["changed"]
        assert mode_of(folder) == 0o700
        assert not run({"token": VALUE})["changed"]


TEST_NAMES = ["../outside", "/etc/outside", "sub/name", "..", "", ".hidden", ".fingerprint.key"]


@pytest.mark.parametrize("name", TEST_NAMES)
@pytest.mark.parametrize("generated", [False, True])
def test_a_name_that_is_no_file_of_the_folder_is_refused(
    run: Run,
    tmp_path: Path,
    said: list[str],
    name: str,
    generated: bool,  # noqa: FBT001
) -> None:
    """Nothing is written outside the folder or hidden in it; the message has the name only."""
    result = run({"fine": OTHER}, name) if generated else run({"fine": OTHER, name: VALUE})
    assert result["failed"]
    assert repr(name) in result["msg"]
    assert list(tmp_path.iterdir()) == []
    assert VALUE not in "".join(said)


@pytest.mark.parametrize("value", [12345678, None, ["123456:AAH"], True])
def test_a_value_that_is_no_text_is_refused(run: Run, tmp_path: Path, value: Any) -> None:
    """A value that lost its quotes is named, not printed, and nothing is written."""
    result = run({"token": value})
    assert result["failed"]
    assert result["msg"] == "secrets.token must be a text: put the value in quotes"
    assert list(tmp_path.iterdir()) == []


class TestSilence:
    """A value reaches its file and nothing else."""

    def test_no_value_in_any_output(self, run: Run, folder: Path, said: list[str]) -> None:
        """First run, change, removal, preview: stdout, diff and invocation have no value."""
        run({"token": VALUE, "second": OTHER}, "password", check=True)
        run({"token": VALUE, "second": OTHER}, "password")
        made = secrets(folder)["password"]
        run({"token": OTHER}, "password")
        run({}, "password")
        for value in (VALUE, OTHER, made):
            assert value not in "".join(said)
        assert "token" in "".join(said)

    def test_an_old_value_is_not_shown_either(
        self, run: Run, folder: Path, said: list[str]
    ) -> None:
        """What was on the host is as secret as what comes, though Ansible never saw it."""
        folder.mkdir(parents=True)
        (folder / "token").write_text(VALUE)
        run({"token": OTHER})
        run({})
        assert VALUE not in "".join(said)

    def test_as_ansible_does_it(self, folder: Path, root: Path, tmp_path: Path) -> None:
        """Through ansible itself at -vvv with --diff no line has a value, only the names."""
        arguments = {"path": str(folder), "secrets": {"token": VALUE}, "generated": ["password"]}
        environment = {name: text for name, text in os.environ.items() if name != "CI"} | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "ANSIBLE_LOCALHOST_WARNING": "false",
        }
        where = f"ansible_python_interpreter={sys.executable} ansible_remote_tmp={tmp_path}/remote"
        module = ["-m", "planner.droplet.secret_files", "-a", json.dumps(arguments | {"gid": GID})]
        done = subprocess.run(
            ["ansible", "localhost", "-vvv", "--diff", "-e", where, *module],
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "+password\n+token\n" in done.stdout
        assert '"fingerprint"' in done.stdout or "fingerprint:" in done.stdout
        assert secrets(folder)["token"] == VALUE
        for value in secrets(folder).values():
            assert value not in done.stdout + done.stderr


class TestFingerprint:
    """What consumers watch to know that a secret changed."""

    def test_follows_the_values(self, run: Run) -> None:
        """It changes with a value, a new name and a removal, and comes back with the old values."""
        found = [
            run(given)["fingerprint"]
            for given in ({"a": VALUE}, {"a": OTHER}, {"a": OTHER, "b": VALUE}, {"a": VALUE})
        ]
        assert len(set(found)) == 3
        assert found[0] == found[3]

    def test_of_each_secret(self, run: Run) -> None:
        """Each secret has one of its own, which follows its value only; equal values do not show."""
        first = run({"a": VALUE, "b": VALUE})["fingerprints"]
        second = run({"a": VALUE, "b": OTHER})["fingerprints"]
        assert set(first) == {"a", "b"}
        assert first["a"] == second["a"] != first["b"] != second["b"]

    def test_does_not_follow_time(
        self, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A year later, after a repair and with older files, it is the same."""
        first = run({"a": "1"}, "made")["fingerprint"]
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 365 * 86400)
        os.utime(folder / "a", (1, 1))
        (folder / "made").chmod(0o600)
        assert run({"a": "1"}, "made")["fingerprint"] == first

    def test_is_the_hosts_own(self, run: Run, folder: Path) -> None:
        """Another host has another key, readable by its owner alone, so values cannot be compared."""
        first = run({"a": "1"})["fingerprint"]
        key = folder / ".fingerprint.key"
        assert mode_of(key) == 0o400
        assert len(key.read_bytes()) == 32
        key.unlink()
        assert run({"a": "1"})["fingerprint"] != first


@pytest.mark.parametrize("name", ["token", "password", ".fingerprint.key"])
def test_an_interruption_is_repaired_by_the_next_run(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Stopped at any write, every file is the old or the new one, and nothing generated is lost."""
    run({"token": VALUE}, "kept")
    kept = secrets(folder)["kept"]
    (folder / ".fingerprint.key").unlink()
    replace = os.replace

    def stop(source: str, target: str) -> None:
        if target.endswith(f"/{name}"):
            raise KeyboardInterrupt
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", stop)
        with pytest.raises(KeyboardInterrupt):
            run({"token": OTHER}, "kept", "password")
    assert secrets(folder)["token"] in {VALUE, OTHER}
    assert secrets(folder)["kept"] == kept
    assert not list(folder.glob(".staged-*"))
    run({"token": OTHER}, "kept", "password")
    assert secrets(folder) | {"password": ""} == {"token": OTHER, "kept": kept, "password": ""}
    assert not run({"token": OTHER}, "kept", "password")["changed"]
