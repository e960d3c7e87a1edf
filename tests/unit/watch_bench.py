"""A machine whose findings a test decides, and real HTTP servers: the owner's address and the outside service."""

import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _watch_run
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    Finding,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_clean import Cleaned
from ansible_collections.planner.droplet.plugins.module_utils._watch_look import Look
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings

BEGIN = 1_800_000_000.0
BAD = Finding(PROBLEM, "ready", "site", "does not answer", "look at nginx")
GOOD = replace(BAD, severity=OK, what="answers")
FULL = Finding(PROBLEM, "disk", "/", "is 93 % full", "sudo planner-watch clean")


class Bench:
    """Both of them."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Serve the owner's address and the outside service, both here."""
        self.got: list[dict[str, Any]] = []
        self.pings: list[str] = []
        self.status = 200
        self.now = BEGIN
        self.findings: list[Finding] = [GOOD]
        self.healed: list[Finding] = []
        self.cleaned = Cleaned()
        self.cleanings = 0
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        secrets = folder / "watch/secrets"
        secrets.mkdir(parents=True)
        (secrets / "alert_url").write_text(f"{address}/alert")
        (secrets / "ping_url").write_text(f"{address}/ping")
        self.settings = Settings(project_dir=str(folder), host="planner-1")
        self.looked = folder / "run/looked"
        monkeypatch.setattr(_watch_run, "LOOKED", str(self.looked))
        monkeypatch.setattr(_watch_run, "heard", list)
        monkeypatch.setattr(_watch_run, "is_held", lambda: False)
        monkeypatch.setattr(_watch_run, "heal", lambda *_: (self.healed, {}))
        monkeypatch.setattr(_watch_run, "look", self._look)
        monkeypatch.setattr(_watch_run, "clean", self._clean)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        bench = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if bench.status == 200:
                    bench.got.append(json.loads(body))
                self._say(bench.status)

            def do_GET(self) -> None:
                bench.pings.append(self.path)
                self._say(200)

            def _say(self, status: int) -> None:
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler

    def _look(
        self, _settings: Settings, counters: dict[str, Any], _now: float, *, thorough: bool
    ) -> Look:
        seen = [*counters.get("thorough", []), thorough]
        looked = frozenset(one.check for one in self.findings)
        found = tuple(self.findings)
        bad = {"all": tuple(one for one in found if one.severity != OK)}
        return Look(found, looked, bad, {"thorough": seen}, {"ready": True})

    def _clean(self, *_: object) -> Cleaned:
        self.cleanings += 1
        return self.cleaned

    def run(self, times: int = 1, every_s: float = 60) -> list[str]:
        """Look so many times; return what could not be told."""
        complaints = []
        for _ in range(times):
            complaints += _watch_run.run(self.settings, lambda: self.now)
            self.now += every_s
        return complaints

    @property
    def titles(self) -> list[str]:
        """Begin and host of each message, with its kind."""
        return [f"{one['kind']}: {one['title']}" for one in self.got]

    def close(self) -> None:
        """Serve no more."""
        self.server.shutdown()
        self.server.server_close()
