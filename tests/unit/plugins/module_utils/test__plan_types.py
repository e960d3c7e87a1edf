"""A plan as plain data."""

import json

from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan

WISHES = [
    {"name": "backend", "command": ["python", "-m", "app"], "environment": {"TZ": "UTC"}},
    {"name": "worker", "image": "worker:1", "limit_mb": 32},
]


def test_to_dict_is_plain() -> None:
    """Only dicts, lists, texts, numbers and booleans: templates and JSON read it alike."""
    made = plan("s-1vcpu-2gb", WISHES).to_dict()
    assert json.loads(json.dumps(made)) == made
    assert made["services"]["backend"]["command"] == ["python", "-m", "app"]
    assert made["services"]["backend"]["migrate_command"] == ["alembic", "upgrade", "head"]
    assert made["services"]["backend"]["environment"] == {"TZ": "UTC"}
    assert made["services"]["worker"]["extra"]
    assert made["warnings"] == []
    assert made["start_first"] == ["backend", "worker"]


def test_app_images() -> None:
    """The images that releases replace: the backend's, though there is none yet, and the owner's own."""
    made = plan("s-1vcpu-2gb", WISHES, backend_image="app:1").to_dict()
    assert made["app_images"] == {"backend": "app:1", "worker": "worker:1"}
    assert plan("s-1vcpu-1gb").to_dict()["app_images"] == {"backend": ""}


def test_to_dict_is_a_copy() -> None:
    """Changing the plain form does not reach the plan."""
    made = plan("s-1vcpu-1gb")
    made.to_dict()["services"]["redis"]["settings"]["maxmemory_mb"] = 1
    assert made.services["redis"].settings["maxmemory_mb"] == 26
