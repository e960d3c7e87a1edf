"""The product comes back by itself. Runs last: it takes the Droplet down."""

from __future__ import annotations

import subprocess
import time

from testinfra.host import Host


def started(host: Host) -> str:
    """Return each container's id and start."""
    return host.check_output(
        "docker inspect -f '{{.Id}} {{.State.StartedAt}}' $(docker ps -q) | sort"
    )


def test_dockerd_restart_stops_nothing(host, outside):
    """Live restore: the same containers serve on while dockerd is replaced."""
    before = started(host)
    assert len(before.splitlines()) == 4
    host.run_expect([0], "systemctl restart docker")
    assert outside.request("/health/ready").status == 200
    assert started(host) == before


def test_product_survives_a_reboot(host, outside, container):
    """After the Droplet restarts, the product is ready again without anybody's help, with its data.

    Also when one container was down: at a real boot Docker's own parallel restart loses one at times.
    """
    update_id = outside.new_update_id()
    assert outside.message(update_id, "call the bank").json == {"result": "stored"}
    host.run_expect([0], "docker stop planner-nginx-1")
    subprocess.run(
        ["docker", "restart", "--time", "60", container], check=True, capture_output=True
    )
    time.sleep(1)
    outside.until_ready()
    assert outside.message(update_id, "call the bank").json == {"result": "duplicate"}


def test_nothing_to_do_after_a_reboot(site):
    """site.yml finds the rebooted machine as it left it."""
    done = site()
    assert done.returncode == 0, done.stdout
    assert "changed=0" in done.stdout
