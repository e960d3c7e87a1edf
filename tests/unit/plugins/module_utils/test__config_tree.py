"""Rendered configuration, compared with what is on the disk."""

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._config_tree import (
    ConfigFile,
    Present,
    differing,
    diffs,
)

ROOT = (0, 0)

PATHS_OUTSIDE = ["/etc/passwd", "../x", "a/../x", "a/..", "..", ""]
PATHS_INSIDE = ["x", "a/x", "a/b/x.conf", "..x", "a/x..y", ".hidden"]

# what is on the disk -> whether it must be written
TEST_DIFFERING: list[tuple[str, Present | None, bool]] = [
    ("missing", None, True),
    ("same", Present("text\n", 0o640, ROOT), False),
    ("other content", Present("text", 0o640, ROOT), True),
    ("other mode", Present("text\n", 0o644, ROOT), True),
    ("setgid beside the mode", Present("text\n", 0o2640, ROOT), True),
    ("other user", Present("text\n", 0o640, (1, 0)), True),
    ("other group", Present("text\n", 0o640, (0, 1)), True),
]


@pytest.mark.parametrize("path", PATHS_OUTSIDE)
def test_a_path_outside_the_folder_is_refused(path: str) -> None:
    """A path that leaves the folder is refused, and the message names it."""
    with pytest.raises(ValueError, match="must stay inside the folder") as error:
        ConfigFile(path, "text")
    assert repr(path) in str(error.value)


@pytest.mark.parametrize("path", PATHS_INSIDE)
def test_a_path_inside_the_folder_is_taken_as_it_is(path: str) -> None:
    """Dots in a name are no traversal; the mode is 0644 unless it is given."""
    assert ConfigFile(path, "text").mode == 0o644
    assert ConfigFile(path, "text").path == path


@pytest.mark.parametrize(
    "present, expected",
    [row[1:] for row in TEST_DIFFERING],
    ids=[row[0] for row in TEST_DIFFERING],
)
def test_differing(present: Present | None, expected: bool) -> None:  # noqa: FBT001
    """A file is written when its content, mode or owner is not as wanted, and only then."""
    wanted = ConfigFile("a/x", "text\n", 0o640)
    disk = {"other": Present("", 0o640, ROOT)} | ({"a/x": present} if present else {})
    assert differing([wanted], disk, ROOT) == ((wanted,) if expected else ())


def test_differing_keeps_the_order_given() -> None:
    """Files are written in the order they are given."""
    wanted = [ConfigFile(name, "") for name in ("b", "a", "c")]
    found = differing(wanted, {"a": Present("", 0o644, ROOT)}, ROOT)
    assert [file.path for file in found] == ["b", "c"]


def test_diffs_show_content_and_mode_before_and_after() -> None:
    """Each changing file has its own diff; a new one is absent before."""
    changing = [ConfigFile("new", "1\n"), ConfigFile("a/old", "2\n", 0o600)]
    assert diffs("/etc/thing", changing, [], {"a/old": Present("1\n", 0o644, ROOT)}) == [
        {
            "before": "",
            "after": "1\n",
            "before_header": "absent",
            "after_header": "/etc/thing/new (mode 0644)",
        },
        {
            "before": "1\n",
            "after": "2\n",
            "before_header": "/etc/thing/a/old (mode 0644)",
            "after_header": "/etc/thing/a/old (mode 0600)",
        },
    ]


def test_nothing_changing_is_no_diff() -> None:
    """Without a changing file there is nothing to show."""
    assert diffs("/etc/thing", [], [], {}) == []


def test_a_file_that_goes_shows_what_was_in_it() -> None:
    """A removal ends in nothing; the root folder's name does not double the slash."""
    assert diffs("/", [], ["etc/x"], {"etc/x": Present("1\n", 0o644, ROOT)}) == [
        {
            "before": "1\n",
            "after": "",
            "before_header": "/etc/x (mode 0644)",
            "after_header": "absent",
        }
    ]
