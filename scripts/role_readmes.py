#!/usr/bin/env python3
"""Write the table of options into each role's README from its meta/argument_specs.yml.

role_readmes.py          writes what differs
role_readmes.py --check  names what differs and fails
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
BEGIN = "<!-- options: written by scripts/role_readmes.py from meta/argument_specs.yml -->"
END = "<!-- /options -->"


def one_line(text: str | list[str]) -> str:
    """A description as one table cell: paragraphs joined, Ansible's markup as Markdown code."""
    joined = " ".join(text) if isinstance(text, list) else text
    joined = " ".join(joined.split()).replace("|", "\\|")
    for mark in ("O(", "V(", "C(", "E("):
        while mark in joined:
            before, _, rest = joined.partition(mark)
            inside, _, after = rest.partition(")")
            joined = f"{before}`{inside}`{after}"
    return joined


def type_of(option: dict[str, Any]) -> str:
    kind = str(option.get("type", "str"))
    return f"list of {option['elements']}" if "elements" in option else kind


def default_of(option: dict[str, Any]) -> str:
    if option.get("required"):
        return "**required**"
    if "default" not in option:
        return "-"
    default = option["default"]
    text = default if isinstance(default, str) and default else json.dumps(default)
    return "`" + " ".join(text.split()).replace("|", "\\|") + "`"


def rows(options: dict[str, Any], prefix: str = "") -> list[str]:
    """One row an option; keys of nested dicts follow as parent.key or parent[].key."""
    lines: list[str] = []
    for name, option in options.items():
        description = one_line(option.get("description", ""))
        if "choices" in option:
            description += (
                " One of " + ", ".join(f"`{choice}`" for choice in option["choices"]) + "."
            )
        path = prefix + name
        lines.append(
            f"| `{path}` | {type_of(option)} | {default_of(option)} | {description.strip()} |"
        )
        if "options" in option:
            nested = f"{path}[]." if option.get("type") == "list" else f"{path}."
            lines += rows(option["options"], nested)
    return lines


def table(spec: dict[str, Any]) -> str:
    options = spec.get("options") or {}
    if not options:
        return "This role has no options of its own."
    head = ["| option | type | default | what it does |", "| --- | --- | --- | --- |"]
    return "\n".join(head + rows(options))


def render(readme: str | None, role: str, spec: dict[str, Any]) -> str:
    """The README with the current table; text outside the markers is the author's and stays."""
    block = f"{BEGIN}\n\n{table(spec)}\n\n{END}"
    if readme is None:
        about = spec.get("description", "")
        paragraphs = "\n\n".join(map(one_line, about if isinstance(about, list) else [about]))
        title = f"# Role {role}\n\n{spec.get('short_description', '').rstrip('.')}."
        return "\n\n".join(filter(None, [title, paragraphs.strip(), "## Options", block])) + "\n"
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if begin and end:
        return f"{before}{block}{after}"
    return f"{readme.rstrip()}\n\n## Options\n\n{block}\n"


def main_spec(role: Path) -> dict[str, Any]:
    loaded = yaml.safe_load((role / "meta/argument_specs.yml").read_text(encoding="utf-8"))
    spec: dict[str, Any] = loaded["argument_specs"]["main"]
    return spec


def stale_readmes(root: Path) -> dict[Path, str]:
    """Each README that is not current, with the text it should have."""
    stale: dict[Path, str] = {}
    for spec_file in sorted(root.glob("roles/*/meta/argument_specs.yml")):
        role = spec_file.parent.parent
        readme = role / "README.md"
        current = readme.read_text(encoding="utf-8") if readme.exists() else None
        wanted = render(current, role.name, main_spec(role))
        if wanted != current:
            stale[readme] = wanted
    return stale


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only say what is not current")
    check = parser.parse_args().check
    stale = stale_readmes(ROOT)
    for readme, text in stale.items():
        if check:
            print(
                f"{readme.relative_to(ROOT)}: table is not current. Run: make fix", file=sys.stderr
            )
        else:
            readme.write_text(text, encoding="utf-8")
            print(f"wrote {readme.relative_to(ROOT)}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
