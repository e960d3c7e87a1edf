"""docs/hardening.md tells of every setting of roles/hardening, in the section of its piece."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ROLE = ROOT / "roles" / "hardening"
PAGE = (ROOT / "docs" / "hardening.md").read_text(encoding="utf-8")
CHOICES: list[str] = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text(encoding="utf-8"))[
    "argument_specs"
]["main"]["options"]["hardening_off"]["choices"]
VARIABLES: dict[str, Any] = {
    name: value
    for file in sorted((ROLE / "vars/main").glob("*.yml"))
    for name, value in yaml.safe_load(file.read_text(encoding="utf-8")).items()
}
# The door's files are proved together, and belong to the pieces whose settings they are.
DOOR = {"ssh": ("ssh", "ssh_socket"), "firewall": ("firewall",)}
# How the settings of one file are named, by the name of its template.
NAMES = {
    "sshd.conf.j2": r"^(\w+) ",
    "fail2ban-jail.local.j2": r"^(\w+) =",
    "fail2ban.local.j2": r"^(\w+) =",
    "pwquality.conf.j2": r"^(\w+) =",
    "sudoers.j2": r"^Defaults (.+)$",
    "modes.conf.j2": r"^z (\S+)",
    "tmp.mount.j2": r"(size=\d+%|nr_inodes=\w+)",
    "updates-apt.conf.j2": r"^((?:\w|::|-)+) [{\"]",
    "shell.sh.j2": r"^(umask \d+|TMOUT)",
    "debsums.default.j2": r"^(CRON_CHECK)",
    "audit.rules.j2": r"(?:\"|dir=)(/[^\" ]+)\"",
}
DROP_IN = r"^([A-Z]\w+)="


def sections(page: str) -> dict[str, str]:
    """The pieces' sections by their headings."""
    pieces = page.split("\n## The pieces\n", 1)[1].split("\n## ", 1)[0]
    parts = re.split(r"^### (.+)$", pieces, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


SECTIONS = sections(PAGE)


def parts_of(piece: str) -> list[Any]:
    """What the variables say of a piece, and of the door's files that belong to it."""
    door = VARIABLES["__hardening_door"]
    return [VARIABLES[f"__hardening_{piece}"], *(door[name] for name in DOOR.get(piece, ()))]


def values_of(node: Any) -> Iterator[Any]:
    """Every dict and text of a piece; variables that a text names are part of it."""
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from values_of(value)
    elif isinstance(node, list):
        for value in node:
            yield from values_of(value)
    elif isinstance(node, str):
        yield node
        for name in re.findall(r"__hardening_\w+", node):
            yield from values_of(VARIABLES.get(name))


def template(text: str) -> str:
    """Name the file that a lookup reads, empty where there is none."""
    found = re.search(r"lookup\('ansible\.builtin\.(?:template|file)', '([^']+)'", text)
    return found[1] if found else ""


def settings_in(path: str, name: str) -> set[str]:
    """The names of what one file sets."""
    folder = "templates" if name.endswith(".j2") else "files"
    text = (ROLE / folder / name).read_text(encoding="utf-8").replace("%%", "%")
    is_drop_in = ".d/" in path and re.search(r"^\[\w+\]$", text, flags=re.MULTILINE)
    pattern = NAMES.get(name, DROP_IN if is_drop_in else "")
    return set(re.findall(pattern, text, flags=re.MULTILINE)) if pattern else set()


def settings_of(entry: dict[str, Any]) -> set[str]:
    """What one dict of the variables writes, by the names that the page must say."""
    found: set[str] = set()
    path = entry.get("path", "")
    if path and "{{" not in path:
        found.add(f"/{path}")
    if template(str(entry.get("content", ""))):
        found |= settings_in(path, template(entry["content"]))
    if "line" in entry and not path.startswith("etc/pam.d/"):
        found.add(re.split(r"[\s=]", entry["line"])[0])
    for key in ("packages", "unwanted", "pam_profiles"):
        found |= set(entry.get(key, []))
    for key in ("sysctls", "units"):
        found |= {each["name"] for each in entry.get(key, [])}
    if isinstance(entry.get("absent"), list):
        found |= {f"/{each}" for each in entry["absent"]}
    return found


def documented(piece: str) -> set[str]:
    """Everything that the piece's section must name."""
    found: set[str] = set()
    for value in values_of(parts_of(piece)):
        if isinstance(value, dict):
            found |= settings_of(value)
    if piece == "modules":
        found |= set(VARIABLES["__hardening_refused_modules"])
    return found


def is_named(name: str, section: str) -> bool:
    """Tell whether a section says a name as a whole, not as a part of a longer one."""
    return bool(re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w/-]|\.\w)", section))


def test_every_piece_has_its_section() -> None:
    """And no section is left of a piece that is gone."""
    assert sorted(SECTIONS) == sorted(CHOICES)
    assert set(CHOICES) == set(VARIABLES["__hardening_pieces"])


@pytest.mark.parametrize("piece", CHOICES)
def test_every_setting_is_named(piece: str) -> None:
    """A new setting without its reason and its cost fails here."""
    missing = sorted(name for name in documented(piece) if not is_named(name, SECTIONS[piece]))
    assert missing == [], f"docs/hardening.md, section {piece}: tell of {', '.join(missing)}"


@pytest.mark.parametrize("piece", [piece for piece in CHOICES if documented(piece)])
def test_no_path_of_another_day_is_left(piece: str) -> None:
    """Each of our own files that the section names is one that the piece writes."""
    said = set(re.findall(r"`(/[^`\s]*60-?planner[^`\s]*)`", SECTIONS[piece]))
    assert said <= documented(piece)


@pytest.mark.parametrize(
    "piece, name",
    [
        ("ssh", "MaxSessions"),
        ("ssh", "ListenStream"),
        ("ssh", "/etc/ssh/ssh_host_rsa_key.pub"),
        ("firewall", "/etc/nftables.conf"),
        ("updates", "/etc/systemd/system/planner-reboot.timer"),
        ("updates", "Unattended-Upgrade::Origins-Pattern"),
        ("passwords", "planner-history"),
        ("accounts", "UMASK"),
        ("packages", "xinetd"),
        ("sandbox", "ProtectClock"),
        ("journald", "SystemMaxUse"),
        ("file_modes", "/etc/cron.yearly"),
    ],
)
def test_what_is_asked_for(piece: str, name: str) -> None:
    """Each kind of setting is found where it is written, so that the tests above ask for it."""
    assert name in documented(piece)


def test_links_lead_somewhere() -> None:
    """Every link to a page has its file, and every one inside of a page its heading."""
    for target in re.findall(r"\]\((?!https?:)((?:[\w-]+\.md)?(?:#[^)]+)?)\)", PAGE):
        file, _, heading = target.partition("#")
        page = ROOT / "docs" / file if file else ROOT / "docs" / "hardening.md"
        assert page.is_file(), target
        text = page.read_text(encoding="utf-8")
        slugs = {
            re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-")
            for line in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
        }
        assert not heading or heading in slugs, target


def test_the_tables_have_as_many_cells_as_headings() -> None:
    """A bar too many would hide the rest of its row."""
    table: list[int] = []
    for line in [*PAGE.splitlines(), ""]:
        if line.startswith("|"):
            table.append(len(re.findall(r"(?<!\\)\|", line)))
        else:
            assert len(set(table)) <= 1, line or table
            table = []
