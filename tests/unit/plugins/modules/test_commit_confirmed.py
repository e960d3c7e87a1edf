"""Module ``commit_confirmed`` below a temporary folder, with a systemd on PATH that runs the unit as it is written."""

import json
import os
import pwd
import signal
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible_collections.planner.droplet.plugins.module_utils import _take_back as take_back
from ansible_collections.planner.droplet.plugins.module_utils._atomic import STAGED
from ansible_collections.planner.droplet.plugins.modules import commit_confirmed

# A unit that is not there cannot be started, one whose condition fails does nothing, and only one timer has a name.
SYSTEMCTL = """\
#!/bin/sh
echo "systemctl $*" >>"{folder}/calls"
case "$*" in
  "start planner-take-back.service")
    unit="{folder}/etc/systemd/system/$2"
    [ -e "$unit" ] || {{ echo "Failed to start $2: Unit $2 not found." >&2; exit 5; }}
    [ -e "$(sed -n 's/^ConditionPathExists=//p' "$unit")" ] || exit 0
    exec env -i PATH="$PATH" $(sed -n 's/^ExecStart=+//p' "$unit") ;;
  "stop planner-take-back.timer") rm "{folder}/timer" ;;
esac
"""
SYSTEMD_RUN = """\
#!/bin/sh
if [ -e "{folder}/timer" ]; then
  echo "Failed to start transient timer unit: planner-take-back.timer was already loaded." >&2
  exit 1
fi
echo "$*" >"{folder}/timer"
"""
SYSTEM_PATH = os.environ["PATH"]
CONSTANTS = {
    name: text for name, text in vars(take_back).items() if name.isupper() and isinstance(text, str)
}
ME = pwd.getpwuid(os.geteuid()).pw_name
NOBODY = "planner-nobody"
# What Python reports before it does it: all that a module changes files and starts programs with.
STEPS = {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "subprocess.Popen"}

Result = dict[str, Any]
Tree = dict[str, tuple[str, int, int, int]]


class Host:
    """A root folder of its own; paths are given relative to it."""

    def __init__(
        self,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """Have systemd, a file to change and one to remove; lead the module here."""
        self.folder = folder
        self.etc = folder / "etc"
        self.before = folder / "var/lib/planner/unconfirmed"
        self.units = folder / "etc/systemd/system"
        self.capsys = capsys
        self.warnings: list[str] = []
        for path in (self.units / "multi-user.target.wants", folder / "bin", folder / "tmp"):
            path.mkdir(parents=True)
        for name, text in (("systemctl", SYSTEMCTL), ("systemd-run", SYSTEMD_RUN)):
            (folder / "bin" / name).write_text(text.format(folder=folder))
            (folder / "bin" / name).chmod(0o755)
        for name, mode in (("door", 0o640), ("old.key", 0o600)):
            (self.etc / name).write_text(f"old {name}\n")
            (self.etc / name).chmod(mode)
        monkeypatch.setenv("PATH", f"{folder}/bin{os.pathsep}{SYSTEM_PATH}")
        monkeypatch.setattr(tempfile, "tempdir", str(folder / "tmp"))
        monkeypatch.setattr(AnsibleModule, "warn", lambda _self, text: self.warnings.append(text))
        for name, text in CONSTANTS.items():
            here = text.replace("/var/lib/", f"{folder}/var/lib/")
            here = here.replace("/etc/systemd/", f"{folder}/etc/systemd/")
            monkeypatch.setattr(take_back, name, here)

    def relative(self, name: str) -> str:
        """A file's path as the module is told it, which lives below ``/``."""
        return f"{self.etc}/{name}".lstrip("/")

    def tree(self) -> Tree:
        """Everything in etc but systemd's and what was never finished: text or target of a link, mode, owner."""
        found: Tree = {}
        for path in self.etc.rglob("*"):
            if path.is_dir() or self.units in path.parents or path.name.startswith(STAGED):
                continue
            about = path.lstat()
            text = f"-> {path.readlink()}" if path.is_symlink() else path.read_text()
            mode = stat.S_IMODE(about.st_mode)
            found[str(path.relative_to(self.etc))] = (text, mode, about.st_uid, about.st_gid)
        return found

    def texts(self) -> dict[str, str]:
        """The same, texts only."""
        return {path: about[0] for path, about in self.tree().items()}

    def leftovers(self) -> list[str]:
        """What a change that is settled must not leave behind."""
        paths = [self.folder / "timer", self.before, *self.units.rglob("planner*")]
        return [str(path) for path in paths if os.path.lexists(path)]

    def arguments(
        self,
        wish: dict[str, str] | None = None,
        gone: list[str] | None = None,
        *,
        check: bool = False,
        owner: str = ME,
        mode: str = "0644",
        **options: Any,
    ) -> Result:
        """Write the module's arguments for files of these texts, and files that must not be there."""
        return {
            "files": [
                {"path": self.relative(name), "content": text, "owner": owner, "mode": mode}
                for name, text in (wish or {}).items()
            ],
            "absent": [self.relative(name) for name in gone or []],
            "_ansible_check_mode": check,
            "_ansible_diff": True,
            **options,
        }

    def run(self, *wish: Any, **options: Any) -> Result:
        """Run the module; return what it answers, with its warnings and short names of the files."""
        with patch_module_args(self.arguments(*wish, **options)), pytest.raises(SystemExit):
            commit_confirmed.main()
        result: Result = json.loads(self.capsys.readouterr().out)
        names = [path.removeprefix(self.relative("")) for path in result.get("changed_files", [])]
        return result | {"changed_files": names, "warnings": self.warnings}

    def run_killed(self, step: int, *wish: Any, **options: Any) -> bool:
        """Run it in a process that is killed before its nth step; tell whether it came to that."""
        child = os.fork()
        if child == 0:
            left = step

            def count(event: str, _: object) -> None:
                nonlocal left
                if event in STEPS:
                    left -= 1
                    if left == 0:
                        os.kill(os.getpid(), signal.SIGKILL)

            sys.addaudithook(count)
            try:
                with patch_module_args(self.arguments(*wish, **options)):
                    commit_confirmed.main()
            finally:
                os._exit(0)
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])

    def time_is_up(self) -> None:
        """The timer that runs starts the unit."""
        assert "--unit=planner-take-back.service" in (self.folder / "timer").read_text().split()
        assert os.system("systemctl start planner-take-back.service") == 0  # noqa: S605

    def reboot(self) -> None:
        """Timers are gone, and what the target wants is started."""
        (self.folder / "timer").unlink(missing_ok=True)
        for wanted in (self.units / "multi-user.target.wants").iterdir():
            assert os.system(f"systemctl start {wanted.resolve().name}") == 0  # noqa: S605


@pytest.fixture
def host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Host:
    """A host on which nothing waits."""
    return Host(tmp_path, monkeypatch, capsys)


def state(result: Result) -> tuple[bool, bool, list[str]]:
    """What a caller goes by."""
    return result["changed"], result["unconfirmed"], result["changed_files"]


def check(command: str, *expect: str, needs: str = "sh") -> Result:
    """One entry of ``validate`` or ``verify``."""
    return {"command": command, "expect": list(expect), "needs": needs}


class TestChange:
    """A change, and what becomes of it."""

    def test_is_made_at_once(self, host: Host) -> None:
        """The new files are there with their modes, applied, and the host waits for the confirmation."""
        result = host.run(
            {"door": "new\n", "sub/more": "1\n"},
            ["old.key"],
            mode="0600",
            seconds=90,
            apply=[f"cp {host.etc}/door {host.folder}/applied"],
        )
        assert state(result) == (True, True, ["door", "sub/more", "old.key"])
        assert host.texts() == {"door": "new\n", "sub/more": "1\n"}
        assert {about[1] for about in host.tree().values()} == {0o600}
        assert (host.folder / "applied").read_text() == "new\n"
        assert "--on-active=90" in (host.folder / "timer").read_text().split()
        assert stat.S_IMODE(host.before.stat().st_mode) == 0o700

    def test_confirmed(self, host: Host) -> None:
        """It stays, also over a reboot; nothing of the way back is left; the next run is quiet."""
        wish = {"door": "new\n"}
        host.run(wish, ["old.key"])
        assert host.run(state="confirmed")["changed"]
        assert host.leftovers() == []
        host.reboot()
        assert host.texts() == wish
        assert state(host.run(wish, ["old.key"])) == (False, False, [])
        assert host.leftovers() == []

    @pytest.mark.parametrize("way", ["taken_back", "time is up", "reboot"])
    def test_not_confirmed(self, host: Host, way: str) -> None:
        """Whatever takes it back, each file has its content, mode and owner, and is applied again."""
        if os.geteuid() == 0:
            os.chown(host.etc / "door", 1, 2)
        before = host.tree()
        apply = [f"cp {host.etc}/door {host.folder}/applied"]
        host.run({"door": "new\n", "more": "1\n", "sub/more": "2\n"}, ["old.key"], apply=apply)
        assert host.tree() != before
        if way == "taken_back":
            assert host.run(state="taken_back")["changed"]
        elif way == "reboot":
            host.reboot()
        else:
            host.time_is_up()
        assert host.tree() == before
        assert (host.folder / "applied").read_text() == "old door\n"
        assert host.leftovers() == []

    def test_confirmed_too_late(self, host: Host) -> None:
        """The caller must not believe in a change that the host took back already."""
        host.run({"door": "new\n"})
        host.time_is_up()
        late = host.run(state="confirmed")
        assert late["failed"]
        assert "nothing to confirm" in late["msg"]
        assert not host.run(state="confirmed", check=True).get("failed"), "a preview made no change"

    def test_taken_back_twice(self, host: Host) -> None:
        """Taking back is what cleans up, so there may be nothing to do."""
        host.run({"door": "new\n"})
        assert host.run(state="taken_back")["changed"]
        assert not host.run(state="taken_back")["changed"]

    def test_on_top_of_an_unconfirmed_one(self, host: Host) -> None:
        """The first change is taken back first, so the second's way back leads to what was proved."""
        before = host.tree()
        host.run({"door": "first\n", "first": "1\n"}, ["old.key"])
        assert state(host.run({"door": "second\n"})) == (True, True, ["door"])
        assert host.texts() == {"door": "second\n", "old.key": "old old.key\n"}
        host.time_is_up()
        assert host.tree() == before

    def test_back_to_what_was_before_an_unconfirmed_one(self, host: Host) -> None:
        """Nothing differs after the taking back, which is a change nevertheless."""
        host.run({"door": "new\n"})
        assert state(host.run({"door": "old door\n"}, mode="0640")) == (True, False, [])
        assert host.leftovers() == []

    @pytest.mark.parametrize("name", ["a b", "it's", "$HOME", "~", "-f", "ü"])
    def test_odd_names(self, host: Host, name: str) -> None:
        """A name is no shell: such files are changed, removed and come back as any other."""
        (host.etc / name).write_text("old\n")
        before = host.tree()
        host.run({name: "new\n", f"{name}2": "new\n"})
        assert host.texts()[name] == "new\n"
        host.run(state="taken_back")
        assert host.tree() == before
        host.run({}, [name])
        host.run(state="taken_back")
        assert host.tree() == before

    def test_a_link(self, host: Host) -> None:
        """A link is replaced, not followed, and comes back as a link."""
        (host.etc / "link").symlink_to("door")
        before = host.tree()
        host.run({"link": "new\n"})
        assert host.texts()["link"] == "new\n"
        assert host.texts()["door"] == "old door\n"
        host.run(state="taken_back")
        assert host.tree() == before

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
    def test_owner(self, host: Host) -> None:
        """A file and the new folders above it belong to the account and its group; a wrong owner is a change."""
        account = pwd.getpwnam("nobody")
        host.run({".ssh/keys": "1\n"}, owner="nobody")
        for path in (host.etc / ".ssh/keys", host.etc / ".ssh"):
            assert (path.stat().st_uid, path.stat().st_gid) == (account.pw_uid, account.pw_gid)
        host.run(state="confirmed")
        assert state(host.run({".ssh/keys": "1\n"}, owner="nobody")) == (False, False, [])
        assert host.run({".ssh/keys": "1\n"}, owner="root")["changed_files"] == [".ssh/keys"]

    def test_an_owner_that_does_not_exist(self, host: Host) -> None:
        """Its file would silently be somebody else's; in a preview the account may come with the run."""
        assert host.run({"keys": "1\n"}, owner=NOBODY, check=True)["changed_files"] == ["keys"]
        before = host.tree()
        result = host.run({"keys": "1\n"}, owner=NOBODY)
        assert result["failed"]
        assert f"no account {NOBODY!r}" in result["msg"]
        assert host.tree() == before


class TestChecks:
    """What is checked before and after."""

    def test_not_valid(self, host: Host) -> None:
        """Nothing is written and no way back is needed; the message is the program's."""
        before = host.tree()
        refusing = check("echo 'line 1: no such word' >&2; exit 255")
        result = host.run({"door": "new\n"}, ["old.key"], validate=[refusing], apply=["exit 9"])
        assert result["failed"]
        assert result["msg"].startswith("Nothing was changed: echo ")
        assert result["msg"].endswith(": line 1: no such word")
        assert host.tree() == before
        assert list((host.folder / "tmp").iterdir()) == []
        assert host.leftovers() == []

    def test_all_files_are_staged(self, host: Host) -> None:
        """The check sees those that do not change as well, under their own paths."""
        (host.etc / "same").write_text("same\n")
        command = f"cat {{staged}}{host.etc}/same {{staged}}{host.etc}/door"
        seen = check(command, "same", "new")
        assert not host.run({"door": "new\n", "same": "same\n"}, validate=[seen]).get("failed")

    @pytest.mark.parametrize(
        "what, expected",
        [
            ({"verify": [check("exit 3")]}, "exit 3: exit code 3"),
            ({"verify": [check("echo oops; false")]}, "echo oops; false: oops"),
            (
                {"verify": [check("echo port 22", "port 2222")]},
                "echo port 22: says 'port 22' instead of 'port 2222'",
            ),
            (
                {"verify": [check("true", "port 2222")]},
                "true: says 'nothing' instead of 'port 2222'",
            ),
            ({"apply": ["echo no >&2; exit 1", "touch /nonexistent/x"]}, "exit 1: no"),
            ({"apply": ["if"]}, "yntax error"),
        ],
    )
    def test_does_not_hold_afterwards(self, host: Host, what: Result, expected: str) -> None:
        """The change is taken back at once, and the message has what was found."""
        before = host.tree()
        result = host.run({"door": "new\n", "more": "1\n"}, ["old.key"], **what)
        assert result["failed"]
        assert result["msg"].startswith("The change was taken back: ")
        assert expected in result["msg"]
        assert host.tree() == before
        assert host.leftovers() == []

    def test_applied_again(self, host: Host) -> None:
        """Files as wished that are not in force are applied, which is a change to be proved too."""
        wish = {"door": "old door\n"}
        in_force = host.folder / "in-force"
        what = {"mode": "0640", "verify": [check(f"cat {in_force}", "yes")]}
        result = host.run(wish, apply=[f"echo yes >{in_force}"], **what)
        assert state(result) == (True, True, [])
        host.run(state="confirmed")
        assert state(host.run(wish, apply=["exit 9"], **what)) == (False, False, [])
        in_force.unlink()
        failed = host.run(wish, **what)
        assert failed["failed"]
        assert "The change was taken back: " in failed["msg"]
        assert host.leftovers() == []

    def test_a_program_that_is_not_installed_yet(self, host: Host) -> None:
        """What cannot be checked is said, once each, and does not stop a first run."""
        unknown = [check("exit 1", needs="planner-no-such-program")]
        result = host.run({"door": "new\n"}, validate=unknown)
        assert result["unconfirmed"]
        assert result["warnings"] == [
            "not checked, planner-no-such-program is not installed yet: exit 1"
        ]

    def test_lines_are_the_shells(self, host: Host) -> None:
        """Variables are what the line makes of them, each line starts anew, also on the way back."""
        lines = [f"HOME=mine; echo $HOME >{host.folder}/applied", "cd /", "echo one; exit 0"]
        host.run({"door": "new\n"}, apply=lines, verify=[check("HOME=mine; echo $HOME", "mine")])
        assert (host.folder / "applied").read_text() == "mine\n"
        (host.folder / "applied").unlink()
        host.time_is_up()
        assert (host.folder / "applied").read_text() == "mine\n"
        assert host.leftovers() == []

    @pytest.mark.parametrize("path", ["/etc/x", "../x", ""])
    def test_a_path_outside_the_root(self, host: Host, path: str) -> None:
        """It is named and nothing is done, in either list."""
        for wrong in ({"files": [{"path": path, "content": ""}]}, {"absent": [path]}):
            result = host.run(**wrong)
            assert result["failed"]
            assert f"got {path!r}" in result["msg"]
        assert host.leftovers() == []


class TestPreview:
    """Check mode."""

    def test_predicts_the_run(self, host: Host) -> None:
        """What a preview says is what the run does; the preview leaves no trace."""
        before, wish = host.tree(), {"door": "new\n", "sub/more": "1\n"}
        preview = host.run(wish, ["old.key", "never.key"], check=True)
        assert state(preview) == (True, False, ["door", "sub/more", "old.key"])
        assert host.tree() == before
        assert host.leftovers() == []
        assert not (host.folder / "calls").exists()
        result = host.run(wish, ["old.key", "never.key"])
        assert result["changed_files"] == preview["changed_files"]
        assert result["diff"] == preview["diff"]

    def test_diff(self, host: Host) -> None:
        """Each file's text before and after, but never what is in a file that goes: it may be a key."""
        result = host.run({"door": "new\n"}, ["old.key"], check=True)
        changed, removed = result["diff"]
        assert (changed["before"], changed["after"]) == ("old door\n", "new\n")
        assert changed["before_header"] == f"{host.etc}/door (mode 0640)"
        assert changed["after_header"] == f"{host.etc}/door (mode 0644)"
        assert (removed["before"], removed["after"]) == ("(not shown)\n", "")
        assert "old old.key" not in json.dumps(result)

    def test_validates_too(self, host: Host) -> None:
        """A preview already says that a file is not valid."""
        result = host.run({"door": "new\n"}, validate=[check("exit 4")], check=True)
        assert result["msg"] == "Nothing was changed: exit 4: exit code 4"

    @pytest.mark.parametrize("then", ["unconfirmed", "confirmed", "taken_back"])
    def test_leaves_an_unconfirmed_change_alone(self, host: Host, then: str) -> None:
        """A preview beside a waiting change neither settles it nor stops the clock."""
        host.run({"door": "new\n"})
        before = host.tree()
        host.run({"door": "newer\n"} if then == "unconfirmed" else {}, state=then, check=True)
        assert host.tree() == before
        host.time_is_up()
        assert host.texts()["door"] == "old door\n"


class TestKilled:
    """A run that is killed before its first, second, ... step, until one gets through."""

    WISH = ({"door": "new\n", "sub/more": "1\n"}, ["old.key"])

    @pytest.fixture
    def hosts(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> Iterator[tuple[int, Host]]:
        """A new host for each step."""

        def new() -> Iterator[tuple[int, Host]]:
            for step in range(1, 100):
                folder = tmp_path / str(step)
                folder.mkdir()
                yield step, Host(folder, monkeypatch, capsys)
            pytest.fail("no run gets through")

        return new()

    def test_changing(self, hosts: Iterator[tuple[int, Host]]) -> None:
        """Until the way back is prepared nothing changes; from then on it leads back to everything."""
        torn = 0
        for step, host in hosts:
            before = host.tree()
            if not host.run_killed(step, *self.WISH):
                break
            torn += host.tree() != before
            if step % 2:
                host.reboot()
            else:  # a next run takes it back before it finds its own files wrong
                host.run({"door": "x\n"}, validate=[check("false")])
            assert host.tree() == before, f"killed before step {step}"
            host.run(*self.WISH)
            assert host.texts() == self.WISH[0]
            host.run(state="confirmed")
            assert host.leftovers() == []
        assert torn >= 3, "hardly any run was killed between its changes"

    def test_confirming(self, hosts: Iterator[tuple[int, Host]]) -> None:
        """It is confirmed or not, never half; the next change gets through."""
        kept = 0
        for step, host in hosts:
            before = host.tree()
            host.run(*self.WISH)
            if not host.run_killed(step, state="confirmed"):
                break
            host.time_is_up() if (host.folder / "timer").exists() else host.reboot()
            if host.tree() != before:
                assert host.texts() == self.WISH[0]
                kept += 1
            assert host.run({"door": "next\n"})["unconfirmed"], f"killed before step {step}"
            host.run(state="confirmed")
            assert host.leftovers() == []
        assert kept >= 3, "hardly any run was killed after it had confirmed"

    def test_taking_back(self, hosts: Iterator[tuple[int, Host]]) -> None:
        """The unit goes on without the run that started it."""
        for step, host in hosts:
            before = host.tree()
            host.run(*self.WISH)
            if not host.run_killed(step, state="taken_back"):
                break
            host.time_is_up()
            assert host.tree() == before
