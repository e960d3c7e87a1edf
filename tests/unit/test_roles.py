"""Every role: spec == defaults, names carry the role's prefix, the README is current."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").glob("*") if (path / "tasks").is_dir())
# set_fact's own option, and Ansible's names for the way in, which changes while a host is hardened.
NO_NAMES_OF_OURS = {"cacheable", "ansible_user", "ansible_port"}


def load(role: str, path: str) -> Any:
    """One YAML file of a role, None where it has none."""
    file = ROOT / "roles" / role / path
    return yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else None


def options(role: str) -> dict[str, Any]:
    """The role's public options."""
    found: dict[str, Any] = load(role, "meta/argument_specs.yml")["argument_specs"]["main"].get(
        "options", {}
    )
    return found


def defaults(role: str) -> dict[str, Any]:
    """What defaults/main.yml sets."""
    return load(role, "defaults/main.yml") or {}


def same(value: Any) -> Any:
    """Jinja expressions are compared as text, whitespace aside; all else as values."""
    return " ".join(value.split()) if isinstance(value, str) and "{{" in value else value


def task_dicts(node: Any) -> list[dict[str, Any]]:
    """All tasks of a file, those inside blocks included."""
    found: list[dict[str, Any]] = []
    for task in node or []:
        found.append(task)
        for part in ("block", "rescue", "always"):
            found += task_dicts(task.get(part))
    return found


def test_roles_exist() -> None:
    """The parametrised tests below really run on something."""
    assert ROLES, "no role found in roles/"


@pytest.mark.parametrize("role", ROLES)
class TestRole:
    """What holds for every role."""

    def test_spec_equals_defaults(self, role: str) -> None:
        """Each default in the spec is the one in defaults/main.yml, and vice versa.

        A null in defaults/main.yml is "not set", which a spec says by having no default.
        """
        spec = {
            name: same(option["default"])
            for name, option in options(role).items()
            if option.get("default") is not None
        }
        set_here = {
            name: same(value) for name, value in defaults(role).items() if value is not None
        }
        assert spec == set_here
        assert set(defaults(role)) <= set(options(role)), "a default that the spec does not know"

    def test_options_without_default_are_required_or_explained(self, role: str) -> None:
        """An option that has no default is either required or says what its absence means."""
        for name, option in options(role).items():
            if "default" not in option and not option.get("required"):
                assert option.get("description"), f"{name}: no default, not required, not explained"

    def test_every_option_has_type_and_description(self, role: str) -> None:
        """The spec is the documentation: each option says its type and what it does."""

        def check(path: str, found: dict[str, Any]) -> None:
            for name, option in found.items():
                assert option.get("type"), f"{path}{name}: no type"
                assert option.get("description"), f"{path}{name}: no description"
                check(f"{path}{name}.", option.get("options", {}))

        check("", options(role))

    def test_public_names_carry_the_prefix(self, role: str) -> None:
        """Options and defaults start with the role's name."""
        for name in {**options(role), **defaults(role)}:
            assert name.startswith(f"{role}_"), name

    def test_internal_names_carry_the_prefix(self, role: str) -> None:
        """vars/ hold role_ or __role_ names; registers and facts are __role_."""
        for file in (ROOT / "roles" / role / "vars").rglob("*.yml"):
            for name in yaml.safe_load(file.read_text(encoding="utf-8")) or {}:
                assert re.match(rf"(__)?{role}_", name), f"{file.name}: {name}"
        for folder in ("tasks", "handlers"):
            for file in (ROOT / "roles" / role / folder).rglob("*.yml"):
                for task in task_dicts(yaml.safe_load(file.read_text(encoding="utf-8"))):
                    facts = task.get("ansible.builtin.set_fact", {})
                    for name in [task.get("register"), *facts]:
                        if name and name not in NO_NAMES_OF_OURS:
                            assert name.startswith(f"__{role}_"), f"{file.name}: {name}"

    def test_vars_do_not_shadow_defaults(self, role: str) -> None:
        """A name in vars/ would silently beat the user's inventory."""
        for file in (ROOT / "roles" / role / "vars").rglob("*.yml"):
            names = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
            assert not set(names) & set(defaults(role)), file.name

    def test_readme_is_current(self, role: str, load_script: Any) -> None:
        """The role has a README whose table is the spec's."""
        readme = ROOT / "roles" / role / "README.md"
        assert readme.exists(), "run: make fix"
        text = readme.read_text(encoding="utf-8")
        module = load_script("scripts/role_readmes.py")
        assert module.render(text, role, module.main_spec(readme.parent)) == text, "run: make fix"
