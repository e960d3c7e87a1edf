"""Docker, asked over a real socket of this machine on which a small server answers as it was told."""

import json
import socketserver
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._docker_api import (
    DockerApi,
    DockerApiError,
)


class Engine:
    """What it answers by path, and what it was asked."""

    def __init__(self, path: Path) -> None:
        """Serve at a socket."""
        self.answers: dict[str, tuple[int, str]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        engine = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urllib.parse.urlsplit(self.path)
                engine.asked.append((parts.path, dict(urllib.parse.parse_qsl(parts.query))))
                status, body = engine.answers.get(parts.path, (404, '{"message": "no such thing"}'))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                """Say nothing; a local socket has no address to be named."""

        self.server = socketserver.ThreadingUnixStreamServer(str(path), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.api = DockerApi(5.0, str(path))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An engine."""
    made = Engine(tmp_path / "docker.sock")
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_containers(engine: Engine) -> None:
    """Each one of the project is inspected; one-off containers are not asked for."""
    engine.answers["/containers/json"] = (200, json.dumps([{"Id": "a"}, {"Id": "b"}]))
    for name in ("a", "b"):
        engine.answers[f"/containers/{name}/json"] = (200, json.dumps({"Name": f"/{name}"}))
    found: list[dict[str, Any]] = json.loads(engine.api.containers("planner"))
    assert [one["Name"] for one in found] == ["/a", "/b"]
    path, query = engine.asked[0]
    assert (path, query["all"]) == ("/containers/json", "true")
    assert json.loads(query["filters"])["label"] == [
        "com.docker.compose.project=planner",
        "com.docker.compose.oneoff=False",
    ]


def test_none(engine: Engine) -> None:
    """A project without containers is an empty list."""
    engine.answers["/containers/json"] = (200, "[]")
    assert engine.api.containers("planner") == "[]"


def test_ends(engine: Engine) -> None:
    """Events are asked for up to a moment, so that the answer ends."""
    engine.answers["/events"] = (200, '{"Action":"die"}\n{"Action":"oom"}\n')
    assert engine.api.ends("planner", 100.4, 200.6).splitlines()[1] == '{"Action":"oom"}'
    _, query = engine.asked[0]
    assert (query["since"], query["until"]) == ("100", "201")
    assert json.loads(query["filters"])["event"] == ["die", "oom"]


# what it answers to the list -> what is said
@pytest.mark.parametrize(
    "answer, said",
    [
        ((500, '{"message": "out of  memory"}'), "500: out of memory"),
        ((503, "busy"), "503: busy"),
        ((200, "{"), "an unknown way"),
        ((200, "[1]"), "an unknown way"),
        ((200, '[{"Id": "gone"}]'), "404: no such thing"),
    ],
)
def test_refused(engine: Engine, answer: tuple[int, str], said: str) -> None:
    """What Docker complains of is told."""
    engine.answers["/containers/json"] = answer
    with pytest.raises(DockerApiError, match=said):
        engine.api.containers("planner")


def test_no_socket(tmp_path: Path) -> None:
    """An engine that is not there is no crash."""
    with pytest.raises(DockerApiError, match="No such file"):
        DockerApi(1.0, str(tmp_path / "none.sock")).containers("planner")


def test_silent(tmp_path: Path) -> None:
    """One that does not answer is given up."""
    with (
        socketserver.UnixStreamServer(
            str(tmp_path / "docker.sock"), socketserver.BaseRequestHandler
        ),
        pytest.raises(DockerApiError, match="timed out"),
    ):
        DockerApi(0.1, str(tmp_path / "docker.sock")).containers("planner")
