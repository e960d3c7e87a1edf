"""Single lines of files that have no folder for settings of one's own."""

from __future__ import annotations

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._config_lines import (
    Line,
    apply,
    changed_lines,
)

UMASK = Line("login.defs", r"#?UMASK\s+\d+", "UMASK 027", append=True)
PAM = Line("pam", r"(auth\s.*pam_unix\.so)(?:\s+nullok)?(\s.*)?", r"\1\2")


@pytest.mark.parametrize(
    "line, before, after",
    [
        (UMASK, "A 1\nUMASK\t022\nB 2\n", "A 1\nUMASK 027\nB 2\n"),
        (UMASK, "#UMASK 022\n", "UMASK 027\n"),
        (UMASK, "A 1\n", "A 1\nUMASK 027\n"),
        (UMASK, "A 1", "A 1\nUMASK 027\n"),
        (UMASK, "", "UMASK 027\n"),
        (UMASK, "# UMASK is 022\nXUMASK 022\n", "# UMASK is 022\nXUMASK 022\nUMASK 027\n"),
        (PAM, "auth x pam_unix.so nullok try\n", "auth x pam_unix.so try\n"),
        (PAM, "auth x pam_unix.so try\n", "auth x pam_unix.so try\n"),
        (PAM, "auth x pam_deny.so\n", "auth x pam_deny.so\n"),
    ],
)
def test_apply(line: Line, before: str, after: str) -> None:
    """Whole lines only, groups are kept, and a second time changes nothing."""
    assert apply(before, [line]) == after
    assert apply(after, [line]) == after


def test_nothing_to_do_changes_nothing() -> None:
    """Not even a missing end of the last line."""
    assert apply("A 1", [PAM]) == "A 1"


@pytest.mark.parametrize(
    "match, line, message",
    [("(", "x", "is no pattern"), ("UMASK 0", "UMASK 027", "would be appended each time")],
)
def test_refusals(match: str, line: str, message: str) -> None:
    """What could never be right is refused before anything is read."""
    with pytest.raises(ValueError, match=message):
        Line("login.defs", match, line, append=True)


def test_changed_lines() -> None:
    """A diff shows what changed and nothing else of the file."""
    assert changed_lines("secret\na 1\n", "secret\na 2\n") == ("a 1\n", "a 2\n")
