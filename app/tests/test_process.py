import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import APP, BOT_TOKEN, OPENAI_KEY, PASSWORD, SECRET_HEADER, WEBHOOK_SECRET
from tests.conftest import update as telegram_update
from tests.servers import FakeApi, until_ready

MEMORY_MIB = 130


class Process:
    """The service as the image runs it, on a port of its own."""

    def __init__(self, env: dict[str, str]) -> None:
        """Start it."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.client = httpx.Client(base_url=self.url, timeout=30)
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "planner"],
            cwd=APP,
            env=env | {"PATH": os.environ["PATH"], "PORT": str(port)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def stop(self) -> str:
        """Send SIGTERM and return all it has written."""
        self.popen.send_signal(signal.SIGTERM)
        output, _ = self.popen.communicate(timeout=60)
        return output

    def memory_mib(self) -> float:
        """Read the resident memory."""
        status = Path(f"/proc/{self.popen.pid}/status").read_text("ascii")
        (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


@pytest.fixture
def process(env: dict[str, str]) -> Iterator[Process]:
    """A running service that answers."""
    running = Process(env)
    try:
        until_ready(lambda: httpx.get(f"{running.url}/health/live"))
        yield running
    finally:
        running.popen.kill()


def post(process: Process, number: int, text: str) -> httpx.Response:
    """Send a message the way Telegram does."""
    return process.client.post(
        "/telegram/webhook", json=telegram_update(number, text), headers=SECRET_HEADER
    )


def test_sigterm_finishes_requests(process: Process, bot_api: FakeApi) -> None:
    """A request in flight at SIGTERM is answered completely; the process ends by itself."""
    bot_api.delay = 2
    answers: list[httpx.Response] = []
    slow = threading.Thread(target=lambda: answers.append(post(process, 1, "buy milk")))
    slow.start()
    assert bot_api.started.wait(10)
    output = process.stop()
    slow.join()
    assert (answers[0].status_code, answers[0].json()) == (200, {"result": "stored"})
    assert "server" not in answers[0].headers
    assert process.popen.returncode in {0, -signal.SIGTERM}
    assert "Finished server process" in output


def test_log_is_json_without_secrets(process: Process, bot_api: FakeApi) -> None:
    """Every line is one JSON object, and none holds a secret, a message or a query."""
    bot_api.answer = lambda _path, _body: (500, {})
    assert post(process, 1, "buy unmentionable milk").status_code == 200
    query = {"q": "unmentionable", "chat_id": "7"}
    similar = httpx.get(f"{process.url}/tasks/similar", params=query, headers=SECRET_HEADER)
    assert similar.status_code == 200
    output = process.stop()
    messages = [json.loads(line)["message"] for line in output.splitlines()]
    assert "update 1: stored" in messages
    assert "reply not sent: the Bot API answered 500" in messages
    for secret in (BOT_TOKEN, WEBHOOK_SECRET, OPENAI_KEY, PASSWORD, "unmentionable"):
        assert secret not in output


def test_memory(process: Process) -> None:
    """Idle and after a few hundred requests the process stays within its share of the server."""
    assert process.memory_mib() < MEMORY_MIB
    for number in range(300):
        assert post(process, number, f"task {number} tomorrow").status_code == 200
    assert process.memory_mib() < MEMORY_MIB


def test_wrong_settings_end_the_process(env: dict[str, str]) -> None:
    """With wrong settings the process ends at once with status 2, one log line a problem."""
    process = Process(env | {"REDIS_URL": "", "DATABASE_POOL_SIZE": "0"})
    output, _ = process.popen.communicate(timeout=30)
    assert process.popen.returncode == 2
    assert [json.loads(line)["message"] for line in output.splitlines()] == [
        "settings: DATABASE_POOL_SIZE: must be a whole number from 1 to 99",
        "settings: REDIS_URL: missing",
    ]


def test_workers(env: dict[str, str]) -> None:
    """WEB_CONCURRENCY starts that many workers; they log like the one."""
    process = Process(env | {"WEB_CONCURRENCY": "2"})
    until_ready(lambda: httpx.get(f"{process.url}/health/live"))
    output = process.stop()
    messages = [json.loads(line)["message"] for line in output.splitlines()]
    assert sum(message.startswith("Started server process") for message in messages) == 2
