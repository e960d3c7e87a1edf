"""The owner's keys, judged together."""

from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._inputs import check_inputs
from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError

from tests.unit.ssh_keys import ED25519, OTHER

SPEC: dict[str, dict[str, Any]] = {
    "droplet_size": {"type": "str"},
    "droplet_image": {"type": "str"},
    "droplet_domains": {"type": "list"},
    "droplet_services": {"type": "list"},
    "droplet_secrets": {"type": "dict", "no_log": True},
    "droplet_swap_mb": {"type": "int"},
    "droplet_budget": {"type": "float"},
    "droplet_flag": {"type": "bool"},
    "droplet_backups": {"type": "str", "choices": ["none", "weekly", "daily"]},
    "droplet_registry_login": {"type": "dict", "no_log": True},
    "droplet_admin_user": {"type": "str"},
    "droplet_admin_keys": {"type": "list"},
    "droplet_release_keys": {"type": "list"},
    "droplet_ssh_port": {"type": "int"},
}
GOOD: dict[str, Any] = {"droplet_size": "s-1vcpu-1gb"}

OWN = {"name": "worker", "limit_mb": 32}
LOGIN = {"registry": "ghcr.io", "username": "anna", "password": "x" * 8}

ACCEPTED: list[dict[str, Any]] = [
    {},
    {"droplet_image": ""},
    {"droplet_image": "registry.example:5000/app/backend:1.2"},
    {"droplet_image": "app@sha256:" + "0" * 64},
    {"droplet_image": "docker-daemon:planner/backend:1.2"},
    {"droplet_services": [OWN | {"image": "docker-daemon:worker:1"}]},
    {"droplet_domains": []},
    {"droplet_domains": ["example.com", "www.example.com"]},
    {"droplet_registry_login": {}},
    {"droplet_registry_login": None},
    {"droplet_registry_login": LOGIN},
    {"droplet_registry_login": LOGIN | {"password": "", "registry": "hub.example:5000"}},
    {"droplet_secrets": {"openai_api_key": "x" * 8, "telegram_bot_token": ""}},
    {"droplet_swap_mb": None},
    {"droplet_swap_mb": "2048"},
    {"droplet_budget": 7},
    {"droplet_budget": "7.5"},
    {"droplet_flag": "yes"},
    {"droplet_backups": "daily"},
    {"droplet_plan": "the role's own"},
    {"droplet_admin_user": "deploy"},
    {"droplet_admin_user": "_me-2"},
    {"droplet_admin_user": "a" * 32},
    {"droplet_admin_keys": []},
    {"droplet_admin_keys": [ED25519, f'from="203.0.113.9" {OTHER} laptop\n']},
    {"droplet_release_keys": []},
    {"droplet_admin_keys": [ED25519], "droplet_release_keys": [f'from="203.0.113.9" {OTHER} ci']},
    {"droplet_ssh_port": 1},
    {"droplet_ssh_port": 65535},
    {"droplet_ssh_port": "2222"},
]


@pytest.mark.parametrize("more", ACCEPTED)
def test_accepted(more: dict[str, Any]) -> None:
    """What is right passes in silence, also as text from the command line."""
    check_inputs(GOOD | more, SPEC, ["droplet_plan"])


REFUSED: list[tuple[dict[str, Any], str]] = [
    (
        {"droplet_sise": "x"},
        "droplet_sise: is no key of this collection. Do: write 'droplet_size'.",
    ),
    ({"droplet_size": "s-1vcpu-1bg"}, "'s-1vcpu-1gb'"),
    ({"droplet_image": "https://hub/app:1"}, "is no image reference"),
    ({"droplet_image": "app:1\n"}, "is no image reference"),
    ({"droplet_image": "docker-daemon:"}, "is no image reference"),
    ({"droplet_image": "docker-daemon:-x"}, "is no image reference"),
    (
        {"droplet_services": [{"name": "nginx", "image": "docker-daemon:nginx:1"}]},
        "droplet_services[0].image = 'docker-daemon:nginx:1': cannot be where nginx comes from",
    ),
    ({"droplet_domains": "example.com"}, "has the wrong type. Do: write a list."),
    ({"droplet_domains": None}, "droplet_domains: has no value. Do: write []"),
    (
        {"droplet_domains": ["example.com", "https://example.org"]},
        "droplet_domains[1] = 'https://example.org': is a URL. Do: write the name alone, 'example.org'.",
    ),
    ({"droplet_registry_login": "ghcr.io"}, "droplet_registry_login: has the wrong type"),
    (
        {"droplet_registry_login": LOGIN | {"user": "anna"}},
        "droplet_registry_login.user: is no key. Do: write 'username'",
    ),
    (
        {"droplet_registry_login": {"registry": "ghcr.io", "username": "anna"}},
        "droplet_registry_login.password: is missing. Do: write registry, username, password, or {}",
    ),
    (
        {"droplet_registry_login": LOGIN | {"username": ""}},
        "droplet_registry_login.username: is missing",
    ),
    (
        {"droplet_registry_login": LOGIN | {"username": 5}},
        "droplet_registry_login.username: is not a text",
    ),
    (
        {"droplet_registry_login": LOGIN | {"registry": "https://ghcr.io"}},
        "droplet_registry_login.registry = 'https://ghcr.io': is no registry's name",
    ),
    (
        {"droplet_registry_login": LOGIN | {"registry": "ghcr.io/anna"}},
        "such as ghcr.io, or docker.io for Docker Hub",
    ),
    (
        {"droplet_registry_login": LOGIN | {"password": "x" * 7}},
        "droplet_registry_login.password: is too short to be a secret",
    ),
    ({"droplet_image": 5}, "droplet_image = 5: has the wrong type"),
    ({"droplet_flag": 1}, "droplet_flag = 1: has the wrong type. Do: write true or false."),
    ({"droplet_budget": True}, "droplet_budget = True: has the wrong type"),
    ({"droplet_budget": "much"}, "droplet_budget = 'much': has the wrong type"),
    ({"droplet_backups": "weakly"}, "is none of its choices. Do: write 'weekly'."),
    ({"droplet_secrets": ["a"]}, "droplet_secrets: has the wrong type"),
    ({"droplet_secrets": {"A-B": "x"}}, "droplet_secrets.A-B: cannot be a secret's name"),
    ({"droplet_secrets": {"key\n": "x"}}, "cannot be a secret's name"),
    ({"droplet_secrets": {"key": 5}}, "droplet_secrets.key: is not a text"),
    ({"droplet_secrets": {"key": "x" * 7}}, "droplet_secrets.key: is too short to be a secret"),
    ({"droplet_secrets": {"key": " "}}, "use 8 characters or more, or '' for none"),
    ({"droplet_services": [{"name": "redis", "limit_mb": 1}]}, "droplet_services[0].limit_mb"),
    ({"droplet_swap_mb": "1G"}, "droplet_swap_mb = '1G'"),
    (
        {"droplet_admin_user": "root"},
        "cannot be the admin's account. Do: use a name of its own, such as 'deploy': root's login",
    ),
    ({"droplet_admin_user": ""}, "cannot be the admin's account"),
    ({"droplet_admin_user": "Deploy"}, "cannot be the admin's account"),
    ({"droplet_admin_user": "1st"}, "cannot be the admin's account"),
    ({"droplet_admin_user": "me:x"}, "cannot be the admin's account"),
    ({"droplet_admin_user": "me\n"}, "cannot be the admin's account"),
    ({"droplet_admin_user": "a" * 33}, "cannot be the admin's account"),
    ({"droplet_admin_user": 5}, "droplet_admin_user = 5: has the wrong type"),
    (
        {"droplet_ssh_port": 65536},
        "droplet_ssh_port = 65536: is no port. Do: use 22, or one up to 65535.",
    ),
    ({"droplet_ssh_port": 0}, "is no port"),
    ({"droplet_ssh_port": -22}, "is no port"),
    ({"droplet_ssh_port": "0"}, "is no port"),
    ({"droplet_ssh_port": 10**12}, "is no port"),
    ({"droplet_ssh_port": "9" * 5000}, "is no port"),
    ({"droplet_ssh_port": "ssh"}, "droplet_ssh_port = 'ssh': has the wrong type"),
    ({"droplet_ssh_port": 22.0}, "droplet_ssh_port = 22.0: has the wrong type"),
    ({"droplet_admin_keys": ED25519}, "has the wrong type. Do: write a list."),
    (
        {"droplet_admin_keys": [ED25519, "~/.ssh/id_ed25519.pub"]},
        "droplet_admin_keys[1]: is the name of a file; write what is in it. Do: write the line",
    ),
    (
        {"droplet_admin_keys": [f'command="x" {ED25519}']},
        "droplet_admin_keys[0]: runs one command only. Do: remove its command= option",
    ),
    ({"droplet_admin_keys": [None]}, "droplet_admin_keys[0]: is no public key"),
    ({"droplet_admin_keys": [{"key": ED25519}]}, "droplet_admin_keys[0]: "),
    ({"droplet_release_keys": ED25519}, "droplet_release_keys = "),
    (
        {"droplet_release_keys": [ED25519, f"restrict {OTHER}"]},
        'droplet_release_keys[1]: has options of its own, and only from="..." may stand before it. Do: ',
    ),
    (
        {"droplet_admin_keys": [f"{OTHER} me"], "droplet_release_keys": [f"{OTHER} ci"]},
        "droplet_release_keys[0]: is in droplet_admin_keys too, so it opens a shell. Do: make one",
    ),
    ({"droplet_release_keys": [None]}, "droplet_release_keys[0]: is no public key"),
]


@pytest.mark.parametrize("more, says", REFUSED)
def test_refused(more: dict[str, Any], says: str) -> None:
    """One problem, in the owner's words, at its place."""
    with pytest.raises(PlanError) as caught:
        check_inputs(GOOD | more, SPEC)
    assert says in str(caught.value)


def test_all_at_once() -> None:
    """Keys, types, secrets and the plan are judged in one pass; a fitting plan is proposed."""
    services = [{"name": "backend", "limit_mb": 900}]
    wrong = {"droplet_x": 1, "droplet_flag": 2, "droplet_services": services}
    with pytest.raises(PlanError) as caught:
        check_inputs(GOOD | wrong | {"droplet_secrets": {"": ""}}, SPEC)
    assert [problem.path for problem in caught.value.problems] == [
        "droplet_x",
        "droplet_flag",
        "droplet_secrets.",
        "droplet_services",
    ]
    assert caught.value.proposals


@pytest.mark.parametrize(
    "wrong",
    [
        {"droplet_secrets": {"key": 31337}},
        {"droplet_secrets": ["31337"]},
        {"droplet_secret": {"key": "31337"}},
        {"droplet_registry_login": ["31337"]},
        {"droplet_registry_login": LOGIN | {"password": "31337"}},
        {"droplet_registry_login": LOGIN | {"password": 31337}},
        {"droplet_registry_login": LOGIN | {"pasword": "31337"}},
        {"droplet_registry_logn": LOGIN | {"password": "31337"}},
        {"droplet_secrets": {"KEY": "31337"}},
        {"droplet_secrets": {"key": "31337"}},
        {"droplet_admin_keys": ["-----BEGIN OPENSSH PRIVATE KEY-----\n31337"]},
        {"droplet_release_keys": ["-----BEGIN OPENSSH PRIVATE KEY-----\n31337"]},
    ],
)
def test_secrets_stay_secret(wrong: dict[str, Any]) -> None:
    """No problem ever shows the value of a secret, misspelt or not."""
    with pytest.raises(PlanError) as caught:
        check_inputs(GOOD | wrong, SPEC)
    assert "31337" not in str(caught.value)
