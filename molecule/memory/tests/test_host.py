"""What the role memory keeps on the host: swap, the kernel's settings, one slice and one lock for maintenance."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from testinfra.host import Host

sys.path.insert(0, str(Path(__file__).parents[3] / ".collections"))
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan

PLAN = plan("s-1vcpu-1gb")
MIB = 1024 * 1024
LARGER = "s-2vcpu-4gb"  # the smallest size that may be without swap
# Which group the kernel counts a process' memory in, and the file with that group's limit.
LIMIT = """
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  cat "/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/../memory.max"
else
  cat "/sys/fs/cgroup/memory$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)/../memory.limit_in_bytes"
fi
"""

END_HOLDER = "systemctl stop 'planner-maintenance-backup-*.scope'"


def assert_swap(host: Host):
    """One private file of the planned size without holes, active, and in fstab once."""
    file = host.file("/swapfile")
    assert (file.mode, file.user, file.size) == (0o600, "root", PLAN.swap_mb * MIB)
    assert int(host.check_output("stat -c %b /swapfile")) * 512 >= file.size
    swaps = [line.split() for line in host.check_output("cat /proc/swaps").splitlines()[1:]]
    assert [swap[0] for swap in swaps] == ["/swapfile"]
    # The first page is the signature's.
    assert int(swaps[0][2]) == PLAN.swap_mb * 1024 - 4
    entries = host.check_output("cat /etc/fstab").splitlines()
    assert entries.count("/swapfile none swap sw 0 0") == 1


def assert_settings(host: Host):
    """The kernel itself has the values."""
    for name, value in {"swappiness": 10, "overcommit_memory": 1, "panic_on_oom": 0}.items():
        assert int(host.check_output(f"cat /proc/sys/vm/{name}")) == value, name


def maintenance(command: str, *options: str) -> str:
    """Build the command line that runs a shell command as a job."""
    return f"planner-maintenance {' '.join(options)} probe sh -c '{command}'"


def services(host: Host) -> str:
    """Return each container's id and start."""
    return host.check_output(
        "docker inspect -f '{{.Id}} {{.State.StartedAt}} {{.RestartCount}}' $(docker ps -q) | sort"
    )


def test_swap(host: Host):
    assert_swap(host)


def test_settings(host: Host):
    assert_settings(host)


def test_a_job_is_in_the_slice(host: Host):
    """The kernel counts a job's memory in the slice, whose limit is the plan's, and would kill it first."""
    groups = host.check_output(maintenance("cat /proc/self/cgroup"))
    assert "/planner.slice/planner-maintenance.slice/planner-maintenance-probe-" in groups
    limit = host.check_output("planner-maintenance probe sh -c %s", LIMIT)
    assert int(limit) == PLAN.maintenance.limit_mb * MIB
    assert host.check_output(maintenance("cat /proc/self/oom_score_adj")) == "800"
    shown = host.check_output(
        "systemctl show -p MemoryHigh -p MemorySwapMax planner-maintenance.slice"
    )
    assert set(shown.splitlines()) == {
        f"MemoryHigh={PLAN.maintenance.high_mb * MIB}",
        f"MemorySwapMax={PLAN.maintenance.swap_mb * MIB}",
    }
    # Weights count among siblings: those of the slice that stands beside the services.
    weights = host.check_output("systemctl show -p CPUWeight -p IOWeight planner.slice")
    assert set(weights.splitlines()) == {"CPUWeight=20", "IOWeight=20"}


def test_exit_code_passes_through(host: Host):
    host.run_expect([7], maintenance("exit 7"))


def test_who_is_protected(host: Host):
    """The engine is, by its packages' units; a login is not, or nothing could end a runaway command."""
    shown = host.check_output("systemctl show -p OOMScoreAdjust --value docker containerd")
    assert shown.split() == ["-500", "-999"]
    assert int(host.check_output("cat /proc/self/oom_score_adj")) >= 0


def test_a_job_that_grows_dies_alone(host: Host, outside):
    """At the slice's limit the kernel ends the job; nobody else is restarted, and the product answers."""
    before = services(host)
    more = PLAN.maintenance.limit_mb + PLAN.maintenance.swap_mb + 64
    job = f"planner-maintenance hog python3 -c 'print(len(bytearray({more} << 20)))'"
    host.run_expect([137], f"{job} || exit $?")  # ssh itself says 255 for a signal
    assert services(host) == before
    assert len(before.splitlines()) == 4
    assert outside.request("/health/ready").status == 200


def test_two_jobs_never_overlap(host: Host):
    """Three jobs started at once run one after the other."""
    stamp = "date +%s.%N; sleep 1; date +%s.%N"
    host.check_output(
        "rm -f /tmp/job-*; for job in 1 2 3; do "
        f'planner-maintenance "job-$job" sh -c "{stamp}" >"/tmp/job-$job" 2>&1 & done; wait'
    )
    output = host.check_output("cat /tmp/job-*")
    times = [float(line) for line in output.splitlines() if line[0].isdigit()]
    spans = sorted(zip(times[::2], times[1::2], strict=True))
    assert len(spans) == 3
    assert all(spans[i][1] <= spans[i + 1][0] for i in range(2)), spans
    assert " waits up to 3600 s for job-" in output


@pytest.fixture
def holder(host: Host):
    """Return the name of a job that keeps the lock during the test."""
    host.check_output(
        "systemd-run --quiet --unit=lock-holder /usr/local/sbin/planner-maintenance backup sleep 300"
    )
    for _ in range(50):
        if host.file("/run/lock/planner-maintenance.lock").content_string.startswith("backup "):
            break
        time.sleep(0.1)
    yield "backup"
    host.check_output(END_HOLDER)


def test_says_who_holds_the_lock(host: Host, holder: str):
    """A job that gives up ends with 75 (try again later) and the holder's name."""
    refused = host.run(maintenance("true", "--wait", "1"))
    assert refused.rc == 75
    assert f"the lock is held by {holder} (pid " in refused.stderr


@pytest.mark.usefixtures("holder")
def test_python_takes_the_same_lock(host: Host):
    """The lock is flock(2): a program that does not use the command meets it too."""
    code = "import fcntl; fcntl.flock(open('/run/lock/planner-maintenance.lock'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    assert "BlockingIOError" in host.run("python3 -c %s", code).stderr
    host.check_output(END_HOLDER)
    host.check_output("python3 -c %s", code)


@pytest.mark.usefixtures("holder")
@pytest.mark.parametrize("unit", ["apt-daily", "apt-daily-upgrade"])
def test_apt_waits_for_the_lock_inside_the_slice(host: Host, unit: str):
    """The unit of apt itself, started for real: in the slice, and waiting while another job runs; then it succeeds."""
    host.check_output(f"systemctl start --no-block {unit}.service")
    # Before its command the unit may wait for the network.
    for _ in range(100):
        pid = host.check_output(f"systemctl show -p MainPID --value {unit}.service")
        command = host.run(f"cat /proc/{pid}/cmdline").stdout
        if "planner-maintenance" in command:
            break
        time.sleep(0.1)
    assert f"/usr/local/sbin/planner-maintenance\0{unit}" in command
    group = host.check_output(f"cat /proc/{pid}/cgroup")
    assert f"/planner.slice/planner-maintenance.slice/{unit}.service" in group
    time.sleep(1)
    assert host.check_output(f"systemctl show -p ActiveState --value {unit}") == "activating"
    host.check_output(END_HOLDER)
    for _ in range(600):
        if host.check_output(f"systemctl show -p ActiveState --value {unit}") == "inactive":
            break
        time.sleep(0.2)
    shown = host.check_output(f"systemctl show -p Result -p ExecMainStatus {unit}")
    assert set(shown.splitlines()) == {"Result=success", "ExecMainStatus=0"}
    assert host.check_output("cat /run/lock/planner-maintenance.lock").startswith(
        f"{unit} (pid {pid}"
    )


def test_interrupted_runs_are_healed(host: Host, site):
    """What a run that was cut short leaves is finished by the next one; the one after has nothing to do."""
    host.check_output(
        "swapoff /swapfile && truncate -s 300M /swapfile && sed -i /swapfile/d /etc/fstab"
    )
    host.check_output(
        "sed -i s/10/60/ /etc/sysctl.d/60-planner-memory.conf && echo 60 >/proc/sys/vm/swappiness"
    )
    # A unit that was written, and the reload never came.
    host.check_output("touch /etc/systemd/system/apt-daily.service.d/60-planner-maintenance.conf")
    assert host.check_output("systemctl show -p NeedDaemonReload --value apt-daily") == "yes"
    healed = site("--tags", "memory")
    assert healed.returncode == 0, healed.stdout + healed.stderr
    assert_swap(host)
    assert_settings(host)
    assert host.check_output("systemctl show -p NeedDaemonReload --value apt-daily") == "no"
    again = site("--tags", "memory")
    assert "changed=0" in again.stdout, again.stdout


def test_swap_is_resized_and_removed(host: Host, site):
    """A new wish reaches the machine, its slice included; no swap leaves nothing behind."""

    def wish(size: str, swap_mb: int):
        wishes = json.dumps({"droplet_size": size, "droplet_swap_mb": swap_mb})
        done = site("--tags", "memory", "--extra-vars", wishes)
        assert done.returncode == 0, done.stdout + done.stderr

    wish("s-1vcpu-1gb", 512)
    assert host.file("/swapfile").size == 512 * MIB
    assert host.check_output("cat /proc/swaps").count("/swapfile") == 1
    wish(LARGER, 0)
    assert not host.file("/swapfile").exists
    assert "/swapfile" not in host.check_output("cat /proc/swaps /etc/fstab")
    limit = host.check_output("planner-maintenance probe sh -c %s", LIMIT)
    assert int(limit) == plan(LARGER, (), 0).maintenance.limit_mb * MIB
    assert site("--tags", "memory").returncode == 0
    assert_swap(host)


def test_survives_a_reboot(host: Host, container: str):
    """After a restart of the Droplet swap, settings and the lock's file are back before anybody logs in."""
    subprocess.run(
        ["docker", "restart", "--time", "60", container], check=True, capture_output=True
    )
    command = ["docker", "exec", container, "systemctl", "is-system-running", "--wait"]
    for _ in range(60):
        # "offline" until systemd can be asked.
        state = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        if state in ("running", "degraded"):
            break
        time.sleep(0.5)
    assert state == "running", state
    assert_swap(host)
    assert_settings(host)
    lock = host.file("/run/lock/planner-maintenance.lock")
    assert (lock.mode, lock.user, lock.size) == (0o600, "root", 0)
