"""The kernel's settings: what the owner may write, the file, and what differs."""

from __future__ import annotations

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._kernel_settings import (
    Setting,
    differing,
    parse,
    render,
)


@pytest.mark.parametrize(
    "name, path",
    [
        ("kernel.sysrq", "kernel/sysrq"),
        ("net.ipv4.conf.all.rp_filter", "net/ipv4/conf/all/rp_filter"),
        ("net.ipv4.conf.eth0/100.rp_filter", "net/ipv4/conf/eth0.100/rp_filter"),
    ],
)
def test_path(name: str, path: str) -> None:
    """Dots are folders; a slash is a dot in a device's name."""
    assert Setting(name, "1").path == path


def test_parse_normalises() -> None:
    """A number is a text, and space between numbers is one blank."""
    assert parse(
        [{"name": "a.b", "value": 1}, {"name": "a.c", "value": " 4\t 5 ", "reason": "why"}]
    ) == (
        Setting("a.b", "1"),
        Setting("a.c", "4 5", "why"),
    )


def test_parse_lists_every_problem() -> None:
    """All of them at once, each with its place."""
    wishes = [
        {"name": "../../etc/passwd", "value": "1"},
        {"name": "a.b", "value": " "},
        {"name": "a.b", "value": "1", "reason": "two\nlines"},
    ]
    with pytest.raises(ValueError, match="no name of a sysctl") as refused:
        parse(wishes)
    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == [
        "settings[0].name",
        "settings[1].value",
        "settings[2].name",
        "settings[2].reason",
    ]


def test_render() -> None:
    """Neighbours share a reason, a long one is wrapped, and each setting is one line."""
    settings = [Setting("a.b", "1", "why"), Setting("a.c", "2", "why"), Setting("a.d", "3")]
    assert render(settings) == "# why\na.b = 1\na.c = 2\na.d = 3\n"
    wrapped = render([Setting("a.b", "1", "word " * 40)]).splitlines()
    assert len(wrapped) == 3
    assert all(line.startswith("# word ") for line in wrapped[:2])
    assert render([]) == ""


def test_differing() -> None:
    """Only what the kernel has otherwise is written; what it lacks is named."""
    settings = [Setting("a.b", "1"), Setting("a.c", "4 5"), Setting("a.d", "6")]
    assert differing(settings, {"a.b": "0\n", "a.c": "4\t5\n", "a.d": None}) == (
        (Setting("a.b", "1"),),
        ("a.d",),
    )
