"""What Docker and the kernel's log say of containers."""

import json
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._container_state import (
    containers_of,
    ends_of,
    kills_of,
    seconds_since,
)

MIB = 1024 * 1024
ID = "ab" * 32


def box(**changes: Any) -> dict[str, Any]:
    """One container as docker inspect describes it."""
    return {
        "Id": ID,
        "Name": "/planner-redis-1",
        "State": {
            "Status": "running",
            "Pid": 42,
            "ExitCode": 0,
            "StartedAt": "2026-11-23T12:00:00.123456789Z",
            "OOMKilled": True,
        },
        "Config": {"Labels": {"com.docker.compose.service": "redis"}},
        "HostConfig": {"Memory": 64 * MIB, "MemorySwap": 96 * MIB},
        "RestartCount": 2,
        **changes,
    }


def test_container() -> None:
    """Name, state and limits; the OOMKilled flag is not among them."""
    assert containers_of(json.dumps([box()])) == [
        {
            "service": "redis",
            "name": "planner-redis-1",
            "id": ID,
            "pid": 42,
            "state": "running",
            "health": "",
            "restarts": 2,
            "exit_code": 0,
            "started_at": "2026-11-23T12:00:00.123456789Z",
            "configured_limit_mb": 64.0,
            "memory_and_swap_mb": 96.0,
        }
    ]


def test_no_limits() -> None:
    """Docker writes 0 and -1 for no limit; that is None."""
    found = containers_of(json.dumps([box(HostConfig={"Memory": 0, "MemorySwap": -1})]))[0]
    assert (found["configured_limit_mb"], found["memory_and_swap_mb"]) == (None, None)


def test_sorted_by_name() -> None:
    """Two containers of a service always come in the same order."""
    names = [one["name"] for one in containers_of(json.dumps([box(Name="/b"), box(Name="/a")]))]
    assert names == ["a", "b"]


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"Id": 1}]', "null", "[null]", '{"a": 1}'])
def test_not_understood(text: str) -> None:
    """Anything else than inspected containers is an error, not an empty list."""
    with pytest.raises(ValueError, match=r"."):
        containers_of(text)


@pytest.mark.parametrize(
    "text,seconds",
    [
        ("2026-11-23T12:00:00.123456789Z", 60),
        ("2026-11-23T12:00:30Z", 30),
        ("2027-01-01T00:00:00Z", 0),
        ("0001-01-01T00:00:00Z", None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_seconds_since(text: object, seconds: int | None) -> None:
    """A container that never started has no age; a clock that went back gives none below 0."""
    assert seconds_since(text, 1795435260) == seconds


def event(action: str, identity: str = ID, **attributes: str) -> str:
    """One line of docker events."""
    return json.dumps({"Action": action, "Actor": {"ID": identity, "Attributes": attributes}})


def test_ends() -> None:
    """Exit codes and OOM kills are collected by container; what is not understood is left out."""
    lines = [
        event("die", exitCode="137"),
        event("oom"),
        event("die", exitCode="0"),
        event("die", "other", exitCode="1"),
        event("die", exitCode="many"),
        event("die"),
        "rubbish",
        "[]",
        "{}",
        "",
    ]
    assert ends_of("\n".join(lines)) == {
        ID: {"exit_codes": [137, 0], "oom_events": 1},
        "other": {"exit_codes": [1], "oom_events": 0},
    }


AT_LIMIT = (
    "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=docker-{id}.scope,mems_allowed=0,"
    "oom_memcg=/system.slice/docker-{id}.scope,task_memcg=/system.slice/docker-{id}.scope,task=redis-server,pid=7,uid=999"
)
KILLED_AT_LIMIT = (
    "Memory cgroup out of memory: Killed process 7 (redis-server) total-vm:9kB, anon-rss:8kB"
)
GLOBAL = (
    "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,"
    "task_memcg=/a.slice,task=hog,pid=8,uid=0"
)
KILLED_GLOBALLY = "Out of memory: Killed process 8 (hog) total-vm:9kB, anon-rss:8kB, UID:0"


@pytest.mark.parametrize(
    "lines,kills",
    [
        ([AT_LIMIT.format(id=ID), KILLED_AT_LIMIT], [("redis-server", "redis", True)]),
        ([KILLED_AT_LIMIT], [("redis-server", "", True)]),
        ([AT_LIMIT.format(id="cd" * 32)], [("redis-server", "", True)]),
        ([GLOBAL, KILLED_GLOBALLY], [("hog", "", False)]),
        (
            [AT_LIMIT.format(id=ID), KILLED_AT_LIMIT, GLOBAL, KILLED_GLOBALLY],
            [("redis-server", "redis", True), ("hog", "", False)],
        ),
        (["Out of memory and luck", "oom-kill:", ""], []),
    ],
    ids=["at its limit", "second line only", "not ours", "global", "both", "no kill"],
)
def test_kills(lines: list[str], kills: list[tuple[str, str, bool]]) -> None:
    """Each kill counts once, with the service where it was one's, and whether it was its limit."""
    found = kills_of("\n".join(lines), [{"id": ID, "service": "redis"}])
    assert [(one["process"], one["service"], one["at_limit"]) for one in found] == kills
