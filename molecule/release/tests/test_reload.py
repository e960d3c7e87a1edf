"""A renewed certificate is one reload of nginx: served from then on, and no request fails."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

SERVED = "/opt/planner/tls/nginx/served.pem"
CERTIFICATES = 5
RELOAD = "docker exec planner-nginx-1 nginx -t -q -c /etc/planner/nginx.conf && docker kill -s HUP planner-nginx-1"
# Chain and key in one file, which only nginx may read; by a rename, as the role's own program has it.
NEW = f"""cd $(dirname {SERVED}) && umask 077 &&
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=bench \\
  -keyout bench.key -out bench.pem 2>&1 &&
cat bench.key >> bench.pem && chown --reference served.pem bench.pem && chmod 640 bench.pem &&
mv bench.pem served.pem && rm bench.key"""


@contextmanager
def served(address: str) -> Iterator[set[str]]:
    """Collect the certificates that new connections are shown."""
    found: set[str] = set()
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(0.2):
            found.add(ssl.get_server_certificate((address, 443), timeout=20))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def own(serving) -> Iterator[None]:
    """Put the Droplet's own certificate back afterwards."""
    serving.host.check_output(f"cp -p {SERVED} {SERVED}.before")
    yield
    serving.host.check_output(f"mv {SERVED}.before {SERVED} && {RELOAD}")


@pytest.mark.thorough
@pytest.mark.usefixtures("own")
def test_certificate(serving, outside, measured):
    """Five certificates in a row, each by one reload: all of them are served, and nobody notices."""
    with served(outside.address) as found, measured(300) as counts:
        for _ in range(CERTIFICATES - 1):
            serving.host.check_output(f"{NEW} && {RELOAD}")
            serving.host.check_output("sleep 2")
    assert counts["failed"] == 0, counts
    assert len(found) == CERTIFICATES, found
