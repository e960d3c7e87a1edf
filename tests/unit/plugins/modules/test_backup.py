"""Module ``backup`` with a program that answers what it is told, and notes how it was called."""

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.planner.droplet.plugins.module_utils import _backup_command
from ansible_collections.planner.droplet.plugins.modules import backup

PROGRAM = """\
#!/bin/sh
cd "{folder}" || exit 99
for word in "$@"; do printf '%s\\n' "$word"; done >words
cat out
cat err >&2
exit "$(cat code)"
"""
DONE = {"did": ["Backup 17 is whole."], "problems": [], "notes": ["later"]}
QUIET: dict[str, list[str]] = {"did": [], "problems": [], "notes": []}
BAD = {"did": ["Backup 17 is whole."], "problems": ["Off-site: away", "Ping: no"], "notes": []}


class Host:
    """The program, and how the module is run."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Install it."""
        self.folder, self.capsys = folder, capsys
        self.program = folder / "planner-backup"
        self.program.write_text(PROGRAM.format(folder=folder))
        self.program.chmod(0o755)
        self.says(DONE)

    def says(self, out: object, code: int = 0, err: str = "") -> None:
        """Have it answer so."""
        text = out if isinstance(out, str) else json.dumps(out)
        for name, content in (("out", text), ("err", err), ("code", str(code))):
            (self.folder / name).write_text(content)

    @property
    def words(self) -> list[str]:
        """How it was called; nothing when it was not."""
        file = self.folder / "words"
        return file.read_text().splitlines() if file.exists() else []

    def run(self, verb: str, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """Run the module; return what it answers."""
        arguments = {"verb": verb, **options, "_ansible_check_mode": check}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            backup.main()
        answer: dict[str, Any] = json.loads(self.capsys.readouterr().out)
        return answer


@pytest.fixture
def host(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Host:
    """A host with the program."""
    made = Host(tmp_path, capsys)
    monkeypatch.setattr(backup, "PROGRAM", str(made.program))
    return made


WAIT = ["--wait", "3600"]
FROM = ["--json", "--from", "any"]
# verb, options -> the program's words
TEST_WORDS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("run", {}, ["run", "--json", "--why", "playbook", *WAIT]),
    (
        "run",
        {"why": "before the move", "accept_shrink": True, "lock_wait_s": 7},
        ["run", "--json", "--why", "before the move", "--accept-shrink", "--wait", "7"],
    ),
    # What belongs to other verbs is not passed on.
    ("check", {"backup": "17", "redis": True}, ["check", "--json", *WAIT]),
    ("init", {}, ["init", "--json", *WAIT]),
    ("drill", {}, ["drill", "latest", *FROM, *WAIT]),
    (
        "drill",
        {"backup": "17", "source": "local"},
        ["drill", "17", "--json", "--from", "local", *WAIT],
    ),
    (
        "rebuild",
        {"source": "offsite"},
        ["rebuild", "latest", "--json", "--from", "offsite", *WAIT],
    ),
    ("restore", {}, ["restore", "latest", *FROM, "--into", "place", *WAIT]),
    (
        "restore",
        {"backup": "2026-11-28T14:30", "into": "then"},
        ["restore", "2026-11-28T14:30", *FROM, "--into", "then", *WAIT],
    ),
    (
        "restore",
        {"table": "public.my tasks", "redis": True, "volumes": True, "dry_run": True},
        [
            *("restore", "latest", *FROM, "--into", "place", "--table", "public.my tasks"),
            *("--redis", "--volumes", "--dry-run", *WAIT),
        ],
    ),
]


@pytest.mark.parametrize("verb, options, words", TEST_WORDS)
def test_words(host: Host, verb: str, options: dict[str, Any], words: list[str]) -> None:
    """Each option comes to the program, which understands them."""
    host.run(verb, **options)
    assert host.words == words
    understood = _backup_command._parser().parse_args(words)
    assert understood.verb == verb
    assert understood.json
    for name, value in options.items():
        if name in {"backup", "into", "table", "why", "source"} and value in words:
            assert getattr(understood, name) == value


class TestAnswer:
    """What the playbook gets."""

    def test_done(self, host: Host) -> None:
        """What was done is a change."""
        answer = host.run("run")
        assert (answer["changed"], answer["did"], answer["notes"]) == (
            True,
            DONE["did"],
            DONE["notes"],
        )

    def test_nothing_done(self, host: Host) -> None:
        """A repository that was there is none."""
        host.says(QUIET)
        assert host.run("init")["changed"] is False

    def test_problems(self, host: Host) -> None:
        """All of them are told, and what was done all the same."""
        host.says(BAD, 1)
        answer = host.run("run")
        assert answer["failed"]
        assert answer["msg"] == "Off-site: away\nPing: no"
        assert (answer["changed"], answer["did"]) == (True, BAD["did"])

    @pytest.mark.parametrize(
        "out, err, said",
        [
            ("", "planner-maintenance: backup gave up after 7 s\n", "backup gave up after 7 s"),
            ("Traceback\n", "", "Traceback"),
            ("", "", ""),
        ],
    )
    def test_no_report(self, host: Host, out: str, err: str, said: str) -> None:
        """The program's own words are the message."""
        host.says(out, 75, err)
        answer = host.run("run")
        assert answer["failed"]
        assert answer["msg"].startswith("planner-backup run failed: ")
        assert answer["msg"].endswith(said)
        assert answer["rc"] == 75

    def test_not_installed(self, host: Host) -> None:
        """What installs it is said."""
        host.program.unlink()
        answer = host.run("run")
        assert answer["msg"].endswith("planner-backup is missing. Do: run playbooks/site.yml")


class TestPreview:
    """Check mode."""

    @pytest.mark.parametrize("verb", ["run", "rebuild", "drill", "check", "init"])
    def test_nothing_is_run(self, host: Host, verb: str) -> None:
        """Each would do something, except that a repository is usually there."""
        answer = host.run(verb, check=True)
        assert host.words == []
        assert answer["changed"] == (verb != "init")

    def test_restore(self, host: Host) -> None:
        """The program says what would come back."""
        host.says({**QUIET, "notes": ["public.tasks: 31 rows -> 30 rows"]})
        answer = host.run("restore", check=True)
        assert "--dry-run" in host.words
        assert (answer["changed"], answer["notes"]) == (True, ["public.tasks: 31 rows -> 30 rows"])

    def test_a_refused_restore(self, host: Host) -> None:
        """What would be refused is refused in a preview, too."""
        host.says({**QUIET, "problems": ["There is no backup 17."]}, 1)
        answer = host.run("restore", check=True, backup="17")
        assert answer["failed"]
        assert answer["msg"] == "There is no backup 17."

    def test_a_bare_machine(self, host: Host) -> None:
        """There is nothing yet that could be asked."""
        host.program.unlink()
        assert host.run("restore", check=True)["changed"]
