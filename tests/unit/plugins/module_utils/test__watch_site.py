"""Readiness, asked of a real web server over TLS."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _watch_site
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    WARNING,
)
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan
from ansible_collections.planner.droplet.plugins.module_utils._release_log import GOOD, Record
from ansible_collections.planner.droplet.plugins.module_utils._watch_site import ready

from tests.unit.certificates import issue
from tests.unit.look_bench import Host, told
from tests.unit.web_server import Answers, web_server

HERE = "127.0.0.1"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host that the world knows by this address."""
    monkeypatch.setattr(_watch_site, "own_addresses", lambda: (HERE,))
    return Host(tmp_path, monkeypatch)


@pytest.fixture
def answers() -> Answers:
    """A product that is ready."""
    return {"/health/ready": (200, {}, b"ready")}


@pytest.fixture
def asked() -> list[str]:
    """What the server was asked."""
    return []


@pytest.fixture
def port(tmp_path: Path, answers: Answers, asked: list[str]) -> Iterator[int]:
    """The product, behind a certificate that nobody trusts."""
    pem_file = tmp_path / "pem"
    pem_file.write_text(issue(["shop.example"], issuer="").pem)
    with web_server(answers, asked, pem_file) as number:
        yield number


def judged(host: Host, **wish: Any) -> tuple[str, str, dict[str, Any]]:
    """Ask once."""
    sight = host.sight(**wish)
    severity, what = told(ready(sight))["ready/product"]
    return severity, what, sight.samples


@pytest.mark.parametrize(
    "domains, name", [((), HERE), (("shop.example", "b.example"), "shop.example")]
)
def test_ready(
    host: Host, port: int, asked: list[str], domains: tuple[str, ...], name: str
) -> None:
    """By its name, or else by its address; how long it took is noted."""
    severity, what, samples = judged(host, https_port=port, domains=domains)
    assert severity == OK
    assert what.startswith("is ready, in 0.")
    assert samples["ready"] is True
    assert 0 < samples["seconds"] < 10
    assert asked == [f"{name} /health/ready"]


def test_slow(host: Host, port: int) -> None:
    """Ready, but later than is bearable, is a warning."""
    severity, what, samples = judged(host, https_port=port, thresholds={"latency_s": 0})
    assert (severity, samples["ready"]) == (WARNING, True)
    assert "most: 0" in what


@pytest.mark.parametrize("status", [301, 404, 500, 503])
def test_not_ready(host: Host, port: int, answers: Answers, status: int) -> None:
    """Anything but a success is a problem, also a redirect."""
    answers["/health/ready"] = (status, {}, b"")
    severity, what, samples = judged(host, https_port=port)
    assert (severity, samples["ready"]) == (PROBLEM, False)
    assert what == f"is not ready: /health/ready answers {status}"


@pytest.mark.parametrize("status, severity, is_ready", [(503, OK, None), (500, PROBLEM, False)])
def test_nothing_released(
    host: Host, port: int, answers: Answers, *, status: int, severity: str, is_ready: object
) -> None:
    """Where no backend is wished yet the holding page is right, and counts neither as up nor as down."""
    answers["/health/ready"] = (status, {}, b"")
    empty = plan("s-1vcpu-1gb").to_dict()
    seen, _, samples = judged(host, https_port=port, plan=empty)
    assert (seen, samples["ready"]) == (severity, is_ready)


def test_released_by_another_way(host: Host, port: int, answers: Answers, tmp_path: Path) -> None:
    """What deploy.yml released stays, although the inventory names no image: then a holding page is wrong."""
    answers["/health/ready"] = (503, {}, b"")
    record = Record(1, images={"backend": "registry/app@sha256:1"}, result=GOOD)
    (tmp_path / "releases.jsonl").write_text(record.to_json() + "\n")
    empty = plan("s-1vcpu-1gb").to_dict()
    seen, _, samples = judged(host, https_port=port, plan=empty, project_dir=str(tmp_path))
    assert (seen, samples["ready"]) == (PROBLEM, False)


def test_nobody_answers(host: Host) -> None:
    """A closed port is down, and no time is noted."""
    with socket.create_server((HERE, 0)) as server:
        port = server.getsockname()[1]
    severity, what, samples = judged(host, https_port=port)
    assert (severity, samples) == (PROBLEM, {"ready": False})
    assert what.startswith(f"127.0.0.1:{port} does not answer: ")


def test_no_tls(host: Host) -> None:
    """Whoever accepts the connection and says nothing, or nonsense, is down."""
    with socket.create_server((HERE, 0)) as server:
        thread = threading.Thread(target=lambda: server.accept()[0].sendall(b"hello\r\n"))
        thread.start()
        severity, _, samples = judged(host, https_port=server.getsockname()[1])
        thread.join()
    assert (severity, samples) == (PROBLEM, {"ready": False})


def test_silence(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """The patience has an end."""
    monkeypatch.setattr(_watch_site, "WAITS_S", 0.1)
    with socket.create_server((HERE, 0)) as server:
        severity, what, _ = judged(host, https_port=server.getsockname()[1])
    assert severity == PROBLEM
    assert what.endswith("no answer within 0 s")


def test_no_way_out(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a route has no visitors."""
    monkeypatch.setattr(_watch_site, "own_addresses", tuple)
    severity, what, samples = judged(host)
    assert (severity, samples) == (PROBLEM, {"ready": False})
    assert "no route" in what
