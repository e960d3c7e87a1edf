"""The system's pieces, by what they refuse, and what must go on working beside them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence

import pytest
from testinfra.host import Host

Neighbour = Callable[[Sequence[str]], str]


def options(host: Host, folder: str) -> set[str]:
    """Return what the kernel says of a mount."""
    return set(host.check_output(f"findmnt -no OPTIONS {folder}").split(","))


def test_containers_live(containers_live):
    containers_live()


def test_containers_survive_sysctl(host: Host, containers_live):
    """Every file of settings, read again in the order of boot."""
    host.check_output("/usr/lib/systemd/systemd-sysctl")
    containers_live()


@pytest.mark.thorough
def test_containers_survive_a_docker_restart(host: Host, containers_live):
    host.check_output("systemctl restart docker")
    containers_live()


def test_what_somebody_changed_is_set_right(host: Host, site):
    """A value of the running kernel, a line, and PAM: found without a handler.

    That nothing is left to do after that shows at the end, after the restart.
    """
    host.check_output("echo 1 >/proc/sys/net/ipv4/conf/all/accept_redirects")
    host.check_output("sed -i 's/^UMASK.*/UMASK 022/' /etc/login.defs")
    host.check_output("pam-auth-update --package --disable planner-history")
    assert "pwhistory" not in host.file("/etc/pam.d/common-password").content_string
    healed = site("--tags", "hardening")
    assert healed.returncode == 0, healed.stdout + healed.stderr
    assert host.check_output("cat /proc/sys/net/ipv4/conf/all/accept_redirects") == "0"
    assert "\nUMASK 027\n" in host.file("/etc/login.defs").content_string
    assert "pam_pwhistory.so" in host.file("/etc/pam.d/common-password").content_string


@pytest.mark.parametrize(
    "folder, flags",
    [
        ("/tmp", {"nosuid", "nodev", "noexec"}),  # noqa: S108 - looked at
        ("/var/tmp", {"nosuid", "nodev", "noexec"}),  # noqa: S108 - looked at
        ("/dev/shm", {"nosuid", "nodev", "noexec"}),  # noqa: S108 - looked at
        ("/home", {"nosuid", "nodev"}),
    ],
)
def test_mounts(host: Host, folder: str, flags: set[str]):
    assert flags <= options(host, folder)
    probe = f"{folder}/probe-{'x' * 4}"
    runs = host.run(f"cp /bin/true {probe}; {probe}; code=$?; rm {probe}; exit $code")
    assert runs.rc == (126 if "noexec" in flags else 0), runs


def test_tmp_is_bounded(host: Host):
    """It is memory that no limit of the plan counts."""
    total_kb = int(host.check_output("awk '/^MemTotal/ {print $2}' /proc/meminfo"))
    assert int(host.check_output("df --output=size /tmp | tail -1")) <= total_kb * 0.21


def test_packages_install_all_the_same(host: Host):
    """Neither apt nor a package's questions need to start anything from /tmp."""
    host.check_output(
        "env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --reinstall --no-install-recommends tzdata sudo"
    )
    assert "60-planner" in host.check_output("ls /etc/sudoers.d")


@pytest.mark.parametrize("module", ["dccp", "sctp", "usb-storage", "cramfs"])
def test_refused_modules(host: Host, module: str):
    """Asked for by name or by whoever opens such a socket: modprobe runs a program that fails."""
    assert host.check_output(f"modprobe --show-depends {module}").strip() == "install /bin/false"
    host.run_expect([1], f"modprobe {module}")


@pytest.mark.parametrize("module", ["overlay", "br_netfilter", "tun", "nf_conntrack"])
def test_needed_modules(host: Host, module: str):
    host.check_output(f"modprobe {module}")


def test_no_core_dump(host: Host):
    """Neither a login nor a service leaves an image, also where it may write, and not even when it asks for one."""
    crash = "cd /root && ulimit -c unlimited; python3 -c 'import os; os.abort()'; ls /root/core*"
    for shell in (
        "runuser --login root --command",
        "systemd-run --quiet --collect --pipe --wait bash -c",
    ):
        answer = host.run(f"{shell} {shlex.quote('ulimit -c; ' + crash)}")
        assert answer.stdout.split()[:1] == ["0"], answer
        assert "core" not in answer.stdout, answer
    # The pattern is the containers' guard too, which have limits of their own.
    assert host.check_output("cat /proc/sys/kernel/core_pattern") == "|/bin/false"


GOOD, OTHER = "Correct-Horse-7-battery", "Sturdy-Donkey-8-accumulator"


@pytest.fixture
def person(host: Host):
    """Return an account with a password, beside one that may use sudo."""
    host.check_output("useradd --create-home person && useradd --groups sudo helper")
    host.check_output(f"echo person:{GOOD} | chpasswd && chage --mindays 0 person")
    yield "person"
    host.check_output("faillock --user person --reset; userdel --remove person; userdel helper")


def attempt(host: Host, person: str, password: str, by: str = "helper") -> bool:
    """Try a password for an account, as another one."""
    return bool(host.run(f"echo {password} | runuser -u {by} -- su {person} -c true").rc == 0)


def test_wrong_passwords_lock(host: Host, person: str):
    """After three wrong ones the right one is refused too; who needs none still gets in, and counts them away."""
    assert attempt(host, person, GOOD)
    assert not any(attempt(host, person, "wrong") for _ in range(3))
    assert not attempt(host, person, GOOD)
    host.check_output(f"su {person} -c true")
    assert attempt(host, person, GOOD)


def test_su_is_for_those_who_may_sudo(host: Host, person: str):
    """The right password is not enough."""
    assert not attempt(host, person, GOOD, by="nobody")
    assert attempt(host, person, GOOD)


@pytest.mark.parametrize("sp_lstchg, sp_max", [("2020-01-01", 30), ("-1", 365)])
def test_an_expired_password_locks_no_key_out(host: Host, person: str, sp_lstchg: str, sp_max: int):
    """Who needs no password, by a key or a timer, is not asked for a new one; nor is root, whose ends as well."""
    host.check_output(f"chage --lastday {sp_lstchg} --maxdays {sp_max} {person}")
    host.check_output(f"su {person} -c true")
    host.check_output("su root -c true")
    assert host.check_output("getent shadow root").split(":")[4] == "365"


def test_new_passwords(host: Host, person: str):
    """People's are judged; root, by whom the provider sets one, is only warned."""

    def change(old: str, new: str) -> str:
        words = f"printf '%s\\n' {old} {new} {new}"
        return host.check_output(f"({words} | runuser -u {person} -- passwd 2>&1) || true")

    assert "BAD PASSWORD" in change(GOOD, "weak")
    assert "BAD PASSWORD" in change(GOOD, "Password12345678!")
    assert "updated successfully" in change(GOOD, OTHER)
    assert "already used" in change(OTHER, GOOD)
    host.check_output(f"echo {person}:weak | chpasswd")
    assert attempt(host, person, "weak")


def test_new_accounts_and_files_are_private(host: Host, person: str):
    assert host.file(f"/home/{person}").mode == 0o700
    assert host.check_output(f"su - {person} -c umask") in ("0027", "0007")
    assert host.check_output("bash -lc umask") == "0027"


def test_only_root_has_jobs(host: Host):
    """Neither the time tables nor the right to have one is everybody's."""
    for path in ("/etc/cron.allow", "/etc/at.allow"):
        assert host.file(path).content_string == "root\n"
    for folder in ("/etc/cron.d", "/etc/cron.daily", "/etc/cron.weekly"):
        if host.file(folder).exists:
            assert host.file(folder).mode == 0o700


def test_file_modes_come_back(host: Host):
    """An upgrade that sets others is corrected at boot, which is when the unit runs."""
    host.check_output("chmod 755 /etc/sudoers.d")
    host.check_output("systemctl restart planner-file-modes.service")
    assert host.file("/etc/sudoers.d").mode == 0o750


def test_journal_is_kept_and_bounded(host: Host):
    host.check_output("logger planner-probe && journalctl --sync")
    assert "planner-probe" in host.check_output(
        "journalctl --directory /var/log/journal --since -5min"
    )
    limit = host.check_output(
        "journalctl --boot --unit systemd-journald --grep 'System Journal' --output cat"
    )
    assert "max 256M" in limit, limit


def test_changed_files_are_reported(host: Host):
    """A program that was replaced fails the unit; a file that was added where one gets in is reported."""
    host.check_output("systemctl start planner-integrity.service")
    host.check_output(
        "cp -a /usr/bin/tac /root/tac && echo >>/usr/bin/tac && mkdir -p /etc/cron.d && touch /etc/cron.d/visitor"
    )
    try:
        host.run_expect([1], "systemctl start planner-integrity.service")
    finally:
        host.check_output("mv /root/tac /usr/bin/tac && rm /etc/cron.d/visitor")
    said = host.check_output("journalctl --unit planner-integrity.service --output cat")
    assert "changed file /usr/bin/tac" in said
    assert ": /etc/cron.d/visitor" in said
    host.check_output("systemctl start planner-integrity.service")


def test_time_is_set(host: Host):
    assert host.service("systemd-timesyncd").is_enabled


TIMER = "systemctl show -p ActiveState --value planner-reboot.timer"


@pytest.mark.thorough
def test_what_is_switched_off_goes_and_comes_back(host: Host, site):
    """A piece with its files, lines and profiles; the restart by itself. PAM still lets in who may.

    That nothing is left to do after it has come back shows at the end, after the restart.
    """
    off = ["passwords", "sudo", "sysctl", "accounts"]
    wish = json.dumps({"hardening_off": off, "hardening_reboot_time": ""})
    done = site("--tags", "hardening", "--extra-vars", wish)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not host.file("/etc/sudoers.d/60-planner").exists
    assert "rp_filter" not in host.file("/etc/sysctl.d/90-planner-hardening.conf").content_string
    stacks = host.check_output(
        "cat /etc/pam.d/common-auth /etc/pam.d/common-account /etc/pam.d/common-password"
    )
    assert "faillock" not in stacks
    assert "yescrypt" in stacks
    assert "\nPASS_MAX_DAYS 99999\n" in host.file("/etc/login.defs").content_string
    host.check_output("su root -c true")
    assert host.check_output(TIMER) == "inactive"
    assert not host.file("/etc/systemd/system/planner-reboot.timer").is_file
    again = site("--tags", "hardening", "--extra-vars", wish)
    assert "changed=0" in again.stdout, again.stdout
    back = site("--tags", "hardening")
    assert back.returncode == 0, back.stdout + back.stderr
    assert host.file("/etc/sudoers.d/60-planner").mode == 0o440
    assert "pam_faillock.so authfail" in host.file("/etc/pam.d/common-auth").content_string
    assert host.check_output(TIMER) == "active"
