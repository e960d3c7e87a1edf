# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Asks Docker over its socket: what is asked each minute is not worth a command line of 25 MiB each time."""

from __future__ import annotations

import http.client
import json
import socket
import urllib.parse
from typing import Any

SOCKET = "/var/run/docker.sock"
_SAID = 300


class DockerApiError(Exception):
    """Docker did not answer, or not as it should; the message says why."""


class DockerApi:
    """One engine; ``timeout_s`` is for each answer."""

    def __init__(self, timeout_s: float, path: str = SOCKET) -> None:
        """Nothing is asked yet."""
        self.timeout_s = timeout_s
        self.path = path

    def containers(self, project: str) -> str:
        """Return what ``docker inspect`` prints of a Compose project's containers, as JSON. Raises DockerApiError."""
        label = [f"com.docker.compose.project={project}", "com.docker.compose.oneoff=False"]
        listed = self._get("/containers/json", all="true", filters=json.dumps({"label": label}))
        try:
            names = [str(one["Id"]) for one in json.loads(listed)]
        except (ValueError, TypeError, KeyError) as error:
            raise DockerApiError("it listed its containers in an unknown way") from error
        return f"[{','.join(self._get(f'/containers/{name}/json') for name in names)}]"

    def ends(self, project: str, since: float, until: float) -> str:
        """Return the events of ended and killed containers, one JSON object a line. Times are seconds since 1970."""
        label = [f"com.docker.compose.project={project}"]
        filters = json.dumps({"label": label, "event": ["die", "oom"]})
        return self._get("/events", since=f"{since:.0f}", until=f"{until:.0f}", filters=filters)

    def _get(self, path: str, **query: str) -> str:
        """Return the body of an answer; every way to fail is a DockerApiError."""
        connection = _Local(self.path, self.timeout_s)
        try:
            # Without a version in front Docker takes its newest: what is read here has been the same since 1.24.
            connection.request("GET", f"{path}?{urllib.parse.urlencode(query)}")
            answer = connection.getresponse()
            body = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise DockerApiError(str(error) or type(error).__name__) from error
        finally:
            connection.close()
        if answer.status != 200:
            raise DockerApiError(f"{answer.status}: {_message(body)}")
        return body


class _Local(http.client.HTTPConnection):
    """HTTP over a socket of this machine."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("docker", timeout=timeout_s)
        self.path = path

    def connect(self) -> None:
        """Connect to the socket instead of the name."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def _message(body: str) -> str:
    """Return what Docker complains of."""
    try:
        said: Any = json.loads(body)["message"]
    except (ValueError, TypeError, KeyError):
        said = body
    return " ".join(str(said).split())[:_SAID]
