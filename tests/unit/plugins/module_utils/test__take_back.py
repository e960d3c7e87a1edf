"""What a check printed, and the script that undoes; the module's test runs it."""

import subprocess
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._take_back import (
    BEFORE,
    FOLDER,
    SCRIPT,
    UNIT_PATH,
    UNIT_TEXT,
    WANTED_PATH,
    instead_of,
    missing_lines,
    script,
)

SSHD = "port 22\npermitrootlogin no\n  indented yes\nport 2222\n"

TEST_MISSING_LINES: list[tuple[str, list[str], tuple[str, ...]]] = [
    (SSHD, [], ()),
    (SSHD, ["port 22", "port 2222", "indented yes"], ()),
    (SSHD, ["port 2", "permitrootlogin"], ("port 2", "permitrootlogin")),
    ("", ["enabled"], ("enabled",)),
]

TEST_INSTEAD_OF = [
    (SSHD, "port 80", "port 22"),
    (SSHD, "permitrootlogin without-password", "permitrootlogin no"),
    (SSHD, "indented no", "indented yes"),
    (SSHD, "perm no", "nothing"),
    ("", "enabled", "nothing"),
]


@pytest.mark.parametrize("output, expected, missing", TEST_MISSING_LINES)
def test_missing_lines(output: str, expected: list[str], missing: tuple[str, ...]) -> None:
    """Whole lines count, wherever they stand."""
    assert missing_lines(output, expected) == missing


@pytest.mark.parametrize("output, expected, said", TEST_INSTEAD_OF)
def test_instead_of(output: str, expected: str, said: str) -> None:
    """The first line that sets the same thing."""
    assert instead_of(output, expected) == said


def test_order() -> None:
    """Files first, then what reads them; the way back is forgotten last, the script's own success at the end."""
    lines = script(["etc/a"], ["etc/b"], ["systemctl reload x"]).splitlines()
    assert lines[3:] == [
        f"cp --no-dereference --preserve=all -- {BEFORE}/etc/a /etc/a || failed=1",
        "rm -f /etc/b || failed=1",
        "sync || failed=1",
        "/bin/sh -c 'systemctl reload x'",
        '[ "$failed" = 0 ] || exit 1',
        f"rm -rf {FOLDER} {UNIT_PATH} {WANTED_PATH}",
        "systemctl daemon-reload",
        "systemctl stop planner-take-back.timer 2>/dev/null",
        "exit 0",
    ]


def test_a_file_that_cannot_be_restored(tmp_path: Path) -> None:
    """What is not as it was is tried again: the script fails before it removes anything."""
    file = tmp_path / "script"
    file.write_text(script([f"{tmp_path}/was never kept".lstrip("/")], [], ["echo applied"]))
    done = subprocess.run(["sh", file], capture_output=True, text=True, check=False)
    assert (done.returncode, "applied" in done.stdout) == (1, True)
    assert file.exists()


@pytest.mark.parametrize("odd", ["'", '"', "if", "exit 1", "a\nb", "$(false", "\\"])
def test_is_shell_whatever_is_in_it(odd: str, tmp_path: Path) -> None:
    """Neither names nor lines that are no shell can break the script's own."""
    file = tmp_path / "script"
    file.write_text(script([odd], [odd], [odd]))
    assert subprocess.run(["sh", "-n", file], check=False).returncode == 0


def test_unit() -> None:
    """It does nothing once the script is gone, which is how a change is confirmed."""
    assert f"ConditionPathExists={SCRIPT}\n" in UNIT_TEXT
    assert f"ExecStart=+/bin/sh {SCRIPT}\n" in UNIT_TEXT
