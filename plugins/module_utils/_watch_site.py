# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Is the product ready? Asked the way a visitor does: over TLS, by the address that the world sees."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Iterator

from ansible_collections.planner.droplet.plugins.module_utils import _release_log as log
from ansible_collections.planner.droplet.plugins.module_utils._acme_probe import own_addresses
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    WARNING,
    Finding,
    shown,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings
from ansible_collections.planner.droplet.plugins.module_utils._watch_sight import Sight, line

AGENT = "planner-watch"
"""How nginx's log calls these requests."""
WAITS_S = 10.0
HOLDS = 503
_CHECK, _ABOUT = "ready", "product"
_LOG = "docker logs planner-nginx-1"
_STATUS = "ansible-playbook playbooks/status.yml, and docker logs planner-backend-1"


def ready(sight: Sight) -> Iterator[Finding]:
    """Ask for readiness; the certificate is judged elsewhere."""
    wish = sight.settings
    address = next(iter(own_addresses()), "")
    if not address:
        what = "this machine has no way out: no route leads to the internet"
        sight.samples["ready"] = False
        yield Finding(PROBLEM, _CHECK, _ABOUT, what, "ip route; ip address")
        return
    name = next(iter(wish.domains), "")
    try:
        status, seconds = _fetch(address, wish.https_port, name, wish.ready_path)
    except (OSError, http.client.HTTPException) as error:
        sight.samples["ready"] = False
        said = (
            f"no answer within {WAITS_S:.0f} s" if isinstance(error, TimeoutError) else line(error)
        )
        what = f"{address}:{wish.https_port} does not answer: {said or type(error).__name__}"
        yield Finding(PROBLEM, _CHECK, _ABOUT, what, _LOG)
        return
    sight.samples["seconds"] = round(seconds, 3)
    yield from _judge(sight, status, seconds)


def _judge(sight: Sight, status: int, seconds: float) -> Iterator[Finding]:
    most, path = sight.settings.most("latency_s"), sight.settings.ready_path
    good = 200 <= status < 300
    sight.samples["ready"] = good
    if good and seconds <= most:
        yield Finding(OK, _CHECK, _ABOUT, f"is ready, in {seconds:.2f} s")
    elif good:
        what = f"is ready, but took {seconds:.1f} s to say so, most: {shown(most)}"
        yield Finding(WARNING, _CHECK, _ABOUT, what, "see which service is slow: top, docker stats")
    elif status == HOLDS and not _released(sight.settings):
        sight.samples["ready"] = None
        what = "nothing is released yet, the holding page answers"
        yield Finding(OK, _CHECK, _ABOUT, what)
    else:
        what = f"is not ready: {path} answers {status}"
        yield Finding(PROBLEM, _CHECK, _ABOUT, what, _STATUS)


def _released(settings: Settings) -> bool:
    """Tell whether a backend is wished, or was released and stays; before that nginx answers for it."""
    wished = settings.plan.get("services", {}).get("backend", {}).get("image")
    return bool(wished) or log.current(log.read(settings.project_dir).records) is not None


def _fetch(address: str, port: int, name: str, path: str) -> tuple[int, float]:
    """Return the status, and after how many seconds it came."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    host = name or (f"[{address}]" if ":" in address else address)
    begun = time.monotonic()
    with (
        socket.create_connection((address, port), WAITS_S) as plain,
        context.wrap_socket(plain, server_hostname=name or None) as channel,
    ):
        connection = http.client.HTTPConnection(host, port, timeout=WAITS_S)
        connection.sock = channel
        connection.request("GET", path, headers={"Host": host, "User-Agent": AGENT})
        status = connection.getresponse().status
    return status, time.monotonic() - begun
