"""Wishes of an owner, and role stack's files rendered for them as in production."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan
from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError
from ansible_collections.planner.droplet.plugins.module_utils._sizes import COMPARED, SIZES

Vars = dict[str, Any]
Files = dict[str, str]

ROOT = Path(__file__).resolve().parents[3]
IMAGE = "registry.example:5000/planner@sha256:" + "a" * 64
SECRETS = {"telegram_bot_token": "123456:AAH-never-print", "openai_api_key": "sk-never-print"}
AWKWARD = {
    "DOLLARS": "$HOME ${HOME} $$ 100$ $",
    "QUOTES": 'it\'s "quoted" \\ and # no comment',
    "LIKE_A_NUMBER": "007",
    "LIKE_A_BOOLEAN": "yes",
    "LINES": "one\ntwo: 2\n",
    "EMPTY": "",
    "TEMPLATE": "{not: a mapping}",
    "yes": "a name that YAML would read as true",
}
COMMAND = ["sh", "-c", "exec worker --pid $$ --user \"$USER\" --note 'it is: 100%'"]
WORKER = {"name": "worker", "image": "registry.example/worker:1", "limit_mb": 40}

# what the owner wishes -> the variables that say so
MIXES: dict[str, Vars] = {
    "default": {"droplet_image": IMAGE, "droplet_secrets": SECRETS},
    "no image": {"droplet_image": ""},
    "worker": {
        "droplet_image": IMAGE,
        "droplet_secrets": SECRETS,
        "droplet_services": [WORKER | {"command": COMMAND, "environment": AWKWARD}],
    },
    "awkward backend": {
        "droplet_image": IMAGE,
        "droplet_services": [{"name": "backend", "command": COMMAND, "environment": AWKWARD}],
    },
    "redis without persistence": {
        "droplet_image": IMAGE,
        "droplet_services": [{"name": "redis", "persistence": False}],
    },
    "a password of the owner's own": {
        "droplet_image": IMAGE,
        "droplet_secrets": SECRETS | {"database_password": "hunter2-never-print"},
    },
}


@dataclass(frozen=True)
class Case:
    """One size and one mix, with the plan they must follow."""

    name: str
    variables: Vars
    plan: Vars


def cases(mixes: dict[str, Vars], first: str) -> Iterator[Case]:
    """Each size with the first mix, each size that differs in memory or CPUs with every mix."""
    for size in SIZES:
        for name, mix in mixes.items():
            if name != first and size not in COMPARED:
                continue
            image = mix.get("droplet_image", IMAGE)
            try:
                made = plan(size, mix.get("droplet_services", ()), None, image)
            except PlanError:
                continue
            planned = made.to_dict()
            pinned = {
                service: f"{image}-pinned" if image else ""
                for service, image in planned["app_images"].items()
            }
            variables = {"droplet_size": size, "__stack_images": {"images": pinned}} | mix
            yield Case(f"{size}, {name}", variables, planned)


def render(wanted: Iterable[Case]) -> dict[str, Files]:
    """All cases rendered in one go: case -> path -> text."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/unit/roles/render_stack.py")],
        input=json.dumps({case.name: case.variables for case in wanted}),
        cwd=ROOT,
        env={name: text for name, text in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    texts: dict[str, Files] = json.loads(done.stdout)
    return texts


def repeated_keys(node: yaml.Node) -> list[str]:
    """Keys that a mapping has twice: PyYAML takes the last one silently, Compose refuses them."""
    if isinstance(node, yaml.SequenceNode):
        return [key for child in node.value for key in repeated_keys(child)]
    if not isinstance(node, yaml.MappingNode):
        return []
    keys = [key.value for key, _ in node.value]
    return [key for key in keys if keys.count(key) > 1] + [
        key for _, value in node.value for key in repeated_keys(value)
    ]


def interpolated(value: Any) -> Any:
    """What Compose makes of a value: $$ is a dollar; anything else would ask the environment."""
    if isinstance(value, dict):
        return {key: interpolated(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [interpolated(inner) for inner in value]
    if isinstance(value, str):
        assert "$" not in value.replace("$$", ""), f"Compose would interpolate {value!r}"
        return value.replace("$$", "$")
    return value
