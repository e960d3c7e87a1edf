"""Module ``config_files`` as Ansible runs it, on temporary folders."""

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible_collections.planner.droplet.plugins.modules import config_files

Result = dict[str, Any]
Run = Callable[..., Result]

VALIDATOR = """#!/bin/sh
for file in $(find "$1" -type f); do
  if grep -q WRONG "$file"; then echo "line 1: WRONG is no directive" >&2; exit 3; fi
done
"""


def mode_of(path: Path) -> int:
    """A file's permissions."""
    return stat.S_IMODE(path.stat().st_mode)


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder and its text."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that does not exist, nor does its parent."""
    return tmp_path / "etc" / "thing"


@pytest.fixture
def validator(tmp_path: Path) -> list[str]:
    """A command that refuses files in which the word WRONG stands."""
    script = tmp_path / "validate"
    script.write_text(VALIDATOR)
    script.chmod(0o755)
    return [str(script), "{staged}"]


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the module; return what it answers, its warnings included."""
    warnings: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _self, text: warnings.append(text))

    def call(
        files: dict[str, str], *, check: bool = False, mode: str | None = None, **options: Any
    ) -> Result:
        entries = [{"path": path, "content": content} for path, content in files.items()]
        arguments = {
            "path": str(folder),
            "files": [entry | ({"mode": mode} if mode else {}) for entry in entries],
            "_ansible_check_mode": check,
            "_ansible_diff": True,
            **options,
        }
        with patch_module_args(arguments), pytest.raises(SystemExit):
            config_files.main()
        result: Result = json.loads(capsys.readouterr().out)
        return result | {"warnings": list(warnings)}

    return call


class TestPreview:
    """Check mode."""

    def test_on_a_bare_host(self, run: Run, folder: Path) -> None:
        """Where the folder does not exist yet, all files are shown and nothing is made."""
        result = run({"a": "1\n", "sub/b": "2\n"}, check=True)
        assert result["changed"]
        assert result["changed_files"] == ["a", "sub/b"]
        assert [part["after"] for part in result["diff"]] == ["1\n", "2\n"]
        assert {part["before_header"] for part in result["diff"]} == {"absent"}
        assert not run({"a": "1\n"}, check=True, _ansible_diff=False)["diff"]
        assert not folder.parent.exists()

    def test_predicts_the_run(self, run: Run, folder: Path) -> None:
        """What a preview says is what the run does, and afterwards both say nothing."""
        run({"a": "1\n", "b": "1\n"})
        before = tree(folder)
        preview = run({"a": "1\n", "b": "2\n"}, check=True)
        assert tree(folder) == before
        result = run({"a": "1\n", "b": "2\n"})
        assert preview["changed_files"] == result["changed_files"] == ["b"]
        assert preview["diff"] == result["diff"]
        assert not run({"a": "1\n", "b": "2\n"}, check=True)["changed"]

    def test_validates_too(self, run: Run, folder: Path, validator: list[str]) -> None:
        """A preview already says that a file is not valid."""
        result = run({"a": "WRONG"}, check=True, validate=validator)
        assert result["failed"]
        assert "WRONG is no directive" in result["msg"]
        assert not folder.exists()


class TestWriting:
    """What lands."""

    def test_files_and_folders(self, run: Run, folder: Path) -> None:
        """Folders are made with their parents; files have their content and mode."""
        result = run({"a": "1\n", "sub/deep/b": "2\n"}, folder_mode="0750")
        assert result["changed"]
        assert tree(folder) == {"a": "1\n", "sub/deep/b": "2\n"}
        assert mode_of(folder) == 0o750
        assert mode_of(folder / "a") == 0o644

    def test_modes_do_not_depend_on_the_umask(self, run: Run, folder: Path) -> None:
        """On a hardened host with umask 077 containers can still read what is mounted for them."""
        os.umask(0o077)
        run({"sub/deep/b": ""}, folder_mode="0775")
        assert mode_of(folder) == 0o775
        assert mode_of(folder.parent) == 0o755
        assert mode_of(folder / "sub") == 0o755
        assert mode_of(folder / "sub" / "deep") == 0o755
        assert mode_of(folder / "sub" / "deep" / "b") == 0o644

    def test_an_existing_folder_keeps_its_mode(self, run: Run, folder: Path) -> None:
        """Without a wish a folder that the system or the owner made is not taken over."""
        folder.mkdir(parents=True)
        folder.chmod(0o711)
        run({"a": ""})
        assert mode_of(folder) == 0o711
        assert not run({"a": ""})["changed"]

    @pytest.mark.parametrize("is_there", [False, True])
    def test_a_wished_folder_mode_is_enforced(
        self,
        run: Run,
        folder: Path,
        is_there: bool,  # noqa: FBT001
    ) -> None:
        """With a wish the folder gets it, new or not; a preview says so and changes nothing."""
        if is_there:
            folder.mkdir(parents=True)
            folder.chmod(0o755)
        run({"a": ""}, folder_mode="0750")
        assert mode_of(folder) == 0o750
        folder.chmod(0o777)
        assert run({"a": ""}, folder_mode="0750", check=True)["changed"]
        assert mode_of(folder) == 0o777
        result = run({"a": ""}, folder_mode="0750")
        assert result["changed"]
        assert result["changed_files"] == []
        assert mode_of(folder) == 0o750
        assert not run({"a": ""}, folder_mode="0750")["changed"]

    def test_no_files_no_folder(self, run: Run, folder: Path) -> None:
        """Where nothing is to be written nothing is made, and nothing reported."""
        assert not run({})["changed"]
        assert not folder.exists()

    @pytest.mark.parametrize(
        "text", ["", "no newline", "ünï¢ode\n", "\r\nCRLF\r\n", " \n\n", "# {{ x }}\n"]
    )
    def test_a_second_run_changes_nothing(self, run: Run, folder: Path, text: str) -> None:
        """Any text arrives byte for byte and is recognised afterwards."""
        assert run({"a": text})["changed"]
        assert (folder / "a").read_bytes() == text.encode()
        again = run({"a": text})
        assert not again["changed"]
        assert again["changed_files"] == again["diff"] == []

    def test_only_what_differs_is_written(self, run: Run, folder: Path) -> None:
        """An unchanged file keeps its inode, a foreign one is left alone."""
        run({"a": "1", "b": "1"})
        (folder / "foreign").write_text("mine")
        inode = (folder / "a").stat().st_ino
        assert run({"a": "1", "b": "2"})["changed_files"] == ["b"]
        assert (folder / "a").stat().st_ino == inode
        assert (folder / "foreign").read_text() == "mine"

    def test_absent(self, run: Run, folder: Path) -> None:
        """What was switched off goes, shown as it was; a second run has nothing to do."""
        run({"a": "1", "sub/b": "2"})
        (folder / "foreign").write_text("mine")
        preview = run({"a": "1"}, absent=["sub/b", "never"], check=True)
        assert (folder / "sub/b").exists()
        result = run({"a": "1"}, absent=["sub/b", "never"])
        assert preview["changed_files"] == result["changed_files"] == ["sub/b"]
        assert preview["diff"] == result["diff"]
        (part,) = result["diff"]
        assert (part["before"], part["after"], part["after_header"]) == ("2", "", "absent")
        assert tree(folder) == {"a": "1", "foreign": "mine"}
        assert not run({"a": "1"}, absent=["sub/b", "never"])["changed"]

    def test_absent_on_a_bare_host(self, run: Run, folder: Path) -> None:
        """Where the folder is not there either, nothing is made and nothing reported."""
        assert not run({}, absent=["a"])["changed"]
        assert not folder.exists()

    def test_nothing_goes_when_the_others_are_not_valid(
        self, run: Run, folder: Path, validator: list[str]
    ) -> None:
        """Old and new belong together: all or none."""
        run({"a": "1", "b": "2"})
        assert run({"a": "WRONG"}, absent=["b"], validate=validator)["failed"]
        assert tree(folder) == {"a": "1", "b": "2"}

    @pytest.mark.parametrize("path", ["/etc/passwd", "../b", ""])
    def test_absent_stays_inside(self, run: Run, folder: Path, path: str) -> None:
        """Nothing outside the folder is removed."""
        folder.mkdir(parents=True)
        (folder.parent / "b").touch()
        result = run({}, absent=[path])
        assert f"must stay inside the folder, got {path!r}" in result["msg"]
        assert (folder.parent / "b").exists()

    def test_mode_is_repaired(self, run: Run, folder: Path) -> None:
        """A file whose mode someone changed is put right, and the diff says so."""
        run({"a": "1"}, mode="0640")
        (folder / "a").chmod(0o666)
        (part,) = run({"a": "1"}, mode="0640")["diff"]
        assert part["before_header"].endswith("(mode 0666)")
        assert part["after_header"].endswith("(mode 0640)")
        assert mode_of(folder / "a") == 0o640

    def test_owner_is_repaired(self, run: Run, folder: Path) -> None:
        """As root a file of someone else becomes root's again; for others nothing differs."""
        run({"a": "1"})
        if os.geteuid() == 0:
            os.chown(folder / "a", 12345, 12345)
        assert run({"a": "1"})["changed"] is (os.geteuid() == 0)
        found = (folder / "a").stat()
        assert (found.st_uid, found.st_gid) == (os.geteuid(), os.getegid())

    def test_line_ends_are_repaired(self, run: Run, folder: Path) -> None:
        """A file that an editor turned into CRLF is not taken for the same."""
        run({"a": "1\n"})
        (folder / "a").write_bytes(b"1\r\n")
        assert run({"a": "1\n"})["changed"]
        assert (folder / "a").read_bytes() == b"1\n"

    def test_what_is_no_text_is_replaced(self, run: Run, folder: Path) -> None:
        """A damaged file does not stop the run."""
        run({"a": "1\n"})
        (folder / "a").write_bytes(b"\xff\xfe\x00")
        assert run({"a": "1\n"})["changed"]
        assert (folder / "a").read_bytes() == b"1\n"


class TestValidation:
    """All of it or none of it."""

    def test_one_wrong_file_keeps_all_out(
        self, run: Run, folder: Path, validator: list[str]
    ) -> None:
        """Nothing lands, not even the valid ones; the message has the validator's own words."""
        run({"a": "old"}, validate=validator)
        result = run({"a": "new", "sub/b": "WRONG"}, validate=validator)
        assert result["failed"]
        assert result["rc"] == 3
        assert result["msg"].startswith(f"Nothing was written: the new files for {folder}")
        assert "line 1: WRONG is no directive" in result["msg"]
        assert tree(folder) == {"a": "old"}

    def test_it_sees_the_whole_new_tree(self, run: Run, tmp_path: Path) -> None:
        """The validator finds every file, changed or not, under the staging folder."""
        note = ["/bin/sh", "-c", f"cd {{staged}} && find . -type f > {tmp_path}/seen"]
        run({"a": "1", "sub/b": "1"})
        run({"a": "1", "sub/b": "2"}, validate=note)
        assert sorted((tmp_path / "seen").read_text().split()) == ["./a", "./sub/b"]

    def test_staging_leaves_nothing_behind(
        self, run: Run, validator: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Valid or not, the staging folder is gone afterwards."""
        staging = tmp_path / "staging"
        staging.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(staging))
        run({"a": "fine"}, validate=validator)
        run({"a": "WRONG"}, validate=validator)
        assert list(staging.iterdir()) == []

    def test_it_runs_only_for_a_change(self, run: Run, tmp_path: Path) -> None:
        """A run without changes does not start the validator."""
        note = ["/bin/sh", "-c", f"echo >> {tmp_path}/calls"]
        run({"a": "1"}, validate=note)
        run({"a": "1"}, validate=note)
        assert (tmp_path / "calls").read_text() == "\n"

    def test_a_missing_validator_is_a_warning(self, run: Run, folder: Path) -> None:
        """Before the program is installed the files land, and the owner is told."""
        result = run({"a": "1"}, validate=["no-such-program-here", "{staged}"])
        assert tree(folder) == {"a": "1"}
        assert result["warnings"] == [
            f"{folder} is not validated: no-such-program-here is not installed yet"
        ]


@pytest.mark.parametrize("path", ["../outside", "/etc/outside", "a/../../outside", ""])
def test_a_path_that_leaves_the_folder_is_refused(run: Run, tmp_path: Path, path: str) -> None:
    """Nothing is written at all when one path points elsewhere; the message names it."""
    result = run({"fine": "1", path: "1"})
    assert result["failed"]
    assert repr(path) in result["msg"]
    assert tree(tmp_path) == {}


def test_a_mode_that_is_none_is_refused(run: Run, tmp_path: Path) -> None:
    """A mode that is not octal is named, and nothing is written."""
    result = run({"a": "1"}, mode="rw-r--r--")
    assert result["failed"]
    assert "rw-r--r--" in result["msg"]
    assert tree(tmp_path) == {}


def test_a_folder_mode_that_is_none_is_refused(run: Run, tmp_path: Path) -> None:
    """The folder's mode is read before anything is written."""
    result = run({"a": "1"}, folder_mode="rwxr-x---")
    assert result["failed"]
    assert "rwxr-x---" in result["msg"]
    assert tree(tmp_path) == {}


def test_an_error_keeps_what_landed_before_it(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk fills up halfway, each file is the old or the new one, and a run repairs it."""
    run({"a": "old", "b": "old"})
    replace = os.replace

    def full(source: str, target: str) -> None:
        if target.endswith("/b"):
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        run({"a": "new", "b": "new"})
    assert tree(folder) == {"a": "new", "b": "old"}
    monkeypatch.setattr(os, "replace", replace)
    assert run({"a": "new", "b": "new"})["changed_files"] == ["b"]


KILLED = """
import os, runpy, signal
os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
runpy.run_module(
    "ansible_collections.planner.droplet.plugins.modules.config_files", run_name="__main__"
)
"""


def test_killed_in_the_middle(folder: Path, root: Path) -> None:
    """A process of its own, killed at the rename: the old file is whole, the next run finishes."""
    folder.mkdir(parents=True)
    (folder / "a").write_text("old")
    arguments = {"path": str(folder), "files": [{"path": "a", "content": "new"}]}
    text = json.dumps({"ANSIBLE_MODULE_ARGS": arguments})
    environment = {**os.environ, "PYTHONPATH": str(root / ".collections")}

    def module(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *command],
            input=text,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    assert module("-c", KILLED).returncode == -signal.SIGKILL
    assert (folder / "a").read_text() == "old"
    done = module("-m", config_files.__name__)
    assert json.loads(done.stdout)["changed_files"] == ["a"], done.stderr
    assert (folder / "a").read_text() == "new"
