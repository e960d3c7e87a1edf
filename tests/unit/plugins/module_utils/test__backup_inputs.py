"""What is wrong with the options of the role backup: everything at once, and never a secret's value."""

import json
from dataclasses import asdict
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._backup_inputs import problems
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import Settings
from hypothesis import given
from hypothesis import strategies as st

SECRET = "hunter2hunter2hunter2"
PASSWORD = {"backup_password": SECRET}
S3 = PASSWORD | {"backup_s3_key_id": "AKIA", "backup_s3_secret": SECRET}
SFTP = PASSWORD | {"backup_sftp_key": SECRET, "backup_sftp_host_key": "host ssh-ed25519 AAAA"}


def found(
    changed: dict[str, Any] | None = None,
    secrets: dict[str, str] | None = None,
    *,
    persistence: bool = True,
) -> list[str]:
    """Judge the defaults with some of them otherwise."""
    settings = asdict(Settings()) | (changed or {})
    return problems(settings, secrets or {}, persistence=persistence)


# the repository, what opens it
TEST_ACCEPTED: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({}, {}),
    ({}, {"backup_ping_url": "https://hc-ping.com/5d1d-uuid"}),
    ({"repository": "s3:https://fra1.digitaloceanspaces.com/bucket/planner"}, S3),
    ({"repository": "s3:http://10.0.0.1:8000/bucket"}, S3),
    ({"repository": "s3:http://[2001:db8::1]:8000/bucket"}, S3),
    ({"repository": "s3:s3.amazonaws.com/bucket/a@b"}, S3),
    ({"repository": "sftp:me@storage.test:/planner"}, SFTP),
    ({"repository": "sftp:me@storage.test:planner"}, SFTP),
    ({"repository": "sftp://me@storage.test:2222//planner"}, SFTP),
    ({"repository": "/mnt/disk/planner"}, PASSWORD),
    ({"keep_offsite": {"daily": 7, "weekly": 5, "monthly": 12, "yearly": 3, "last": 1}}, {}),
    ({"redis": True, "volumes": ("planner_uploads", "a.b-c")}, {}),
    ({"query": "select count(*) from tasks;"}, {}),
    ({"query": " WITH x AS (SELECT 1) TABLE x "}, {}),
    ({"keep_last": "5", "keep_days": 0, "jitter_s": 0, "shrink_percent": 100}, {}),
]


@pytest.mark.parametrize("changed, secrets", TEST_ACCEPTED)
def test_accepted(changed: dict[str, Any], secrets: dict[str, str]) -> None:
    """What is right passes in silence."""
    assert found(changed, secrets) == []


# what is otherwise, what opens it -> how the only problem begins, and ends
TEST_REFUSED: list[tuple[dict[str, Any], dict[str, str], str, str]] = [
    ({"keep_last": 0}, {}, "backup_keep_last: 0 is not between 1 and 1000.", "a number there"),
    ({"keep_days": -1}, {}, "backup_keep_days: -1 is not", ""),
    ({"shrink_percent": 0}, {}, "backup_shrink_percent: 0 is not between 1 and 100", ""),
    ({"check_percent": 101}, {}, "backup_check_percent: 101 is not", ""),
    ({"upload_kib_s": -1}, {}, "backup_upload_kib_s: -1 is not", ""),
    ({"upload_timeout_s": 59}, {}, "backup_upload_timeout_s: 59 is not between 60", ""),
    ({"jitter_s": 10**6}, {}, "backup_jitter_s: 1000000 is not", ""),
    ({"drill_max_age_days": 0}, {}, "backup_drill_max_age_days: 0 is not", ""),
    (
        {"volumes": ("fine", "../etc")},
        {},
        "backup_volumes[1]: '../etc' is no name of a Docker volume. ",
        "docker volume ls",
    ),
    (
        {"keep_offsite": {"fortnightly": 2}},
        {},
        "backup_keep_offsite.fortnightly: there is no such rule",
        "last, hourly, daily, weekly, monthly, yearly",
    ),
    ({"keep_offsite": {"daily": 0}}, {}, "backup_keep_offsite.daily: 0 is no number of", ""),
    ({"keep_offsite": {"daily": True}}, {}, "backup_keep_offsite.daily: True is no number", ""),
    ({"keep_offsite": {"daily": "30"}}, {}, "backup_keep_offsite.daily: '30' is no number", ""),
    ({"keep_offsite": {}}, {}, "backup_keep_offsite: it is empty, so every snapshot", ""),
    ({"query": "DELETE FROM tasks"}, {}, "backup_drill_query: 'DELETE FROM tasks' is not", ""),
    ({"query": "SELECT 1; DROP TABLE tasks"}, {}, "backup_drill_query: ", "Do: write one"),
    ({"query": "selector"}, {}, "backup_drill_query: 'selector' is not one SELECT", ""),
    ({"repository": "/mnt/disk"}, {}, "backup_password: it is empty. Do: make one", ""),
    (
        {"repository": "/mnt/disk"},
        {"backup_password": SECRET[:15]},
        "backup_password: it has 15 characters.",
        "at least 16",
    ),
    (
        {"repository": "s3:https://fra1.example/bucket"},
        {**S3, "backup_s3_secret": ""},
        "backup_s3_secret: it is empty, and a repository of s3: needs it",
        "put it into the vault",
    ),
    (
        {"repository": "sftp:me@storage.test:/planner"},
        {**SFTP, "backup_sftp_host_key": ""},
        "backup_sftp_host_key: it is empty, and a repository of sftp: needs it",
        "",
    ),
    (
        {"repository": "s3:https://fra1.example"},
        S3,
        "backup_repository: 's3:https://fra1.example' names no bucket.",
        "s3:https://HOST/BUCKET/FOLDER",
    ),
    ({"repository": "s3:"}, S3, "backup_repository: 's3:' names no bucket.", ""),
    (
        {"repository": "sftp:storage.test:/planner"},
        SFTP,
        "backup_repository: 'sftp:storage.test:/planner' names no user, host and folder.",
        "sftp:USER@HOST:/FOLDER",
    ),
    (
        {"repository": "b2:bucket:/x"},
        PASSWORD,
        "backup_repository: 'b2:bucket:/x' is neither s3:, nor sftp:, nor a path.",
        "",
    ),
    ({"repository": "planner"}, PASSWORD, "backup_repository: 'planner' is neither", ""),
    # What belongs to a repository that there is not was meant to do something.
    ({}, PASSWORD, "backup_password: it is set, but backup_repository is empty.", ""),
    ({}, {"backup_sftp_key": SECRET}, "backup_sftp_key: it is set, but", "or neither"),
    ({}, {"backup_ping_url": SECRET}, "backup_ping_url: it is no address of http://", ""),
    ({}, {"backup_ping_url": f"file:///{SECRET}"}, "backup_ping_url: it is no address", ""),
    ({}, {"backup_ping_url": f"https://a.test/{SECRET} x"}, "backup_ping_url: it is no", ""),
]


@pytest.mark.parametrize("changed, secrets, begins, ends", TEST_REFUSED)
def test_refused(changed: dict[str, Any], secrets: dict[str, str], begins: str, ends: str) -> None:
    """Where it is, what it is, what to do."""
    (said,) = found(changed, secrets)
    assert said.startswith(begins)
    assert said.endswith(ends)
    assert "Do: " in said


def test_redis_needs_room() -> None:
    """A snapshot of Redis is a fork of it."""
    (said,) = found({"redis": True}, persistence=False)
    assert said.startswith("backup_redis: at this size the plan has no room for Redis' fork")
    assert found({"redis": False}, persistence=False) == []


# an address with a secret where none belongs
@pytest.mark.parametrize(
    "repository",
    [
        f"s3:https://AKIA:{SECRET}@fra1.example/bucket",
        f"s3:https://AKIA:ab/{SECRET}@fra1.example/bucket",
        f"s3:AKIA:{SECRET}@fra1.example/bucket",
        f"sftp:me:{SECRET}@storage.test:/planner",
        f"sftp://me:{SECRET}@storage.test:22//planner",
        f"rest:https://me:{SECRET}@storage.test/planner",
        f"https://me:{SECRET}@storage.test/planner",
        f"me:{SECRET}@storage.test/planner",
    ],
)
def test_a_password_in_the_address(repository: str) -> None:
    """It is refused, because addresses are shown; the message does not show it."""
    (said,) = found({"repository": repository}, S3 | SFTP)
    assert said.startswith("backup_repository: ")
    assert SECRET not in said
    assert "@fra1.example" in said or "@storage.test" in said


def test_all_at_once() -> None:
    """Nobody has to come back for the next one."""
    wrong = {
        "repository": "s3:nowhere",
        "keep_offsite": {"daily": 0, "daly": 30},
        "keep_last": 0,
        "check_percent": 200,
        "volumes": ("/", "fine", ""),
        "redis": True,
        "query": "DROP TABLE tasks",
    }
    said = found(
        wrong, {"backup_password": "short", "backup_ping_url": "hc-ping"}, persistence=False
    )
    assert sorted(one.partition(":")[0] for one in said) == [
        "backup_check_percent",
        "backup_drill_query",
        "backup_keep_last",
        "backup_keep_offsite.daily",
        "backup_keep_offsite.daly",
        "backup_password",
        "backup_ping_url",
        "backup_redis",
        "backup_repository",
        "backup_s3_key_id",
        "backup_s3_secret",
        "backup_volumes[0]",
        "backup_volumes[2]",
    ]


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "repository": st.sampled_from(["s3:x", "sftp:x", "/x", "x:y@z", "s3:https://a/b"])
            | st.text(max_size=9),
            "query": st.text(max_size=9),
            "keep_offsite": st.dictionaries(st.text(max_size=4), st.integers(), max_size=2),
            "volumes": st.lists(st.text(max_size=4), max_size=2),
            "keep_last": st.integers(),
        },
    ),
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            [*S3, *SFTP, "backup_ping_url"], st.just(SECRET) | st.just(SECRET[:8]) | st.just("")
        ),
    ),
)
def test_no_value_of_a_secret(changed: dict[str, Any], secrets: dict[str, str]) -> None:
    """Whatever else is wrong, each message is about an option, and none has what opens the repository."""
    said = found(changed, secrets)
    assert all(one.startswith("backup_") and "Do: " in one for one in said)
    assert SECRET[:8] not in json.dumps(said)
