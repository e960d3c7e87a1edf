"""The CIS Docker Benchmark 1.6, sections 1 to 5, by the numbers of docker-bench-security: what runs is judged."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml
from testinfra.host import Host

ANSWERS = yaml.safe_load((Path(__file__).parents[3] / "docs/docker-bench-waivers.yml").read_text())
WAIVED = {entry["id"]: entry["reason"] for entry in ANSWERS["waived"]}
BY_HAND = {entry["id"]: entry["reason"] for entry in ANSWERS["by_hand"]}
# How many numbers each section has; the first is divided once more.
SECTIONS = {"1.1": 18, "1.2": 2, "2": 18, "3": 24, "4": 12, "5": 32}
REMOTE_LOGS = {"awslogs", "fluentd", "gcplogs", "gelf", "splunk", "syslog"}
HOST_FOLDERS = ("/boot/", "/dev/", "/etc/", "/lib/", "/proc/", "/sys/", "/usr/")
PROCESS = r"""
for pid in %s; do
  awk -v pid=$pid '/^(Uid|NoNewPrivs|Seccomp|CapBnd):/ {print pid, $1, $2}' /proc/$pid/status
  awk -v pid=$pid '/^Max open/ {print pid, "files:", $5} /^Max core/ {print pid, "core:", $6}' /proc/$pid/limits
done
"""
STARTS = "docker inspect -f '{{.Id}} {{.State.StartedAt}} {{.RestartCount}}' $(docker ps -q) | sort"


@dataclass(frozen=True)
class Bench:
    """What the engine and the kernel say, read once. Each method below lists findings: none is good."""

    host: Host
    info: dict[str, Any]
    containers: list[dict[str, Any]]
    processes: dict[str, dict[str, str]]
    audit_rules: str
    engine: str
    """How dockerd was started: its command line, and its file."""

    def says(self, finding: object, what: str) -> list[str]:
        """Say what is wrong, if it is."""
        return [what] if finding else []

    def run(self, command: str, *arguments: str) -> list[str]:
        """Take each line that a command prints for a finding."""
        return self.host.check_output(command, *arguments).splitlines()

    def config(self, key: str, bad: Callable[[Any], object] = bool) -> list[str]:
        """Name the containers whose host configuration is bad."""
        values = [(entry["Name"], entry["HostConfig"][key]) for entry in self.containers]
        return [f"{name}: {key} is {value}" for name, value in values if bad(value)]

    def process(self, key: str, bad: Callable[[str], object]) -> list[str]:
        """Name the containers whose main process, as the kernel shows it, is bad."""
        values = [(name, process[key]) for name, process in self.processes.items()]
        return [f"{name}: {key} is {value}" for name, value in values if bad(value)]

    def option(self, name: str) -> list[str]:
        """Ask the engine itself whether it has a protection."""
        options = self.info["SecurityOptions"]
        return self.says(not any(one.startswith(f"name={name}") for one in options), f"no {name}")

    def mounts(self, bad: Callable[[dict[str, Any]], object]) -> list[str]:
        """Name the mounts from the host that are bad."""
        every = [(one["Name"], mount) for one in self.containers for mount in one["Mounts"]]
        assert every, "nothing is mounted: nothing was judged"
        return [f"{name}: {mount['Source']}" for name, mount in every if bad(mount)]

    def ports(self, bad: Callable[[dict[str, str]], object]) -> list[str]:
        """Name the ports of the host that lead to containers and should not."""
        every = [
            (one["Name"], binding)
            for one in self.containers
            for bindings in one["NetworkSettings"]["Ports"].values()
            for binding in bindings or []
        ]
        assert every, "nothing is published: nothing was judged"
        return [f"{name}: {binding}" for name, binding in every if bad(binding)]

    def unit(self, name: str) -> str:
        """Return the file that systemd read a unit from."""
        return self.host.check_output("systemctl show -p FragmentPath --value %s", name)

    def audited(self, *paths: str) -> list[str]:
        """Whoever changes one of those that exist is recorded, by its own rule or one for a folder above it."""
        there = [path for path in paths if self.host.run("test -e %s", path).rc == 0]
        assert there, f"none of {paths} exists: nothing was judged"
        watched = set(re.findall(r"-F path=(\S+)", self.audit_rules))
        folders = set(re.findall(r"-F dir=(\S+)", self.audit_rules))
        above = {path: {path, *map(str, PurePosixPath(path).parents)} for path in there}
        return [path for path in there if path not in watched and not folders & above[path]]

    def owner(self, path: str, wished: str) -> list[str]:
        """A file's owner and group are those."""
        found = self.host.check_output("stat -Lc %U:%G '" + path + "'")
        return self.says(found != wished, f"{path} is {found}'s")

    def mode(self, path: str, most: int) -> list[str]:
        """A file's mode allows nothing more."""
        found = int(self.host.check_output("stat -Lc %a '" + path + "'"), 8)
        return self.says(found & ~most, f"{path} has mode {found:o}")

    def old_packages(self) -> list[str]:
        """Upgrades install the newest by themselves; here, that none is waiting."""
        shown = self.host.check_output("LC_ALL=C apt-cache policy docker.io containerd runc")
        pairs = re.findall(r"Installed: (\S+)\s+Candidate: (\S+)", shown)
        assert len(pairs) == 3
        return [
            f"{installed} instead of {newest}" for installed, newest in pairs if installed != newest
        ]

    def insecure_registries(self) -> list[str]:
        """The bench's own has no certificate, and this inventory asks for it; nothing else may be there."""
        registries = self.info["RegistryConfig"]
        names = {name for name, one in registries["IndexConfigs"].items() if not one["Secure"]}
        networks = set(registries["InsecureRegistryCIDRs"]) - {"127.0.0.0/8", "::1/128"}
        return sorted((names | networks) - {os.environ["BENCH_BACKEND_IMAGE"].partition("/")[0]})

    def listening(self) -> list[str]:
        """List where the engine itself listens: it also holds the ports that lead to containers."""
        published = [
            port for one in self.containers for port in one["HostConfig"]["PortBindings"].values()
        ]
        ours = {binding["HostPort"] for bindings in published for binding in bindings}
        lines = [line.split() for line in self.run("ss -Hltnp") if '"dockerd"' in line]
        return [line[3] for line in lines if line[3].rpartition(":")[2] not in ours]

    def own_limits(self) -> list[str]:
        """Name the containers with other limits than the engine gives to all."""
        given = json.loads(self.engine[self.engine.index("{") :])["default-ulimits"].values()
        return self.config(
            "Ulimits", lambda limits: [one for one in limits or [] if one not in given]
        )

    def unconfined(self) -> list[str]:
        """Name the containers that AppArmor does not confine, where the kernel has it."""
        if self.host.run("grep -q Y /sys/module/apparmor/parameters/enabled").rc != 0:
            pytest.skip("this kernel has no AppArmor")
        return [one["Name"] for one in self.containers if not one["AppArmorProfile"]]


# What of the benchmark a program can judge. Section 3 asks for owner and mode of the same file in turn.
CHECKS: dict[str, Callable[[Bench], list[str]]] = {
    "1.1.2": lambda it: it.says(
        it.run("getent group docker")[0].split(":")[3], "members: each is root"
    ),
    "1.1.3": lambda it: it.audited(*it.run("readlink /proc/$(cat /run/docker.pid)/exe")),
    "1.1.4": lambda it: it.audited("/run/containerd"),
    "1.1.5": lambda it: it.audited(it.info["DockerRootDir"]),
    "1.1.6": lambda it: it.audited("/etc/docker"),
    "1.1.7": lambda it: it.audited(it.unit("docker.service")),
    "1.1.8": lambda it: it.audited("/run/containerd/containerd.sock"),
    "1.1.9": lambda it: it.audited(it.unit("docker.socket"), "/run/docker.sock"),
    "1.1.10": lambda it: it.audited("/etc/default/docker"),
    "1.1.11": lambda it: it.audited("/etc/docker/daemon.json"),
    "1.1.12": lambda it: it.audited("/etc/containerd/config.toml"),
    "1.1.14": lambda it: it.audited("/usr/bin/containerd"),
    "1.1.15": lambda it: it.audited("/usr/bin/containerd-shim"),
    "1.1.16": lambda it: it.audited("/usr/bin/containerd-shim-runc-v1"),
    "1.1.17": lambda it: it.audited("/usr/bin/containerd-shim-runc-v2"),
    "1.1.18": lambda it: it.audited("/usr/bin/runc", "/usr/sbin/runc"),
    "1.2.2": Bench.old_packages,
    "2.1": lambda it: it.option("rootless"),
    "2.2": lambda it: it.says(
        '"com.docker.network.bridge.enable_icc": "false"'
        not in it.host.check_output("docker network inspect bridge"),
        "strangers on the default bridge reach each other",
    ),
    "2.3": lambda it: it.says(
        it.info["Debug"] or set(re.findall(r"log-level\W+(\w+)", it.engine)) - {"info"}, "not info"
    ),
    "2.4": lambda it: it.says(
        "-j DNAT" not in it.host.check_output("iptables -t nat -S DOCKER"), "Docker keeps no rules"
    ),
    "2.5": Bench.insecure_registries,
    "2.6": lambda it: it.says(it.info["Driver"] == "aufs", "aufs"),
    "2.7": Bench.listening,
    "2.8": lambda it: (
        it.process("files", lambda most: int(most) > 16384)
        + it.process("core", lambda most: most != "0")
    ),
    "2.9": lambda it: it.option("userns"),
    "2.10": lambda it: it.says("cgroup-parent" in it.engine, "another parent for all"),
    "2.11": lambda it: [
        str(pair) for pair in it.info["DriverStatus"] if "Base Device Size" in pair
    ],
    "2.12": lambda it: it.says(not it.info["Plugins"]["Authorization"], "no plugin"),
    "2.13": lambda it: it.config("LogConfig", lambda log: log["Type"] not in REMOTE_LOGS),
    "2.14": lambda it: it.option("no-new-privileges"),
    "2.15": lambda it: it.says(not it.info["LiveRestoreEnabled"], "a restart stops containers"),
    "2.16": lambda it: it.run("pgrep -a docker-proxy || [ $? -eq 1 ]"),
    "2.17": lambda it: it.option("seccomp,profile=builtin"),
    "2.18": lambda it: it.says(it.info["ExperimentalBuild"], "experimental"),
    "3.1": lambda it: it.owner(it.unit("docker.service"), "root:root"),
    "3.2": lambda it: it.mode(it.unit("docker.service"), 0o644),
    "3.3": lambda it: it.owner(it.unit("docker.socket"), "root:root"),
    "3.4": lambda it: it.mode(it.unit("docker.socket"), 0o644),
    "3.5": lambda it: it.owner("/etc/docker", "root:root"),
    "3.6": lambda it: it.mode("/etc/docker", 0o755),
    "3.15": lambda it: it.owner("/run/docker.sock", "root:docker"),
    "3.16": lambda it: it.mode("/run/docker.sock", 0o660),
    "3.17": lambda it: it.owner("/etc/docker/daemon.json", "root:root"),
    "3.18": lambda it: it.mode("/etc/docker/daemon.json", 0o644),
    "3.19": lambda it: it.owner("/etc/default/docker", "root:root"),
    "3.20": lambda it: it.mode("/etc/default/docker", 0o644),
    "3.23": lambda it: it.owner("/run/containerd/containerd.sock", "root:root"),
    "3.24": lambda it: it.mode("/run/containerd/containerd.sock", 0o660),
    "4.1": lambda it: it.process("Uid", lambda uid: uid == "0"),
    "4.5": lambda it: it.says(
        it.host.run("printenv DOCKER_CONTENT_TRUST").rc, "signatures are not asked for"
    ),
    "4.6": lambda it: [
        str(image["RepoTags"])
        for image in json.loads(it.host.check_output("docker image inspect $(docker image ls -q)"))
        if not image["Config"].get("Healthcheck")
    ],
    "5.1": lambda it: it.says(it.info["Swarm"]["LocalNodeState"] != "inactive", "swarm mode"),
    "5.2": Bench.unconfined,
    "5.4": lambda it: it.process("CapBnd", lambda mask: int(mask, 16)),
    "5.5": lambda it: it.config("Privileged"),
    "5.6": lambda it: it.mounts(
        lambda at: at["Source"] == "/" or f"{at['Source']}/".startswith(HOST_FOLDERS)
    ),
    "5.7": lambda it: [
        one["Name"]
        for one in it.containers
        if "sshd" in "".join(it.run("docker top %s", one["Id"]))
    ],
    "5.8": lambda it: it.ports(lambda port: int(port["HostPort"]) < 1024),
    "5.9": lambda it: it.ports(lambda port: port["HostPort"] not in ("80", "443")),
    "5.10": lambda it: it.config("NetworkMode", lambda mode: mode == "host"),
    "5.11": lambda it: it.config("Memory", lambda limit: not limit),
    "5.12": lambda it: it.config("CpuShares", lambda shares: not shares),
    "5.13": lambda it: it.config("ReadonlyRootfs", lambda read_only: not read_only),
    "5.14": lambda it: it.ports(lambda port: port["HostIp"] in ("", "0.0.0.0", "::")),  # noqa: S104 - looked for
    "5.15": lambda it: it.config("RestartPolicy", lambda policy: policy["MaximumRetryCount"] != 5),
    "5.16": lambda it: it.config("PidMode", lambda mode: mode == "host"),
    "5.17": lambda it: it.config("IpcMode", lambda mode: mode == "host"),
    "5.18": lambda it: it.config("Devices"),
    "5.19": Bench.own_limits,
    "5.20": lambda it: it.mounts(lambda at: "shared" in at["Propagation"]),
    "5.21": lambda it: it.config("UTSMode", lambda mode: mode == "host"),
    "5.22": lambda it: it.process("Seccomp", lambda mode: mode != "2"),
    "5.25": lambda it: it.config("CgroupParent"),
    "5.26": lambda it: it.process("NoNewPrivs", lambda is_set: is_set != "1"),
    "5.27": lambda it: [
        one["Name"]
        for one in it.containers
        if one["State"].get("Health", {}).get("Status") != "healthy"
    ],
    "5.29": lambda it: it.config("PidsLimit", lambda limit: not limit or limit < 1),
    "5.30": lambda it: it.config("NetworkMode", lambda mode: mode in ("default", "bridge")),
    "5.31": lambda it: it.config("UsernsMode", lambda mode: mode == "host"),
    "5.32": lambda it: it.mounts(
        lambda at: at["Source"].endswith(("docker.sock", "containerd.sock"))
    ),
}


def numbers() -> Iterator[str]:
    """Count the benchmark's numbers."""
    for section, count in SECTIONS.items():
        yield from (f"{section}.{number}" for number in range(1, count + 1))


def test_every_number_is_answered():
    """By a check or by hand, never by both; a waiver is of a check, and every answer says why."""
    assert sorted([*CHECKS, *BY_HAND]) == sorted(numbers())
    assert set(WAIVED) <= set(CHECKS)
    assert all([*WAIVED.values(), *BY_HAND.values()])


@pytest.fixture(scope="module")
def bench(host: Host, outside) -> Bench:
    """Ask the engine and the kernel."""
    outside.until_ready()
    containers = json.loads(host.check_output("docker inspect $(docker ps -q)"))
    assert len(containers) == 4
    names = {str(entry["State"]["Pid"]): entry["Name"] for entry in containers}
    processes: dict[str, dict[str, str]] = {name: {} for name in names.values()}
    for line in host.check_output(PROCESS % " ".join(names)).splitlines():
        pid, key, value = line.split()
        processes[names[pid]][key.rstrip(":")] = value
    # The kernel's own list; where it answers no audit, what it would be given at boot.
    rules = "auditctl -l 2>/dev/null || { augenrules >/dev/null 2>&1; cat /etc/audit/audit.rules; }"
    arguments = "tr '\\0' ' ' </proc/$(cat /run/docker.pid)/cmdline; cat /etc/docker/daemon.json"
    info = json.loads(host.check_output("docker info --format '{{json .}}'"))
    return Bench(
        host, info, containers, processes, host.check_output(rules), host.check_output(arguments)
    )


@pytest.mark.parametrize("number", CHECKS)
def test_benchmark(bench: Bench, number: str):
    """A finding needs a waiver, and a waiver needs a finding."""
    findings = CHECKS[number](bench)
    if number in WAIVED:
        assert findings, f"nothing needs this waiver any more: {WAIVED[number]}"
    else:
        assert findings == []


def test_new_containers_have_the_engines_limits(bench: Bench):
    """Those that nobody planned, too."""
    image = next(one["Image"] for one in bench.containers if "nginx" in one["Name"])
    show = "ulimit -n; ulimit -Hn; ulimit -c; ulimit -Hc"
    run = f"docker run --rm --memory 32m --network none --entrypoint sh {image} -c '{show}'"
    assert bench.run(run) == ["4096", "16384", "0", "0"]


def test_a_new_configuration_stops_no_container(bench: Bench, outside, site):
    """The playbook restarts the engine for it; every container runs on, and nothing else is left to do."""
    before, engine = bench.run(STARTS), bench.run("cat /run/docker.pid")
    bench.run("sed -i s/16384/8192/ /etc/docker/daemon.json")
    healed = site("--tags", "docker")
    assert healed.returncode == 0, healed.stdout + healed.stderr
    assert bench.run("cat /run/docker.pid") != engine
    assert bench.run(STARTS) == before
    assert outside.request("/health/ready").status == 200
    assert "changed=0" in site("--tags", "docker").stdout


def test_auditd_runs_where_the_kernel_answers(host: Host):
    """In a container it is systemd that leaves it out, by its condition; elsewhere it runs, and nothing was lost."""
    shown = set(
        host.check_output("systemctl show -p ActiveState -p ConditionResult auditd").split()
    )
    if host.run("systemd-detect-virt --container --quiet").rc == 0:
        assert shown == {"ActiveState=inactive", "ConditionResult=no"}
        return
    assert shown == {"ActiveState=active", "ConditionResult=yes"}
    state = dict(line.split()[:2] for line in host.check_output("auditctl -s").splitlines())
    assert (state["enabled"], state["failure"], state["lost"]) == ("1", "1", "0")
    assert state["backlog_limit"] == "1024"


def test_auditd_is_small_and_never_stops_the_machine(host: Host):
    """Its disk space is bounded, no action of its own ends in a halt, and no plugin stays beside it."""
    text = host.file("/etc/audit/auditd.conf").content_string
    settings = dict(re.findall(r"(?m)^(\w+) = (\S+)$", text))
    assert int(settings["max_log_file"]) * int(settings["num_logs"]) <= 64
    actions = {value.upper() for name, value in settings.items() if name.endswith("_action")}
    assert {"ROTATE", "SYSLOG"} <= actions <= {"ROTATE", "SYSLOG", "SUSPEND"}
    host.run_expect([1], "grep -rE '^active *= *yes' /etc/audit/plugins.d")
