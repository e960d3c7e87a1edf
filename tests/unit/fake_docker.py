"""A small model of Docker, Compose and nginx' processes, in place of ``subprocess.run``."""

import hashlib
import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SERVICES = {
    "nginx": {"image": "nginx:1"},
    "backend": {"image": "backend:1"},
    "postgres": {"image": "postgres:1"},
    "redis": {"image": "redis:1"},
}
VOLUME = "planner_postgres17"
ACTING = re.compile(r"(pull|stop|rm|up|exec|kill|run) ")
UP = "up --detach --no-build --pull never"
RELOAD = [
    "exec planner-nginx-1 nginx -t -q -c /etc/planner/nginx.conf",
    "kill --signal HUP planner-nginx-1",
]
_LABEL = "com.docker.compose"


def rendered(**services: dict[str, Any] | None) -> str:
    """A Compose file with these services beside or instead of the stack's own; JSON is YAML."""
    every = {**SERVICES, **services}
    return json.dumps({"services": {name: entry for name, entry in every.items() if entry}})


def hash_of(service: dict[str, Any]) -> str:
    """What Compose would call the configuration's hash."""
    return hashlib.sha256(json.dumps(service).encode()).hexdigest()


class RefusedError(Exception):
    """Docker's own words when it does not do something."""


class Cut(BaseException):
    """The process that gave the commands is no more."""


@dataclass
class Container:
    """What Docker knows about one. ``health`` is what each look shows; the last one stays."""

    service: str
    hash: str
    created: int
    health: list[str]
    running: bool = True

    @property
    def ready(self) -> bool:
        """Whether it answers requests as it should."""
        return self.running and self.health[0] == "healthy"


@dataclass
class Nginx:
    """Its workers: those that serve, and until when those stay that finish their requests."""

    workers: tuple[int, ...] = ()
    leaving: dict[int, float] = field(default_factory=dict)
    route: str = ""
    """The container that its workers send requests to."""
    deaf: bool = False
    """Whether it does not react to a signal."""


@dataclass
class Docker:
    """What can be seen and done of Docker. ``failing`` maps commands to what they say."""

    folder: Path
    containers: dict[str, Container] = field(default_factory=dict)
    images: set[str] = field(default_factory=set)
    volumes: dict[str, str] = field(default_factory=dict)
    health: dict[str, list[str]] = field(default_factory=dict)
    """What each look at a service's new container shows. Healthy at once if missing."""
    failing: dict[str, str] = field(default_factory=dict)
    stillborn: dict[str, str] = field(default_factory=dict)
    """What Docker says when it made a service's container and cannot start it."""
    calls: list[str] = field(default_factory=list)
    nginx: Nginx = field(default_factory=Nginx)
    long_requests_s: float = 0
    """How long requests under way still take when nginx reloads."""
    now: float = 0
    number: int = 0
    after: Callable[[], None] = lambda: None
    """Called after each command: what must hold at every moment."""

    def __call__(self, argv: list[str], **how: Any) -> subprocess.CompletedProcess[str]:
        """Answer in place of subprocess.run."""
        words = argv[1:]
        if words[:3] == ["compose", "--progress", "quiet"]:
            assert how["cwd"] == str(self.folder), "Compose finds its file in the working folder"
            words = words[3:]
        line = " ".join(words)
        self.calls.append(line)
        said = next(
            (say for command, say in self.failing.items() if re.search(command, line)), None
        )
        if said is not None:
            return subprocess.CompletedProcess(argv, 1, "", f"{said}\n")
        try:
            answer = getattr(self, words[0])
            out = answer(words[1:], how["input"]) if words[0] == "compose" else answer(words[1:])
        except RefusedError as error:
            return subprocess.CompletedProcess(argv, 1, "", f"{error}\n")
        self.after()
        return subprocess.CompletedProcess(argv, 0, out or "", "")

    @property
    def acted(self) -> list[str]:
        """Only the calls that change something."""
        return [call for call in self.calls if ACTING.match(call)]

    def of(self, service: str) -> dict[str, Container]:
        """A service's containers by name, oldest first."""
        return {name: one for name, one in self.containers.items() if one.service == service}

    def one(self, service: str) -> Container:
        """A service's only container."""
        (found,) = self.of(service).values()
        return found

    @property
    def live_conf(self) -> Path:
        """The file by which nginx is switched."""
        return self.folder / "nginx" / "live.conf"

    def sleep(self, seconds: float) -> None:
        """Time goes by without anybody waiting."""
        self.now += seconds

    def monotonic(self) -> float:
        """Tell the model's time."""
        return self.now

    def compose(self, words: list[str], text: str) -> str:
        """Read the Compose file on stdin."""
        services = json.loads(text)["services"]
        if "--hash" in words:
            return "".join(f"{name} {hash_of(entry)}\n" for name, entry in services.items())
        return json.dumps({"services": services})

    def image(self, words: list[str]) -> None:
        """Fail for an image that is not there."""
        if words[-1] not in self.images:
            raise RefusedError("no such image")

    def volume(self, words: list[str]) -> str:
        """Tell when a volume was made."""
        assert words[:3] == ["inspect", "--format", "{{.CreatedAt}}"]
        if words[-1] not in self.volumes:
            raise RefusedError("no such volume")
        return self.volumes[words[-1]] + "\n"

    def pull(self, words: list[str]) -> None:
        """Every registry answers."""
        self.images.add(words[-1])

    def up(self, words: list[str]) -> None:
        """Start what is on the disk, from images that are here."""
        services = json.loads((self.folder / "compose.yml").read_text())["services"]
        words = words[words.index("never") + 1 :]
        if words[:2] == ["--no-recreate", "--scale"]:
            name, wanted = words[2].split("=")
            assert words[3:] == [name]
            while len(self.of(name)) < int(wanted):
                taken = [int(one.rpartition("-")[2]) for one in self.of(name)]
                self._create(f"planner-{name}-{max(taken, default=0) + 1}", name, services[name])
            return
        assert words[0] == "--force-recreate"
        for name in words[1:]:
            # Compose keeps one, and its name, and removes those that are too many.
            present = list(self.of(name)) or [f"planner-{name}-1"]
            for surplus in present[1:]:
                del self.containers[surplus]
            self._create(present[0], name, services[name])

    def _create(self, name: str, service: str, entry: dict[str, Any]) -> None:
        assert entry["image"] in self.images
        self.containers.pop(name, None)
        self.number += 1
        health = list(self.health.get(service, ["healthy"]))
        self.containers[name] = Container(service, hash_of(entry), self.number, health)
        if service in self.stillborn:
            self.containers[name].running = False
            raise RefusedError(self.stillborn[service])
        if service == "postgres":
            self.volumes.setdefault(VOLUME, "2026-01-01T00:00:00Z")
        if service == "nginx":
            self.nginx.workers, self.nginx.leaving = (), {}
            self._fork()

    def _fork(self) -> None:
        """Start nginx' workers with what is on the disk."""
        self.number += 2
        self.nginx.workers = (self.number, self.number + 1)
        text = self.live_conf.read_text() if self.live_conf.exists() else ""
        found = re.search(r"set \$backend http://(\S+):8000;", text)
        self.nginx.route = found[1] if found else ""

    def ps(self, words: list[str]) -> str:
        """List containers, their names being their ids, newest first as Docker does."""
        found = re.search(r"service=(\S+)", " ".join(words))
        return "\n".join(reversed(self.of(found[1]) if found else self.containers))

    def inspect(self, names: list[str]) -> str:
        """Describe containers."""
        return json.dumps([self._inspected(name, self.containers[name]) for name in names])

    @staticmethod
    def _inspected(name: str, one: Container) -> dict[str, Any]:
        shown = one.health.pop(0) if len(one.health) > 1 else one.health[0]
        labels = {f"{_LABEL}.service": one.service, f"{_LABEL}.config-hash": one.hash}
        return {
            "Name": f"/{name}",
            "Created": f"2026-01-01T00:00:{one.created:09}Z",
            "State": {"Running": one.running, "Health": {"Status": shown}},
            "Config": {"Labels": labels},
        }

    def top(self, words: list[str]) -> str:
        """List nginx' processes."""
        assert words[1:] == ["-eo", "pid,args"]
        self.nginx.leaving = {
            pid: until for pid, until in self.nginx.leaving.items() if until > self.now
        }
        lines = [
            "    PID COMMAND",
            "      1 nginx: master process nginx -c /etc/planner/nginx.conf",
        ]
        lines += [f"{pid:7} nginx: worker process" for pid in self.nginx.workers]
        lines += [f"{pid:7} nginx: worker process is shutting down" for pid in self.nginx.leaving]
        return "\n".join(lines) + "\n"

    def exec(self, words: list[str]) -> None:
        """It needs a running container."""
        assert self.containers[words[0]].running

    def kill(self, words: list[str]) -> None:
        """Nginx starts new workers and lets the old ones finish."""
        assert words == ["--signal", "HUP", "planner-nginx-1"]
        assert self.one("nginx").running
        if not self.nginx.deaf:
            until = self.now + self.long_requests_s
            self.nginx.leaving |= dict.fromkeys(self.nginx.workers, until)
            self._fork()

    def run(self, words: list[str]) -> None:
        """It needs the database."""
        assert words[:4] == ["--rm", "--no-deps", "--no-TTY", "backend"]
        assert self.one("postgres").running

    def logs(self, words: list[str]) -> str:
        """Each container has something to say."""
        return f"the last words of {words[-1]}\n"

    def stop(self, names: list[str]) -> None:
        """Stop containers."""
        for name in names:
            self.containers[name].running = False

    def rm(self, names: list[str]) -> None:
        """Remove stopped containers."""
        for name in names:
            assert not self.containers.pop(name).running
