# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What is wrong with the options of the role ``backup``, before any host is touched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._backup_retention import PERIODS

SHORTEST_PASSWORD = 16
_VOLUME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
_S3 = re.compile(r"s3:(https?://)?(\[[0-9a-fA-F:]+\]|[^/@:\[\s]+)(:\d+)?/\S+")
_PASSWORD = re.compile(r":[^/@]*@")
_SFTP = re.compile(r"sftp:(//)?[^/@\s:]+@[^/@\s:]+(:\d+/)?[:/]\S*")


def problems(
    settings: Mapping[str, Any], secrets: Mapping[str, str], *, persistence: bool
) -> list[str]:
    """List them, each with its path, its value and what to do; a secret's value is never told.

    ``settings`` are those of the program, ``secrets`` what opens the repository, by option. ``persistence`` tells
    whether the plan leaves Redis room for the fork that its snapshot is.
    """
    found: list[str] = []
    repository = str(settings["repository"])
    if repository:
        found += _repository(repository, secrets)
    else:
        found += [
            f"{name}: it is set, but backup_repository is empty. Do: set both, or neither"
            for name in (
                "backup_password",
                "backup_s3_key_id",
                "backup_s3_secret",
                "backup_sftp_key",
            )
            if secrets.get(name)
        ]
    found += _keep(settings["keep_offsite"])
    numbers = {
        "backup_keep_last": (settings["keep_last"], 1, 1000),
        "backup_keep_days": (settings["keep_days"], 0, 1000),
        "backup_shrink_percent": (settings["shrink_percent"], 1, 100),
        "backup_check_percent": (settings["check_percent"], 0, 100),
        "backup_upload_kib_s": (settings["upload_kib_s"], 0, 10**7),
        "backup_upload_timeout_s": (settings["upload_timeout_s"], 60, 10**6),
        "backup_jitter_s": (settings["jitter_s"], 0, 10**5),
        "backup_drill_max_age_days": (settings["drill_max_age_days"], 1, 1000),
    }
    found += [
        f"{name}: {value} is not between {least} and {most}. Do: choose a number there"
        for name, (value, least, most) in numbers.items()
        if not least <= int(value) <= most
    ]
    found += [
        f"backup_volumes[{place}]: {name!r:.80} is no name of a Docker volume. Do: docker volume ls"
        for place, name in enumerate(settings["volumes"])
        if not _VOLUME.fullmatch(str(name))
    ]
    if settings["redis"] and not persistence:
        found.append(
            "backup_redis: at this size the plan has no room for Redis' fork. "
            "Do: leave it out, or give Redis a limit with persistence (droplet_services)"
        )
    query = str(settings["query"]).strip().rstrip(";")
    if query and (";" in query or not re.match(r"(?i)(select|with|table|values)\b", query)):
        found.append(f"backup_drill_query: {query!r:.120} is not one SELECT. Do: write one")
    ping_url = secrets.get("backup_ping_url", "")
    if ping_url and not re.fullmatch(r"https?://[!-~]+", ping_url):
        found.append("backup_ping_url: it is no address of http:// or https://. Do: copy it whole")
    return found


def _repository(repository: str, secrets: Mapping[str, str]) -> list[str]:
    found = []
    kind, _, rest = repository.partition(":")
    is_known = kind in {"s3", "sftp"}
    # What stands before an @ may be a secret in the wrong place.
    shown = f"{kind}:...{repository[repository.rindex('@') :]}" if "@" in repository else repository
    if _PASSWORD.search(rest if is_known else repository):
        found.append(
            f"backup_repository: {shown!r:.120} has a password in it. Do: leave it out; "
            "keys are options of their own"
        )
    elif kind == "s3" and not _S3.fullmatch(repository):
        found.append(
            f"backup_repository: {shown!r:.120} names no bucket. "
            "Do: write s3:https://HOST/BUCKET/FOLDER"
        )
    elif kind == "sftp" and not _SFTP.fullmatch(repository):
        found.append(
            f"backup_repository: {shown!r:.120} names no user, host and folder. "
            "Do: write sftp:USER@HOST:/FOLDER"
        )
    elif not is_known and not repository.startswith("/"):
        found.append(
            f"backup_repository: {shown!r:.120} is neither s3:, nor sftp:, nor a path. "
            "Do: write s3:https://HOST/BUCKET/FOLDER or sftp:USER@HOST:/FOLDER"
        )
    needed = {
        "s3": ("backup_s3_key_id", "backup_s3_secret"),
        "sftp": ("backup_sftp_key", "backup_sftp_host_key"),
    }.get(kind, ())
    found += [
        f"{name}: it is empty, and a repository of {kind}: needs it. Do: put it into the vault"
        for name in needed
        if not secrets.get(name)
    ]
    password = secrets.get("backup_password", "")
    if not password:
        found.append(
            "backup_password: it is empty. Do: make one (openssl rand -base64 24), put it into the vault, and keep a "
            "copy where neither the Droplet nor your machine can lose it: without it nobody can read the backups"
        )
    elif len(password) < SHORTEST_PASSWORD:
        found.append(
            f"backup_password: it has {len(password)} characters. Do: use at least {SHORTEST_PASSWORD}"
        )
    return found


def _keep(keep: Mapping[str, Any]) -> list[str]:
    found = []
    for name, number in keep.items():
        if name not in PERIODS:
            found.append(
                f"backup_keep_offsite.{name}: there is no such rule. Do: use {', '.join(PERIODS)}"
            )
        elif not isinstance(number, int) or isinstance(number, bool) or number < 1:
            found.append(
                f"backup_keep_offsite.{name}: {number!r:.40} is no number of backups. Do: use 1 or more"
            )
    if not keep:
        found.append(
            "backup_keep_offsite: it is empty, so every snapshot would go. Do: write {daily: 30}"
        )
    return found
