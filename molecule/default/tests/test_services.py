"""A service of the owner's own joins the stack, enters the same sums, and leaves again."""

from __future__ import annotations

import json
import os


def test_own_service_comes_and_goes(site, host, outside):
    """It runs with its limit and the stack's hardening, and is removed when it is no longer wished."""
    program = "import time; print('at work', flush=True); time.sleep(3600)"
    worker = {
        "name": "worker",
        "image": os.environ["BENCH_BACKEND_IMAGE"],
        "limit_mb": 48,
        "command": ["python", "-c", program],
        "environment": {"PRICE": "5$ & up"},
    }
    done = site("-e", json.dumps({"droplet_services": [worker]}))
    assert done.returncode == 0, done.stdout
    entry = json.loads(host.check_output("docker inspect planner-worker-1"))[0]
    assert entry["HostConfig"]["Memory"] == 48 * 1024 * 1024
    assert entry["HostConfig"]["ReadonlyRootfs"]
    assert entry["Config"]["User"] == "10001:10001"
    assert "PRICE=5$ & up" in entry["Config"]["Env"]
    assert "at work" in host.check_output("docker logs planner-worker-1")
    assert site().returncode == 0
    assert host.run("docker inspect planner-worker-1").rc != 0
    assert outside.request("/health/ready").status == 200
