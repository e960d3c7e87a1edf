#!/usr/bin/env python3
"""Measure the running demo against the memory plan: `measure.py [--write] [EVENT...]`.

Services at rest and under load, then each event that can be made to happen now: what it takes on top of the
machine at rest. --write puts the result into docs/measurements.md. Load is bounded and goes to loopback only.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from scripts.https_place import ROOT, demo

UTILS = ROOT / "plugins/module_utils"
PLACE = demo()
SECRET = "demo-webhook-secret"  # noqa: S105 - public on purpose, see inventory/demo
LOAD_S, CLIENTS, REQUESTS_PER_S = 15, 4, 200
POSTGRES = "docker exec -i planner-postgres-1 psql -q -X -v ON_ERROR_STOP=1 -U postgres"

# Some 60 MiB that hardly compress, and embeddings with an index as the app has them, in a schema of their own.
BALLAST = """
DROP SCHEMA IF EXISTS measure CASCADE;
CREATE SCHEMA measure;
CREATE TABLE measure.note AS SELECT n, md5(random()::text) || md5(random()::text) || md5(random()::text) AS text
  FROM generate_series(1, 400000) AS n;
CREATE TABLE measure.task AS SELECT n, (SELECT array_agg(random() + 0 * (i + n)) FROM generate_series(1, 256) AS i)
  ::vector(256) AS embedding FROM generate_series(1, 4000) AS n;
CREATE INDEX ON measure.task USING hnsw (embedding vector_cosine_ops);
"""
MIGRATION = (
    "cd /opt/planner && "
    "docker compose --progress quiet run --rm --no-deps --no-TTY backend alembic upgrade head"
)
RENEWAL = (
    "REQUESTS_CA_BUNDLE=/opt/planner/tls/acme-ca.pem planner-maintenance certificate "
    "certbot renew --quiet --cert-name planner --force-renewal --no-random-sleep-on-renew"
)
APT = "export DEBIAN_FRONTEND=noninteractive; apt-get -qq update && apt-get -qq install --reinstall zstd"
# As planner-backup calls it, into a repository that is here: what differs is only where its bytes go.
REPOSITORY = "/var/tmp/planner-measure"  # noqa: S108 - /tmp is memory
RESTIC = (
    "RESTIC_PASSWORD=measure GOGC=20 GOMAXPROCS=1 GOMEMLIMIT=64MiB restic -q --no-cache -r "
    + REPOSITORY
)


def script(name: str) -> ModuleType:
    """Load a neighbour; its name may be a command's (demo-status)."""
    key = name.replace("-", "_")
    spec = importlib.util.spec_from_file_location(key, ROOT / f"scripts/{name}.py")
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    sys.modules[key] = module
    spec.loader.exec_module(module)
    return module


def bash(command: str) -> str:
    """Run a line with the demo's own functions; raise with what it said."""
    line = f". scripts/demo-common.sh; {command}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotMeasuredError((done.stderr or done.stdout).strip()[-400:])
    return done.stdout.strip()


class NotMeasuredError(Exception):
    """An event could not be made to happen; says why."""


@dataclass(frozen=True)
class Droplet:
    """The demo over ssh."""

    ssh: list[str]

    def run(self, command: str, stdin: str = "") -> str:
        """Run a line of bash as root."""
        done = subprocess.run(
            [*self.ssh, f"sudo -n bash -c {shlex.quote(command)}"],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=900,
            check=False,
        )
        if done.returncode:
            raise NotMeasuredError((done.stderr or done.stdout).strip()[-400:])
        return done.stdout.strip()

    def services(self) -> dict[str, str]:
        """Map the product's containers to their services."""
        template = '{{.ID}} {{.Label "com.docker.compose.service"}}'
        shown = self.run(
            "docker ps --no-trunc --filter label=com.docker.compose.project=planner "
            f"--format {shlex.quote(template)}"
        )
        return dict(line.split() for line in shown.splitlines())

    def during(self, action: Callable[[], object]) -> dict[str, Any]:
        """Sample the Droplet at rest and while the action runs."""
        sampler = (ROOT / "scripts/measure_sampler.py").read_text()
        given = {"source": (UTILS / "_memory_usage.py").read_text(), "services": self.services()}
        with subprocess.Popen(
            [*self.ssh, f"sudo -n python3 -c {shlex.quote(sampler)}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        ) as remote:
            if remote.stdin is None or remote.stdout is None:
                raise NotMeasuredError("no sampler")
            remote.stdin.write(json.dumps(given) + "\n")
            remote.stdin.flush()
            if remote.stdout.readline().strip() != "ready":
                raise NotMeasuredError("the sampler did not start")
            started = time.monotonic()
            try:
                action()
            finally:
                seconds = time.monotonic() - started
                remote.stdin.close()
                said = remote.stdout.read()
        return {**json.loads(said), "seconds": round(seconds, 1)}


def load() -> None:
    """Ask and deliver messages, at most REQUESTS_PER_S, for LOAD_S seconds, to loopback."""

    def client(number: int) -> None:
        end, pause = time.monotonic() + LOAD_S, CLIENTS / REQUESTS_PER_S
        update = time.time_ns() // 1000 * CLIENTS + number
        while time.monotonic() < end:
            started = time.monotonic()
            update += CLIENTS
            one(update, post=number % 2 == 1)
            time.sleep(max(0.0, pause - (time.monotonic() - started)))

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def one(update_id: int, *, post: bool) -> None:
    """Send one request; its answer does not matter here."""
    method, path, data, headers = "GET", "/health/ready", None, {}
    if post:
        message = {"message_id": 1, "date": int(time.time()), "chat": {"id": 7, "type": "private"}}
        body = {"update_id": update_id, "message": message | {"text": "measure tomorrow"}}
        method, path, data = "POST", "/telegram/webhook", json.dumps(body).encode()
        headers = {
            "Content-Type": "application/json",
            "X-Telegram-Bot-Api-Secret-Token": SECRET,
        }
    with contextlib.suppress(OSError):
        PLACE.request(method, path, data, headers)


def release(droplet: Droplet) -> dict[str, Any]:
    """Release the next version as its owner does."""
    before = bash("running_version")
    version = f"{before.rpartition('.')[0]}.{int(before.rpartition('.')[2]) + 1}"
    reference = bash(f"build_app {version} >&2; push_app {version}").splitlines()[-1]
    return droplet.during(lambda: bash(f"site {reference}"))


def pull(droplet: Droplet) -> dict[str, Any]:
    """Pull an image that shares no layer with one that is there: the app's, as one layer."""
    version = bash("running_version")
    name = "planner-demo/measure:flat"
    bash(
        f"box=$(docker create planner-demo/backend:{version}); docker export $box | docker import - {name} >&2;"
        "docker rm $box >&2"
    )
    try:
        reference = bash(f"molecule/bench/push-image.sh {name} planner/measure").splitlines()[-1]
        return droplet.during(lambda: droplet.run(f"docker pull -q {reference}"))
    finally:
        bash(f"docker rmi {name}")
        droplet.run("docker images -q '10.231.0.2:5000/planner/measure' | xargs -r docker rmi")


def backup(droplet: Droplet) -> dict[str, Any]:
    """Back up some 60 MiB more than there are. Less data afterwards is right, as the next backup is told."""
    droplet.run(f"{POSTGRES} -d planner", stdin=BALLAST)
    return droplet.during(lambda: droplet.run("planner-backup run --accept-shrink"))


def drill(droplet: Droplet) -> dict[str, Any]:
    """Restore that backup into a second, small PostgreSQL."""
    if "measure" not in droplet.run("cat /opt/planner/backups/*/manifest.json 2>/dev/null || true"):
        raise NotMeasuredError("there is no backup of the ballast: measure backup before it")
    return droplet.during(lambda: droplet.run("planner-backup drill --from local"))


def upload(droplet: Droplet) -> dict[str, Any]:
    """Bring that backup off-site."""
    command = "cd $(ls -d /opt/planner/backups/0* | tail -n 1) && planner-maintenance backup env "
    try:
        droplet.run(f"rm -rf {REPOSITORY}; {RESTIC} init")
        return droplet.during(
            lambda: droplet.run(
                f"{command}{RESTIC} backup . --read-concurrency 1 --compression off"
            )
        )
    finally:
        droplet.run(f"rm -rf {REPOSITORY}")


EVENTS: dict[str, Callable[[Droplet], dict[str, Any]]] = {
    "load": lambda droplet: droplet.during(load),
    "release": release,
    "migration": lambda droplet: droplet.during(lambda: droplet.run(MIGRATION)),
    "upgrade": lambda droplet: droplet.during(lambda: droplet.run(APT)),
    "backup": backup,
    "drill": drill,
    "upload": upload,
    "pull": pull,
    "certificate": lambda droplet: droplet.during(lambda: droplet.run(RENEWAL)),
}


def machine(droplet: Droplet) -> str:
    """Describe the machine in words that hold elsewhere, too."""
    said = droplet.run(
        "uname -r | cut -d. -f1,2; [ -e /sys/fs/cgroup/cgroup.controllers ] && echo v2 || echo v1;"
        ". /etc/os-release; echo $PRETTY_NAME; docker version -f '{{.Server.Version}}';"
        "cat /run/systemd/container 2>/dev/null || echo machine"
    ).splitlines()
    kind = (
        "Droplet" if said[4] == "machine" else "simulated Droplet (a container of 1 CPU and 1 GiB)"
    )
    return f"{kind}, {said[2]}, kernel {said[0]}, cgroup {said[1]}, Docker {said[3].split('+')[0]}"


def main() -> int:
    words = sys.argv[1:]
    status, report = script("demo-status"), script("measure_report")
    wanted = [word for word in words if word != "--write"] or list(EVENTS)
    if unknown := set(wanted) - set(EVENTS):
        print(
            f"No event {', '.join(sorted(unknown))}. There are: {', '.join(EVENTS)}",
            file=sys.stderr,
        )
        return 2
    quiet = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-o", "LogLevel=ERROR"]
    try:
        ssh = status.ssh_command(status.inventory_host())
        droplet = Droplet([ssh[0], *quiet, *ssh[1:]])
        described = machine(droplet)
        bash("running_version")
    except (NotMeasuredError, status.DownError, IndexError) as error:
        last = str(error).strip().splitlines()[-1:]
        said = f" ({last[0]})" if last else ""
        print(f"The demo does not answer{said}. Start it: make demo", file=sys.stderr)
        return 1
    results: dict[str, dict[str, Any]] = {}
    for name in wanted:
        print(f"==> {name}", file=sys.stderr, flush=True)
        try:
            results[name] = EVENTS[name](droplet)
        except (NotMeasuredError, subprocess.TimeoutExpired, ValueError) as error:
            results[name] = {"not_measured": str(error) or "no reason given"}
    if "backup" in results:
        # Less than a moment before, and that is right.
        droplet.run(f"{POSTGRES} -d planner", stdin="DROP SCHEMA IF EXISTS measure CASCADE;")
        droplet.run("planner-backup run --accept-shrink")
    print(report.text(results))
    if "--write" in words:
        today = datetime.now(UTC).date().isoformat()
        (ROOT / "docs/measurements.md").write_text(report.markdown(results, described, today))
    return 0


if __name__ == "__main__":
    sys.exit(main())
