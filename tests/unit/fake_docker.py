"""A small model of Docker, Compose, nginx' processes and systemd's timers, in place of ``subprocess.run``."""

import json
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._schema_program import PROGRAM

from tests.unit.fake_containers import EPOCH, VOLUME, Container, Nginx, hash_of
from tests.unit.fake_database import RefusedError, Schema

ACTING = re.compile(
    r"(pull|stop|start|rm|up|create|kill|image rm) "
    r"|exec .*(nginx -t|prepare.sql|pg_dump|pg_restore.* --create)|run .*--name planner-migrate "
)
RELOAD = [
    "exec planner-nginx-1 nginx -t -q -c /etc/planner/nginx.conf",
    "kill --signal HUP planner-nginx-1",
]


class Cut(BaseException):
    """The process that gave the commands is no more."""


@dataclass
class Docker:
    """What can be seen and done of Docker. ``failing`` maps commands to what they say."""

    folder: Path
    containers: dict[str, Container] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    """Their ids by reference."""
    volumes: dict[str, str] = field(default_factory=dict)
    """When each was made. Its files are in a folder of its name, beside the project's."""
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    majors: dict[str, int] = field(default_factory=dict)
    """The version of PostgreSQL in an image."""
    health: dict[str, list[str]] = field(default_factory=dict)
    """What each look at a service's new container shows. Healthy at once if missing."""
    crashes: dict[str, list[tuple[float, int]]] = field(default_factory=dict)
    """How a service's new container crashes."""
    failing: dict[str, str] = field(default_factory=dict)
    stillborn: dict[str, str] = field(default_factory=dict)
    """What Docker says when it cannot start a service's container."""
    oneshots: set[str] = field(default_factory=set)
    """Containers that outlived a release before."""
    timers: dict[str, list[str]] = field(default_factory=dict)
    armed: list[list[str]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    nginx: Nginx = field(default_factory=Nginx)
    schema: Schema = field(default_factory=Schema)
    long_requests_s: float = 0
    """How long requests under way still take when nginx reloads."""
    now: float = 0
    number: int = 0
    after: Callable[[], None] = lambda: None
    """Called after each command: what must hold at every moment."""

    def __call__(self, argv: list[str], **how: Any) -> subprocess.CompletedProcess[str]:
        """Answer in place of subprocess.run."""
        if argv[0] != "docker":
            return self._systemd(list(argv))
        words, services = argv[1:], {}
        if words[0] == "compose":
            common = ["compose", "--progress", "quiet", "--project-directory", str(self.folder)]
            assert words[:7] == [*common, "--file", "-"]
            words, services = words[7:], json.loads(how["input"])["services"]
        line = " ".join(words).replace(PROGRAM, "<program>")
        self.calls.append(line)
        said = next(
            (say for command, say in self.failing.items() if re.search(command, line)), None
        )
        if said is not None:
            return subprocess.CompletedProcess(argv, 1, "", f"{said}\n")
        try:
            for one in self.containers.values():
                one.live_on(self.now)
            answer = getattr(self, words[0])
            if services:
                out = answer(words[1:], services)
            elif words[0] == "exec":
                out = answer(words[1:], how)
            else:
                out = answer(words[1:])
        except RefusedError as error:
            return subprocess.CompletedProcess(argv, 1, "", f"{error}\n")
        self.after()
        return subprocess.CompletedProcess(argv, 0, out or "", "")

    def _systemd(self, argv: list[str]) -> subprocess.CompletedProcess[str]:
        if argv[0] == "systemd-run":
            self.timers[argv[argv.index("--unit") + 1]] = argv
            self.armed.append(argv)
        else:
            assert argv[:3] == ["systemctl", "--quiet", "stop"]
            self.timers.pop(argv[3].removesuffix(".timer"), None)
        return subprocess.CompletedProcess(argv, 0, "", "")

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

    # The module ``time``, as far as it is used.
    strftime = staticmethod(time.strftime)

    def gmtime(self) -> time.struct_time:
        """Tell the model's date."""
        return time.gmtime(EPOCH + self.now)

    def sleep(self, seconds: float) -> None:
        """Time goes by without anybody waiting."""
        self.now += seconds

    def monotonic(self) -> float:
        """Tell the model's time."""
        return self.now

    def time(self) -> float:
        """Tell the model's date."""
        return EPOCH + self.now

    def config(self, words: list[str], services: dict[str, Any]) -> str:
        """Tell Compose's hashes, or all of the file."""
        if "--hash" in words:
            return "".join(f"{name} {hash_of(entry)}\n" for name, entry in services.items())
        return json.dumps({"services": services})

    def image(self, words: list[str]) -> str:
        """List, describe or remove images."""
        if words[0] == "ls":
            return "\n".join(self.images.values())
        if words[0] == "rm":
            self.images = {name: one for name, one in self.images.items() if one != words[-1]}
        elif words[1] == "--format":
            if words[-1] not in self.images:
                raise RefusedError("no such image")
            return self.images[words[-1]] + "\n"
        return json.dumps([self._image(one) for one in words[1:]])

    def _image(self, name: str) -> dict[str, Any]:
        env = [f"PG_MAJOR={self.majors[name]}"] if name in self.majors else []
        return {"Id": name, "Size": 100 * 1024 * 1024, "Config": {"Env": env}}

    def volume(self, words: list[str]) -> str:
        """List volumes, describe them, or tell when one was made."""
        if words[0] == "ls":
            return "\n".join(self.volumes)
        if words[1] != "--format":
            return json.dumps([self._volume(name) for name in words[1:]])
        assert words[:3] == ["inspect", "--format", "{{.CreatedAt}}"]
        if words[-1] not in self.volumes:
            raise RefusedError("no such volume")
        return self.volumes[words[-1]] + "\n"

    def _volume(self, name: str) -> dict[str, Any]:
        place = self.folder.parent / "volumes" / name
        return {"Name": name, "CreatedAt": self.volumes[name], "Mountpoint": str(place)} | (
            {"Labels": self.labels.get(name)}
        )

    def pull(self, words: list[str]) -> None:
        """Every registry answers."""
        self.images[words[-1]] = f"sha256:id-of-{words[-1]}"

    def up(self, words: list[str], services: dict[str, Any]) -> None:
        """Create and start in place, from images that are here."""
        assert words[:5] == ["--detach", "--no-build", "--pull", "never", "--force-recreate"]
        for name in words[5:]:
            # Compose keeps one, and its name, and removes those that are too many.
            present = list(self.of(name)) or [f"planner-{name}-1"]
            for surplus in present[1:]:
                del self.containers[surplus]
            self._create(present[0], name, services[name])
            self.start([present[0]])

    def create(self, words: list[str], services: dict[str, Any]) -> None:
        """Make one more, which does not run yet."""
        assert words[:5] == ["--no-build", "--pull", "never", "--no-recreate", "--scale"]
        name, wanted = words[5].split("=")
        assert words[6:] == [name]
        while len(self.of(name)) < int(wanted):
            taken = [int(one.rpartition("-")[2]) for one in self.of(name)]
            self._create(f"planner-{name}-{max(taken, default=0) + 1}", name, services[name])

    def _create(self, name: str, service: str, entry: dict[str, Any]) -> None:
        assert entry["image"] in self.images
        self.containers.pop(name, None)
        self.number += 1
        health = list(self.health.get(service, ["healthy"]))
        crashes = list(self.crashes.get(service, []))
        one = Container(service, hash_of(entry), entry["image"], self.number, health, crashes)
        self.containers[name] = one

    def start(self, names: list[str]) -> None:
        """Start containers that exist."""
        (name,) = names
        one = self.containers[name]
        if one.service in self.stillborn:
            raise RefusedError(self.stillborn[one.service])
        if not one.running:
            one.started, one.running = self.now, True
        if one.service == "postgres":
            self.volumes.setdefault(VOLUME, "2026-01-01T00:00:00Z")
        if one.service == "nginx":
            self.nginx.leaving = {}
            self._fork()

    def _fork(self) -> None:
        self.number += 2
        self.nginx.fork(self.number, self.live_conf)

    def ps(self, words: list[str]) -> str:
        """List containers, their names being their ids, newest first as Docker does."""
        line = " ".join(words)
        if found := re.search(r"name=\^(\S+)\$", line):
            return found[1] if found[1] in self.oneshots else ""
        found = re.search(r"service=(\S+)", line)
        return "\n".join(reversed(self.of(found[1]) if found else self.containers))

    def inspect(self, words: list[str]) -> str:
        """Describe containers."""
        if words[0] == "--format":
            return "".join(f"{self.images.get(self.containers[n].image)}\n" for n in words[2:])
        found = {name: self.containers[name] for name in words}
        shown = [one.inspected(n, self.images.get(one.image, "")) for n, one in found.items()]
        return json.dumps(shown)

    def top(self, words: list[str]) -> str:
        """List nginx' processes."""
        assert words[1:] == ["-eo", "pid,args"]
        return self.nginx.listing(self.now)

    def exec(self, words: list[str], how: dict[str, Any]) -> str:
        """Something within a container that runs."""
        name, program, *rest = words[1:] if words[0] == "-i" else words
        assert self.containers[name].running
        if program == "psql":
            self.schema.prepared += rest[-1] == "/etc/planner/prepare.sql"
            return "" if rest[-1] != "-" else self.schema.tells()
        if program == "pg_dump":
            how["stdout"].write(self.schema.dump())
        if program == "pg_restore":
            return self.schema.restore(rest, Path(how["stdin"].name))
        if program == "wget":
            found = re.fullmatch(r"http://(\S+):8000/health/ready", rest[-1])
            assert found
            if not self.containers[found[1]].ready:
                raise RefusedError("wget: server returned error: HTTP/1.1 503")
            return '{"ready": true}\n'
        return ""

    def kill(self, words: list[str]) -> None:
        """Nginx starts new workers and lets the old ones finish."""
        assert words == ["--signal", "HUP", "planner-nginx-1"]
        assert self.one("nginx").running
        if not self.nginx.deaf:
            until = self.now + self.long_requests_s
            self.nginx.leaving |= dict.fromkeys(self.nginx.workers, until)
            self._fork()

    def run(self, words: list[str], services: dict[str, Any]) -> str:
        """Ask the backend's image for its migrations, or run them."""
        assert words[:4] == ["--rm", "--no-deps", "--no-TTY", "--name"]
        assert words[5] == "backend"
        assert self.one("postgres").running
        assert words[4] not in self.oneshots, "its name is taken"
        image = services["backend"]["image"]
        if words[4] == "planner-schema":
            return self.schema.asked(image, words[-1])
        self.schema.migrate(image)
        return ""

    def logs(self, words: list[str]) -> str:
        """Each container has something to say."""
        return f"the last words of {words[-1]}\n"

    def events(self, words: list[str]) -> str:
        """Tell how a container's processes ended."""
        since = float(words[words.index("--since") + 1]) - EPOCH
        (name,) = (one[10:] for one in words if one.startswith("container="))
        codes = [code for when, code in self.containers[name].died if when >= since]
        attributes = [{"Actor": {"Attributes": {"exitCode": str(code)}}} for code in codes]
        return "\n".join(json.dumps(one) for one in attributes)

    def stop(self, names: list[str]) -> None:
        """Stop containers."""
        for name in names:
            self.containers[name].running = False

    def rm(self, words: list[str]) -> None:
        """Remove a container, a running one only by force."""
        force, name = words[0] == "--force", words[-1]
        if force and name in self.oneshots:
            self.oneshots.remove(name)
            return
        assert not self.containers.pop(name).running or force
