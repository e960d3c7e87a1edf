"""nginx's log, as its own configuration has it."""

import json
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    UNKNOWN,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_traffic import (
    counted,
    traffic,
)

from tests.unit.look_bench import MINUTE, NOW, Host, severities, told


def row(
    status: int = 200, upstream: str = "0.004", agent: str = "curl/8", seconds: str = "9.1"
) -> str:
    """One line of the log."""
    request = '"GET /a?b=\\x22c HTTP/2.0"'
    return f'203.0.113.5 [2026-11-28T06:50:25+00:00] {request} {status} 12 {seconds} {upstream} "{agent}"'


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host without commands."""
    return Host(tmp_path, monkeypatch)


def test_the_format_is_nginx(root: Path) -> None:
    """What is read here is what the role writes there."""
    text = (root / "roles/stack/templates/nginx.conf.j2").read_text()
    names = text.split("log_format main ", 1)[1].split(";", 1)[0].replace("'", "").split()
    values = {
        "$remote_addr": "2001:db8::1",
        "[$time_iso8601]": "[2026-11-28T06:50:25+00:00]",
        '"$request"': '"GET / HTTP/1.1"',
        "$status": "502",
        "$body_bytes_sent": "0",
        "$request_time": "0.001",
        "$upstream_response_time": "3.000, 0.500",
        '"$http_user_agent"': '"a (b; c) d"',
    }
    found = counted([" ".join(values[name] for name in names) + "\n"], 3.4)
    assert (found.lines, found.requests, found.errors, found.slow) == (1, 1, 1, 1)


@pytest.mark.parametrize(
    "text, expected",
    [
        (row(), (1, 1, 0, 0)),
        (row(499), (1, 1, 0, 0)),
        (row(500), (1, 1, 1, 0)),
        (row(503, "3.001 : 0.002"), (1, 1, 1, 1)),
        (row(301, "-"), (1, 1, 0, 0)),
        (row(upstream="2.000"), (1, 1, 0, 0)),
        (row(upstream="2.001"), (1, 1, 0, 1)),
        (row(503, "9.0", agent="planner-watch"), (1, 0, 0, 0)),
        ("2026/11/28 06:50:25 [error] 7#7: *1 connect() failed", (0, 0, 0, 0)),
        ("", (0, 0, 0, 0)),
    ],
)
def test_counted(text: str, expected: tuple[int, ...]) -> None:
    """A visitor's own slow line is no slow answer, and the question for readiness is no visitor's."""
    found = counted([text], 2)
    assert (found.lines, found.requests, found.errors, found.slow) == expected


def look(host: Host, rows: list[str], minute: float = 0) -> dict[str, str]:
    """Read once, after that was logged."""
    host.prints("journalctl", "\n".join(rows))
    sight = host.sight(NOW + minute * MINUTE)
    sight.samples["seconds"] = 0.1
    found = severities(traffic(sight))
    host.counters["at"] = sight.now
    return found


def test_since_the_last_look(host: Host) -> None:
    """The journal is asked for what came since then, and the numbers are noted."""
    host.prints("journalctl", "\n".join([row(), row(500)]))
    sight = host.sight()
    sight.counters["at"] = NOW - 42
    assert told(traffic(sight))["errors/nginx"] == (OK, "1 of 2 requests failed in the last 5 min")
    assert sight.samples == {"requests": 2, "errors": 1}
    (call,) = host.calls
    assert call.endswith(f"CONTAINER_TAG=planner-nginx --since=@{NOW - 42:.0f} --until=@{NOW:.0f}")


@pytest.mark.parametrize(
    "good, bad, severity",
    [(0, 4, OK), (0, 5, PROBLEM), (95, 5, OK), (94, 5, PROBLEM), (500, 20, OK)],
)
def test_errors(host: Host, good: int, bad: int, severity: str) -> None:
    """Many, and a large part of all."""
    found = look(host, [row()] * good + [row(500)] * bad)
    assert found == {"errors/nginx": severity, "latency/nginx": OK}


@pytest.mark.parametrize("good, slow, severity", [(0, 4, OK), (95, 5, OK), (94, 5, PROBLEM)])
def test_slow(host: Host, good: int, slow: int, severity: str) -> None:
    """More than five of a hundred being slow is a 95th percentile that is too high."""
    found = look(host, [row()] * good + [row(upstream="2.5")] * slow)
    assert found == {"errors/nginx": OK, "latency/nginx": severity}


def test_few_requests(host: Host) -> None:
    """Of a small product five minutes are judged together, then it is over."""
    found = [look(host, [row(500)], minute)["errors/nginx"] for minute in range(5)]
    assert found == [OK, OK, OK, OK, PROBLEM]
    assert look(host, [row()], 9)["errors/nginx"] == OK
    assert json.dumps(host.counters)


def test_no_log(host: Host) -> None:
    """Readiness was asked and answered, but the log knows of nothing: it is not here."""
    assert look(host, [])["errors/nginx"] == OK
    assert look(host, [], 1) == {"traffic/nginx": UNKNOWN}
    assert look(host, [row(agent="planner-watch")], 2)["errors/nginx"] == OK


def test_no_journal(host: Host) -> None:
    """A journal that cannot be read says nothing good."""
    host.prints("journalctl", row(), code=1)
    with pytest.raises(Exception, match="journalctl"):
        list(traffic(host.sight()))
