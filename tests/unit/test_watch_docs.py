"""docs/watch.md has every check and every threshold of the code, docs/upkeep.md adds up."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import PROBLEM, Finding
from ansible_collections.planner.droplet.plugins.module_utils._watch_command import VERBS
from ansible_collections.planner.droplet.plugins.module_utils._watch_heard import CHECKS
from ansible_collections.planner.droplet.plugins.module_utils._watch_look import PARTS
from ansible_collections.planner.droplet.plugins.module_utils._watch_rules import RULES, rule_of
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import THRESHOLDS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
UTILS = ROOT / "plugins" / "module_utils"
PAGE = (DOCS / "watch.md").read_text(encoding="utf-8")
UPKEEP = (DOCS / "upkeep.md").read_text(encoding="utf-8")
JUDGES = ("_watch_*.py", "_drift*.py", "_*_section.py", "_*_drift.py", "_upgrades.py")
LATER = "Never told at once"
# Checks whose names are put together, not written as one text.
PUT_TOGETHER = {f"pressure-{kind}" for kind in ("cpu", "io")} | {"disk", "inodes"}


def checks_in(path: Path) -> Iterator[str]:
    """Name the checks of a module's findings: written there, or by a name that is given a text."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts: dict[str, set[str]] = {}
    for target, value in assigned(tree):
        if isinstance(target, ast.Name) and isinstance(value, ast.Constant):
            texts.setdefault(target.id, set()).add(str(value.value))
    for node in ast.walk(tree):
        called = node.func if isinstance(node, ast.Call) else None
        if not (isinstance(called, ast.Name) and called.id == "Finding"):
            continue
        assert isinstance(node, ast.Call)
        for check in node.args[1:2]:
            if isinstance(check, ast.Constant):
                yield str(check.value)
            elif isinstance(check, ast.Name):
                yield from texts.get(check.id, ())


def assigned(tree: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Pair what is assigned with what it is given, also several at once."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                yield from zip(target.elts, node.value.elts, strict=False)
            else:
                yield target, node.value


FOUND = {
    check
    for pattern in JUDGES
    for path in sorted(UTILS.glob(pattern))
    for check in checks_in(path)
} | {part.name for part in PARTS} | CHECKS | PUT_TOGETHER  # fmt: skip


def part_of(page: str, heading: str) -> str:
    """Return what is under a heading of the second level."""
    return page.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def sections() -> dict[str, str]:
    """The checks' sections by their headings."""
    parts = re.split(r"^### (.+)$", part_of(PAGE, "The checks"), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def rows(page: str) -> list[list[str]]:
    """The cells of all rows of tables, without their headings."""
    lines = [line.strip("|").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line] for line in lines]


SECTIONS = sections()
# What is only in the status has a row, as no alert links to it.
ROWS = {row[0].strip("`") for row in rows(SECTIONS.get(LATER, "")) if row[0].startswith("`")}


def slugs(text: str) -> set[str]:
    """What links to headings of a page look like."""
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one).strip().lower().replace(" ", "-") for one in headings}


def test_every_check_has_its_heading() -> None:
    """And no heading is left of a check that is gone: alerts link to them."""
    told = set(SECTIONS) - {LATER}
    assert sorted(told | ROWS) == sorted(FOUND)
    assert not told & ROWS


@pytest.mark.parametrize(
    "check",
    [
        "disk",
        "use",
        "ready",
        "backup-timer",
        "certificate-time",
        "packages",
        "heal",
        "alerts",
        "dockerd",
        "traffic",
        "release",
        "pressure-io",
        "disk-plan",
        "review",
    ],
)
def test_what_is_asked_for(check: str) -> None:
    """Each kind of check is found where it is written, so that the test above asks for it."""
    assert check in FOUND


@pytest.mark.parametrize("check", sorted(set(SECTIONS) - {LATER}))
def test_each_section_has_something_to_do(check: str) -> None:
    """A command, or the one thing to change."""
    assert re.search(r"\bDo[:,]\s.*`[^`]+`", SECTIONS[check], flags=re.DOTALL), check


@pytest.mark.parametrize("check", sorted(set(SECTIONS) - {LATER}))
def test_each_section_says_how_patient_the_alert_is(check: str) -> None:
    """As the rules have it; one that says nothing is told at the first look, and waits for the morning."""
    words = " ".join(SECTIONS[check].split())
    said = re.search(r"Told after (\d+) looks(, by night too)?\.", words)
    rule = rule_of(Finding(PROBLEM, check, "", ""))
    assert (int(said[1]) if said else 1) == rule.looks
    assert bool(said and said[2]) == rule.urgent


def test_every_rule_is_of_a_check() -> None:
    """A rule whose name no check has is kept by none."""
    assert set(RULES) - FOUND == set()


def test_the_thresholds_are_the_codes() -> None:
    """The table has exactly what the code has, and each row links to a check that names it."""
    table = [row for row in rows(part_of(PAGE, "Thresholds")) if row[0].startswith("`")]
    assert {row[0].strip("`"): float(row[1]) for row in table} == dict(THRESHOLDS)
    assert [row[0].strip("`") for row in table] == list(THRESHOLDS)
    for name, _, _, link in table:
        check = link.partition("#")[2].rstrip(")")
        assert name in SECTIONS[check], f"{name} is not in the section {check}"


def test_verbs_exist() -> None:
    """Every verb of the program that the pages name is one, and every one is named but Monit's."""
    said = set(re.findall(r"planner-watch (\w+)`", PAGE + UPKEEP))
    table = {row[0].strip("`").split()[0].strip("`,") for row in rows(PAGE.split("\n## ")[0])[1:]}
    assert said | table <= set(VERBS)
    assert table == set(VERBS) - {"cry"}


@pytest.mark.parametrize("page", ["watch.md", "upkeep.md"])
def test_playbooks_and_timers_exist(page: str) -> None:
    """What is to be typed is there."""
    text = (DOCS / page).read_text(encoding="utf-8")
    for name in set(re.findall(r"playbooks/(\w+)\.yml", text)):
        assert (ROOT / "playbooks" / f"{name}.yml").is_file(), name
    written = "".join(
        path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "roles").glob("*/vars/**/*.yml"))
    )
    for name in set(re.findall(r"([\w-]+\.timer)", text)):
        assert re.search(rf"(?<![\w-]){re.escape(name)}", written), name


@pytest.mark.parametrize("page", ["watch.md", "upkeep.md"])
def test_options_exist(page: str) -> None:
    """Every option that a page names is one of a role, or of the vault's example."""
    specs = [
        yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]
        for path in sorted((ROOT / "roles").glob("*/meta/argument_specs.yml"))
    ]
    known = {name for one in specs for entry in one.values() for name in entry.get("options", {})}
    example = ROOT / "inventory/production/group_vars/droplets/vault.example.yml"
    known |= set(yaml.safe_load(example.read_text(encoding="utf-8")))
    text = (DOCS / page).read_text(encoding="utf-8")
    said = set(
        re.findall(
            r"(?<![\w./-])((?:vault_)?(?:watch|backup|hardening|droplet|stack|tls)_[a-z0-9_]+)",
            text,
        )
    )
    assert {name for name in said if not name.endswith("_")} - known == set()


def test_the_chores_add_up() -> None:
    """The sum is the table's, and the promise holds."""
    table = rows(UPKEEP)
    minutes = [int(row[-1]) for row in table if row[-1].isdecimal()]
    total = next(int(row[-1].strip("*")) for row in table if row[0] == "**all of it**")
    assert len(minutes) > 20
    assert sum(minutes) == total < 120


@pytest.mark.parametrize("page", ["watch.md", "upkeep.md"])
def test_links_lead_somewhere(page: str) -> None:
    """Every link to a page has its file, and every one inside of a page its heading."""
    text = (DOCS / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)((?:[\w-]+\.md)?(?:#[^)]+)?)\)", text):
        file, _, heading = target.partition("#")
        path = DOCS / (file or page)
        assert path.is_file(), target
        assert not heading or heading in slugs(path.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("page", ["watch.md", "upkeep.md"])
def test_the_tables_have_as_many_cells_as_headings(page: str) -> None:
    """A bar too many would hide the rest of its row."""
    table: list[int] = []
    for line in [*(DOCS / page).read_text(encoding="utf-8").splitlines(), ""]:
        if line.startswith("|"):
            table.append(len(re.findall(r"(?<!\\)\|", line)))
        else:
            assert len(set(table)) <= 1, line or table
            table = []
