"""Versions of the backend, good and bad, and the Droplet's releases as seen from outside."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

ROOT = Path(__file__).parents[3]
VARIANTS = ROOT / "molecule/release/variants"


@dataclass(frozen=True)
class Variant:
    """What differs from the reference backend: how it behaves, which migrations it adds."""

    mode: str = "good"
    migrations: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


# Whoever releases holds the lock, and its process id is in the file.
LOCK = "/run/lock/planner-maintenance.lock"
RELEASING = rf"grep -q '^a release' {LOCK} && kill -0 $(sed -n 's/.*pid \([0-9]*\).*/\1/p' {LOCK})"
KILL = RELEASING.replace("kill -0", "kill -9")
RUNNING = "/opt/planner/release.running.json"
# What is promised of a release and of the way back.
ENOUGH = 1000
# Most tests have another claim than the time a version needs to prove itself; the last value given counts.
SOON = ("-e", "stack_soak_s=1")
AS_ALWAYS = ("-e", "stack_soak_s=10")
NOTE, DROP = "0003_note.py", "0004_drop_note.py"
# Without the app, so that it says so at once and its time-out can be short.
MUTE = ("python", "-uc", "import time; print('started, never ready'); time.sleep(3600)")
BROKEN = {
    "does-not-start": Variant(command=("/no/such/program",)),
    "never-ready": Variant(command=MUTE),
    "crashes-after-10-s": Variant("crash"),
    "fails-its-migration": Variant(migrations=("0003_fails.py",)),
    "leaks-over-its-limit": Variant("leak"),
}
ALL = BROKEN | {
    "never-pushed": Variant(),
    "never-fetched": Variant(),
    "one": Variant(),
    "two": Variant(),
    "three": Variant(),
    "four": Variant(),
    "noted": Variant(migrations=(NOTE,)),
    "dropped": Variant(migrations=(NOTE, DROP)),
    "dropped-and-never-ready": Variant(migrations=(NOTE, DROP), command=MUTE),
}


def dockerfile(name: str, variant: Variant) -> str:
    """Write how a version is made."""
    command = variant.command or ("python", "/app/variant.py", variant.mode)
    lines = ["FROM planner-demo/backend:1.0.1", "COPY variant.py /app/"]
    lines += [f"COPY {one} /app/migrations/versions/" for one in variant.migrations]
    lines += [f"ENV APP_VERSION={name}", f"CMD {json.dumps(command)}"]
    return "\n".join(lines) + "\n"


def run(*command: str, **how: Any) -> str:
    """Run a command of this machine; show what it said when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **how)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


@pytest.fixture(scope="session")
def local(tmp_path_factory) -> Callable[[str], str]:
    """Return a function that builds a version on this machine and returns its local name."""
    built: dict[str, str] = {}

    def build(name: str) -> str:
        if name not in built:
            folder = tmp_path_factory.mktemp(name)
            for file in VARIANTS.glob("*.py"):
                shutil.copy(file, folder)
            (folder / "Dockerfile").write_text(dockerfile(name, ALL[name]))
            built[name] = f"planner-demo/backend:{name}"
            how = os.environ | {"DOCKER_BUILDKIT": "0"}
            run("docker", "build", "-q", "-t", built[name], str(folder), env=how)
        return built[name]

    yield build
    for name in built.values():
        run("docker", "rmi", name)


def push(name: str, repository: str = "planner/backend") -> str:
    """Push an image of this machine to the bench's registry; return its reference."""
    return run(str(ROOT / "molecule/bench/push-image.sh"), name, repository)


@pytest.fixture(scope="session")
def image(local) -> Callable[[str], str]:
    """Return a function that gives the reference of a version in the bench's registry."""
    pushed: dict[str, str] = {}

    def reference(name: str) -> str:
        if name not in pushed:
            pushed[name] = push(local(name))
        return pushed[name]

    return reference


@dataclass
class Releases:
    """The Droplet's releases: started as an owner does, and read from its log."""

    host: Host
    playbook: Callable[..., subprocess.CompletedProcess[str]]
    outside: Any

    def deploy(self, reference: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run deploy.yml."""
        return self.playbook("deploy", "-e", f"droplet_image={reference}", *SOON, *options)

    def rollback(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run rollback.yml."""
        return self.playbook("rollback", *SOON, *options)

    def must(self, done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
        """Fail with the whole output unless the run succeeded; return what the log says of it."""
        assert done.returncode == 0, done.stdout
        return self.last

    @property
    def log(self) -> list[dict[str, Any]]:
        """Read the log, oldest first."""
        lines = self.host.check_output("cat /opt/planner/releases.jsonl").splitlines()
        return [json.loads(line) for line in lines]

    @property
    def last(self) -> dict[str, Any]:
        """Read the newest record."""
        return self.log[-1]

    @property
    def before(self) -> dict[str, Any]:
        """Find what ran before the current version was released; one that was gone back to has its first place."""
        good = [one for one in self.log if one["result"] == "good"]
        now = good[-1]
        since = now["to"] or now["release"]
        return next(
            one
            for one in reversed(good)
            if one["release"] < since and one["images"] != now["images"]
        )

    @property
    def version(self) -> str:
        """Ask the product which version serves."""
        return str(self.outside.request("/").json["version"])

    @property
    def other(self) -> str:
        """Name a good version that does not serve now."""
        return "two" if self.version == "one" else "one"

    def kill_when(self, reached: str, after_s: float = 0) -> None:
        """Have the Droplet kill its next release, so long after that has come to a point."""
        wait = f"for _ in $(seq 1200); do {reached} && break; sleep 0.05; done"
        command = f"{wait}; sleep {after_s}; {KILL}"
        self.host.check_output("systemd-run --collect --unit bench-killer sh -c %s", command)

    def containers(self) -> list[str]:
        """List all containers of the Droplet, running or not."""
        listed = self.host.check_output("docker ps -a --format '{{.Names}} {{.State}}'")
        return sorted(listed.splitlines())

    def settled(self) -> None:
        """One container a service, all running; the Compose file names what runs; nothing is half-done."""
        found = self.containers()
        assert len(found) == 4, found
        assert all(one.endswith(" running") for one in found), found
        backend = next(one.split()[0] for one in found if "backend" in one)
        runs = self.host.check_output(f"docker inspect -f '{{{{.Config.Image}}}}' {backend}")
        assert f"image: {runs}\n" in self.host.check_output("cat /opt/planner/compose.yml") + "\n"
        assert self.host.check_output("ls /opt/planner").split() == [
            *("acme", "backup", "compose.yml", "dumps", "nginx", "postgres", "redis"),
            *("release.json", "releases.jsonl", "secrets", "state.json", "tls"),
        ]


@pytest.fixture(scope="module")
def releases(host, playbook, outside) -> Releases:
    """Return the Droplet's releases."""
    host.run("install -d -m 700 /opt/planner/dumps")
    return Releases(host, playbook, outside)


@pytest.fixture(scope="module")
def serving(releases, image) -> Releases:
    """Have version `one` serve at the beginning of a file of tests, on the schema it was made for."""
    if releases.version != "one":
        releases.must(releases.deploy(image("one"), "-e", "stack_accept_breaking_schema=true"))
    return releases


NUMBERS: list[tuple[str, ...]] = []


@pytest.fixture
def measured(request, load, releases) -> Callable[..., Any]:
    """Return the constant load as a context, whose numbers are shown at the end of the scenario."""

    @contextmanager
    def context(at_least: int = 0) -> Iterator[dict[str, Any]]:
        before = len(releases.log)
        with load(at_least) as counts:
            yield counts
        new = releases.log[before:]
        seconds, gap = (f"{new[-1][name]:.1f}" if new else "-" for name in ("seconds", "gap_s"))
        numbers = (counts["sent"], counts["failed"], counts["slowest_s"])
        NUMBERS.append((request.node.name, *map(str, numbers), seconds, gap))

    return context


def pytest_terminal_summary(terminalreporter) -> None:
    """Show what was measured, here and where scripts/scenario.sh finds it."""
    rows = [("under constant load", "requests", "failed", "slowest s", "release s", "gap s")]
    rows += NUMBERS
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
    (ROOT / ".cache/log/numbers-release.txt").write_text("\n".join([*lines, ""]))
    for line in lines:
        terminalreporter.write_line(line)
