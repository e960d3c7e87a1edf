"""PostgreSQL's place in the Compose file for each major version: image, volume, and where the image wants it."""

from typing import Any

import pytest
import yaml
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan
from ansible_collections.planner.droplet.plugins.module_utils._postgres_data import mount_point
from ansible_collections.planner.droplet.plugins.module_utils._services import CATALOG

from tests.unit.roles.stack_cases import IMAGE, Case, render

MINE = "registry.example/mine/postgres:18.1"
PINNED = f"pgvector/pgvector:pg17@sha256:{'b' * 64}"
# name -> what the owner wishes, and the image that comes of it
WISHES: dict[str, tuple[dict[str, Any], str]] = {
    "as always": ({}, CATALOG["postgres"].image),
    "17": ({"stack_postgres_major": 17}, "pgvector/pgvector:pg17"),
    "18": ({"stack_postgres_major": 18}, "pgvector/pgvector:pg18"),
    "18, on the command line": ({"stack_postgres_major": "18"}, "pgvector/pgvector:pg18"),
    "an image of the owner's": ({"stack_postgres_major": 18, "image": MINE}, MINE),
    "one by its digest": ({"stack_postgres_major": 17, "image": PINNED}, PINNED),
}


@pytest.fixture(scope="module")
def composed() -> dict[str, dict[str, Any]]:
    """The Compose file of each wish."""
    made = []
    for name, (wish, _image) in WISHES.items():
        given = {key: value for key, value in wish.items() if key != "image"}
        services = [{"name": "postgres", "image": wish["image"]}] if "image" in wish else []
        variables = {
            "droplet_size": "s-1vcpu-1gb",
            "droplet_image": IMAGE,
            "droplet_services": services,
            "__stack_images": {"images": {"backend": IMAGE}},
        }
        planned = plan("s-1vcpu-1gb", services, None, IMAGE).to_dict()
        made.append(Case(name, variables | given, planned))
    return {name: yaml.safe_load(files["compose.yml"]) for name, files in render(made).items()}


@pytest.mark.parametrize("name", WISHES)
def test_image_and_volume(composed: dict[str, dict[str, Any]], name: str) -> None:
    """The plan's image follows the wish, an owner's stays; each version has a volume, where its image has the data."""
    wish, image = WISHES[name]
    major = int(wish.get("stack_postgres_major", 17))
    service = composed[name]["services"]["postgres"]
    assert service["image"] == image
    assert service["volumes"][0] == f"postgres:{mount_point(major)}"
    assert composed[name]["volumes"]["postgres"] == {"name": f"planner_postgres{major}"}
