"""An image that cannot be had stops nothing."""

from __future__ import annotations


def test_unreachable_image(site, outside, host):
    """The run fails naming the image, the product serves on, and the right image heals the rest."""
    before = host.check_output("docker ps -q --no-trunc")
    done = site("-e", "droplet_image=10.231.0.2:5000/planner/absent:1")
    assert done.returncode != 0
    assert "The image 10.231.0.2:5000/planner/absent:1 cannot be pulled" in done.stdout
    assert outside.request("/health/ready").status == 200
    assert host.check_output("docker ps -q --no-trunc") == before
    assert site().returncode == 0
    assert host.check_output("docker ps -q --no-trunc") == before
