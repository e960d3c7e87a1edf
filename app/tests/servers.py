"""The servers behind the tests: real PostgreSQL and Redis, local stand-ins for what is remote."""

import asyncio
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Answer = tuple[int, Any]


def _docker(*args: str) -> str:
    command = ["docker", *args]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {run.stderr.strip()}")
    return run.stdout.strip()


@contextmanager
def container(image: str, port: int, env: str, *command: str) -> Iterator[str]:
    """Run an image on an ephemeral loopback port; remove it by its id, whatever happens."""
    created = _docker("create", "--publish", f"127.0.0.1::{port}", "--env", env, image, *command)
    try:
        _docker("start", created)
        yield _docker("port", created, f"{port}/tcp").splitlines()[0]
    finally:
        _docker("rm", "--force", "--volumes", created)


def until_ready(attempt: Callable[[], object], seconds: float = 60) -> None:
    """Repeat an attempt until it stops raising; the last error is the reason of the failure."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            attempt()
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


class FakeApi:
    """A real HTTP server on loopback that records calls and answers as it is told."""

    def __init__(self, answer: Callable[[str, Any], Answer]) -> None:
        """Start serving; `answer` and `delay` may change at any time."""
        self.answer = answer
        self.delay = 0.0
        self.calls: list[tuple[str, Any]] = []
        self.started = threading.Event()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                call = (self.path, json.loads(body) if body else None)
                fake.calls.append(call)
                fake.started.set()
                time.sleep(fake.delay)
                status, content = fake.answer(*call)
                with suppress(BrokenPipeError):  # a caller that gave up
                    self.send_response(status)
                    self.send_header("content-type", "application/json")
                    self.end_headers()
                    self.wfile.write(json.dumps(content).encode())

            do_POST = do_GET  # noqa: N815 - the base class's name

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


class Gate:
    """A TCP proxy in front of a real server: open, refusing, without an answer, or losing one."""

    def __init__(self, host: str, port: int) -> None:
        """Take the server behind the gate."""
        self._target = (host, port)
        self._state: Literal["open", "refusing", "silent"] = "open"
        self.loses = b""
        """The next request that has these bytes loses its answer, with the connection."""
        self._losing: asyncio.StreamWriter | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def open(self) -> int:
        """Listen and return the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    def set(self, state: Literal["open", "refusing", "silent"]) -> None:
        """Change the behaviour; existing connections end."""
        self._state = state
        for task in self._tasks:
            task.cancel()
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    async def close(self) -> None:
        """End everything."""
        self.set("refusing")
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        if self._state == "refusing":
            writer.close()
            return
        if self._state == "silent":
            return
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        self._writers.add(far_writer)
        for pair in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._copy(*pair, client=writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _copy(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        client: asyncio.StreamWriter,
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                if writer is not client and self.loses and self.loses in data:
                    self._losing, self.loses = client, b""
                elif writer is client and self._losing is client:
                    break
                writer.write(data)
                await writer.drain()
        writer.close()
