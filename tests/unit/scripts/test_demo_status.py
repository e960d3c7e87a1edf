"""The demo's status page: reading what the Droplet says, and drawing it."""

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

GIB = 2**30


def box(name: str, **state: Any) -> dict[str, Any]:
    """One container as docker inspect describes it."""
    return {
        "Id": f"id-{name}",
        "Name": f"/stack-{name}-1",
        "State": {"Status": "running", "StartedAt": "2026-11-23T12:00:00.123456789Z"} | state,
        "Config": {"Labels": {"com.docker.compose.service": name}},
        "HostConfig": {"Memory": 64 * 2**20},
        "RestartCount": 2,
    }


def said(*boxes: dict[str, Any], cgroup: str = "") -> str:
    """What the remote script prints."""
    stats = [{"ID": one["Id"], "MemUsage": "32MiB / 64MiB"} for one in boxes]
    return "\n".join(
        [
            "== now\n1795435265",  # 2026-11-23 12:01:05
            "== meminfo\nMemTotal: 1048576 kB\nMemFree: 1 kB\nMemAvailable: 524288 kB",
            f"== cgroup\n{cgroup}",
            f"== inspect\n{json.dumps(boxes) if boxes else ''}",
            "== stats",
            *map(json.dumps, stats),
        ]
    )


@pytest.fixture
def page(load_script: Callable[[str], ModuleType]) -> ModuleType:
    """The script as a module."""
    return load_script("scripts/demo-status.py")


@pytest.fixture
def parse(page: ModuleType) -> Callable[[str], Any]:
    """Its parser, with the facts that do not come from the Droplet filled in."""
    return lambda output: page.parse(
        output, title="Business Planner", version="1.0.0", url="http://x/", ssh="ssh deploy@x"
    )


@pytest.mark.parametrize(
    "text,expected",
    [("45.5MiB", 45.5), ("1GiB", 1024), ("512KiB", 0.5), ("0B", 0), ("", 0), ("--", 0)],
)
def test_megabytes(page: ModuleType, text: str, expected: float) -> None:
    """Docker's sizes become MiB; what cannot be read is 0."""
    assert page.megabytes(text) == expected


@pytest.mark.parametrize(
    "seconds,expected",
    [(5, "5 s"), (65, "1 min 5 s"), (3660, "1 h 1 min"), (90000, "1 d 1 h")],
)
def test_duration(page: ModuleType, seconds: float, expected: str) -> None:
    """A duration is said in its two largest units."""
    assert page.duration(seconds) == expected


def test_parse(parse: Callable[[str], Any]) -> None:
    """A container becomes a service with use, limit, restarts; uptime is the oldest start."""
    status = parse(said(box("redis"), box("nginx", Health={"Status": "healthy"})))
    assert [one.name for one in status.services] == ["nginx", "redis"]
    nginx, redis = status.services
    assert (nginx.health, redis.health) == ("healthy", "-")
    assert (nginx.used_mb, nginx.limit_mb, nginx.restarts) == (32, 64, 2)
    assert status.up_seconds == 65
    assert (status.used_mb, status.total_mb) == (512, 1024)


def test_container_limit_counts_where_smaller(parse: Callable[[str], Any]) -> None:
    """A simulated Droplet sees its host's memory: its own limit counts, page cache aside."""
    cgroup = f"{GIB // 2}\n{GIB // 4}\n{GIB // 8}"
    assert parse(said(cgroup=cgroup)).total_mb == 512
    assert parse(said(cgroup=cgroup)).used_mb == 128


@pytest.mark.parametrize("cgroup", ["", "max\n123\n5", f"{2 * GIB}\n1\n1"])
def test_machine_memory_counts_otherwise(parse: Callable[[str], Any], cgroup: str) -> None:
    """Without a smaller limit the page shows the machine's memory."""
    assert parse(said(cgroup=cgroup)).total_mb == 1024


def test_render_fits_80_columns(page: ModuleType, parse: Callable[[str], Any]) -> None:
    """No line is wider than a terminal, and no escape code is written without colour."""
    text = page.render(parse(said(box("a-very-long-service-name"), box("redis"))), color=False)
    assert max(map(len, text.splitlines())) <= 80
    assert "\033" not in text
    assert "32 of   64 MiB" in text


def test_render_shows_trouble(page: ModuleType, parse: Callable[[str], Any]) -> None:
    """A stopped or unhealthy service stands out in red."""
    dead = box("backend", Status="exited", Health={"Status": "unhealthy"})
    text = page.render(parse(said(dead)), color=True)
    assert "\033[31mexited" in text
    assert "\033[31munhealthy" in text


def test_render_without_containers(page: ModuleType, parse: Callable[[str], Any]) -> None:
    """A bare Droplet says what to do."""
    assert "no containers: run make demo" in page.render(parse(said()), color=False)


def test_ssh_is_what_ansible_would_call(page: ModuleType) -> None:
    """Address, port, user, key and extra arguments come from the inventory."""
    host = {
        "ansible_host": "127.0.0.1",
        "ansible_port": "2222",
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(page.ROOT / "key"),
        "ansible_ssh_common_args": "-o UserKnownHostsFile='a b'",
    }
    command = page.ssh_command(host)
    assert "|".join(command) == "ssh|-o|UserKnownHostsFile=a b|-p|2222|-i|key|deploy@127.0.0.1"
    assert page.without_options(command) == "ssh -p 2222 -i key deploy@127.0.0.1"
