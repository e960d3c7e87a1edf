"""A broken version never serves: the old one does, and nothing half-done remains."""

from __future__ import annotations

import json

import pytest

from .conftest import AS_ALWAYS, BROKEN, push, run

# What the owner must be able to read, for each way to be broken.
SAYS = {
    "does-not-start": "No such file or directory",
    "never-ready": "it was not ready within 20 s",
    "crashes-after-10-s": "exit code 3",
    "fails-its-migration": "division by zero",
    "leaks-over-its-limit": "grew over its limit of 192 MiB",
}
LAST_WORDS = {
    "never-ready": "started, never ready",
    "crashes-after-10-s": "this version ends ten seconds after its start",
    "leaks-over-its-limit": "this version leaks",
}


@pytest.fixture
def unharmed(serving):
    """Whatever is tried, the same version serves afterwards, in the same container."""
    look = "docker inspect -f '{{.Id}} {{.RestartCount}}' $(docker ps -q)"
    before, schema = serving.host.check_output(look), serving.last["schema_after"]
    yield serving
    assert serving.host.check_output(look) == before
    assert serving.version == "one"
    assert serving.last["result"] == "void"
    assert serving.last["schema_after"] in {schema, ""}
    serving.settled()


@pytest.mark.parametrize("name", BROKEN)
def test_broken(unharmed, image, measured, name):
    """The run fails and says why, with the last lines of the new version, and no request does."""
    with measured() as counts:
        done = unharmed.deploy(image(name), *AS_ALWAYS, "-e", "stack_start_timeout_s=20")
    assert done.returncode != 0
    assert counts["failed"] == 0, counts
    assert SAYS[name] in done.stdout, done.stdout
    assert LAST_WORDS.get(name, "") in done.stdout, done.stdout
    assert "Do: " in done.stdout
    assert unharmed.last["images"] == {"backend": image(name)}
    assert unharmed.last["reason"]


def test_image_that_does_not_exist(unharmed, image, measured):
    """Nothing is touched, and the log tells of the attempt."""
    missing = image("one").partition("@")[0] + "@sha256:" + "0" * 64
    with measured() as counts:
        done = unharmed.deploy(missing)
    assert done.returncode != 0
    assert counts["failed"] == 0, counts
    assert "everything runs as before" in done.stdout, done.stdout


def test_wrong_architecture(unharmed, tmp_path, measured):
    """An image for another processor is refused before it is fetched."""
    (tmp_path / "Dockerfile").write_text('FROM scratch\nCOPY Dockerfile /\nCMD ["/x"]\n')
    tag = "planner-demo/backend:arm64"
    run("docker", "build", "-q", "--platform", "linux/arm64", "-t", tag, str(tmp_path))
    other = push(tag)
    run("docker", "rmi", tag)
    with measured() as counts:
        done = unharmed.deploy(other)
    assert done.returncode != 0
    assert counts["failed"] == 0, counts
    assert "linux/arm64" in done.stdout, done.stdout
    assert "--platform linux/amd64" in done.stdout


def test_no_way_back_leads_to_one(serving):
    """A rollback never picks a void release, and one that is named is refused with its reason."""
    void = [one for one in serving.log if one["result"] == "void"]
    assert len(void) >= len(BROKEN)
    refused = serving.rollback("-e", f"rollback_to={void[-1]['release']}")
    assert refused.returncode != 0
    assert "was void" in refused.stdout
    before = serving.version
    record = serving.must(serving.rollback())
    assert serving.version != before
    assert record["to"] not in {one["release"] for one in void}


def test_status_tells(serving, playbook, image):
    """status.yml shows the current release, and that the last attempt was void."""
    assert serving.deploy(image("does-not-start")).returncode != 0
    done = playbook(
        "status",
        "-e",
        "status_format=json",
        "-e",
        "status_file=/dev/stdout",
        "-e",
        "status_strict=false",
    )
    assert done.returncode == 0, done.stdout
    shown = playbook("status", "-e", "status_strict=false").stdout
    assert "Releases" in shown, shown
    assert "void" in shown
    assert json.dumps(serving.last["release"]) in shown
