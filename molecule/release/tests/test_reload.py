"""A renewed certificate is one reload of nginx: served from then on, and no request fails, over TLS or without."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

CONF = "/opt/planner/nginx/nginx.conf"
CERTIFICATES = 5
TLS = """
server {
  listen 8443 ssl;
  ssl_certificate /etc/planner/bench.crt;
  ssl_certificate_key /etc/planner/bench.key;
  location / { proxy_pass http://127.0.0.1:8080; }
}
"""
RELOAD = "docker exec planner-nginx-1 nginx -t -q -c /etc/planner/nginx.conf && docker kill -s HUP planner-nginx-1"
# On the Droplet: the port is open to nobody else. New connections and a kept one, until told to stop.
CLIENT = """
import http.client, json, os, ssl, sys, time
address, stop = sys.argv[1:]
context = ssl._create_unverified_context()
sent, failed, serials, kept = 0, [], [], None
while not os.path.exists(stop) and sent < 5000:
    kept = kept or http.client.HTTPSConnection(address, 8443, timeout=20, context=context)
    fresh = http.client.HTTPSConnection(address, 8443, timeout=20, context=context)
    for one in (kept, fresh):
        used = one.sock is not None
        try:
            one.request("GET", "/health/live")
            answer = one.getresponse()
            answer.read()
            if answer.status != 200:
                failed.append(str(answer.status))
            if one is kept and answer.getheader("Connection") == "close":
                kept = None
        except (OSError, http.client.HTTPException) as error:
            # An idle connection may be closed; then HTTP has it that one asks again.
            kept = None
            if not used:
                failed.append(repr(error))
        sent += 1
    if fresh.sock:
        serial = ssl.get_server_certificate((address, 8443))
        if serial not in serials:
            serials.append(serial)
    fresh.close()
    time.sleep(0.05)
print(json.dumps({"sent": sent, "failed": failed[:5], "certificates": len(serials)}))
"""


def certificate(host) -> None:
    """Have a new certificate and key where nginx reads them."""
    files = "-keyout /opt/planner/nginx/bench.key -out /opt/planner/nginx/bench.crt"
    host.check_output(
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=bench {files} 2>&1"
        " && chmod 644 /opt/planner/nginx/bench.key /opt/planner/nginx/bench.crt"
    )


@pytest.fixture
def tls(serving) -> Iterator[str]:
    """Let nginx speak TLS for this test; return its address on the Droplet's own network."""
    host = serving.host
    before = host.check_output(f"cat {CONF}")
    certificate(host)
    lines = before.rstrip().removesuffix("}")
    # Over the same file: what is mounted is the folder.
    host.check_output(f"cat > {CONF} <<'EOF'\n{lines}{TLS}}}\nEOF")
    host.check_output(RELOAD)
    edge = '{{(index .NetworkSettings.Networks "planner_edge").IPAddress}}'
    yield host.check_output(f"docker inspect -f '{edge}' planner-nginx-1")
    host.check_output(f"cat > {CONF} <<'EOF'\n{before}\nEOF")
    host.check_output(f"rm /opt/planner/nginx/bench.* && {RELOAD}")


def test_certificate(serving, tls, measured):
    """Five certificates in a row, each by one reload: all of them are served, and nobody notices."""
    host, stop, said = serving.host, "/root/bench-stop", "/root/bench-said"
    host.check_output(f"rm -f {stop} {said}; cat > /root/bench.py <<'EOF'\n{CLIENT}\nEOF")
    run = f"sh -c 'python3 /root/bench.py {tls} {stop} > {said}'"
    host.check_output(f"systemd-run --unit bench-client {run}")
    with measured(1000) as counts:
        for _ in range(CERTIFICATES - 1):
            host.check_output("sleep 3")
            certificate(host)
            host.check_output(RELOAD)
        host.check_output("sleep 3")
    host.check_output(
        f"touch {stop}; while systemctl is-active -q bench-client; do sleep 0.2; done"
    )
    over_tls = json.loads(host.check_output(f"cat {said}"))
    host.check_output(f"rm {stop} {said} /root/bench.py")
    assert over_tls["failed"] == [], over_tls
    assert over_tls["sent"] > 100, over_tls
    assert over_tls["certificates"] == CERTIFICATES, over_tls
    assert counts["failed"] == 0, counts
