"""A large database: what a backup takes in memory does not grow with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from scripts.measure import Droplet as Machine

from .conftest import PSQL, Droplet

# On top of the services, in MiB. PostgreSQL grows too, by less than its own limit, which the plan counts in full.
MOST_MB = 100
# Text of 1000 characters a row, which zstd cannot make much smaller.
FILL = f"head -c {{bytes}} /dev/urandom | base64 -w 1000 | {PSQL} -d planner -c 'COPY large FROM STDIN'"


@pytest.fixture(params=[60, pytest.param(1024, marks=pytest.mark.thorough)])
def large(droplet: Droplet, request: pytest.FixtureRequest) -> Iterator[int]:
    """Have so many MiB more in the database; afterwards neither they nor their backups are there."""
    droplet.psql("CREATE TABLE large (text text NOT NULL)")
    fill = FILL.format(bytes=request.param * 2**20 * 3 // 4)
    assert droplet.host.run("bash -o pipefail -c %s", fill).rc == 0
    kept = set(droplet.local())
    yield request.param
    droplet.psql("DROP TABLE large")
    for number in set(droplet.local()) - kept:
        if snapshot := droplet.offsite().get(number):
            droplet.restic("forget", snapshot)
        droplet.host.check_output(f"rm -r {droplet.local()[number]}")
    droplet.must("run", "--accept-shrink")


@pytest.fixture(scope="module")
def machine(instance: dict[str, Any]) -> Machine:
    """Return what samples the Droplet's memory."""
    options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"]
    ssh = [
        "ssh",
        "-i",
        instance["identity_file"],
        *(word for one in options for word in ("-o", one)),
    ]
    return Machine([*ssh, f"deploy@{instance['address']}"])


def test_memory(droplet, large, machine, outside, measured) -> None:
    """A backup, and bringing it off-site, take less than promised; the product goes on."""
    found = machine.during(droplet.made)
    assert outside.request("/health/ready").status == 200
    postgres = found["services_peak"]["postgres"] - found["services_rest"]["postgres"]
    extra = found["extra_anonymous_mb"]
    manifest = droplet.manifest()
    assert manifest["facts"]["size_mb"] >= large
    name = f"a backup of {manifest['facts']['size_mb']} MiB of data"
    measured(
        name,
        f"{manifest['seconds']} s, {sum(one['bytes'] for one in manifest['files'].values()) >> 20} MiB",
    )
    measured("  brought off-site", f"{droplet.last('upload')['seconds']} s")
    measured("  memory on top, at most", f"{extra:.0f} MiB, and {postgres:.0f} in PostgreSQL")
    assert extra < MOST_MB, found
    if large < 1000:
        return  # test_drill.py has had such a one
    drilled = machine.during(lambda: droplet.must("drill"))
    assert droplet.last("drill")["result"] == "passed"
    measured("  a drill of it, from off-site", f"{droplet.last('drill')['seconds']} s")
    measured("  memory on top, at most", f"{drilled['extra_anonymous_mb']:.0f} MiB")
