"""Module ``memory_usage`` as Ansible runs it, with commands and files that stand in for a host's."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.planner.droplet.plugins.module_utils import _usage_reader
from ansible_collections.planner.droplet.plugins.module_utils._docker_api import (
    DockerApi,
    DockerApiError,
)
from ansible_collections.planner.droplet.plugins.module_utils._memory_usage import Files
from ansible_collections.planner.droplet.plugins.modules import memory_usage

MIB = 1024 * 1024
ID = "ab" * 32
BOX = {
    "Id": ID,
    "Name": "/planner-redis-1",
    "State": {"Status": "running", "Pid": 42, "ExitCode": 0, "StartedAt": "2026-11-23T12:00:00Z"},
    "Config": {"Labels": {"com.docker.compose.service": "redis"}},
    "HostConfig": {"Memory": 64 * MIB, "MemorySwap": 96 * MIB},
    "RestartCount": 0,
}
DIED = {"Action": "die", "Actor": {"ID": ID, "Attributes": {"exitCode": "137"}}}
HOST = {
    "/proc/self/mountinfo": "29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
    "/sys/fs/cgroup/cgroup.controllers": "memory\n",
    "/proc/42/cgroup": f"0::/system.slice/docker-{ID}.scope\n",
    "/proc/42/comm": "redis-server\n",
    "/proc/7/comm": "dockerd\n",
    f"/sys/fs/cgroup/system.slice/docker-{ID}.scope/memory.stat": f"anon {5 * MIB}\nfile 0\nshmem 0\n",
    f"/sys/fs/cgroup/system.slice/docker-{ID}.scope/cgroup.procs": "42\n",
    "/proc/meminfo": "MemTotal: 990208 kB\nMemAvailable: 512000 kB\n",
}

Run = Callable[..., dict[str, Any]]
Answers = dict[str, Any]


@pytest.fixture
def answers() -> Answers:
    """What Docker answers, by what is asked, and what journalctl prints; an exception is raised."""
    return {
        "list": json.dumps([{"Id": ID}]),
        "inspect": json.dumps(BOX),
        "events": json.dumps(DIED) + "\n",
        "journalctl --dmesg": "a line\n",
    }


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A machine's files."""
    for path, content in HOST.items():
        file = tmp_path / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return tmp_path


@pytest.fixture
def run(
    host: Path,
    answers: Answers,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run the module; return its usage."""

    def command(*words: str, **_how: object) -> str:
        asked.append(words)
        answer = answers[" ".join(words[:2])]
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    def get(_api: DockerApi, path: str, **query: str) -> str:
        asked.append(("docker", path, *query.values()))
        kind = {"/containers/json": "list", "/events": "events"}.get(path, "inspect")
        answer = answers[kind]
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(_usage_reader, "ask", command)
    monkeypatch.setattr(DockerApi, "_get", get)
    monkeypatch.setattr(memory_usage, "Files", lambda: Files(str(host)))
    monkeypatch.setattr("shutil.which", lambda _name: answers.get("which", "/docker"))

    def call(*, check: bool = False, **options: Any) -> dict[str, Any]:
        asked.clear()
        with (
            patch_module_args({"_ansible_check_mode": check, **options}),
            pytest.raises(SystemExit),
        ):
            memory_usage.main()
        result = json.loads(capsys.readouterr().out)
        assert result["changed"] is False
        usage: dict[str, Any] = result["usage"]
        return usage | {"asked": list(asked)}

    return call


def test_reads(run: Run) -> None:
    """A container's state, its memory, how it ended before, and the machine's memory."""
    usage = run()
    assert usage["docker"] == {"state": "running", "error": ""}
    (redis,) = usage["containers"]
    assert redis["working_set_mb"] == 5.0
    assert redis["configured_limit_mb"] == 64.0
    assert redis["exit_codes"] == [137]
    assert redis["started_s_ago"] > 0
    assert usage["machine"]["total_mb"] == 967.0


def test_check_mode_is_the_same(run: Run) -> None:
    """Reading is all it does, so check mode reads as well."""
    shown, previewed = run(), run(check=True)
    for one in (*shown["containers"], *previewed["containers"]):
        one.pop("started_s_ago")
    for usage in (shown, previewed):
        usage["asked"] = [words[:2] for words in usage["asked"]]
    assert shown == previewed


def test_options(run: Run) -> None:
    """Project and hours reach the commands; one-off containers are left out."""
    usage = run(project="other", since_h=2)
    listed, _, events, *_ = usage["asked"]
    assert "com.docker.compose.project=other" in listed[-1]
    assert "com.docker.compose.oneoff=False" in listed[-1]
    assert int(events[3]) - int(events[2]) == 7200
    assert "-2h" in [word for command in usage["asked"] for word in command]
    assert usage["since_h"] == 2


def test_docker_not_installed(run: Run, answers: Answers) -> None:
    """Without Docker the machine is read all the same."""
    answers["which"] = None
    usage = run()
    assert (usage["docker"]["state"], usage["containers"]) == ("not installed", None)
    assert usage["machine"]["total_mb"] == 967.0


def test_docker_stopped(run: Run, host: Path) -> None:
    """A stopped Docker is not asked: its socket would start it."""
    (host / "proc/7/comm").write_text("sshd\n")
    usage = run()
    assert (usage["docker"]["state"], usage["containers"]) == ("stopped", None)
    assert [words for words in usage["asked"] if words[0] == "docker"] == []


@pytest.mark.parametrize(
    "kind,answer,word",
    [
        ("list", DockerApiError("no daemon"), "no daemon"),
        ("list", "{", "an unknown way"),
        ("inspect", "rubbish", "."),
        ("inspect", "1", "something unknown"),
        ("events", DockerApiError("gone"), "gone"),
    ],
)
def test_docker_does_not_answer(
    run: Run, answers: Answers, kind: str, answer: object, word: str
) -> None:
    """Whatever goes wrong with Docker is told, and no container is called absent."""
    answers[kind] = answer
    usage = run()
    assert usage["docker"]["state"] == "no answer"
    assert word in usage["docker"]["error"] or word == "."
    assert usage["containers"] is None


def test_no_containers(run: Run, answers: Answers) -> None:
    """A Docker without the project's containers is known to have none."""
    answers["list"] = "[]"
    usage = run()
    assert usage["containers"] == []
    assert len([words for words in usage["asked"] if words[0] == "docker"]) == 2


def test_container_without_group(run: Run, host: Path) -> None:
    """Where the kernel's files are not readable the numbers are null, not 0."""
    (host / "proc/self/mountinfo").write_text("")
    (redis,) = run()["containers"]
    assert redis["working_set_mb"] is None
    assert redis["oom_kills"] is None


@pytest.mark.parametrize(
    "answer,kills",
    [
        ("Out of memory: Killed process 8 (hog) total-vm:9kB", ["hog"]),
        ("quiet", []),
        ("", None),
        (FileNotFoundError("journalctl"), None),
        (subprocess.CalledProcessError(1, "journalctl", "", "no access"), None),
    ],
)
def test_kernel_log(run: Run, answers: Answers, answer: object, kills: list[str] | None) -> None:
    """A log without a single line, or one that cannot be read, is null; a quiet one is an empty list."""
    answers["journalctl --dmesg"] = answer
    log = run()["kernel_log"]
    assert (log if log is None else [one["process"] for one in log]) == kills


def test_nothing_runs_without_proc(tmp_path: Path) -> None:
    """A machine whose processes cannot be listed has no Docker that could be asked."""
    assert _usage_reader.runs(Files(str(tmp_path)), "dockerd") is False
