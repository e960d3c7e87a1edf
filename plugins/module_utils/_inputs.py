# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The owner's ``droplet_*`` keys, all of them judged at once and before any host is touched.

Ansible's argument specs neither reject unknown names nor look beyond the first role, so this reads
the very same spec and adds what it cannot know: the nearest spelling, values inside, the plan.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._domains import domain_problems
from ansible_collections.planner.droplet.plugins.module_utils._image_reference import CONTROLLER
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan
from ansible_collections.planner.droplet.plugins.module_utils._problems import (
    PlanError,
    Problem,
    closest,
)
from ansible_collections.planner.droplet.plugins.module_utils._services import CATALOG
from ansible_collections.planner.droplet.plugins.module_utils._ssh_keys import (
    parse_key,
    parse_release_key,
)

_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "a text"),
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "bool": ((bool,), "true or false"),
    "list": ((list, tuple), "a list"),
    "dict": ((Mapping,), "a mapping"),
}
# What is given on the command line arrives as text.
_TEXTS = {
    "int": re.compile(r"-?\d+"),
    "float": re.compile(r"-?\d+(\.\d+)?"),
    "bool": re.compile(r"(?i)true|false|yes|no"),
}
# [docker-daemon:]name[:tag][@digest], enough to catch a pasted URL or a blank; the registry knows the rest.
_IMAGE = re.compile(
    rf"(?!.*//)(?!{CONTROLLER}(?![a-z0-9]))({CONTROLLER})?[a-z0-9][a-zA-Z0-9._:/-]*(@sha256:[0-9a-f]{{64}})?"
)
_REGISTRY = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")
_NAMES = ("name", "image")
_REGISTRY_LOGIN = ("registry", "username", "password")
_SHORTEST_SECRET = 8
_ACCOUNT = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_LARGEST_PORT = 65535
_SECRET_NAME = re.compile(r"[a-z][a-z0-9_]*")
# The plan reports these itself, with more to say than the type.
_JUDGED_BY_THE_PLAN = frozenset(
    {"droplet_size", "droplet_services", "droplet_swap_mb", "droplet_host_mb"}
)


def check_inputs(
    inputs: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]], known: Iterable[str] = ()
) -> None:
    """Raise :class:`PlanError` with every problem of the ``droplet_*`` keys found.

    ``options`` is the role's argument spec; ``known`` are names the role itself defines.
    """
    problems: list[Problem] = []
    for name in sorted(set(inputs) - set(options) - set(known)):
        remedy = closest(name, options)
        # Not its value: a misspelt droplet_secrets is still a secret.
        problems.append(Problem(name, None, "is no key of this collection", remedy))
    for name, option in options.items():
        if name in inputs and name not in _JUDGED_BY_THE_PLAN:
            problems += _type_problems(name, inputs[name], option)
    problems += _image_problems(inputs.get("droplet_image"), inputs.get("droplet_services"))
    problems += domain_problems(inputs.get("droplet_domains", ()))
    problems += _registry_login_problems(inputs.get("droplet_registry_login"))
    problems += _secret_problems(inputs.get("droplet_secrets"))
    problems += _login_problems(inputs)
    problems += _release_key_problems(inputs)
    proposals: tuple[str, ...] = ()
    try:
        plan(
            inputs.get("droplet_size"),
            inputs.get("droplet_services", ()),
            inputs.get("droplet_swap_mb"),
            host_mb=inputs.get("droplet_host_mb", 0),
        )
    except PlanError as error:
        problems += error.problems
        proposals = error.proposals
    if problems:
        raise PlanError(problems, proposals)


def _type_problems(name: str, value: object, option: Mapping[str, Any]) -> Iterable[Problem]:
    kind = option.get("type", "str")
    accepted, must_be = _TYPES[kind]
    if isinstance(value, str) and kind in _TEXTS and _TEXTS[kind].fullmatch(value):
        return
    choices = option.get("choices")
    if choices and value not in choices:
        yield Problem(name, value, "is none of its choices", closest(str(value), choices))
        return
    wrong = not isinstance(value, accepted) or (isinstance(value, bool) and bool not in accepted)
    if wrong and not (value is None and not option.get("required")):
        shown = None if option.get("no_log") else value
        yield Problem(name, shown, "has the wrong type", f"write {must_be}")


def _image_problems(image: object, services: object) -> Iterable[Problem]:
    if isinstance(image, str) and image and not _IMAGE.fullmatch(image):
        remedy = (
            f"write name:tag or name@sha256:<64 hex digits>, {CONTROLLER}name:tag for an image of this machine's "
            "Docker, or '' to keep what runs"
        )
        yield Problem("droplet_image", image, "is no image reference", remedy)
    for index, entry in enumerate(services if isinstance(services, (list, tuple)) else ()):
        name, own = (entry.get(key) if isinstance(entry, Mapping) else None for key in _NAMES)
        if isinstance(own, str) and own.startswith(CONTROLLER) and name in CATALOG:
            remedy = "name one of a registry; only the backend and services of your own are sent"
            path = f"droplet_services[{index}].image"
            yield Problem(path, own, f"cannot be where {name} comes from", remedy)


def _registry_login_problems(login: object) -> Iterable[Problem]:
    """Judge the account at a registry; {} is none. Its password is never shown, nor the value of a misspelt key."""
    if not isinstance(login, Mapping) or not login:
        return
    where = "droplet_registry_login"
    for name in login:
        if name not in _REGISTRY_LOGIN:
            yield Problem(f"{where}.{name}", None, "is no key", closest(name, _REGISTRY_LOGIN))
    for name in _REGISTRY_LOGIN:
        path, value = f"{where}.{name}", login.get(name)
        if name not in login or (value == "" and name != "password"):
            yield Problem(path, None, "is missing", f"write {', '.join(_REGISTRY_LOGIN)}, or {{}}")
        elif not isinstance(value, str):
            yield Problem(path, None, "is not a text", "put the value in quotes")
        elif name == "registry" and not _REGISTRY.fullmatch(value):
            remedy = "write it as in image references, such as ghcr.io, or docker.io for Docker Hub"
            yield Problem(path, value, "is no registry's name", remedy)
        elif name == "password" and 0 < len(value) < _SHORTEST_SECRET:
            remedy = f"use {_SHORTEST_SECRET} characters or more, or '' for no login"
            yield Problem(path, None, "is too short to be a secret", remedy)


def _secret_problems(secrets: object) -> Iterable[Problem]:
    """Name the key, never the value: these texts reach terminals and logs."""
    if not isinstance(secrets, Mapping):
        return
    for name, value in secrets.items():
        path = f"droplet_secrets.{name}"
        if not isinstance(name, str) or not _SECRET_NAME.fullmatch(name):
            remedy = "use lower-case letters, digits and underscores: it becomes a file's name"
            yield Problem(path, None, "cannot be a secret's name", remedy)
        elif not isinstance(value, str):
            yield Problem(path, None, "is not a text", "put the value in quotes")
        elif 0 < len(value) < _SHORTEST_SECRET:
            # Ansible stars a secret out wherever it occurs: one letter would garble every result.
            remedy = f"use {_SHORTEST_SECRET} characters or more, or '' for none"
            yield Problem(path, None, "is too short to be a secret", remedy)


def _login_problems(inputs: Mapping[str, Any]) -> Iterable[Problem]:
    admin = inputs.get("droplet_admin_user")
    if isinstance(admin, str) and (admin == "root" or not _ACCOUNT.fullmatch(admin)):
        remedy = "use a name of its own, such as 'deploy': root's login is closed"
        yield Problem("droplet_admin_user", admin, "cannot be the admin's account", remedy)
    port = inputs.get("droplet_ssh_port")
    text = str(port)
    # What is no number at all has the wrong type, which is said elsewhere.
    if re.fullmatch(r"-?\d+", text) and not (len(text) <= 5 and 0 < int(text) <= _LARGEST_PORT):
        yield Problem("droplet_ssh_port", port, "is no port", "use 22, or one up to 65535")
    keys = inputs.get("droplet_admin_keys")
    for index, line in enumerate(keys if isinstance(keys, (list, tuple)) else ()):
        path = f"droplet_admin_keys[{index}]"
        try:
            usable = parse_key(str(line)).opens_a_shell
        except ValueError as error:
            # Not its value: it may be a private key.
            yield Problem(path, None, str(error), "write the line that is in ~/.ssh/id_ed25519.pub")
        else:
            if not usable:
                remedy = "remove its command= option; the admin needs a shell"
                yield Problem(path, None, "runs one command only", remedy)


def _release_key_problems(inputs: Mapping[str, Any]) -> Iterable[Problem]:
    given = inputs.get("droplet_admin_keys")
    admins = set()
    for line in given if isinstance(given, (list, tuple)) else ():
        with suppress(ValueError):  # said elsewhere
            admins.add(parse_key(str(line)).blob)
    keys = inputs.get("droplet_release_keys")
    for index, line in enumerate(keys if isinstance(keys, (list, tuple)) else ()):
        path = f"droplet_release_keys[{index}]"
        try:
            key = parse_release_key(str(line))
        except ValueError as error:
            # Not its value: it may be a private key.
            remedy = "write the line that is in release_key.pub; docs/ci-cd.md shows how it is made"
            yield Problem(path, None, str(error), remedy)
        else:
            if key.blob in admins:
                remedy = "make one for releases alone: ssh-keygen -t ed25519 -f release_key"
                yield Problem(
                    path, None, "is in droplet_admin_keys too, so it opens a shell", remedy
                )
