"""The reference backend with a slow answer, and with a fault: variant.py MODE."""

import asyncio
import os
import sys
import threading
import time

import uvicorn
from fastapi import FastAPI
from planner.main import create_app

MODE = sys.argv[1]


def crash() -> None:
    """End in the midst of serving."""
    time.sleep(10)
    print("this version ends ten seconds after its start", flush=True)
    os._exit(3)


def leak() -> None:
    """Take more and more, as fast as a bad leak does."""
    time.sleep(3)
    print("this version leaks", flush=True)
    held = []
    while True:
        held.append(os.urandom(4 * 1024 * 1024))
        time.sleep(0.05)


async def slow() -> dict[str, bool]:
    """Take as long as a language model may."""
    await asyncio.sleep(8)
    return {"slow": True}


async def die() -> None:
    """Fail under a request."""
    os._exit(4)


def application() -> FastAPI:
    """Build the backend with what this variant adds."""
    built = create_app()
    built.add_api_route("/slow", slow, methods=["GET"])
    built.add_api_route("/die", die, methods=["GET"])
    if MODE in {"crash", "leak"}:
        threading.Thread(target={"crash": crash, "leak": leak}[MODE], daemon=True).start()
    return built


uvicorn.run(
    application,
    factory=True,
    host="0.0.0.0",  # noqa: S104 - in a container
    port=8000,
    log_config=None,
    access_log=False,
    ws="none",
    timeout_keep_alive=75,
    timeout_graceful_shutdown=55,
)
